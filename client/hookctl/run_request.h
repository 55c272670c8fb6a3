/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "proto/hooks.h"
#include "proto/json.h"

/* Parts of `run` that need no daemon. */

struct slice {
	const char *text;
	size_t length;
};

/*
 * The hooks in what --hooks named: the object itself, or the member of a config.json (of a
 * libcontainer Config). A config without hooks has none: "{}". Points into the document.
 */
int run_slice_hooks(struct hp_json_value root, enum hp_dialect dialect, struct slice *ret,
		    struct hp_err *err);

/*
 * Why hookd refused `parameter` of the Run call with these parameters, found by reading them here
 * in the same way. False when reading finds nothing wrong there.
 */
bool run_find_reason(const char *parameters, const char *parameter, struct hp_err *ret);
