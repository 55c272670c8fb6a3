/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>

#include "daemon/base/base.h"
#include "daemon/resctrl/resctrl.h"
#include "proto/base/err.h"
#include "proto/settings/settings.h"

/* What hookd can use on this machine. */
struct support {
	bool has_cgroups; /* hookd has a cgroup2 directory for runs that it can write to */
	const struct rdt *rdt;
};

/* Whether the security module is enabled. Each reads a file. */
bool support_has_apparmor(void);
bool support_has_selinux(void);

/*
 * Checks, before a hook is run, that this machine supports what the settings request. -EOPNOTSUPP
 * with the path of the field, relative to the settings, as runtime-spec names it. Reads up to two
 * files if the settings have a label.
 */
int support_check(const struct support *support, const struct hp_settings *settings,
		  struct hp_err *err) must_check;
