/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "client/libhookd/hookd.h"

/* What hooks write, on its way to our own stdout and stderr. */
struct shim_output {
	size_t next; /* hooks of this run whose end was told */
	struct shim_stream {
		uint64_t written; /* of hook `next` */
		int error;	  /* of a write; nothing is written any more */
		bool is_mid_line;
	} streams[2];
};

/* Writes the bytes of an event. */
void shim_output_event(struct shim_output *output, const struct hookd_event *event);
/* Writes what no event has told of. Then a run of further hooks may begin. */
void shim_output_finish(struct shim_output *output, const struct hookd_result *result);
/* Ends the line on stderr that a hook has begun, so that one of ours can. */
void shim_output_end_line(struct shim_output *output);
