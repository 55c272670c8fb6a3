/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <linux/sched.h>
#include <sys/resource.h>

#include "daemon/proc/slots.h"
#include "daemon/proc/spawn.h"
#include "daemon/raw/program_check.h"

/* What the code in the child needs. Stored next to the child's stack. */
struct spawn_order {
	struct spawn_spec spec;
	struct spawn_child *child; /* for its failed_ members; in memory shared with hookd */
	struct slot_set *slots; /* of spec.fds; NULL: the child has its own table of descriptors */
	struct rlimit nofile;
	bool restores_nofile;
	struct spawn_defaults defaults;
	bool is_in_root;	     /* the working directory is "/" */
	struct program_check *check; /* NULL: do not check the program */
};

/*
 * Calls clone3(2) with `args`, which contain a stack; the child executes the order. Returns in the
 * parent only: the pid, or -errno.
 */
long spawn_clone(struct clone_args *args, const struct spawn_order *order);
