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
	size_t first;		       /* hook to run; those before it were run otherwise */
	const char *namespaces;	       /* of the request; NULL: the default */
	const struct oci_state *known; /* what was read from the state */
};

/* Hooks of which nothing was run: hookd is down, is draining, or was busy for too long. */
struct shim_left {
	size_t first; /* from here to the end of the list; its count: none are left */
	int error;    /* of hookd_run(); hookd_client_error() has the sentence */
};

/*
 * Runs them, shows their output and why they failed; returns the exit status. A list that does not
 * fit into one request is run as several, one after the other, with the rules of one. Where hooks
 * are left, the status is that of the hooks before them.
 */
int shim_run(const struct shim_run *run, struct shim_left *ret_left);
