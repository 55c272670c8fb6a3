/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "client/libhookd/hookd.h"
#include "client/oci-hook/oci_state.h"
#include "proto/messages/hooks.h"

/* What hookd-oci-hook lets hookd run. */
struct shim_run {
	struct hookd_client *client; /* connected */
	enum hp_stage stage;
	const struct hp_hook_list *list; /* not empty, with environments and directories */
	const char *state;		 /* NUL-terminated, passed on as it is */
	size_t state_length;
	const struct oci_state *known; /* what was read from the state */
};

/*
 * Runs them, shows their output and why they failed; returns the exit status. A list that does not
 * fit into one request is run as several, one after the other, with the rules of one.
 */
int shim_run(const struct shim_run *run);
