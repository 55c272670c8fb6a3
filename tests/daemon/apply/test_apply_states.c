/* SPDX-License-Identifier: Apache-2.0 */

/*
 * daemon/apply: what Apply, Update, Release and the exit of the process do to a holding while
 * another of them is waiting for systemd. Each test is about one order of events.
 */

#include "tests/daemon/apply/apply_world.h"
#include "tests/daemon/apply/fake_scopes.h"
#include "tests/daemon/support/support.h"

/* ---- one at a time ---- */

static void other_calls_are_busy_while_an_apply_waits(void **state)
{
	struct answer first, second;

	(void)state;
	apply(&first);
	assert_int_equal(fake_scopes_waiting(), FAKE_START);
	apply(&second);
	expect_busy(&second);
	update(&second);
	expect_busy(&second);
	release(&second);
	expect_busy(&second);
	fake_scopes_answer(0, "");
	expect(&first, 0, HP_ERR_NONE);
	assert_true(is_held());
	apply(&second);
	expect(&second, -EEXIST, HP_ERR_SETTING_FAILED);
}

static void other_calls_are_busy_while_an_update_waits(void **state)
{
	struct answer first, second;

	(void)state;
	apply_and_wait();
	update(&first);
	assert_int_equal(fake_scopes_waiting(), FAKE_READ);
	fake_scopes_answer(0, "");
	assert_int_equal(fake_scopes_waiting(), FAKE_SET);
	apply(&second);
	expect_busy(&second);
	update(&second);
	expect_busy(&second);
	release(&second);
	expect_busy(&second);
	fake_scopes_answer(0, "");
	expect(&first, 0, HP_ERR_NONE);
}

static void release_replies_when_systemd_has_stopped_the_unit(void **state)
{
	struct answer first, second;

	(void)state;
	apply_and_wait();
	release(&first);
	assert_false(first.is_there);
	assert_int_equal(fake_scopes_waiting(), FAKE_STOP);
	apply(&second);
	expect_busy(&second);
	release(&second);
	expect_busy(&second);
	fake_scopes_answer(0, "");
	expect(&first, 0, HP_ERR_NONE);
	assert_false(is_held());
	release(&second);
	expect(&second, -ENOENT, HP_ERR_NO_SUCH_CONTAINER);
}

/* ---- the process exits meanwhile ---- */

static void process_exits_while_an_update_waits(void **state)
{
	struct answer answer;

	(void)state;
	apply_and_wait();
	update(&answer);
	await_exit_seen();
	assert_true(is_held());
	fake_scopes_answer(0, "");
	assert_true(is_held());
	assert_int_equal(fake_scopes_waiting(), FAKE_SET);
	fake_scopes_answer(0, "");
	expect(&answer, 0, HP_ERR_NONE);
	/* The Update is done, so the holding is removed. */
	wait_for(base, fake_scopes_waiting() == FAKE_STOP);
	fake_scopes_answer(0, "");
	assert_false(is_held());
}

static void process_exits_while_an_apply_waits(void **state)
{
	struct answer answer;

	(void)state;
	apply(&answer);
	end_victim();
	fake_scopes_answer(-EIO, "gone");
	assert_int_equal(fake_scopes_waiting(), FAKE_ASK);
	fake_scopes_answer(0, "");
	assert_int_equal(fake_scopes_waiting(), FAKE_STOP);
	fake_scopes_answer(0, "");
	assert_true(answer.is_there);
	assert_true(answer.r < 0);
	assert_false(is_held());
}

static void process_exits_while_a_release_waits(void **state)
{
	struct answer answer;

	(void)state;
	apply_and_wait();
	release(&answer);
	await_exit_seen();
	assert_int_equal(fake_scopes_waiting(), FAKE_STOP);
	fake_scopes_answer(0, "");
	expect(&answer, 0, HP_ERR_NONE);
	assert_false(is_held());
	assert_int_equal(fake_scopes_stops(), 1);
}

static void process_exits_while_a_failing_release_waits(void **state)
{
	struct answer answer;

	(void)state;
	apply_and_wait();
	release(&answer);
	await_exit_seen();
	fake_scopes_answer(-ECONNRESET, "the connection to systemd was lost");
	expect(&answer, -ECONNRESET, HP_ERR_SETTING_FAILED);
	assert_true(is_held());
	wait_for(base, fake_scopes_waiting() == FAKE_ASK);
	fake_scopes_answer(0, "");
	assert_int_equal(fake_scopes_waiting(), FAKE_STOP);
	fake_scopes_answer(0, "");
	assert_false(is_held());
}

