/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "daemon/ipc/conn.h"
#include "daemon/run/run.h"

/*
 * The events of a running run that are sent to one client. Each byte of output is sent once,
 * whenever the client has attached: `at` is the offset of the next byte to send, of each stream of
 * the hook.
 */
struct events {
	struct conn *conn;
	const struct run *run;
	size_t index; /* the hook of the last event */
	uint64_t at[2];
};

/* Both write to conn->out; the caller sends it. */

/* Writes "accepted", and the events that have happened before. */
void events_write_past(struct events *events);
/* Writes STARTED, OUTPUT or FINISHED. False: nothing was written, since it has nothing new. */
bool events_write(struct events *events, const struct run_event *event);
