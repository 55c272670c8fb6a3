/* SPDX-License-Identifier: Apache-2.0 */

/* hookd's runners: connections that end, invalid HELLOs, lists of an earlier hookd. */

#include <sys/resource.h>

#include "daemon/runner/runner.h"
#include "tests/daemon/runner/fake_runner.h"

static struct fake_runner fake;

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
	return runners_tear_down(state);
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, set_up, tear_down)

static void break_connection(void)
{
	int before = fake.connections;

	other_side_close(&fake.side);
	wait_for(loop, fake.connections == before + 1 && fake.side.counts[MESSAGE_CONFIGURE] == 1);
}

/* Tries until a runner is ready. */
static struct list *start_soon(void)
{
	struct list *list = NULL;

	wait_for(loop, list || start_test_list(&list) == 0);
	return list;
}

/* ---- a connection that ends ---- */

static void events_are_reported_once_after_a_reconnect(void **state)
{
	struct list *list;

	(void)state;
	open_runners(1);
	assert_int_equal(start_test_list(&list), 0);
	fake_runner_send(&fake, "S0");
	wait_for(loop, strcmp(listening.received, "S0") == 0);
	fake.greeting = "h O0 S0 Y";
	break_connection();
	fake.greeting = "h O0 F0 S1 Y"; /* one hook has ended without a connection */
	break_connection();
	wait_for(loop, strcmp(listening.received, "S0 F0 S1") == 0);
	fake.greeting = "h O0 F0 F1 E Y"; /* all of it */
	break_connection();
	wait_for(loop, listening.ended == 1);
	assert_string_equal(listening.received, "S0 F0 S1 F1 E0");
	wait_for(loop, fake.side.counts[MESSAGE_ACKNOWLEDGE] == 1);
	/* The runner has not received ACKNOWLEDGE: it is sent again. */
	break_connection();
	wait_for(loop, fake.side.counts[MESSAGE_ACKNOWLEDGE] == 1);
	assert_string_equal(listening.received, "S0 F0 S1 F1 E0");
}

/* Its runner keeps the results until they are recorded, over any number of connections. */
static void a_list_is_acknowledged_when_it_is_recorded(void **state)
{
	struct list *list;

	(void)state;
	listening.keeps = true;
	open_runners(1);
	assert_int_equal(start_test_list(&list), 0);
	fake_runner_send(&fake, "S0 F0 S1 F1 E");
	wait_for(loop, listening.ended == 1);
	fake.greeting = "h O0 F0 F1 E Y";
	break_connection();
	break_connection();
	assert_string_equal(listening.received, "S0 F0 S1 F1 E0");
	assert_int_equal(fake.side.counts[MESSAGE_ACKNOWLEDGE], 0);
	runners_acknowledge(runners, "r");
	wait_for(loop, fake.side.counts[MESSAGE_ACKNOWLEDGE] == 1);
	runners_acknowledge(runners, "r");
	runners_acknowledge(runners, "another");
	assert_int_equal(adoptions, 0);
}

/* Nor is it lost with its runner. */
static void a_list_that_has_ended_is_not_lost(void **state)
{
	struct list *list;

	(void)state;
	listening.keeps = true;
	open_runners(1);
	assert_int_equal(start_test_list(&list), 0);
	fake_runner_send(&fake, "F0 F1 E");
	wait_for(loop, listening.ended == 1);
	end_runners();
	assert_string_equal(listening.received, "F0 F1 E0");
}

/* The result of the first hook is missing. */
static void a_missing_result_after_a_reconnect(void **state)
{
	struct list *list;

	(void)state;
	open_runners(1);
	assert_int_equal(start_test_list(&list), 0);
	fake.greeting = "h O0 F1 Y";
	other_side_close(&fake.side);
	wait_for(loop, fake.connections == 2);
	fake.greeting = "h Y";
	wait_for(loop, listening.ended == 1);
	assert_string_equal(listening.received, "L0");
	assert_int_equal(fake.connections, 3);
}

static void a_list_that_the_runner_does_not_have_is_lost(void **state)
{
	struct list *list;

	(void)state;
	open_runners(1);
	assert_int_equal(start_test_list(&list), 0);
	break_connection();
	wait_for(loop, listening.ended == 1);
	assert_string_equal(listening.received, "L0");
}

/* It is removed, and a real runner is started in its place. */
static void a_runner_that_keeps_sending_invalid_messages(void **state)
{
	struct list *list;

	(void)state;
	open_runners(1);
	assert_int_equal(start_test_list(&list), 0);
	fake.greeting = "h O0 F1 Y";
	other_side_close(&fake.side);
	wait_for(loop, listening.ended == 1);
	assert_string_equal(listening.received, "L0");
	assert_int_equal(fake.connections, 4);
	/* The socket of that number is the new runner's by now. */
	list = start_soon();
	assert_int_equal(fake.connections, 4);
	list->operations->free(list);
}

static void a_runner_that_has_ended(void **state)
{
	struct list *list;

	(void)state;
	open_runners(1);
	assert_int_equal(start_test_list(&list), 0);
	fake_runner_close(&fake);
	wait_for(loop, listening.ended == 1);
	assert_string_equal(listening.received, "L0");
	list = start_soon();
	list->operations->free(list);
}

