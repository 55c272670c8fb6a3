/* SPDX-License-Identifier: Apache-2.0 */
/*
 * daemon/seccomp: compiles seccomp profiles to BPF programs, in a separate process, and caches
 * them. hookd calls cache.c, which starts the process; process.c is its main function, confine.c
 * its sandbox, and compile.c (with calls.c and code.c) its work.
 *
 * May use: daemon/base, daemon/proc, proto/base, proto/json, proto/settings; libseccomp.
 */
#pragma once

#include <linux/filter.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "daemon/base/base.h"
#include "proto/base/err.h"
#include "proto/settings/seccomp.h"

/* A compiled profile, as seccomp(2) takes it. */
struct seccomp_program {
	struct sock_filter *instructions;
	size_t count;	     /* at most BPF_MAXINSNS */
	uint32_t flags;	     /* for seccomp(2), except SECCOMP_FILTER_FLAG_NEW_LISTENER */
	bool needs_listener; /* a rule has SCMP_ACT_NOTIFY: the caller must add that flag */
	/* Names of system calls that this libseccomp does not know; they are left out of rules. */
	char **unknown_syscalls; /* NULL-terminated */
};

/*
 * Compiles a profile for the machine's own architecture and those that the profile lists. calls.h
 * says which rule decides where several are for one system call.
 *
 * Blocks; CPU time and memory depend on the profile, and libseccomp parses input of untrusted
 * callers: call it in the separate process only (process.c). Queries the kernel, changes nothing.
 *
 * On success the caller frees the result by seccomp_program_clear(). -EINVAL: the profile cannot
 * be compiled; -E2BIG: its program is longer than BPF_MAXINSNS; -EOPNOTSUPP: the kernel or
 * libseccomp lacks something that it needs; -ENOMEM. *err gets a reason, and no path.
 */
int seccomp_program_compile(const struct hp_seccomp *profile, struct seccomp_program *ret_program,
			    struct hp_err *err) must_check;
void seccomp_program_clear(struct seccomp_program *program);
