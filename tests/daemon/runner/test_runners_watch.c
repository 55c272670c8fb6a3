/* SPDX-License-Identifier: Apache-2.0 */

/* Runners that do not answer, and lists that a runner has not read before it has ended. */

#include "daemon/runner/runner.h"
#include "daemon/runner/runners_all.h"
#include "tests/daemon/runner/fake_runner.h"

/* Ticks until a runner is silent and until it is killed, and more. */
#define SOON  5
#define LATER 20

static struct fake_runner fake, second;

static int set_up(void **state)
{
	int r = runners_set_up(state);

	fake_runner_open(&fake, 0);
	return r;
}

static int tear_down(void **state)
{
	end_runners();
	fake_runner_close(&fake);
	fake_runner_close(&second);
	return runners_tear_down(state);
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, set_up, tear_down)

static void tick(int count)
{
	while (count-- > 0)
		runners_watch_tick(runners);
}

/* Fault 44. */
static void a_silent_runner_gets_no_new_lists(void **state)
{
	struct list *list = NULL;

	(void)state;
	open_runners(1);
	tick(SOON);
	wait_for(loop, fake.side.counts[MESSAGE_PING] == 1);
	/* Another has been started, and there is no moment without one. */
	assert_int_equal(start_test_list(&list), 0);
	wait_for(loop, listening.ended == 1 || fake.side.counts[MESSAGE_START] == 1);
	assert_int_equal(fake.side.counts[MESSAGE_START], 0);
	assert_true(stand_in_is_alive());
}

static void a_runner_that_answers_is_not_silent(void **state)
{
	struct list *list;

	(void)state;
	open_runners(1);
	for (int i = 1; i <= LATER; i++) {
		tick(1);
		wait_for(loop, fake.side.counts[MESSAGE_PING] == (size_t)i);
		fake_runner_send(&fake, "I");
		assert_true(event_base_loop(loop, EVLOOP_NONBLOCK) >= 0);
	}
	assert_int_equal(start_test_list(&list), 0);
	wait_for(loop, fake.side.counts[MESSAGE_START] == 1);
	fake_runner_send(&fake, "F0 F1 E");
	wait_for(loop, listening.ended == 1);
}

/* The one that was started in its place is one too many. */
static void a_silent_runner_answers_again(void **state)
{
	struct list *list;

	(void)state;
	open_runners(1);
	tick(SOON);
	fake_runner_send(&fake, "I");
	assert_true(event_base_loop(loop, EVLOOP_NONBLOCK) >= 0);
	assert_int_equal(start_test_list(&list), 0);
	wait_for(loop, fake.side.counts[MESSAGE_START] == 1);
	fake_runner_send(&fake, "F0 F1 E");
	wait_for(loop, listening.ended == 1);
	assert_string_equal(listening.received, "F0 F1 E0");
}

/* Fault 44. */
static void a_runner_that_stays_silent_is_killed(void **state)
{
	struct list *list;

	(void)state;
	open_runners(1);
	assert_int_equal(start_test_list(&list), 0);
	fake_runner_send(&fake, "S0");
	wait_for(loop, strcmp(listening.received, "S0") == 0);
	tick(SOON);
	assert_true(stand_in_is_alive());
	tick(LATER);
	wait_for(loop, listening.ended == 1);
	assert_false(stand_in_is_alive());
	assert_string_equal(listening.received, "S0 L0");
}

/* Fault 47. It has too few descriptors or no memory, and nobody knows for how long. */
static void a_runner_that_has_refused_a_list_gets_no_other(void **state)
{
	struct list *list;

	(void)state;
	fake_runner_open(&second, 1);
	open_runners(2);
	assert_int_equal(start_test_list(&list), 0);
	wait_for(loop, fake.side.counts[MESSAGE_START] == 1);
	fake_runner_send(&fake, "R0 E");
	wait_for(loop, listening.ended == 1);
	assert_int_equal(start_test_list(&list), 0);
	wait_for(loop, second.side.counts[MESSAGE_START] == 1);
	assert_int_equal(fake.side.counts[MESSAGE_START], 1);
	fake_runner_send(&second, "F0 F1 E");
	wait_for(loop, listening.ended == 2);
}

/* Fault 48. Its connection stays open, as if a child of it had hung before its exec. */
static void a_dead_runner_whose_connection_is_open_is_found(void **state)
{
	struct list *list;

	(void)state;
	open_runners(1);
	assert_int_equal(start_test_list(&list), 0);
	fake_runner_send(&fake, "S0");
	wait_for(loop, strcmp(listening.received, "S0") == 0);
	kill_stand_in();
	tick(1);
	wait_for(loop, listening.ended == 1);
	assert_string_equal(listening.received, "S0 L0");
}

