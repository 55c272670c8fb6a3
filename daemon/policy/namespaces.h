/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <sys/types.h>

#include "daemon/base/base.h"

/* The namespaces(7) of a process, by the inode numbers of /proc/PID/ns. */

enum namespace_kind {
	NAMESPACE_MNT,
	NAMESPACE_USER,
	NAMESPACE_PID,
	NAMESPACE_NET,
	NAMESPACE_UTS,
	NAMESPACE_IPC,
	NAMESPACE_CGROUP,
	NAMESPACE_TIME,
	NAMESPACE_KINDS,
};

/* "mnt", "net", ... as in /proc/PID/ns. */
const char *namespace_kind_name(enum namespace_kind kind);

struct namespaces {
	ino_t ids[NAMESPACE_KINDS]; /* 0: this kernel does not have the kind */
};

/*
 * Reads the namespaces of a process; `pid` 0: of this one. The result is valid only where the
 * process is known to be alive afterwards, by a pidfd. -ESRCH; -EACCES: reading is not permitted;
 * or another -errno.
 */
int namespaces_read(pid_t pid, struct namespaces *ret_namespaces) must_check;
/* The user namespace alone, which is faster: by the pidfd (Linux 6.11), else by the pid. */
int namespaces_read_user(pid_t pid, int pidfd, ino_t *ret_id) must_check;
bool namespaces_are_equal(const struct namespaces *a, const struct namespaces *b);

/*
 * True where the process `pid` is `number` in the pid namespace `pid_namespace`. Valid only where a
 * pidfd of the process is alive afterwards.
 */
bool namespaces_has_number(pid_t pid, ino_t pid_namespace, pid_t number);

/*
 * Translates the pid `number` of the pid namespace `pid_namespace`, which `member` is in, to a pid
 * of hookd's namespace; 0: no such process. Looks at `member` and its ancestors first, since most
 * callers name themselves; then asks the kernel (Linux 6.11), or reads all of /proc.
 */
pid_t namespaces_find_process(pid_t member, ino_t pid_namespace, pid_t number);
