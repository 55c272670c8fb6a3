/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "daemon/ipc/conn.h"
#include "daemon/run/output_position.h"
#include "daemon/run/run.h"

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
