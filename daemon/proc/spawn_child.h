/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <linux/sched.h>
#include <sys/resource.h>

#include "daemon/proc/slots.h"
#include "daemon/proc/spawn.h"
#include "daemon/raw/program_check.h"

/* What spawn.c hands to the code that runs in the child. It stands beside the child's stack. */
struct spawn_order {
	struct spawn_spec spec;
	struct spawn_child *child; /* in memory that hookd sees */
	struct slot_set *slots;	   /* where spec.fds lie; NULL: the child has a table of its own */
	unsigned int slots_end;
	struct rlimit nofile;
	bool restores_nofile;
	struct spawn_defaults defaults;
	bool is_in_root;	     /* the child begins in "/" */
	struct program_check *check; /* NULL: the program may be anybody's */
};

/*
 * clone3(2) as `args` say, with a stack; the child carries the order out. Returns in
 * the parent only: the pid, or a negative errno.
 */
long spawn_clone(struct clone_args *args, const struct spawn_order *order);
