/* SPDX-License-Identifier: Apache-2.0 */

/* apply/applier: how a restarted hookd restores the holdings of one that was killed. */

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

/* As if hookd had been killed in this state. */
static void leave_in_state(enum holding_state state)
{
	struct holdings *holdings;
	struct holding *holding;

	apply_and_wait();
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

static void a_holding_is_restored(void **state)
{
	struct answer answer;

	(void)state;
	leave_in_state(HOLDING_HELD);
	assert_true(is_held());
	assert_string_equal(reports, "");
	apply(&answer);
	expect(&answer, -EEXIST, HP_ERR_SETTING_FAILED);
	await_exit_seen();
	assert_int_equal(fake_scopes_waiting(), FAKE_STOP);
	fake_scopes_answer(0, "");
	assert_false(is_held());
}

static void an_unfinished_apply_is_undone(void **state)
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
	apply_and_wait();
}

/* Killed before systemd had answered: the unit may have existed before. */
static void a_unit_that_may_be_of_others_is_left_alone(void **state)
{
	static const enum holding_state states[] = {HOLDING_MAKING, HOLDING_REMOVING};

	(void)state;
	for (size_t i = 0; i < ELEMENTS(states); i++) {
		leave_in_state(states[i]);
		assert_int_equal(fake_scopes_waiting(), FAKE_ASK);
		fake_scopes_answer(-ENOENT, "hookd has not started the unit");
		assert_int_equal(fake_scopes_waiting(), FAKE_NONE);
		assert_int_equal(fake_scopes_stops(), 0);
		assert_false(is_held());
	}
}

static void a_unit_keeps_its_mark(void **state)
{
	char mark[32];

	(void)state;
	apply_and_wait();
	snprintf(mark, sizeof(mark), "%s", fake_scopes_mark());
	assert_int_equal(strlen(mark), 16);
	world_restart();
	await_exit_seen();
	assert_int_equal(fake_scopes_waiting(), FAKE_STOP);
	assert_string_equal(fake_scopes_mark(), mark);
	fake_scopes_answer(0, "");
	assert_false(is_held());
}

static void a_removal_is_continued(void **state)
{
	(void)state;
	leave_in_state(HOLDING_REMOVING);
	assert_int_equal(fake_scopes_waiting(), FAKE_ASK);
	fake_scopes_answer(0, "");
	assert_int_equal(fake_scopes_waiting(), FAKE_STOP);
	fake_scopes_answer(0, "");
	assert_false(is_held());
}

/* Else a removal that a restart continues would move the process there. */
static void a_successful_apply_forgets_the_former_cgroup(void **state)
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

/* The Apply was reported as failed, and hookd was killed before the scope was removed. */
static void a_restart_removes_what_a_failed_apply_has_left(void **state)
{
	struct answer answer;

	(void)state;
	apply(&answer);
	fake_scopes_answer(-ECONNRESET, "the connection to systemd was lost");
	fake_scopes_answer(-ECONNRESET, "the connection to systemd was lost");
	assert_true(answer.is_there && is_held());
	/* The removal fails again; the next restart tries again. */
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

/* Else a restarted hookd would continue a Release that was refused. */
static void a_release_that_is_refused_writes_nothing(void **state)
{
	struct answer answer;
	char events[4096];
	int watch = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);

	(void)state;
	apply_and_wait();
	write_to_file("cgroup.events", "populated 1\nfrozen 0\n");
	assert_true(inotify_add_watch(watch, holdings_file(), IN_MODIFY) >= 0);
	release(&answer);
	expect(&answer, -EBUSY, HP_ERR_SETTING_FAILED);
	assert_int_equal(read(watch, events, sizeof(events)), -1);
	assert_int_equal(errno, EAGAIN);
	/* One that is not refused is written. */
	update(&answer);
	assert_true(read(watch, events, sizeof(events)) > 0);
	fake_scopes_answer(-EIO, "no");
	close(watch);
}

static void an_unfinished_update_is_reported(void **state)
{
	struct answer answer;

	(void)state;
	leave_in_state(HOLDING_CHANGING);
	assert_non_null(strstr(reports, "an Update was interrupted"));
	assert_true(is_held() && is_update_interrupted());
	/* A restart keeps it; the next successful Update resets it. */
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

static void the_process_has_exited_meanwhile(void **state)
{
	int pidfd = (int)syscall(SYS_pidfd_open, victim, 0);

	(void)state;
	apply_and_wait();
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

/* The process may be alive, and stopping its unit would kill it. */
static void nothing_is_removed_if_the_process_cannot_be_examined(void **state)
{
	struct rlimit all, none;
	struct applier *next = NULL;
	struct holdings *holdings;
	int mount_fd = dup(0), r;

	(void)state;
	apply_and_wait();
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
	    TEST(a_holding_is_restored),
	    TEST(an_unfinished_apply_is_undone),
	    TEST(a_unit_that_may_be_of_others_is_left_alone),
	    TEST(a_unit_keeps_its_mark),
	    TEST(a_removal_is_continued),
	    TEST(a_successful_apply_forgets_the_former_cgroup),
	    TEST(a_restart_removes_what_a_failed_apply_has_left),
	    TEST(a_release_that_is_refused_writes_nothing),
	    TEST(an_unfinished_update_is_reported),
	    TEST(the_process_has_exited_meanwhile),
	    TEST(nothing_is_removed_if_the_process_cannot_be_examined),
	};

	bound_time();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
