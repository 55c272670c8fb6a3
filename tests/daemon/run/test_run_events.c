/* SPDX-License-Identifier: Apache-2.0 */

/* Waiters of a run: which events they get, and waiters that are removed by an event. */

#include "tests/daemon/support/runs.h"

/* ---- waiters ---- */

struct record {
	struct run_waiter waiter;
	struct run *run;
	char events[64]; /* S started, O output, F finished, D done; with the hook's index */
	char output[256];
	uint64_t seen[2][2]; /* bytes of each hook and stream in it */
	char cancels_at;     /* an event's letter */
	bool leaves;
};

/* What a listener has already is sent again when another one, or itself, begins to listen. */
static void record_output(struct record *record, size_t index, const struct hook_output *output)
{
	uint64_t *seen = &record->seen[index][output->stream == 1 ? 0 : 1];
	uint64_t known = *seen > output->offset ? *seen - output->offset : 0;

	if (known >= output->length)
		return;
	strncat(record->output, output->bytes + known, output->length - known);
	*seen = output->offset + output->length;
}

static void record_event(struct run_waiter *waiter, const struct run_event *event)
{
	struct record *record = (struct record *)waiter;
	char letter = "SOFD"[event->type];

	assert_int_equal(ending_count, letter == 'D');
	if (event->type != RUN_EVENT_OUTPUT)
		snprintf(strchr(record->events, '\0'), 4, "%c%zu", letter, event->index);
	if (event->type == RUN_EVENT_OUTPUT)
		record_output(record, event->index, event->output);
	if (event->type == RUN_EVENT_STARTED)
		assert_true(event->hook->pid > 0);
	if (event->type == RUN_EVENT_FINISHED)
		assert_int_equal(event->hook->outcome, HP_HOOK_EXITED);
	if (letter == record->cancels_at) {
		record->cancels_at = 0;
		if (record->leaves)
			run_remove_waiter(record->run, waiter);
		run_cancel(record->run);
	}
}

static void events_come_in_order(void **state)
{
	const struct hp_hook hooks[] = {SHELL_HOOK("echo one; echo err >&2"),
					SHELL_HOOK("echo two")};
	struct run *run = run_prepare(HP_STAGE_CREATE_RUNTIME, hooks, ELEMENTS(hooks));
	struct record loud = {.waiter = {.notify = record_event, .wants_output = true}};
	struct record quiet = {.waiter = {.notify = record_event}};

	(void)state;
	run_add_waiter(run, &loud.waiter);
	run_add_waiter(run, &quiet.waiter);
	run_start(run);
	run_to_end(run);
	assert_string_equal(loud.events, "S0F0S1F1D0");
	assert_string_equal(quiet.events, loud.events);
	assert_non_null(strstr(loud.output, "one\n"));
	assert_non_null(strstr(loud.output, "err\n"));
	assert_non_null(strstr(loud.output, "two\n"));
	assert_string_equal(quiet.output, "");
	run_remove_waiter(run, &loud.waiter);
	run_remove_waiter(run, &quiet.waiter);
	run_free(run);
}

static void one_that_comes_later_hears_all_of_it(void **state)
{
	const struct hp_hook hook = SHELL_HOOK("read x; echo early; echo late; exit 0");
	struct run *run = run_prepare(HP_STAGE_CREATE_RUNTIME, &hook, 1);
	struct record record = {.waiter = {.notify = record_event, .wants_output = true}};

	(void)state;
	run_start(run);
	run_add_waiter(run, &record.waiter);
	run_listen(run);
	run_to_end(run);
	assert_string_equal(record.events, "F0D0");
	assert_string_equal(record.output, "early\nlate\n");
	run_remove_waiter(run, &record.waiter);
	run_free(run);
}