/* ---- the file of holdings cannot be written ---- */

static void a_holding_that_cannot_be_erased_stays(void **state)
{
	struct answer answer;

	(void)state;
	apply_and_wait();
	change_holdings_file("CREATE TRIGGER never BEFORE DELETE ON holding "
			     "BEGIN SELECT RAISE(ABORT, 'never'); END");
	release(&answer);
	fake_scopes_answer(0, "");
	expect(&answer, -EIO, HP_ERR_SETTING_FAILED);
	assert_non_null(strstr(answer.err.reason, "cannot write holdings.db"));
	assert_true(is_held());
	/* The next try is automatic; the scope was stopped before. */
	await_exit_seen();
	assert_non_null(strstr(reports, "cannot write holdings.db"));
	assert_true(is_held());
	assert_int_equal(fake_scopes_stops(), 1);
	change_holdings_file("DROP TRIGGER never");
	assert_false(is_held());
}

/* ---- systemd cannot be reached ---- */

static void a_failed_release_keeps_the_holding(void **state)
{
	struct answer answer;

	(void)state;
	apply_and_wait();
	release(&answer);
	fake_scopes_answer(-ECONNRESET, "the connection to systemd was lost");
	expect(&answer, -ECONNRESET, HP_ERR_SETTING_FAILED);
	assert_string_equal(answer.err.step, "cgroup");
	assert_true(is_held());
	release(&answer);
	fake_scopes_answer(0, "");
	expect(&answer, 0, HP_ERR_NONE);
	assert_false(is_held());
}

static void a_failed_removal_is_tried_again(void **state)
{
	(void)state;
	apply_and_wait();
	fake_scopes_refuse(-ENOTCONN);
	await_exit_seen();
	assert_true(is_held());
	assert_int_equal(fake_scopes_stops(), 1);
	fake_scopes_refuse(0);
	/* By now the unit may belong to somebody else. */
	wait_for(base, fake_scopes_waiting() == FAKE_ASK);
	fake_scopes_answer(0, "");
	assert_int_equal(fake_scopes_waiting(), FAKE_STOP);
	fake_scopes_answer(0, "");
	assert_false(is_held());
}

static void a_failed_apply_replies_when_it_is_undone(void **state)
{
	struct answer answer;

	(void)state;
	apply(&answer);
	fake_scopes_answer(-EIO, "systemd's job ended with \"failed\"");
	assert_false(answer.is_there);
	assert_int_equal(fake_scopes_waiting(), FAKE_ASK);
	fake_scopes_answer(0, "");
	assert_false(answer.is_there);
	assert_int_equal(fake_scopes_waiting(), FAKE_STOP);
	fake_scopes_answer(0, "");
	expect(&answer, -EIO, HP_ERR_SETTING_FAILED);
	assert_false(is_held());
	apply_and_wait();
}

/* ---- a unit that hookd has not started ---- */

/* The cgroup has a process: the test, which is in the same one as the victim. */
static void have_a_stranger_in_it(void)
{
	char text[16];

	snprintf(text, sizeof(text), "%07d\n", getpid());
	write_to_file("cgroup.procs", text);
}

static void a_unit_that_is_there_already_is_left_alone(void **state)
{
	static struct answer answer;
	char before[16];

	(void)state;
	have_a_stranger_in_it();
	snprintf(before, sizeof(before), "%07d\n", getpid());
	apply(&answer);
	fake_scopes_answer(-EEXIST, "Unit hookd-box.scope already exists");
	expect(&answer, -EEXIST, HP_ERR_SETTING_FAILED);
	assert_string_equal(answer.err.path, "linux.cgroupsPath");
	assert_string_equal(answer.err.reason, "systemd: Unit hookd-box.scope already exists");
	assert_int_equal(fake_scopes_waiting(), FAKE_NONE);
	assert_int_equal(fake_scopes_stops(), 0);
	assert_false(is_held());
	expect_file("cgroup.procs", before);
	apply_and_wait();
}

/* The former cgroup, to which processes are moved back. */
static void make_cgroup_elsewhere(void)
{
	make_cgroup("elsewhere");
	write_to_file("elsewhere/cgroup.procs", "nobody\n");
}

