/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <sys/types.h>

#include "daemon/base/base.h"

/* The namespaces(7) that a process lives in, by the inode numbers of /proc/PID/ns. */

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

struct namespaces {
	ino_t ids[NAMESPACE_KINDS]; /* 0: this kernel does not have the kind */
};

/*
 * Of a process by its number; 0: of this process. Means something only where the process is known
 * to be alive afterwards. -errno: -ESRCH, or -EACCES where this process may not look.
 */
int namespaces_read(pid_t pid, struct namespaces *ret_namespaces) must_check;
/* The user namespace alone, for who asks often: by the pidfd (Linux 6.11), else by the number. */
int namespaces_read_user(pid_t pid, int pidfd, ino_t *ret_id) must_check;
bool namespaces_are_equal(const struct namespaces *a, const struct namespaces *b);

/*
 * Whether the process has the number `number` in the pid namespace `pid_namespace`. Like all that
 * is asked by a number, it counts where the process is held by a pidfd that is alive afterwards.
 */
bool namespaces_has_number(pid_t pid, ino_t pid_namespace, pid_t number);

/*
 * Looks for the process that has the number `number` in the pid namespace `pid_namespace`, in which
 * `member` lives: among the parents of `member` first, since a runtime names itself in most cases;
 * then by the kernel (Linux 6.11), or by reading all of /proc. Its number here, or 0.
 */
pid_t namespaces_find_process(pid_t member, ino_t pid_namespace, pid_t number);
