/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdint.h>

#include "proto/base/base.h"
#include "proto/json/json.h"

/*
 * One Run of io.hookd.status: a line of `ps`, the head of `inspect`. A text that is absent is NULL,
 * a number 0, and so is one of another type.
 */
struct run_row {
	char *run; /* always there */
	char *request_id, *container, *stage, *state, *outcome, *error, *path;
	struct hp_uint hook; /* its index */
	uint64_t hooks, uid, submitted_us, duration_us;
};

/*
 * Reads one; its texts are the arena's. -EBADMSG when the value is not a Run, -ENOMEM; *ret is then
 * unchanged.
 */
int run_row_read(struct hp_json_value value, struct hp_arena *arena, struct run_row *ret);
