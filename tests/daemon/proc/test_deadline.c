/* SPDX-License-Identifier: Apache-2.0 */

/* Deadlines while the machine is suspended, for which the test moves CLOCK_BOOTTIME forward. */

#include "tests/daemon/support/support.h"

#include "daemon/proc/deadline.h"

static int64_t suspended_ns;

int __real_clock_gettime(clockid_t clock, struct timespec *ret_now);
int __wrap_clock_gettime(clockid_t clock, struct timespec *ret_now);

int __wrap_clock_gettime(clockid_t clock, struct timespec *ret_now)
{
	int r = __real_clock_gettime(clock, ret_now);

	if (clock == CLOCK_BOOTTIME)
		ret_now->tv_sec += suspended_ns / NS_PER_S;
	return r;
}

static struct event_base *base;
static struct deadlines deadlines;

static int set_up(void **state)
{
	(void)state;
	suspended_ns = 0;
	base = loop_new();
	return deadlines_init(&deadlines, base);
}

static int tear_down(void **state)
{
	(void)state;
	deadlines_clear(&deadlines);
	event_base_free(base);
	return 0;
}

static void on_deadline(evutil_socket_t fd, short what, void *userdata)
{
	(void)fd, (void)what;
	*(bool *)userdata = true;
}

static void suspend(int64_t seconds)
{
	suspended_ns += seconds * NS_PER_S;
	deadlines_rearm(&deadlines);
}

/* Fault 24. */
static void suspended_time_counts(void **state)
{
	struct deadline near, far, of_running_time;
	bool is_near = false, is_far = false, is_of_running_time = false;

	(void)state;
	assert_int_equal(deadline_init(&near, &deadlines, on_deadline, &is_near), 0);
	assert_int_equal(deadline_init(&far, &deadlines, on_deadline, &is_far), 0);
	assert_int_equal(
	    deadline_init(&of_running_time, &deadlines, on_deadline, &is_of_running_time), 0);
	assert_int_equal(deadline_set(&far, CLOCK_BOOTTIME, 5000 * NS_PER_S), 0);
	assert_int_equal(deadline_set(&near, CLOCK_BOOTTIME, 1000 * NS_PER_S), 0);
	assert_int_equal(deadline_set(&of_running_time, CLOCK_MONOTONIC, 1000 * NS_PER_S), 0);

	suspend(500);
	assert_in_range(deadline_left_ns(&near), 400 * NS_PER_S, 500 * NS_PER_S);
	event_base_loop(base, EVLOOP_NONBLOCK);
	assert_false(is_near);

	suspend(500);
	wait_for(base, is_near);
	assert_true(deadline_left_ns(&near) <= 0);
	assert_false(is_far || is_of_running_time);
	assert_in_range(deadline_left_ns(&far), 3900 * NS_PER_S, 4000 * NS_PER_S);
	assert_in_range(deadline_left_ns(&of_running_time), 900 * NS_PER_S, 1000 * NS_PER_S);
	deadline_clear(&near);
	deadline_clear(&far);
	deadline_clear(&of_running_time);
}

static void what_is_stopped_stays_so(void **state)
{
	struct deadline deadline;
	bool is_called = false;

	(void)state;
	assert_int_equal(deadline_init(&deadline, &deadlines, on_deadline, &is_called), 0);
	assert_true(deadline_left_ns(&deadline) == INT64_MAX);
	suspend(10);
	assert_int_equal(deadline_set(&deadline, CLOCK_BOOTTIME, 10 * NS_PER_S), 0);
	deadline_stop(&deadline);
	suspend(20);
	event_base_loop(base, EVLOOP_NONBLOCK);
	assert_false(is_called);
	deadline_clear(&deadline);
}

static void the_longest_duration_is_no_past(void **state)
{
	struct deadline deadline;
	bool is_called = false;

	(void)state;
	assert_int_equal(deadline_init(&deadline, &deadlines, on_deadline, &is_called), 0);
	assert_int_equal(deadline_set(&deadline, CLOCK_BOOTTIME, INT64_MAX), 0);
	suspend(1000000);
	event_base_loop(base, EVLOOP_NONBLOCK);
	assert_false(is_called);
	deadline_clear(&deadline);
}

int main(void)
{
#define TEST(function) cmocka_unit_test_setup_teardown(function, set_up, tear_down)
	const struct CMUnitTest tests[] = {
	    TEST(suspended_time_counts),
	    TEST(what_is_stopped_stays_so),
	    TEST(the_longest_duration_is_no_past),
	};

	bound_time();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
