/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "daemon/ipc/dispatch.h"
#include "daemon/run/run.h"

/*
 * A call of Run or Wait that is not answered yet. It connects a connection and a run, either of
 * which may end first, and frees itself with the last reply or with the connection.
 */

/*
 * Answers the call with the run's result: at once if the run is done, else when it is. `streams`:
 * each event before is sent as a reply, too. `cancels`: the run is cancelled if the client
 * disconnects and no other call waits for the run. -ENOMEM with *err.
 */
int call_new(struct exchange *exchange, struct run *run, bool streams, bool cancels,
	     struct hp_err *err) must_check;
