/* SPDX-License-Identifier: Apache-2.0 */

/* apply/applier: what a hookd finds that was killed, and makes of it. */

#include <poll.h>
#include <sys/inotify.h>
#include <sys/resource.h>
#include <sys/syscall.h>

#include "tests/daemon/apply/apply_world.h"
#include "tests/daemon/apply/fake_scopes.h"
#include "tests/daemon/support/support.h"

static void ignore_report(const char *container, const char *what, void *userdata)
{
	(void)container, (void)what, (void)userdata;
}

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
	if (state == HOLDING_CHANGING)
		holding->uncertain = strdup("pids.max ,");
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
	assert_non_null(strstr(reports, "an Apply was interrupted"));
	apply(&answer);
	expect_busy(&answer);
	assert_int_equal(fake_scopes_waiting(), FAKE_ASK);
	fake_scopes_answer(0, "");
	assert_int_equal(fake_scopes_waiting(), FAKE_STOP);
	fake_scopes_answer(0, "");
	assert_false(is_held());
	apply_whole();
}

/* Killed before systemd had answered: it may have said that the unit is there already. */
static void a_unit_that_may_be_of_others_is_left_alone(void **state)
{
	static const enum holding_state states[] = {HOLDING_MAKING, HOLDING_REMOVING};

	(void)state;
	for (size_t i = 0; i < ELEMENTS(states); i++) {
		leave_in_state(states[i]);
		assert_int_equal(fake_scopes_waiting(), FAKE_ASK);
		fake_scopes_answer(-ENOENT, "it is none of hookd's");
		assert_int_equal(fake_scopes_waiting(), FAKE_NONE);
		assert_int_equal(fake_scopes_stops(), 0);
		assert_false(is_held());
	}
}

static void a_unit_keeps_its_mark(void **state)
{
	char mark[32];

	(void)state;
	apply_whole();
	snprintf(mark, sizeof(mark), "%s", fake_scopes_mark());
	assert_int_equal(strlen(mark), 16);
	world_restart();
	let_the_end_be_seen();
	assert_int_equal(fake_scopes_waiting(), FAKE_STOP);
	assert_string_equal(fake_scopes_mark(), mark);
	fake_scopes_answer(0, "");
	assert_false(is_held());
}

static void a_removal_goes_on(void **state)
{
	(void)state;
	leave_in_state(HOLDING_REMOVING);
	assert_int_equal(fake_scopes_waiting(), FAKE_ASK);
	fake_scopes_answer(0, "");
	assert_int_equal(fake_scopes_waiting(), FAKE_STOP);
	fake_scopes_answer(0, "");
	assert_false(is_held());
}

/* A removal that goes on after a start would move the process there. */
static void the_way_back_is_forgotten_when_apply_has_worked(void **state)
{
	struct holdings *holdings;
	struct answer answer;

	(void)state;
	apply(&answer);
	assert_non_null(holdings_first(applier_holdings(applier))->former_path);
	fake_scopes_answer(0, "");
	applier = applier_free(applier);
	holdings = open_holdings();
	assert_int_equal(holdings_first(holdings)->state, HOLDING_HELD);
	assert_null(holdings_first(holdings)->former_path);
	holdings_close(holdings);
}

/* Told of as failed, and not removed when hookd was killed. */
static void what_is_left_of_a_failed_apply_goes_with_the_next_hookd(void **state)
{
	struct answer answer;

	(void)state;
	apply(&answer);
	fake_scopes_answer(-ECONNRESET, "the connection to systemd was lost");
	fake_scopes_answer(-ECONNRESET, "the connection to systemd was lost");
	assert_true(answer.is_there && is_held());
	/* It fails there once more, so it is the one after that. */
	fake_scopes_refuse(-ENOTCONN);
	world_restart();
	assert_true(is_held());
	fake_scopes_refuse(0);
	world_restart();
	assert_int_equal(fake_scopes_waiting(), FAKE_ASK);
	fake_scopes_answer(0, "");
	assert_int_equal(fake_scopes_waiting(), FAKE_STOP);
	fake_scopes_answer(0, "");
	assert_false(is_held());
}

