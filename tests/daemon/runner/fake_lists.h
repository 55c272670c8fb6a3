/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "daemon/runner/front.h"
#include "tests/daemon/runner/other_side.h"

/* Shared by the tests of a runner: lists that run no hooks, and a front that records messages. */

struct fake_list {
	struct list list;
	const struct list_order *order;
	const struct list_listener *listener;
	void *userdata;
	pid_t pid;
	bool is_paused, is_listened_to;
	int cancels, recalled;
};

#define LISTS_MAX 600

extern struct fake_list *lists[LISTS_MAX];
extern size_t list_count;
extern int start_error; /* of start() */
extern bool ends_at_once;

/* Ends the list, and calls the listener's ended(). */
void list_end(struct fake_list *list, struct hp_hook_result *refusal, bool is_cancelled);
void hook_starts(struct fake_list *list, size_t index);
void hook_ends(struct fake_list *list, size_t index, size_t output_length);

extern struct event_base *runner_base;
extern struct runner runner;
extern struct other_side front;
extern int stops; /* number of STOPs; each at once counts 100 */
extern struct configure_body configuration;

int runner_set_up(void **state);
int runner_tear_down(void **state);
#define RUNNER_TEST(function)                                                                      \
	cmocka_unit_test_setup_teardown(function, runner_set_up, runner_tear_down)
/* The same; *state points to the value. */
#define RUNNER_TEST_WITH(function, value)                                                          \
	{                                                                                          \
		.name = #function " " #value, .test_func = function, .setup_func = runner_set_up,  \
		.teardown_func = runner_tear_down, .initial_state = &(typeof(value))               \
		{                                                                                  \
			value                                                                      \
		}                                                                                  \
	}

void connect_front(void);
void lose_front(void);
struct fake_list *start_list(const char *run, size_t hook_count);
void send_to_list(enum message_type type, const char *run);
/* Sends it, and frees its payload. */
void send_start(struct message *message);
void expect_received(const char *expected);
