/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "client/libhookd/ask.h"

/* What the methods about runs have in common. */

/* A Run. -EINVAL without an id. */
int run_info_read(struct hp_json_value value, struct hp_arena *arena, struct hookd_run_info *ret,
		  struct hp_err *err);

/* The fields of struct hookd_run_filter that a method has, as bits. */
enum filter_field {
	FILTER_RUN = 1 << 0,
	FILTER_RUN_PREFIX = 1 << 1,
	FILTER_CONTAINER = 1 << 2,
	FILTER_CONTAINER_PREFIX = 1 << 3,
	FILTER_STAGE = 1 << 4,
	FILTER_STATE = 1 << 5,
	FILTER_OUTCOME = 1 << 6,
	FILTER_PATH = 1 << 7,
	FILTER_BEFORE = 1 << 8,
	FILTER_FAILED = 1 << 9,
	FILTER_OUTPUT = 1 << 10,
	FILTER_SINCE = 1 << 11,
	FILTER_UNTIL = 1 << 12,
	FILTER_LIMIT = 1 << 13,
};

/* Copies and checks the caller's filter, which may be NULL. -EINVAL: a field is not accepted. */
int filter_read(struct hookd_client *client, const struct hookd_run_filter *filter,
		unsigned int accepted, struct hookd_run_filter *ret);
/* Writes its fields as members. */
void filter_write(struct hp_json_writer *writer, const struct hookd_run_filter *filter);
