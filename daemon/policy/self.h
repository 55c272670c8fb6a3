/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdint.h>
#include <sys/types.h>

#include "daemon/policy/namespaces.h"

/* What hookd itself is, which is what its hooks are started as: the measure of who may call. */
struct self {
	uid_t uid;
	/* By CAP_... numbers. For root its bounding set counts too: that is what exec gives. */
	uint64_t capabilities;
	uint64_t all_capabilities;    /* that this kernel has */
	struct namespaces namespaces; /* in which hooks are started */
	ino_t mounts_of_init;	      /* mount namespace of process 1; 0: not known */
};

/* Looks once, at the start. -errno. */
int self_init(struct self *self) must_check;

/* The effective capabilities of a process by its number; 0: this process. -errno. */
int capabilities_read(pid_t pid, uint64_t *ret_effective) must_check;
