/* SPDX-License-Identifier: Apache-2.0 */

/* Hooks' output as entries of the log: lines, pieces of long ones, what is left out, the rate. */

#include "tests/daemon/support/requests.h"
#include "tests/daemon/support/support.h"

#include "daemon/journal/journal.h"

static const struct run_context context;
static const struct config config = {.log_hook_output = 1};

/* Logs the output of a hook, and nothing else; the caller frees the text. */
static char *log_output(struct journal *journal, struct hp_output stdout_of,
			struct hp_output stderr_of)
{
	const struct hp_hook hook = {.path = (char *)"/usr/bin/net-add"};
	struct run *run = run_make(&context, "r", request_make("web", HP_STAGE_POSTSTOP, &hook, 1));
	struct grab grab;

	run->state = RUN_DONE;
	run->result.hooks[0].success = true;
	run->result.hooks[0].output[0] = stdout_of;
	run->result.hooks[0].output[1] = stderr_of;
	log_open(LOG_TARGET_STDERR);
	grab_stderr(&grab);
	journal_run_done(journal, &config, run);
	run->result.hooks[0].output[0] = run->result.hooks[0].output[1] = (struct hp_output){0};
	run_free(run);
	return grab_end(&grab);
}

static struct hp_output whole(const char *text)
{
	return (struct hp_output){(char *)text, strlen(text), strlen(text), 0};
}

static int count_lines(const char *text)
{
	int lines = 0;

	while ((text = strchr(text, '\n'))) {
		text++;
		lines++;
	}
	return lines;
}

static void each_line_is_an_entry(void **state)
{
#define ENTRY(message, stream)                                                                     \
	"hookd: MESSAGE=" message " PRIORITY=6 SYSLOG_IDENTIFIER=net-add HOOKD_RUN=r"              \
	" HOOKD_CONTAINER=web HOOKD_STAGE=poststop HOOKD_UID=0 HOOKD_HOOK=0"                       \
	" HOOKD_PATH=/usr/bin/net-add HOOKD_STREAM=" stream "\n"
	struct journal journal = {0};
	char *text = log_output(&journal, whole("one\n\ntwo words"), whole("bad\n"));

	(void)state;
	assert_string_equal(text, ENTRY("one", "stdout") ENTRY("\"\"", "stdout")
				      ENTRY("\"two words\"", "stdout") ENTRY("bad", "stderr"));
	free(text);
}

/* Nor is a character cut in the middle. */
static void a_long_line_is_not_cut(void **state)
{
	struct journal journal = {0};
	char *line = calloc(1, 4001), *text;
	size_t seen = 0;

	(void)state;
	for (size_t i = 0; i + 1 < 4000; i += 2)
		memcpy(line + i, "\xc3\xb6", 2);
	line[0] = line[1] = 'x'; /* so that a character stands on each boundary */
	memmove(line + 1, line + 2, 3999);
	text = log_output(&journal, whole(line), whole(""));
	assert_int_equal(count_lines(text), 5);
	assert_null(strstr(text, "\\x"));
	for (const char *at = text; (at = strstr(at, "\xc3\xb6")); at++)
		seen++;
	assert_int_equal(seen, (strlen(line) - 1) / 2);
	free(text);
	free(line);
}

static void what_is_missing_is_told(void **state)
{
	struct journal journal = {0};
	struct hp_output cut = {(char *)"first\nlast\n", 11, 1011, 6};
	char *text = log_output(&journal, cut, whole(""));
	const char *first = strstr(text, "MESSAGE=first "), *last = strstr(text, "MESSAGE=last ");
	const char *gap = strstr(text, "MESSAGE=\"[1000 bytes left out]\"");

	(void)state;
	assert_true(first && gap && last && first < gap && gap < last);
	free(text);
}

static void a_nul_ends_nothing(void **state)
{
	struct journal journal = {0};
	struct hp_output output = {(char *)"a\0b", 3, 3, 0};
	char *text = log_output(&journal, output, whole(""));

	(void)state;
	assert_non_null(strstr(text, "MESSAGE=\"a?b\""));
	free(text);
}

static void lines_have_a_rate(void **state)
{
	struct journal journal = {0};
	char *lines = calloc(1, 5001), *text;

	(void)state;
	memset(lines, '\n', 5000);
	text = log_output(&journal, whole(lines), whole(""));
	assert_int_equal(count_lines(text), 2000);
	free(text);
	journal.output.began_ns -= RATE_PERIOD_NS;
	text = log_output(&journal, whole("x"), whole(""));
	assert_int_equal(count_lines(text), 2);
	assert_ptr_equal(strstr(text, "hookd: 3000 lines of hooks' output were not logged"), text);
	free(text);
	free(lines);
}

