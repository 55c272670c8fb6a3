/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "proto/messages/hooks.h"

/* Exit statuses of hookd-oci-hook, as those of timeout(1) and env(1). */
enum shim_status {
	SHIM_TIMED_OUT = 124,
	SHIM_NO_HOOKD = 125, /* not reached, refused, or lost */
	SHIM_NOT_SPAWNED = 126,
	SHIM_SIGNAL = 128, /* plus its number */
};

/* The exit status for a hook that exited with `status`, which is not 0. */
static inline int shim_status_of_exit(int status)
{
	return status >= 1 && status <= 125 ? status : 1;
}

/*
 * Runs the hooks of one stage here, from `first` on, one after another, with the state on stdin and
 * the caller's own stdout and stderr. A hook whose `env` is NULL gets PATH alone, as from hookd.
 * Returns the exit status; failures are reported on stderr.
 */
int local_run(enum hp_stage stage, const struct hp_hook_list *list, size_t first, const char *state,
	      size_t length);
