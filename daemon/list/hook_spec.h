/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "daemon/list/list.h"
#include "proto/base/arena.h"

/*
 * From a hook of a list to what its process gets, but for its cgroup and settings. What it makes is
 * in `arena`. -ENOMEM.
 */
int hook_spec_fill(const struct list_order *order, const struct hp_hook *hook,
		   struct hp_arena *arena, struct proc_spec *ret_spec) must_check;
