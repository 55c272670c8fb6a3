/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "daemon/cgroup/limit_list.h"
#include "proto/settings/settings.h"

/*
 * What may be as an Update has found it or as it was told, since the Update was cut short or could
 * not be put back: names, "pids.max,scheduler,". A later Update that sets all of them makes it
 * whole.
 */

/* What an Update with these settings changes; `limits` are those of its resources. To be freed. */
int mixed_names(const struct hp_settings *settings, const struct limit_list *limits,
		char **ret_names) must_check;
/* Both; `one` may be NULL. To be freed. */
int mixed_join(const char *one, const char *other, char **ret_names) must_check;
/* Takes those of `others` out of `names`. False: none is left. */
bool mixed_subtract(char *names, const char *others);
