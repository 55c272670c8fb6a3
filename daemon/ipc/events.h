/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "daemon/ipc/conn.h"
#include "daemon/run/run.h"

/*
 * How much of a run's output a client has got, so that each byte is sent once, whenever the client
 * has attached.
 */
struct output_position {
	size_t index;	/* the hook of the last event */
	uint64_t at[2]; /* of each of its streams, the offset of the next byte to send */
};
/* The bytes of `output`, of that hook, that are to be sent. False: none. */
bool output_position_take(struct output_position *position, size_t index,
			  const struct hook_output *output, struct hook_output *ret_new);
/* Writes the members "stream", "offset" and "data" or "dataBase64". */
void output_write(struct hp_json_writer *writer, const struct hook_output *output);

/* The events of a running run that are sent to one client. */
struct events {
	struct conn *conn;
	const struct run *run;
	struct output_position position;
};

/* Both write to conn->out; the caller sends it. */

/* Writes "accepted", and the events that have happened before. */
void events_write_past(struct events *events);
/* Writes STARTED, OUTPUT or FINISHED. False: nothing was written, since it has nothing new. */
bool events_write(struct events *events, const struct run_event *event);