/* The runner is not killed for that. */
static void a_hookd_without_descriptors_connects_later(void **state)
{
	struct rlimit before, limit;
	struct list *list;
	int next, held[8];

	(void)state;
	open_runners(1);
	assert_int_equal(start_test_list(&list), 0);
	fake_runner_send(&fake, "S0");
	wait_for(loop, strcmp(listening.received, "S0") == 0);
	fake.greeting = "h O0 S0 Y";
	/* It closes two descriptors, which hookd cannot use. */
	next = dup(0);
	close(next);
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
	limit = (struct rlimit){3, before.rlim_max};
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &limit), 0);
	other_side_close(&fake.side);
	for (size_t i = 0; i < ELEMENTS(held); i++)
		assert_true(event_base_loop(loop, EVLOOP_NONBLOCK) >= 0);
	assert_int_equal(fake.connections, 1);
	assert_string_equal(listening.received, "S0");
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
	wait_for(loop, fake.connections == 2);
	fake_runner_send(&fake, "F0 F1 E");
	wait_for(loop, listening.ended == 1);
	assert_string_equal(listening.received, "S0 F0 F1 E0");
}

/* ---- HELLO ---- */

static void invalid_hellos(void **state)
{
	static const char *const greetings[] = {"Y", "O0 h Y", "S0 h Y", "h h Y", "h Y Y", "h s Y"};

	(void)state;
	open_runners(1);
	for (size_t i = 0; i < 2; i++) {
		fake.greeting = greetings[i];
		other_side_close(&fake.side);
		wait_for(loop, fake.connections == 2 + (int)i * 2);
		fake.greeting = "h Y";
		wait_for(loop, fake.connections == 3 + (int)i * 2);
	}
	for (size_t i = 2; i < ELEMENTS(greetings); i++) {
		tear_down(state);
		set_up(state);
		open_runners(1);
		fake.greeting = greetings[i];
		other_side_close(&fake.side);
		wait_for(loop, fake.connections == 2);
		fake.greeting = "h Y";
		wait_for(loop, fake.connections == 3);
	}
}

/* hookd would kill the process with that pid. */
static void a_hello_with_the_pid_of_another_process(void **state)
{
	struct list *list;

	(void)state;
	open_runners(1);
	fake.hello.pid = 1;
	other_side_close(&fake.side);
	wait_for(loop, fake.connections == 2);
	fake.hello.pid = getpid();
	wait_for(loop, fake.connections == 3);
	list = start_soon();
	list->operations->free(list);
}

static void a_runner_of_another_version_gets_no_new_lists(void **state)
{
	struct list *list;

	(void)state;
	adopts = HOOK_COUNT;
	fake.hello.version++;
	fake.greeting = "h v0 O0 v3 F0 Y";
	open_runners(1);
	wait_for(loop, fake.side.counts[MESSAGE_STOP] == 1);
	assert_int_equal(fake.side.counts[MESSAGE_CONFIGURE], 0);
	/* Its list keeps running. */
	fake_runner_send(&fake, "F1 E");
	wait_for(loop, listening.ended == 1);
	assert_string_equal(listening.received, "F0 F1 E0");
	wait_for(loop, fake.side.counts[MESSAGE_ACKNOWLEDGE] == 1);
	assert_int_equal(fake.side.counts[MESSAGE_START], 0);
	(void)list;
}

/* ---- lists of an earlier hookd ---- */

static void a_list_that_is_adopted(void **state)
{
	(void)state;
	adopts = HOOK_COUNT;
	fake.greeting = "h O0 F0 S1 Y";
	open_runners(1);
	assert_int_equal(adoptions, 1);
	assert_string_equal(listening.received, "F0 S1");
	fake_runner_send(&fake, "F1 E");
	wait_for(loop, listening.ended == 1);
}

static void a_list_that_is_not_adopted(void **state)
{
	(void)state;
	fake.greeting = "h O0 F0 S1 Y";
	open_runners(1);
	fake_runner_send(&fake, "T1 F1 E");
	wait_for(loop, fake.side.counts[MESSAGE_ACKNOWLEDGE] == 1);
	assert_int_equal(adoptions, 1);
	assert_string_equal(listening.received, "");
}

/* The record has the number of its hooks. */
static void an_adopted_list_that_begins_past_its_end(void **state)
{
	(void)state;
	open_runners(1);
	adopts = HOOK_COUNT;
	fake.greeting = "h O2 S2 F2 E Y";
	other_side_close(&fake.side);
	wait_for(loop, fake.connections == 2);
	fake.greeting = "h Y";
	wait_for(loop, fake.connections == 3);
	assert_string_equal(listening.received, "L0");
}

static void a_list_of_another_runner(void **state)
{
	struct fake_runner second;
	struct list *list;

	(void)state;
	fake_runner_open(&second, 1);
	open_runners(2);
	assert_int_equal(start_test_list(&list), 0);
	wait_for(loop, fake.side.counts[MESSAGE_START] + second.side.counts[MESSAGE_START] == 1);
	fake_runner_send(fake.side.counts[MESSAGE_START] ? &second : &fake, "F0 F1 E");
	wait_for(loop, fake.connections + second.connections == 3);
	assert_string_equal(listening.received, "");
	list->operations->free(list);
	end_runners();
	fake_runner_close(&second);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
	    TEST(events_are_reported_once_after_a_reconnect),
	    TEST(a_list_is_acknowledged_when_it_is_recorded),
	    TEST(a_list_that_has_ended_is_not_lost),
	    TEST(a_missing_result_after_a_reconnect),
	    TEST(a_list_that_the_runner_does_not_have_is_lost),
	    TEST(a_runner_that_keeps_sending_invalid_messages),
	    TEST(a_runner_that_has_ended),
	    TEST(a_hookd_without_descriptors_connects_later),
	    TEST(invalid_hellos),
	    TEST(a_hello_with_the_pid_of_another_process),
	    TEST(a_runner_of_another_version_gets_no_new_lists),
	    TEST(a_list_that_is_adopted),
	    TEST(a_list_that_is_not_adopted),
	    TEST(an_adopted_list_that_begins_past_its_end),
	    TEST(a_list_of_another_runner),
	};

	if (runner_is_asked_for(argc, argv))
		return runner_main();
	bound_time();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