/* It may not know PING. */
static void a_runner_of_another_version_is_not_judged(void **state)
{
	(void)state;
	fake.hello.version++;
	adopts = HOOK_COUNT;
	fake.greeting = "h O0 S0 Y";
	open_runners(0); /* no other one is started, and killed in its place */
	tick(LATER);
	assert_true(stand_in_is_alive());
	assert_string_equal(listening.received, "S0");
	assert_int_equal(fake.side.counts[MESSAGE_PING], 0);
	fake_runner_send(&fake, "F0 F1 E");
	wait_for(loop, listening.ended == 1);
}

/* ---- at hookd's start ---- */

static void a_runner_that_is_silent_at_the_start_is_adopted_later(void **state)
{
	(void)state;
	adopts = HOOK_COUNT;
	fake.greeting = "";
	open_runners(1); /* for 5 s */
	assert_false(runners_are_all_known(runners));
	fake_runner_send(&fake, "h O0 S0");
	wait_for(loop, strcmp(listening.received, "S0") == 0);
	assert_int_equal(known, 0);
	fake_runner_send(&fake, "Y");
	wait_for(loop, known == 1);
	fake_runner_send(&fake, "F0 F1 E");
	wait_for(loop, listening.ended == 1);
	assert_int_equal(known, 1);
}

static void a_runner_that_is_silent_at_the_start_ends(void **state)
{
	(void)state;
	fake.greeting = "";
	open_runners(1);
	fake_runner_close(&fake);
	wait_for(loop, known == 1);
	assert_true(runners_are_all_known(runners));
}

/* ---- a list that was not read ---- */

/*
 * Of two runners the one that has the list ends, after it has read `read` STARTs. Returns the
 * other.
 */
static struct fake_runner *end_the_first(uint64_t read)
{
	struct fake_runner *first;
	struct list *list;

	fake_runner_open(&second, 1);
	fake.greeting = second.greeting = "h n Y";
	open_runners(2);
	assert_int_equal(start_test_list(&list), 0);
	wait_for(loop, fake.side.counts[MESSAGE_START] + second.side.counts[MESSAGE_START] == 1);
	first = fake.side.counts[MESSAGE_START] > 0 ? &fake : &second;
	atomic_store(first->counter.read, read);
	fake_runner_close(first);
	return first == &fake ? &second : &fake;
}

/* Fault 42. */
static void an_unread_list_goes_to_another_runner(void **state)
{
	struct fake_runner *other = end_the_first(0);

	(void)state;
	wait_for(loop, other->side.counts[MESSAGE_START] == 1);
	assert_string_equal(listening.received, "");
	fake_runner_send(other, "S0 F0 F1 E");
	wait_for(loop, listening.ended == 1);
	assert_string_equal(listening.received, "S0 F0 F1 E0");
	wait_for(loop, other->side.counts[MESSAGE_ACKNOWLEDGE] == 1);
}

/* The new one has not said which lists it has; the real runner refuses the test's request. */
static void an_unread_list_goes_to_a_new_runner(void **state)
{
	struct list *list;

	(void)state;
	fake.greeting = "h n Y";
	open_runners(1);
	assert_int_equal(start_test_list(&list), 0);
	fake_runner_close(&fake);
	wait_for(loop, listening.ended == 1);
	assert_string_equal(listening.received, "R0");
}

/* Fault 42. */
static void a_list_that_was_read_is_lost(void **state)
{
	struct fake_runner *other = end_the_first(1);

	(void)state;
	wait_for(loop, listening.ended == 1);
	assert_string_equal(listening.received, "L0");
	assert_int_equal(other->side.counts[MESSAGE_START], 0);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
	    TEST(a_silent_runner_gets_no_new_lists),
	    TEST(a_runner_that_answers_is_not_silent),
	    TEST(a_silent_runner_answers_again),
	    TEST(a_runner_that_stays_silent_is_killed),
	    TEST(a_runner_that_has_refused_a_list_gets_no_other),
	    TEST(a_dead_runner_whose_connection_is_open_is_found),
	    TEST(a_runner_of_another_version_is_not_judged),
	    TEST(a_runner_that_is_silent_at_the_start_is_adopted_later),
	    TEST(a_runner_that_is_silent_at_the_start_ends),
	    TEST(an_unread_list_goes_to_another_runner),
	    TEST(an_unread_list_goes_to_a_new_runner),
	    TEST(a_list_that_was_read_is_lost),
	};

	if (runner_is_asked_for(argc, argv))
		return runner_main();
	bound_time();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
