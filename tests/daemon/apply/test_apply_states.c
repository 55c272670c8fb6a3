/* SPDX-License-Identifier: Apache-2.0 */

/*
 * apply/: what Apply, Update, Release and the end of the process do to one holding while another of
 * them waits for systemd: each event comes in the order that the test is about.
 */

#include "tests/daemon/apply/apply_world.h"
#include "tests/daemon/apply/fake_scopes.h"
#include "tests/daemon/support/support.h"

/* ---- one at a time ---- */

static void while_an_apply_waits_all_others_are_busy(void **state)
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

static void while_an_update_waits_all_others_are_busy(void **state)
{
	struct answer first, second;

	(void)state;
	apply_whole();
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

static void release_is_told_when_systemd_has_done_it(void **state)
{
	struct answer first, second;

	(void)state;
	apply_whole();
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

/* ---- the process ends meanwhile ---- */

static void process_ends_while_an_update_waits(void **state)
{
	struct answer answer;

	(void)state;
	apply_whole();
	update(&answer);
	let_the_end_be_seen();
	assert_true(is_held());
	fake_scopes_answer(0, "");
	assert_true(is_held());
	assert_int_equal(fake_scopes_waiting(), FAKE_SET);
	fake_scopes_answer(0, "");
	expect(&answer, 0, HP_ERR_NONE);
	/* And now it is removed. */
	wait_for(base, fake_scopes_waiting() == FAKE_STOP);
	fake_scopes_answer(0, "");
	assert_false(is_held());
}

static void process_ends_while_an_apply_waits(void **state)
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

static void process_ends_while_a_release_waits(void **state)
{
	struct answer answer;

	(void)state;
	apply_whole();
	release(&answer);
	let_the_end_be_seen();
	assert_int_equal(fake_scopes_waiting(), FAKE_STOP);
	fake_scopes_answer(0, "");
	expect(&answer, 0, HP_ERR_NONE);
	assert_false(is_held());
	assert_int_equal(fake_scopes_stops(), 1);
}

static void process_ends_while_a_release_waits_that_fails(void **state)
{
	struct answer answer;

	(void)state;
	apply_whole();
	release(&answer);
	let_the_end_be_seen();
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

static void what_cannot_be_forgotten_is_held_on(void **state)
{
	struct answer answer;

	(void)state;
	apply_whole();
	change_holdings_file("CREATE TRIGGER never BEFORE DELETE ON holding "
			     "BEGIN SELECT RAISE(ABORT, 'never'); END");
	release(&answer);
	fake_scopes_answer(0, "");
	expect(&answer, -EIO, HP_ERR_SETTING_FAILED);
	assert_non_null(strstr(answer.err.reason, "cannot write holdings.db"));
	assert_true(is_held());
	/* Nobody asks for it, and there is nothing to be stopped any more. */
	let_the_end_be_seen();
	assert_non_null(strstr(reports, "cannot write holdings.db"));
	assert_true(is_held());
	assert_int_equal(fake_scopes_stops(), 1);
	change_holdings_file("DROP TRIGGER never");
	assert_false(is_held());
}

/* ---- systemd cannot be reached ---- */

static void failed_release_is_held_on(void **state)
{
	struct answer answer;

	(void)state;
	apply_whole();
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

static void what_cannot_be_removed_is_tried_again(void **state)
{
	(void)state;
	apply_whole();
	fake_scopes_refuse(-ENOTCONN);
	let_the_end_be_seen();
	assert_true(is_held());
	assert_int_equal(fake_scopes_stops(), 1);
	fake_scopes_refuse(0);
	/* By now the unit may be another one's. */
	wait_for(base, fake_scopes_waiting() == FAKE_ASK);
	fake_scopes_answer(0, "");
	assert_int_equal(fake_scopes_waiting(), FAKE_STOP);
	fake_scopes_answer(0, "");
	assert_false(is_held());
}

static void failed_apply_is_told_when_it_is_undone(void **state)
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
	apply_whole();
}

/* ---- a unit of others ---- */

/* Somebody is in the cgroup: this program, which is where the container's process is. */
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
	apply_whole();
}

/* Where what is moved out of the container's cgroup goes. */
static void make_cgroup_elsewhere(void)
{
	make_cgroup("elsewhere");
	write_to_file("elsewhere/cgroup.procs", "nobody\n");
}

static void come_from_elsewhere(void)
{
	struct holding *box = holdings_find(applier_holdings(applier), "box");

	free(box->former_path);
	box->former_path = strdup(cgroup_place("elsewhere"));
}

/* systemd has not answered, so the unit may be another one's: nobody in it is moved. */
static void a_unit_that_may_be_of_others_is_asked_for_before_it_is_emptied(void **state)
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
	fake_scopes_answer(-ENOENT, "it is none of hookd's");
	expect(&answer, -ECONNRESET, HP_ERR_SETTING_FAILED);
	assert_string_equal(answer.err.reason, "systemd: the connection to systemd was lost");
	expect_file("elsewhere/cgroup.procs", "nobody\n");
	assert_int_equal(fake_scopes_stops(), 0);
	assert_false(is_held());
}

static void what_a_failed_apply_leaves_is_said_and_held(void **state)
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

static void what_is_to_go_is_busy_until_it_is_gone(void **state)
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

/* A cgroup that fills as fast as it is emptied is left for the next try; others are heard. */
static void who_forks_without_end_is_left_for_the_next_try(void **state)
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
	/* And when they are gone it goes. */
	write_to_file("cgroup.procs", "");
	wait_for(base, fake_scopes_waiting() == FAKE_ASK);
	fake_scopes_answer(0, "");
	assert_int_equal(fake_scopes_waiting(), FAKE_STOP);
	fake_scopes_answer(0, "");
	assert_false(is_held());
}