/* Else a hookd that was killed in the middle of it would leave a removal that goes on. */
static void a_release_that_is_refused_writes_nothing(void **state)
{
	struct answer answer;
	char events[4096];
	int watch = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);

	(void)state;
	apply_whole();
	write_to_file("cgroup.events", "populated 1\nfrozen 0\n");
	assert_true(inotify_add_watch(watch, holdings_file(), IN_MODIFY) >= 0);
	release(&answer);
	expect(&answer, -EBUSY, HP_ERR_SETTING_FAILED);
	assert_int_equal(read(watch, events, sizeof(events)), -1);
	assert_int_equal(errno, EAGAIN);
	/* Others do write. */
	update(&answer);
	assert_true(read(watch, events, sizeof(events)) > 0);
	fake_scopes_answer(-EIO, "no");
	close(watch);
}

static void an_update_that_was_not_answered_is_told(void **state)
{
	struct answer answer;

	(void)state;
	leave_in_state(HOLDING_CHANGING);
	assert_non_null(strstr(reports, "an Update was interrupted"));
	assert_true(is_held() && is_update_interrupted());
	/* It is not forgotten by the next start either, but by the next Update that works. */
	world_restart();
	assert_true(is_held() && is_update_interrupted());
	update(&answer);
	fake_scopes_answer(-EIO, "no");
	assert_true(answer.is_there && answer.r < 0);
	assert_true(is_update_interrupted());
	update(&answer);
	fake_scopes_answer(0, "");
	fake_scopes_answer(0, "");
	expect(&answer, 0, HP_ERR_NONE);
	assert_false(is_update_interrupted());
	world_restart();
	assert_false(is_update_interrupted());
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
	assert_non_null(strstr(reports, "its process has exited meanwhile"));
	assert_int_equal(fake_scopes_waiting(), FAKE_STOP);
	fake_scopes_answer(0, "");
	assert_false(is_held());
}

/* What cannot be looked at may live: to stop its unit would be its end. */
static void a_process_that_cannot_be_looked_at_may_live(void **state)
{
	struct rlimit all, none;
	struct applier *next = NULL;
	struct holdings *holdings;
	int mount_fd = dup(0), r;

	(void)state;
	apply_whole();
	applier = applier_free(applier);
	holdings = open_holdings();
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &all), 0);
	none = (struct rlimit){.rlim_cur = 0, .rlim_max = all.rlim_max};
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &none), 0);
	r = applier_new(base, holdings, NULL, NULL, NULL, mount_fd, ignore_report, NULL, &next);
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &all), 0);
	assert_int_equal(r, -EMFILE);
	assert_int_equal(fake_scopes_stops(), 0);
	world_restart();
	assert_true(is_held());
	assert_string_equal(reports, "");
}

int main(void)
{
#define TEST(function) cmocka_unit_test_setup_teardown(function, world_begin, world_end)
	const struct CMUnitTest tests[] = {
	    TEST(what_is_held_is_held_on),
	    TEST(an_apply_that_was_not_answered_is_taken_back),
	    TEST(a_unit_that_may_be_of_others_is_left_alone),
	    TEST(a_unit_keeps_its_mark),
	    TEST(a_removal_goes_on),
	    TEST(the_way_back_is_forgotten_when_apply_has_worked),
	    TEST(what_is_left_of_a_failed_apply_goes_with_the_next_hookd),
	    TEST(a_release_that_is_refused_writes_nothing),
	    TEST(an_update_that_was_not_answered_is_told),
	    TEST(the_process_has_ended_meanwhile),
	    TEST(a_process_that_cannot_be_looked_at_may_live),
	};

	bound_time();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