/* ---- while the run runs ---- */

static void tell(struct run *run, const struct run_event *event)
{
	struct run_waiter *waiter, *next;

	for (waiter = TAILQ_FIRST(&run->waiters); waiter; waiter = next) {
		next = TAILQ_NEXT(waiter, link);
		waiter->notify(waiter, event);
	}
}

static void tell_output(struct run *run, int stream, uint64_t offset, bool is_kept,
			const char *text)
{
	const struct hook_output output = {stream, offset, is_kept, text, strlen(text)};

	tell(run, &(struct run_event){.type = RUN_EVENT_OUTPUT, .output = &output});
}

struct followed {
	struct journal journal;
	struct run *run;
	struct grab grab;
};

static struct followed *follow(void)
{
	const struct hp_hook hook = {.path = (char *)"/usr/bin/net-add"};
	struct followed *followed = calloc(1, sizeof(*followed));

	followed->run = run_make(&context, "r", request_make("web", HP_STAGE_POSTSTOP, &hook, 1));
	log_open(LOG_TARGET_STDERR);
	grab_stderr(&followed->grab);
	journal_run_started(&followed->journal, &config, followed->run);
	return followed;
}

/* The caller frees the text. */
static char *end_followed(struct followed *followed, struct hp_output stdout_of)
{
	struct run *run = followed->run;
	struct hp_hook_result *hook = &run->result.hooks[0];
	char *text;

	hook->output[0] = stdout_of;
	tell(run, &(struct run_event){.type = RUN_EVENT_FINISHED, .hook = hook});
	tell(run, &(struct run_event){.type = RUN_EVENT_DONE});
	assert_true(TAILQ_EMPTY(&run->waiters));
	run->state = RUN_DONE;
	hook->success = true;
	journal_run_done(&followed->journal, &config, run);
	hook->output[0] = (struct hp_output){0};
	text = grab_end(&followed->grab);
	run_free(run);
	free(followed);
	return text;
}

static void lines_are_logged_when_they_are_complete(void **state)
{
	struct followed *followed = follow();
	char *text;

	(void)state;
	tell_output(followed->run, 1, 0, false, "one\ntw");
	tell_output(followed->run, 2, 0, false, "bad\n");
	tell_output(followed->run, 1, 6, false, "o\nthr");
	text = grab_end(&followed->grab);
	assert_string_equal(text,
			    ENTRY("one", "stdout") ENTRY("bad", "stderr") ENTRY("two", "stdout"));
	free(text);
	grab_stderr(&followed->grab);
	text = end_followed(followed, whole("one\ntwo\nthree"));
	assert_ptr_equal(strstr(text, ENTRY("three", "stdout")), text);
	assert_null(strstr(text, "MESSAGE=one"));
	free(text);
}

/* What is kept is told again when another listener comes. */
static void no_line_is_logged_twice(void **state)
{
	struct followed *followed = follow();
	char *text;

	(void)state;
	tell_output(followed->run, 1, 0, false, "one\n");
	tell_output(followed->run, 1, 0, true, "one\ntwo\n");
	tell_output(followed->run, 1, 4, false, "two\n");
	text = end_followed(followed, whole("one\ntwo\n"));
	assert_int_equal(count_lines(text), 2);
	free(text);
}

static void a_gap_is_told_while_it_runs(void **state)
{
	struct followed *followed = follow();
	char *text;

	(void)state;
	tell_output(followed->run, 1, 0, false, "one");
	tell_output(followed->run, 1, 103, true, "last\n");
	text = end_followed(followed, (struct hp_output){(char *)"onelast\n", 8, 108, 3});
	assert_string_equal(text, ENTRY("one", "stdout") ENTRY("\"[100 bytes left out]\"", "stdout")
				      ENTRY("last", "stdout"));
	free(text);
}

static void what_did_not_come_is_in_the_result(void **state)
{
	struct followed *followed = follow();
	char *text = end_followed(followed, whole("all\n"));

	(void)state;
	assert_string_equal(text, ENTRY("all", "stdout"));
	free(text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(each_line_is_an_entry),
	    cmocka_unit_test(a_long_line_is_not_cut),
	    cmocka_unit_test(what_is_missing_is_told),
	    cmocka_unit_test(a_nul_ends_nothing),
	    cmocka_unit_test(lines_have_a_rate),
	    cmocka_unit_test(lines_are_logged_when_they_are_complete),
	    cmocka_unit_test(no_line_is_logged_twice),
	    cmocka_unit_test(a_gap_is_told_while_it_runs),
	    cmocka_unit_test(what_did_not_come_is_in_the_result),
	};

	bound_time();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
