/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "tests/guest/random/calls.h"

#define STEPS 60 /* of one seed */

/* What one seed has come to. */
struct test {
	struct model now;
	uint64_t random;
	pid_t hookd;
	int step;
	bool has_failed;
	char *log[8 * STEPS];
	size_t log_length;
};

/* One line for whoever reads of a fault. */
void test_note(struct test *test, const char *format, ...) __attribute__((format(printf, 2, 3)));
void test_fail(struct test *test, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Waits until the world is as one of them says, which is what is so from then on. */
void test_settle(struct test *test, struct model *candidates, int count);
void test_settle_one(struct test *test, struct model *model);

void test_kill_hookd(struct test *test);
/* The next one answers. */
void test_await_hookd(struct test *test);

/* ---- disturb.c ---- */

void test_end_children(struct test *test, int process);
/* The model is told by the caller. */
void test_end_process(struct test *test, int process);
/* A call, and what happens meanwhile. */
void step_call(struct test *test);

/* ---- steps.c ---- */

/* Processes in the place of those that have ended. */
void step_start(struct test *test);
/* Any one, by chance. */
void step_any(struct test *test);
