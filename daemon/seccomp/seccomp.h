/* SPDX-License-Identifier: Apache-2.0 */
/*
 * daemon/seccomp: seccomp profiles become BPF programs, in a process of their own, and are kept.
 * process.c is the main function of that process and compile.c its work; cache.c is what hookd
 * calls.
 *
 * May use: daemon/base, daemon/cgroup, daemon/proc, proto/base, proto/json, proto/settings;
 * libevent, libseccomp.
 */
#pragma once

#include <linux/filter.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "daemon/base/base.h"
#include "proto/base/err.h"
#include "proto/settings/seccomp.h"

/* A profile as the kernel takes it. */
struct seccomp_program {
	struct sock_filter *instructions;
	size_t count;	     /* at most BPF_MAXINSNS */
	uint32_t flags;	     /* for seccomp(2), but for SECCOMP_FILTER_FLAG_NEW_LISTENER */
	bool needs_listener; /* a rule has SCMP_ACT_NOTIFY: the caller adds that flag */
	/* Names that this libseccomp does not know, each once; their rules are left out. */
	char **unknown_syscalls; /* NULL-terminated */
};

/*
 * Compiles a profile for this machine: its own architecture, and those that the profile lists.
 * What a rule means where several are about one call is told in seccomp_calls.h.
 *
 * Blocks, takes CPU time and memory as the profile asks, and gives libseccomp what a stranger
 * wrote: for a process of its own (daemon/seccomp/process.c). Asks the kernel what it knows, but
 * changes nothing.
 *
 * -EINVAL: the profile cannot be compiled, -E2BIG: its program is longer than the kernel takes;
 * -EOPNOTSUPP: this machine lacks what it asks for; -ENOMEM. *err has a sentence, and no path.
 */
int seccomp_program_compile(const struct hp_seccomp *profile, struct seccomp_program *ret_program,
			    struct hp_err *err) must_check;
void seccomp_program_clear(struct seccomp_program *program);
