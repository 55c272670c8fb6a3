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
/* Then no cgroup is reused. */
bool run_cgroups_have_controllers(void);
/* Waits until spent cgroups are removed, and the idle ones are made. */
void run_cgroups_wait(void);

struct cgroup *run_cgroup_acquire(void);
/* The path of its cgroup, as the process sees it. */
void run_cgroup_path(struct cgroup *cgroup, char path[static 256]);

/* Cloned into it as hooks are; it waits for ever. */
struct spawn_child run_cgroup_spawn(struct cgroup *cgroup);
/* Waits for the end, for 5 s at most, and reaps. */
void expect_killed(struct spawn_child *child);
void end_child(struct spawn_child *child);

bool run_cgroup_exists(const char *path);
