/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <sys/resource.h>

#include "tests/daemon/runner/other_side.h"

/* Shared by the tests of channels: the channel under test, and its other side. */

#define LONG_PAYLOAD (4u * 1024 * 1024)

struct side {
	struct channel *channel;
	size_t messages, drained, missed, closed;
	int error, missed_error;
	struct message_header last;
	size_t payload_bytes, fd_count;
	pid_t sender;
	bool frees_itself, refuses;
};

extern struct event_base *channel_base;
extern struct side side;
extern struct other_side other;
extern const struct channel_events side_events;

int channel_set_up(void **state);
int channel_tear_down(void **state);
#define CHANNEL_TEST(function)                                                                     \
	cmocka_unit_test_setup_teardown(function, channel_set_up, channel_tear_down)
/* The same; *state points to the value. */
#define CHANNEL_TEST_WITH(function, value)                                                         \
	{                                                                                          \
		.name = #function " " #value, .test_func = function, .setup_func = channel_set_up, \
		.teardown_func = channel_tear_down, .initial_state = &(typeof(value))              \
		{                                                                                  \
			value                                                                      \
		}                                                                                  \
	}

/* Expects that the connection ends with -EBADMSG, and that message() was not called. */
void expect_broken(void);
int count_fds(void);
/* From now on only `left` more descriptors can be opened. */
void limit_descriptors(int left, struct rlimit *ret_before);
/* START with `length` bytes of payload; the caller frees it. */
struct message long_message(size_t length, struct start_body *body);
