/* SPDX-License-Identifier: Apache-2.0 */

/* What a runner says of a list that hookd has handed to it, in every order. */

#include "daemon/runner/runner.h"
#include "tests/daemon/runner/fake_runner.h"

struct story {
	const char *said, *received;
	bool is_broken; /* the connection is closed; the list, which is not owned then, is lost */
};

static const struct story stories[] = {
    {"S0 F0 S1 F1 E", "S0 F0 S1 F1 E0", false},
    {"S0 M0 T0 F0 S1 T1 T1 F1 E", "S0 T0 F0 S1 T1 T1 F1 E0", false},
    /* Hooks that failed to start. */
    {"F0 F1 E", "F0 F1 E0", false},
    /* Nothing runs after a failure, or after a cancel. */
    {"S0 f0 E", "S0 f0 E0", false},
    {"C", "C0", false},
    {"S0 F0 C", "S0 F0 C0", false},
    /* Refused: what comes after that is about a list that is not there. */
    {"R0 E", "R0", false},
    {"S0 R0 E", "S0 R0", false},
    /* What was received before is passed over. */
    {"S0 F0 F0 S0 T0 M0 S1 F1 F0 F1 E", "S0 F0 S1 F1 E0", false},
    {"S0 S0 M0 F0 F1 E E E", "S0 F0 F1 E0", false},
    {"O0 F0 O0 O1 F1 E", "F0 F1 E0", false},
    /* A later version has messages that this one does not know. */
    {"v0 S0 v9 F0 F1 E", "S0 F0 F1 E0", false},
    /* A hook before the one before it. */
    {"S1", "L0", true},
    {"M1", "L0", true},
    {"T1", "L0", true},
    {"F1", "L0", true},
    {"S0 S1", "S0 L0", true},
    /* Hooks that the list does not have. */
    {"F0 F1 S2", "F0 F1 L0", true},
    {"F0 F1 F2", "F0 F1 L0", true},
    {"F0 F1 T2", "F0 F1 L0", true},
    {"S255", "L0", true},
    {"T255", "L0", true},
    {"F255", "L0", true},
    {"R255", "L0", true},
    /* Ends that cannot be. */
    {"E", "L0", true},
    {"F0 E", "F0 L0", true},
    {"S0 E", "S0 L0", true},
    {"S0 C", "S0 L0", true},
    {"S0 f0 S1 E", "S0 f0 S1 L0", true},
    /* Not the first hook any more. */
    {"F0 R1", "F0 L0", true},
    /* What only hookd says; and a second greeting. */
    {"s", "L0", true},
    {"h", "L0", true},
    {"Y", "L0", true},
};

static void tell_story(const struct story *story)
{
	struct fake_runner fake;
	struct list *list;

	print_message("    %s\n", story->said);
	fake_runner_open(&fake, 0);
	open_runners(1);
	assert_int_equal(fake.connections, 1);
	assert_int_equal(start_test_list(&list), 0);
	wait_for(loop, fake.side.counts[MESSAGE_START] == 1);
	fake_runner_send(&fake, story->said);
	wait_for(loop, listening.ended == 1);
	assert_string_equal(listening.received, story->received);
	if (!story->is_broken)
		wait_for(loop, fake.side.counts[MESSAGE_ACKNOWLEDGE] >= 1);
	assert_int_equal(fake.connections, story->is_broken ? 2 : 1);
	/* The runner is as good as before. */
	assert_int_equal(start_test_list(&list), 0);
	wait_for(loop, fake.side.counts[MESSAGE_START] == (story->is_broken ? 1 : 2));
	fake_runner_send(&fake, "F0 F1 E");
	wait_for(loop, listening.ended == 2);
	end_runners();
	fake_runner_close(&fake);
}

static void messages_in_valid_and_invalid_orders(void **state)
{
	for (size_t i = 0; i < ELEMENTS(stories); i++) {
		if (i > 0)
			runners_set_up(state);
		tell_story(&stories[i]);
		if (i + 1 < ELEMENTS(stories))
			runners_tear_down(state);
	}
}

static void a_refusal_has_its_errno(void **state)
{
	struct fake_runner fake;
	struct list *list;

	(void)state;
	fake_runner_open(&fake, 0);
	open_runners(1);
	assert_int_equal(start_test_list(&list), 0);
	fake_runner_send(&fake, "R0 E");
	wait_for(loop, listening.ended == 1);
	assert_int_equal(listening.refusal, EMFILE);
	end_runners();
	fake_runner_close(&fake);
}

static void cancel_listen_and_pause_are_sent(void **state)
{
	struct fake_runner fake;
	struct list *list;

	(void)state;
	fake_runner_open(&fake, 0);
	open_runners(1);
	assert_int_equal(start_test_list(&list), 0);
	list->operations->listen(list);
	list->operations->pause(list, true);
	list->operations->cancel(list);
	wait_for(loop, strcmp(fake.side.received, "c s l p k") == 0);
	fake_runner_send(&fake, "S0");
	wait_for(loop, list->operations->pid(list) == 77);
	/* All of it again to a runner that has lost the connection; nothing was sent twice. */
	fake.greeting = "h O0 S0 Y";
	other_side_close(&fake.side);
	wait_for(loop, fake.connections == 2 && strcmp(fake.side.received, "c l p k") == 0);
	assert_string_equal(listening.received, "S0");
	/* One that nobody wants any more is cancelled, and acknowledged when it has ended. */
	list->operations->free(list);
	wait_for(loop, strcmp(fake.side.received, "c l p k k") == 0);
	fake_runner_send(&fake, "F0 C");
	wait_for(loop, strcmp(fake.side.received, "c l p k k a") == 0);
	assert_string_equal(listening.received, "S0");
	end_runners();
	fake_runner_close(&fake);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
	    RUNNERS_TEST(messages_in_valid_and_invalid_orders),
	    RUNNERS_TEST(a_refusal_has_its_errno),
	    RUNNERS_TEST(cancel_listen_and_pause_are_sent),
	};

	if (runner_is_asked_for(argc, argv))
		return runner_main();
	bound_time();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
