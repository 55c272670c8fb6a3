/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "daemon/ipc/dispatch.h"
#include "daemon/run/run.h"

/*
 * A Run or a Wait that is not answered yet: stands between a connection and a run, either of which
 * may end first. Frees itself with the last reply or with the connection.
 */

/*
 * Answers the exchange's call with the run's result: at once where it is done, else when it is.
 * `streams`: every event until then is a reply of its own. `cancels`: the run is cancelled when
 * the client goes away and nobody else waits for it. -ENOMEM.
 */
int call_new(struct exchange *exchange, struct run *run, bool streams, bool cancels,
	     struct hp_err *err) must_check;
