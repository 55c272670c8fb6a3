/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "daemon/cgroup/scope.h"

/*
 * Replaces daemon/cgroup/scope.c: a systemd that does nothing and answers when the test says so.
 * Calls are answered in the order in which they were made.
 */
/* FAKE_ASK: scopes_ask(). FAKE_STOP is one call, which includes the check of the mark. */
enum fake_call { FAKE_NONE, FAKE_START, FAKE_READ, FAKE_SET, FAKE_PUT_BACK, FAKE_ASK, FAKE_STOP };

void fake_scopes_begin(void);
/* The oldest call that was not answered. */
enum fake_call fake_scopes_waiting(void);
/* Answers that call: 0, or -errno with a reason. */
void fake_scopes_answer(int r, const char *reason);
/* All further calls return this error at once; 0: they succeed. */
void fake_scopes_refuse(int r);
/* The number of calls so far. */
int fake_scopes_stops(void);
/* The mark of the last call that had one. */
const char *fake_scopes_mark(void);