static void come_from_elsewhere(void)
{
	struct holding *box = holdings_find(applier_holdings(applier), "box");

	free(box->former_path);
	box->former_path = strdup(cgroup_path_below("elsewhere"));
}

/* systemd has not answered, so the unit may belong to somebody else: no process is moved. */
static void an_unconfirmed_unit_is_checked_before_processes_are_moved(void **state)
{
	static struct answer answer;

	(void)state;
	have_a_stranger_in_it();
	make_cgroup_elsewhere();
	apply(&answer);
	come_from_elsewhere();
	fake_scopes_answer(-ECONNRESET, "the connection to systemd was lost");
	assert_int_equal(fake_scopes_waiting(), FAKE_ASK);
	expect_file("elsewhere/cgroup.procs", "nobody\n");
	fake_scopes_answer(-ENOENT, "hookd has not started the unit");
	expect(&answer, -ECONNRESET, HP_ERR_SETTING_FAILED);
	assert_string_equal(answer.err.reason, "systemd: the connection to systemd was lost");
	expect_file("elsewhere/cgroup.procs", "nobody\n");
	assert_int_equal(fake_scopes_stops(), 0);
	assert_false(is_held());
}

static void what_a_failed_apply_leaves_is_reported_and_kept(void **state)
{
	struct answer answer;

	(void)state;
	apply(&answer);
	fake_scopes_answer(-ECONNRESET, "the connection to systemd was lost");
	fake_scopes_answer(-ECONNRESET, "the connection to systemd was lost");
	expect(&answer, -ECONNRESET, HP_ERR_SETTING_FAILED);
	assert_non_null(strstr(answer.err.reason, "not removed: hookd-box.scope"));
	assert_true(is_held());
	wait_for(base, fake_scopes_waiting() == FAKE_ASK);
	fake_scopes_answer(0, "");
	assert_int_equal(fake_scopes_waiting(), FAKE_STOP);
	fake_scopes_answer(0, "");
	assert_false(is_held());
}

static void a_leftover_is_busy_until_it_is_removed(void **state)
{
	struct answer answer;

	(void)state;
	apply(&answer);
	fake_scopes_answer(-ECONNRESET, "the connection to systemd was lost");
	fake_scopes_answer(-ECONNRESET, "the connection to systemd was lost");
	assert_true(answer.is_there && is_held());
	update(&answer);
	expect_busy(&answer);
	apply(&answer);
	expect_busy(&answer);
	release(&answer);
	assert_int_equal(fake_scopes_waiting(), FAKE_ASK);
	fake_scopes_answer(0, "");
	assert_int_equal(fake_scopes_waiting(), FAKE_STOP);
	fake_scopes_answer(0, "");
	expect(&answer, 0, HP_ERR_NONE);
	assert_false(is_held());
}

static void count_turns(evutil_socket_t fd, short what, void *userdata)
{
	(void)fd, (void)what;
	++*(int *)userdata;
}

/* Processes that fork as fast as they are moved stay until the next try; the loop goes on. */
static void processes_that_keep_forking_stay_until_the_next_try(void **state)
{
	static struct answer answer;
	const struct timeval often = {.tv_usec = 1000};
	struct event *other;
	int heard = 0;

	(void)state;
	make_cgroup_elsewhere();
	apply(&answer);
	come_from_elsewhere();
	have_a_stranger_in_it();
	remove_file("pids.max");
	other = event_new(base, -1, EV_PERSIST, count_turns, &heard);
	assert_int_equal(event_add(other, &often), 0);
	fake_scopes_answer(0, "");
	assert_false(answer.is_there);
	wait_for(base, answer.is_there);
	event_free(other);
	assert_true(heard > 10);
	assert_non_null(strstr(answer.err.reason, "not removed"));
	assert_true(is_held());
	assert_int_equal(fake_scopes_stops(), 0);
	/* Once they have exited, the cgroup is removed. */
	write_to_file("cgroup.procs", "");
	wait_for(base, fake_scopes_waiting() == FAKE_ASK);
	fake_scopes_answer(0, "");
	assert_int_equal(fake_scopes_waiting(), FAKE_STOP);
	fake_scopes_answer(0, "");
	assert_false(is_held());
}

