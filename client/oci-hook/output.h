/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "client/libhookd/hookd.h"

/* The output of hooks, copied to our own stdout and stderr. */
struct shim_output {
	size_t next; /* hooks of this run that have ended */
	struct shim_stream {
		uint64_t written; /* of hook `next` */
		int error;	  /* of a write; nothing is written any more */
		bool is_mid_line;
	} streams[2];
};

/* Writes the bytes of an event. */
void shim_output_event(struct shim_output *output, const struct hookd_event *event);
/* Writes what the events did not contain. Then the next run can begin. */
void shim_output_finish(struct shim_output *output, const struct hookd_result *result);
/* Ends an incomplete line of a hook on stderr, before a message of ours. */
void shim_output_end_line(struct shim_output *output);
