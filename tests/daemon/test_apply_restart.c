/* SPDX-License-Identifier: Apache-2.0 */

/* apply/applier: what a hookd finds that was killed, and makes of it. */

#include <poll.h>
#include <sys/syscall.h>

#include "tests/daemon/apply_world.h"
#include "tests/daemon/fake_scopes.h"
#include "tests/daemon/support.h"

/* As if hookd had been killed in the middle of something. */
static void leave_in_state(enum holding_state state)
{
	struct holdings *holdings;
	struct holding *holding;

	apply_whole();
	applier = applier_free(applier);
	holdings = open_holdings();
	holding = holdings_find(holdings, "box");
	assert_non_null(holding);
	holding->state = state;
	assert_int_equal(holdings_write(holdings, holding), 0);
	holdings_close(holdings);
	world_restart();
}

static void what_is_held_is_held_on(void **state)
{
	struct answer answer;

	(void)state;
	leave_in_state(HOLDING_HELD);
	assert_true(is_held());
	assert_string_equal(reports, "");
	apply(&answer);
	expect(&answer, -EEXIST, HP_ERR_SETTING_FAILED);
	let_the_end_be_seen();
	assert_int_equal(fake_scopes_waiting(), FAKE_STOP);
	fake_scopes_answer(0, "");
	assert_false(is_held());
}

static void an_apply_that_was_not_answered_is_taken_back(void **state)
{
	struct answer answer;

	(void)state;
	leave_in_state(HOLDING_MAKING);
	assert_non_null(strstr(reports, "Apply was cut short"));
	apply(&answer);
	expect_busy(&answer);
	assert_int_equal(fake_scopes_waiting(), FAKE_STOP);
	fake_scopes_answer(0, "");
	assert_false(is_held());
	apply_whole();
}

static void a_removal_goes_on(void **state)
{
	(void)state;
	leave_in_state(HOLDING_REMOVING);
	assert_int_equal(fake_scopes_waiting(), FAKE_STOP);
	fake_scopes_answer(0, "");
	assert_false(is_held());
}

static bool is_mixed(void)
{
	return holdings_find(applier_holdings(applier), "box")->is_mixed;
}

static void an_update_that_was_not_answered_is_told(void **state)
{
	struct answer answer;

	(void)state;
	leave_in_state(HOLDING_CHANGING);
	assert_non_null(strstr(reports, "an Update was cut short"));
	assert_true(is_held() && is_mixed());
	/* It is not forgotten by the next start either, but by the next Update that works. */
	world_restart();
	assert_true(is_held() && is_mixed());
	update(&answer);
	fake_scopes_answer(-EIO, "no");
	assert_true(answer.is_there && answer.r < 0);
	assert_true(is_mixed());
	update(&answer);
	fake_scopes_answer(0, "");
	fake_scopes_answer(0, "");
	expect(&answer, 0, HP_ERR_NONE);
	assert_false(is_mixed());
	world_restart();
	assert_false(is_mixed());
}

static void the_process_has_ended_meanwhile(void **state)
{
	int pidfd = (int)syscall(SYS_pidfd_open, victim, 0);

	(void)state;
	apply_whole();
	applier = applier_free(applier);
	end_victim();
	assert_int_equal(poll(&(struct pollfd){.fd = pidfd, .events = POLLIN}, 1, 10000), 1);
	close(pidfd);
	world_restart();
	assert_non_null(strstr(reports, "its process has ended meanwhile"));
	assert_int_equal(fake_scopes_waiting(), FAKE_STOP);
	fake_scopes_answer(0, "");
	assert_false(is_held());
}

int main(void)
{
#define TEST(function) cmocka_unit_test_setup_teardown(function, world_begin, world_end)
	const struct CMUnitTest tests[] = {
	    TEST(what_is_held_is_held_on),
	    TEST(an_apply_that_was_not_answered_is_taken_back),
	    TEST(a_removal_goes_on),
	    TEST(an_update_that_was_not_answered_is_told),
	    TEST(the_process_has_ended_meanwhile),
	};

	bound_time();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