/* A waiter that is removed by an event, and whose run is cancelled then. */
static void cancel_from_event(char letter, bool leaves)
{
	/* Its output may be read late: it must not have ended by itself then. */
	const char *first = letter == 'F' ? "echo x" : "echo x; exec sleep 60";
	const struct hp_hook hooks[] = {SHELL_HOOK(first), SHELL_HOOK("echo x")};
	struct run *run = run_prepare(HP_STAGE_CREATE_RUNTIME, hooks, ELEMENTS(hooks));
	struct record record = {
	    .waiter = {.notify = record_event, .wants_output = letter == 'O'},
	    .run = run,
	    .cancels_at = letter,
	    .leaves = leaves,
	};

	run_add_waiter(run, &record.waiter);
	run_start(run);
	run_to_end(run);
	assert_int_equal(run->result.outcome, HP_RUN_CANCELLED);
	/* The hook that was killed, or else the next one. */
	assert_int_equal(run->result.hooks[letter == 'F'].outcome, HP_HOOK_CANCELLED);
	assert_int_equal(run->result.hooks[1].outcome,
			 letter == 'F' ? HP_HOOK_CANCELLED : HP_HOOK_SKIPPED);
	assert_non_null(run->result.error);
	if (!leaves)
		run_remove_waiter(run, &record.waiter);
	run_free(run);
}

static void ends_once_when_cancelled_at_a_start(void **state)
{
	(void)state;
	cancel_from_event('S', true);
}

static void ends_once_when_cancelled_at_output(void **state)
{
	(void)state;
	cancel_from_event('O', true);
}

static void ends_once_when_cancelled_at_a_hooks_end(void **state)
{
	(void)state;
	cancel_from_event('F', true);
}

/* The list has ended by itself, so nothing was cancelled. */
static void cancel_at_the_last_end(const char *script, enum hp_run_outcome outcome)
{
	const struct hp_hook hook = SHELL_HOOK(script);
	struct run *run = run_prepare(HP_STAGE_CREATE_RUNTIME, &hook, 1);
	struct record record = {
	    .waiter.notify = record_event, .run = run, .cancels_at = 'F', .leaves = true};

	starting_count = ending_count = done_count = 0;
	run_add_waiter(run, &record.waiter);
	run_start(run);
	run_to_end(run);
	assert_int_equal(run->result.outcome, outcome);
	assert_int_equal(run->result.hooks[0].outcome, HP_HOOK_EXITED);
	run_free(run);
}

static void a_cancel_that_comes_too_late(void **state)
{
	(void)state;
	cancel_at_the_last_end("exit 0", HP_RUN_SUCCEEDED);
	cancel_at_the_last_end("exit 1", HP_RUN_FAILED);
}

/* ---- at the end of the list, since it ends the program where it fails ---- */

struct leaving {
	struct run_waiter waiter;
	struct run *run;
};

/* As a call: it is freed after the result. */
static void leave_at_the_end(struct run_waiter *waiter, const struct run_event *event)
{
	struct leaving *leaving = (struct leaving *)waiter;

	if (event->type != RUN_EVENT_DONE)
		return;
	run_remove_waiter(leaving->run, waiter);
	free(leaving);
}

static void a_cancel_within_an_event_spares_the_next_waiter(void **state)
{
	const struct hp_hook hook = SHELL_HOOK("exit 0");
	struct run *run = run_prepare(HP_STAGE_CREATE_RUNTIME, &hook, 1);
	struct leaving *leaving = malloc(sizeof(*leaving));
	struct record record = {
	    .waiter.notify = record_event, .run = run, .cancels_at = 'F', .leaves = true};

	(void)state;
	*leaving = (struct leaving){.waiter.notify = leave_at_the_end, .run = run};
	run_add_waiter(run, &record.waiter);
	run_add_waiter(run, &leaving->waiter);
	run_start(run);
	run_to_end(run);
	assert_true(TAILQ_EMPTY(&run->waiters));
	run_free(run);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    RUN_TEST(events_come_in_order),
	    RUN_TEST(one_that_comes_later_hears_all_of_it),
	    RUN_TEST(ends_once_when_cancelled_at_a_start),
	    RUN_TEST(ends_once_when_cancelled_at_output),
	    RUN_TEST(ends_once_when_cancelled_at_a_hooks_end),
	    RUN_TEST(a_cancel_that_comes_too_late),
	    RUN_TEST(a_cancel_within_an_event_spares_the_next_waiter),
	};

	bound_time();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