/* The limits would affect the processes of another cgroup. */
static void a_process_that_was_moved_out_of_its_scope_is_refused(void **state)
{
	static struct answer answer;

	(void)state;
	scope_cgroup = "/elsewhere";
	apply(&answer);
	write_to_file("cgroup.procs", "nobody\n");
	fake_scopes_answer(0, "");
	assert_int_equal(fake_scopes_waiting(), FAKE_STOP);
	expect_file("pids.max", "max\n");
	/* hookd does not move it back. */
	expect_file("cgroup.procs", "nobody\n");
	fake_scopes_answer(0, "");
	expect(&answer, -EBUSY, HP_ERR_SETTING_FAILED);
	assert_string_equal(answer.err.path, "linux.cgroupsPath");
	assert_false(is_held());
}

/* ---- out of memory ---- */

static void out_of_memory_for_a_watch_is_reported(void **state)
{
	static struct answer answer;

	(void)state;
	apply(&answer);
	refuses_events = true;
	fake_scopes_answer(0, "");
	expect(&answer, 0, HP_ERR_NONE);
	assert_non_null(strstr(reports, "out of memory: its settings stay"));
	refuses_events = false;
	world_restart();
	fake_scopes_refuse(-ENOTCONN);
	end_victim();
	refuses_events = true;
	wait_for(base, strstr(reports, "out of memory: its removal"));
}

/* ---- hookd exits meanwhile ---- */

static void hookd_exits_while_calls_wait(void **state)
{
	struct answer answer;

	(void)state;
	apply(&answer);
	applier_free(applier);
	expect(&answer, -ECANCELED, HP_ERR_SETTING_FAILED);
	applier = NULL;
}

static void hookd_exits_while_a_release_waits(void **state)
{
	struct answer answer;

	(void)state;
	apply_and_wait();
	release(&answer);
	applier_free(applier);
	expect(&answer, -ECANCELED, HP_ERR_SETTING_FAILED);
	applier = NULL;
}

/* The client is told the name of a member that it has sent. */
static void a_cgroup_named_by_the_container_blames_its_id(void **state)
{
	static const char *const bad[] = {"a b", "a:b", "gr\303\274n"};
	struct hp_resources resources = {.pids_limit = {true, 5}};
	char path[] = "cpu.max/n";
	const struct hp_settings limits = {.resources = &resources}, named = {.cgroups_path = path},
				 joined = {.cgroups_path = path, .is_cgroups_path_joined = true};
	struct answer answer;

	(void)state;
	for (size_t i = 0; i < ELEMENTS(bad); i++) {
		apply_for(bad[i], &limits, &answer);
		expect(&answer, -EINVAL, HP_ERR_INVALID);
		assert_string_equal(answer.err.path, "container");
	}
	apply_with(&named, &answer);
	expect(&answer, -EINVAL, HP_ERR_INVALID);
	assert_string_equal(answer.err.path, "linux.cgroupsPath");
	apply_with(&joined, &answer);
	expect(&answer, -EINVAL, HP_ERR_INVALID);
	assert_string_equal(answer.err.path, "linux.resources");
}

int main(void)
{
#define TEST(function) cmocka_unit_test_setup_teardown(function, world_begin, world_end)
	const struct CMUnitTest tests[] = {
	    TEST(other_calls_are_busy_while_an_apply_waits),
	    TEST(other_calls_are_busy_while_an_update_waits),
	    TEST(release_replies_when_systemd_has_stopped_the_unit),
	    TEST(process_exits_while_an_update_waits),
	    TEST(process_exits_while_an_apply_waits),
	    TEST(process_exits_while_a_release_waits),
	    TEST(process_exits_while_a_failing_release_waits),
	    TEST(a_holding_that_cannot_be_erased_stays),
	    TEST(a_failed_release_keeps_the_holding),
	    TEST(a_failed_removal_is_tried_again),
	    TEST(a_failed_apply_replies_when_it_is_undone),
	    TEST(what_a_failed_apply_leaves_is_reported_and_kept),
	    TEST(a_leftover_is_busy_until_it_is_removed),
	    TEST(a_unit_that_is_there_already_is_left_alone),
	    TEST(an_unconfirmed_unit_is_checked_before_processes_are_moved),
	    TEST(processes_that_keep_forking_stay_until_the_next_try),
	    TEST(a_process_that_was_moved_out_of_its_scope_is_refused),
	    TEST(out_of_memory_for_a_watch_is_reported),
	    TEST(hookd_exits_while_calls_wait),
	    TEST(hookd_exits_while_a_release_waits),
	    TEST(a_cgroup_named_by_the_container_blames_its_id),
	};

	bound_time();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
