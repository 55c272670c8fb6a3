/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "tests/guest/random/calls.h"

#define STEPS 60 /* of one seed */

/* The state of one seed. */
struct test {
	struct model now;
	uint64_t random;
	pid_t hookd;
	int step;
	bool has_failed;
	char *log[8 * STEPS];
	size_t log_length;
};

/* Adds a line to the log, which is printed on failure. */
void test_note(struct test *test, const char *format, ...) __attribute__((format(printf, 2, 3)));
void test_fail(struct test *test, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Waits until one of the candidates is true, which becomes the model. */
void test_settle(struct test *test, struct model *candidates, int count);
void test_settle_one(struct test *test, struct model *model);

void test_kill_hookd(struct test *test);
/* Waits until the next hookd answers. */
void test_await_hookd(struct test *test);

/* ---- disturb.c ---- */

void test_end_children(struct test *test, int process);
/* The caller updates the model. */
void test_end_process(struct test *test, int process);
/* A call, with an event meanwhile. */
void step_call(struct test *test);

/* ---- steps.c ---- */

/* Starts processes to replace those that have exited. */
void step_start(struct test *test);
/* A random step. */
void step_any(struct test *test);
