/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "daemon/list/list.h"
#include "proto/base/arena.h"

/*
 * Fills in the parts that come from the request: program, arguments, environment, directories,
 * stdin, namespaces. All of it is borrowed from the order or allocated in `arena`. The caller sets
 * timeout, cgroup and settings. -ENOMEM.
 */
int hook_spec_fill(const struct list_order *order, const struct hp_hook *hook,
		   struct hp_arena *arena, struct proc_spec *ret_spec) must_check;
