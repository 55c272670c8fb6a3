/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "daemon/cgroup/limit_list.h"
#include "proto/settings/settings.h"

/*
 * Settings whose values are uncertain after an Update that was interrupted, or that failed and
 * could not be undone: each has its old or its new value. They are a list of names, such as
 * "pids.max ,io.max 8:0,scheduler,": after the name of a cgroup's file there is a blank and, if the
 * file has a line per device, the device. When later Updates have set all of them the list is
 * empty.
 */

/*
 * Lists the settings that an Update with these settings changes; `limits` are those of its
 * resources. The caller frees *ret_names.
 */
int uncertain_names(const struct hp_settings *settings, const struct limit_list *limits,
		    char **ret_names) must_check;
/* The names of both lists, each once. `one` may be NULL. The caller frees *ret_names. */
int uncertain_join(const char *one, const char *other, char **ret_names) must_check;
/* Removes the names of `others` from `names`, in place. Returns false if none is left. */
bool uncertain_subtract(char *names, const char *others);
