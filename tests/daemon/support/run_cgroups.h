/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <event2/event.h>
#include <stdbool.h>
#include <stddef.h>

#include "daemon/cgroup/cgroup.h"
#include "daemon/proc/spawn.h"

/* The pool of run cgroups, on the cgroup2 of the machine, in a directory of the test's own. */
extern char run_cgroups_root[256];
extern struct event_base *run_cgroups_base;
extern struct cgroup_tree *run_cgroups_tree;

int run_cgroups_set_up(void **state);
int run_cgroups_tear_down(void **state);
size_t run_cgroups_count(void);
/* Then none is used again. */
bool run_cgroups_have_controllers(void);
/* What is to be removed is gone, what is to be made is there. */
void run_cgroups_wait(void);

struct cgroup *run_cgroup_acquire(void);
/* Where it is, as it says itself. */
void run_cgroup_path(struct cgroup *cgroup, char path[static 256]);

/* Spawned into it as hooks are; it waits for ever. */
struct spawn_child run_cgroup_spawn(struct cgroup *cgroup);
/* Waits for the end, for 5 s at most, and reaps. */
void expect_killed(struct spawn_child *child);
void end_child(struct spawn_child *child);

bool run_cgroup_exists(const char *path);
