/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "daemon/cgroup/scope.h"

/*
 * In the place of daemon/cgroup/scope.c: a systemd that does nothing and answers when the test says
 * so. Calls are in the order in which they were made.
 */
/* FAKE_ASK: whether a unit is hookd's; FAKE_STOP comes after that, as one with it. */
enum fake_call { FAKE_NONE, FAKE_START, FAKE_READ, FAKE_SET, FAKE_PUT_BACK, FAKE_ASK, FAKE_STOP };

void fake_scopes_begin(void);
/* The oldest call that waits. */
enum fake_call fake_scopes_waiting(void);
/* Answers it: 0, or -errno with a reason. */
void fake_scopes_answer(int r, const char *reason);
/* The next calls fail at once with this; 0: they are taken. */
void fake_scopes_refuse(int r);
/* Of all so far. */
int fake_scopes_stops(void);
/* That came with the last call that has one. */
const char *fake_scopes_mark(void);
