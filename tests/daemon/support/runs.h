/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "tests/daemon/support/hooks.h"
#include "tests/daemon/support/requests.h"

/* Shared by the tests of daemon/run: one run at a time, in the event loop of hooks.h. */

extern struct config config;
extern int starting_count, ending_count, done_count; /* calls of the context's functions */
extern int begin_error;				     /* what starting() returns */
extern const struct run_context test_context;

int run_set_up(void **state);
#define RUN_TEST(function) cmocka_unit_test_setup_teardown(function, run_set_up, proc_tear_down)

struct run *run_prepare(enum hp_stage stage, const struct hp_hook *hooks, size_t count);
/* A run that was started; done() is called once. */
void run_to_end(struct run *run);
/* All three. */
struct run *run_hooks(enum hp_stage stage, const struct hp_hook *hooks, size_t count);

/* stdout of one hook, and the outcomes of run and hooks. */
void expect_output(const struct run *run, size_t index, const char *expected);
void expect_outcomes(const struct run *run, enum hp_run_outcome outcome,
		     const enum hp_hook_outcome *outcomes);
