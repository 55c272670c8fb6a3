/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "proto/messages/hooks.h"

/* What hookd-oci-hook reads from the state. */
struct oci_state {
	char *status; /* NULL: absent, or not a string */
	bool has_process;
	/*
	 * crun has opened files for the output of hooks (annotations run.oci.hooks.stdout and
	 * run.oci.hooks.stderr). They are our stdout and stderr.
	 */
	bool has_output_files;
	size_t values; /* JSON values in it */
};

/* Text that is not JSON gives an empty state: hookd reports what is wrong with it. -ENOMEM. */
int oci_state_read(const char *text, size_t length, struct hp_arena *arena, struct oci_state *ret);

/*
 * False if no known runtime gives such a state to hooks of the stage. True for an unknown status.
 */
bool oci_state_may_be_of(const struct oci_state *state, enum hp_stage stage);
