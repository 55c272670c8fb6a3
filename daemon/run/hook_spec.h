/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "daemon/run/run.h"

/*
 * Fills in what the request says: program, arguments, environment, directories, stdin, namespaces.
 * All of it lives as long as the run. The caller sets timeout, cgroup and settings. -ENOMEM.
 */
int hook_spec_fill(struct run *run, const struct hp_hook *hook,
		   struct proc_spec *ret_spec) must_check;
