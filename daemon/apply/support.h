/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>

#include "daemon/base/base.h"
#include "daemon/resctrl/resctrl.h"
#include "proto/base/err.h"
#include "proto/settings/settings.h"

/* What hookd has to do with on this machine. */
struct support {
	bool has_cgroups; /* for runs */
	const struct rdt *rdt;
};

/*
 * Whether this machine can do at all what the settings ask for; asked before anything is run, so
 * that a limit that cannot be is an error and no hook. -EOPNOTSUPP with the path of the field,
 * relative to the settings, as runtime-spec names it. Reads a file or two where a label is asked
 * for, nothing else.
 */
int support_check(const struct support *support, const struct hp_settings *settings,
		  struct hp_err *err) must_check;
