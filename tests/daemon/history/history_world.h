/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <event2/event.h>

#include "daemon/history/history.h"
#include "tests/daemon/support/support.h"

/* A history in a directory of the test, with an empty store. No hook is run. */

struct past {
	struct event_base *base;
	struct config config;
	struct store *store;
	struct history *history;
	char directory[64];	      /* in /dev/shm */
	struct history_query *answer; /* a copy of the last answer */
};

extern struct past past;

int past_set_up(void **state);
int past_tear_down(void **state);
#define PAST_TEST(function) cmocka_unit_test_setup_teardown(function, past_set_up, past_tear_down)

void past_open(void);
/* Writes what is to be written. */
void past_close(void);
const char *past_path(const char *name);
bool past_exists(const char *name);
enum history_state past_state(void);
/* Runs the loop until the history is in this state. */
void past_await(enum history_state state);

/* A run that is done, and its parts. */
struct past_run {
	const char *container;
	enum hp_stage stage;
	enum hp_run_outcome outcome;
	const char *path; /* of its hook */
	const char *output;
	uid_t uid;
	int64_t submitted_us, duration_us;
};
struct run *past_make(const struct past_run *from, unsigned int number);
/* Adds run NUMBER, whose id is made of it: past_id(). */
void past_add(const struct past_run *from, unsigned int number);
const char *past_id(unsigned int number);

/* Asks, and runs the loop until the answer is there. past.answer is valid until the next call. */
int past_ask(struct history_query *query);
/* Of a list with this filter: "3 2 1", the numbers of the runs. */
const char *past_list(const struct history_filter *filter, size_t limit);
/* How many runs there are. */
size_t past_count(void);
