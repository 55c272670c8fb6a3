/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "proto/messages/hooks.h"

/* What hookd-oci-hook reads of the state that it hands on. */
struct oci_state {
	char *status; /* NULL: there is none, or it is no text */
	bool has_process;
	/* crun has opened files for what hooks write: the annotations run.oci.hooks.stdout and
	 * run.oci.hooks.stderr. They are our stdout and stderr. */
	bool has_output_files;
	size_t values; /* of JSON in it */
};

/* Text that is no JSON gives an empty state: hookd says what is wrong with it. -ENOMEM. */
int oci_state_read(const char *text, size_t length, struct hp_arena *arena, struct oci_state *ret);

/*
 * False where the state cannot be one of that stage, whatever the runtime is. A status that no
 * known runtime writes is one of any stage.
 */
bool oci_state_may_be_of(const struct oci_state *state, enum hp_stage stage);
