/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdint.h>
#include <sys/types.h>

#include "daemon/policy/namespaces.h"

/* What hookd itself has, and what its hooks are started with. policy.c compares callers with it. */
struct self {
	uid_t uid;
	/* A bit for each CAP_... For root also its bounding set, which execve(2) gives to root. */
	uint64_t capabilities;
	uint64_t all_capabilities;    /* all that this kernel has */
	struct namespaces namespaces; /* in which hooks are started */
	ino_t mounts_of_init;	      /* mount namespace of pid 1; 0: not known */
};

/* Call once, at the start. -errno. */
int self_init(struct self *self) must_check;

/* The effective capabilities of a process; `pid` 0: of this one. -errno. */
int capabilities_read(pid_t pid, uint64_t *ret_effective) must_check;