/* Limits would be those of whoever is there. */
static void a_process_that_was_moved_out_of_its_scope_is_refused(void **state)
{
	static struct answer answer;

	(void)state;
	scope_place = "/elsewhere";
	apply(&answer);
	write_to_file("cgroup.procs", "nobody\n");
	fake_scopes_answer(0, "");
	assert_int_equal(fake_scopes_waiting(), FAKE_STOP);
	expect_file("pids.max", "max\n");
	/* It is not for hookd to move it back. */
	expect_file("cgroup.procs", "nobody\n");
	fake_scopes_answer(0, "");
	expect(&answer, -EBUSY, HP_ERR_SETTING_FAILED);
	assert_string_equal(answer.err.path, "linux.cgroupsPath");
	assert_false(is_held());
}

/* ---- no memory ---- */

static void who_cannot_wait_says_so(void **state)
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

/* ---- hookd ends meanwhile ---- */

static void hookd_ends_while_all_of_it_waits(void **state)
{
	struct answer answer;

	(void)state;
	apply(&answer);
	applier_free(applier);
	expect(&answer, -ECANCELED, HP_ERR_SETTING_FAILED);
	applier = NULL;
}

static void hookd_ends_while_a_release_waits(void **state)
{
	struct answer answer;

	(void)state;
	apply_whole();
	release(&answer);
	applier_free(applier);
	expect(&answer, -ECANCELED, HP_ERR_SETTING_FAILED);
	applier = NULL;
}

int main(void)
{
#define TEST(function) cmocka_unit_test_setup_teardown(function, world_begin, world_end)
	const struct CMUnitTest tests[] = {
	    TEST(while_an_apply_waits_all_others_are_busy),
	    TEST(while_an_update_waits_all_others_are_busy),
	    TEST(release_is_told_when_systemd_has_done_it),
	    TEST(process_ends_while_an_update_waits),
	    TEST(process_ends_while_an_apply_waits),
	    TEST(process_ends_while_a_release_waits),
	    TEST(process_ends_while_a_release_waits_that_fails),
	    TEST(what_cannot_be_forgotten_is_held_on),
	    TEST(failed_release_is_held_on),
	    TEST(what_cannot_be_removed_is_tried_again),
	    TEST(failed_apply_is_told_when_it_is_undone),
	    TEST(what_a_failed_apply_leaves_is_said_and_held),
	    TEST(what_is_to_go_is_busy_until_it_is_gone),
	    TEST(a_unit_that_is_there_already_is_left_alone),
	    TEST(a_unit_that_may_be_of_others_is_asked_for_before_it_is_emptied),
	    TEST(who_forks_without_end_is_left_for_the_next_try),
	    TEST(a_process_that_was_moved_out_of_its_scope_is_refused),
	    TEST(who_cannot_wait_says_so),
	    TEST(hookd_ends_while_all_of_it_waits),
	    TEST(hookd_ends_while_a_release_waits),
	};

	bound_time();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
