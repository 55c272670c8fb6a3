/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "daemon/ipc/conn.h"
#include "daemon/run/run.h"

/*
 * What one client is told of a run while it goes on. Each byte of output is sent once, whenever the
 * client has attached: `at` is where the next one of the hook's streams is.
 */
struct events {
	struct conn *conn;
	const struct run *run;
	size_t index; /* the hook that was told of last */
	uint64_t at[2];
};

/* Both write to conn->out; the caller sends it. */

/* "accepted", and the events of what has happened before. */
void events_write_past(struct events *events);
/* STARTED, OUTPUT and FINISHED. False: there is nothing new in it. */
bool events_write(struct events *events, const struct run_event *event);
