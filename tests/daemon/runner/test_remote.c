/* SPDX-License-Identifier: Apache-2.0 */

/* Messages of a runner about a list that hookd has handed to it, in many orders. */

#include "daemon/runner/runner.h"
#include "tests/daemon/runner/fake_runner.h"

struct sequence {
	const char *sent, *received;
	bool is_broken; /* hookd closes the connection, and the list is lost */
};

static const struct sequence sequences[] = {
    {"S0 F0 S1 F1 E", "S0 F0 S1 F1 E0", false},
    {"S0 M0 T0 F0 S1 T1 T1 F1 E", "S0 T0 F0 S1 T1 T1 F1 E0", false},
    /* Hooks that failed to start. */
    {"F0 F1 E", "F0 F1 E0", false},
    /* Nothing runs after a failure, or after a cancel. */
    {"S0 f0 E", "S0 f0 E0", false},
    {"C", "C0", false},
    {"S0 F0 C", "S0 F0 C0", false},
    /* Refused: later messages are about an unknown list. */
    {"R0 E", "R0", false},
    {"S0 R0 E", "S0 R0", false},
    /* Messages that were received before are skipped. */
    {"S0 F0 F0 S0 T0 M0 S1 F1 F0 F1 E", "S0 F0 S1 F1 E0", false},
    {"S0 S0 M0 F0 F1 E E E", "S0 F0 F1 E0", false},
    {"O0 F0 O0 O1 F1 E", "F0 F1 E0", false},
    /* A later version has messages that this one does not know. */
    {"v0 S0 v9 F0 F1 E", "S0 F0 F1 E0", false},
    /* A hook before the previous one has ended. */
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
    /* Invalid ends. */
    {"E", "L0", true},
    {"F0 E", "F0 L0", true},
    {"S0 E", "S0 L0", true},
    {"S0 C", "S0 L0", true},
    {"S0 f0 S1 E", "S0 f0 S1 L0", true},
    /* Only the first hook can be refused. */
    {"F0 R1", "F0 L0", true},
    /* A message that only hookd sends; a second HELLO; a second SYNCED. */
    {"s", "L0", true},
    {"h", "L0", true},
    {"Y", "L0", true},
};

static void check_sequence(const struct sequence *sequence)
{
	struct fake_runner fake;
	struct list *list;

	print_message("    %s\n", sequence->sent);
	fake_runner_open(&fake, 0);
	open_runners(1);
	assert_int_equal(fake.connections, 1);
	assert_int_equal(start_test_list(&list), 0);
	wait_for(loop, fake.side.counts[MESSAGE_START] == 1);
	fake_runner_send(&fake, sequence->sent);
	wait_for(loop, listening.ended == 1);
	assert_string_equal(listening.received, sequence->received);
	if (!sequence->is_broken)
		wait_for(loop, fake.side.counts[MESSAGE_ACKNOWLEDGE] >= 1);
	assert_int_equal(fake.connections, sequence->is_broken ? 2 : 1);
	/* The runner still gets lists. */
	assert_int_equal(start_test_list(&list), 0);
	wait_for(loop, fake.side.counts[MESSAGE_START] == (sequence->is_broken ? 1 : 2));
	fake_runner_send(&fake, "F0 F1 E");
	wait_for(loop, listening.ended == 2);
	end_runners();
	fake_runner_close(&fake);
}

static void messages_in_valid_and_invalid_orders(void **state)
{
	for (size_t i = 0; i < ELEMENTS(sequences); i++) {
		if (i > 0)
			runners_set_up(state);
		check_sequence(&sequences[i]);
		if (i + 1 < ELEMENTS(sequences))
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
	wait_for(loop, strcmp(fake.side.received, "c f s l p k") == 0);
	fake_runner_send(&fake, "S0");
	wait_for(loop, list->operations->pid(list) == 77);
	/* On a new connection all of it is sent again, once. */
	fake.greeting = "h O0 S0 Y";
	other_side_close(&fake.side);
	wait_for(loop, fake.connections == 2 && strcmp(fake.side.received, "c f l p k") == 0);
	assert_string_equal(listening.received, "S0");
	/* A freed list is cancelled, and acknowledged when it has ended. */
	list->operations->free(list);
	wait_for(loop, strcmp(fake.side.received, "c f l p k k") == 0);
	fake_runner_send(&fake, "F0 C");
	wait_for(loop, strcmp(fake.side.received, "c f l p k k a") == 0);
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
