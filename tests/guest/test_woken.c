/* SPDX-License-Identifier: Apache-2.0 */

/*
 * The event on which hooks' timers are set again: the kernel sends it when the machine wakes from
 * suspend, and also when the clock is set, which this test does. The guest cannot wake up by
 * itself, so the test sets the clock that counts time in suspend forward.
 */

#include "tests/daemon/support/support.h"

#include "daemon/proc/deadline.h"

static int64_t suspended_s;

int __real_clock_gettime(clockid_t clock, struct timespec *ret_now);
int __wrap_clock_gettime(clockid_t clock, struct timespec *ret_now);

int __wrap_clock_gettime(clockid_t clock, struct timespec *ret_now)
{
	int r = __real_clock_gettime(clock, ret_now);

	if (clock == CLOCK_BOOTTIME)
		ret_now->tv_sec += suspended_s;
	return r;
}

static void on_deadline(evutil_socket_t fd, short what, void *userdata)
{
	(void)fd, (void)what;
	(*(int *)userdata)++;
}

static void step_clock(int64_t seconds)
{
	struct timespec now;

	assert_int_equal(__real_clock_gettime(CLOCK_REALTIME, &now), 0);
	now.tv_sec += seconds;
	assert_int_equal(clock_settime(CLOCK_REALTIME, &now), 0);
}

/* More than once: the kernel reports each. */
static void a_wake_up_sets_timers_anew(void **state)
{
	struct event_base *base = loop_new();
	struct deadlines deadlines;
	struct deadline deadline;
	int called = 0;

	(void)state;
	assert_int_equal(deadlines_init(&deadlines, base), 0);
	assert_int_equal(deadline_init(&deadline, &deadlines, on_deadline, &called), 0);
	for (int i = 1; i <= 3; i++) {
		assert_int_equal(deadline_set(&deadline, CLOCK_BOOTTIME, 1000 * NS_PER_S), 0);
		/* Setting the clock does not change a deadline. */
		step_clock(7200);
		event_base_loop(base, EVLOOP_ONCE);
		assert_int_equal(called, i - 1);
		suspended_s += 1000;
		step_clock(-7200);
		wait_for(base, called == i);
	}
	deadline_clear(&deadline);
	deadlines_clear(&deadlines);
	event_base_free(base);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_wake_up_sets_timers_anew),
	};

	bound_time();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
