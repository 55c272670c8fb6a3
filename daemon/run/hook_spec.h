/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "daemon/run/run.h"

/*
 * What the request says of the hook's process: its program, arguments, environment, directories and
 * stdin. They live as long as the run. The timeout, and what the settings ask for, are the
 * caller's to fill in. -ENOMEM.
 */
int hook_spec_fill(struct run *run, const struct hp_hook *hook,
		   struct proc_spec *ret_spec) must_check;
