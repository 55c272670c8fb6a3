/* SPDX-License-Identifier: Apache-2.0 */

/* The messages about runs: text, priority and fields, and that no output of hooks is in them. */

#include "tests/daemon/support/requests.h"
#include "tests/daemon/support/support.h"

#include <signal.h>

#include "daemon/journal/journal.h"
#include "daemon/journal/message_id.h"

#define COMMON " HOOKD_RUN=3f9ac01be27d HOOKD_CONTAINER=web HOOKD_STAGE=poststart HOOKD_UID=0"
#define END    " (run 3f9ac01be27d)\""

static const struct run_context context;
static const struct config usual = {.log_runs = 1};
static struct journal journal;

/* A run that is done, of three hooks. */
static struct run *make_run(enum hp_run_outcome outcome)
{
	const struct hp_hook hooks[] = {{.path = (char *)"/bin/first"},
					{.path = (char *)"/bin/notify"},
					{.path = (char *)"/bin/last"}};
	struct run *run =
	    run_make(&context, "3f9ac01be27d", request_make("web", HP_STAGE_POSTSTART, hooks, 3));

	run->state = RUN_DONE;
	run->result.outcome = outcome;
	run->result.duration_us = 7123;
	run->result.error = strdup("exit status 3, stdout: the secret");
	for (size_t i = 0; i < 3; i++) {
		struct hp_hook_result *hook = &run->result.hooks[i];

		hook->outcome = HP_HOOK_EXITED;
		hook->success = true;
		hook->output[0] = (struct hp_output){strdup("the secret\n"), 11, 11, 0};
	}
	return run;
}

static char *logged(const struct config *config, struct run *run)
{
	struct grab grab;

	log_open(LOG_TARGET_STDERR);
	grab_stderr(&grab);
	journal_run_done(&journal, config, run);
	run_free(run);
	return grab_end(&grab);
}

static void expect(struct run *run, const char *expected)
{
	char *line = logged(&usual, run);

	assert_string_equal(line, expected);
	assert_null(strstr(line, "secret"));
	free(line);
}

static struct run *make_failed(enum hp_hook_outcome outcome)
{
	struct run *run = make_run(HP_RUN_FAILED);

	run->result.hooks[1].outcome = outcome;
	run->result.hooks[1].success = false;
	run->result.hooks[2].outcome = HP_HOOK_SKIPPED;
	return run;
}

static void success(void **state)
{
	(void)state;
	expect(make_run(HP_RUN_SUCCEEDED),
	       "hookd: MESSAGE=\"web poststart: succeeded, 3 hooks, 7.1ms" END
	       " PRIORITY=6 MESSAGE_ID=" MESSAGE_RUN_ENDED COMMON
	       " HOOKD_OUTCOME=succeeded HOOKD_HOOK=2 HOOKD_PATH=/bin/last"
	       " HOOKD_DURATION_USEC=7123 HOOKD_EXIT_STATUS=0\n");
}

static void failures(void **state)
{
	struct run *run = make_failed(HP_HOOK_EXITED);

	(void)state;
	run->result.hooks[1].exit_status = 3;
	expect(run, "hookd: MESSAGE=\"web poststart: failed (3) #1/3 /bin/notify, 7.1ms" END
		    " PRIORITY=3 MESSAGE_ID=" MESSAGE_RUN_FAILED COMMON
		    " HOOKD_OUTCOME=failed HOOKD_HOOK=1 HOOKD_PATH=/bin/notify"
		    " HOOKD_DURATION_USEC=7123 HOOKD_EXIT_STATUS=3\n");
	run = make_failed(HP_HOOK_SIGNALED);
	run->result.hooks[1].signal = SIGSEGV;
	run->result.duration_us = 2100000;
	expect(run, "hookd: MESSAGE=\"web poststart: failed (SIGSEGV) #1/3 /bin/notify, 2.1s" END
		    " PRIORITY=3 MESSAGE_ID=" MESSAGE_RUN_FAILED COMMON
		    " HOOKD_OUTCOME=failed HOOKD_HOOK=1 HOOKD_PATH=/bin/notify"
		    " HOOKD_DURATION_USEC=2100000 HOOKD_SIGNAL=SIGSEGV\n");
	run = make_failed(HP_HOOK_SIGNALED);
	run->result.hooks[1].signal = SIGKILL;
	run->result.hooks[1].oom_killed = 1;
	expect(run, "hookd: MESSAGE=\"web poststart: failed (OOM) #1/3 /bin/notify, 7.1ms" END
		    " PRIORITY=3 MESSAGE_ID=" MESSAGE_RUN_FAILED COMMON
		    " HOOKD_OUTCOME=failed HOOKD_HOOK=1 HOOKD_PATH=/bin/notify"
		    " HOOKD_DURATION_USEC=7123 HOOKD_SIGNAL=SIGKILL\n");
	run = make_failed(HP_HOOK_SPAWN_FAILED);
	run->result.hooks[1].failed_errno = ENOENT;
	expect(run, "hookd: MESSAGE=\"web poststart: failed (ENOENT: not started) #1/3 "
		    "/bin/notify, 7.1ms" END " PRIORITY=3 MESSAGE_ID=" MESSAGE_RUN_FAILED COMMON
		    " HOOKD_OUTCOME=spawn_failed HOOKD_HOOK=1 HOOKD_PATH=/bin/notify"
		    " HOOKD_DURATION_USEC=7123 HOOKD_ERRNO=ENOENT\n");
}

static void timeout(void **state)
{
	struct run *run = make_failed(HP_HOOK_TIMED_OUT);

	(void)state;
	run->result.duration_us = 30001000;
	expect(run, "hookd: MESSAGE=\"web poststart: timed out #1/3 /bin/notify, 30s" END
		    " PRIORITY=3 MESSAGE_ID=" MESSAGE_RUN_TIMED_OUT COMMON
		    " HOOKD_OUTCOME=timed_out HOOKD_HOOK=1 HOOKD_PATH=/bin/notify"
		    " HOOKD_DURATION_USEC=30001000\n");
}

static void cancel(void **state)
{
	struct run *run = make_failed(HP_HOOK_CANCELLED);

	(void)state;
	run->result.outcome = HP_RUN_CANCELLED;
	expect(run, "hookd: MESSAGE=\"web poststart: cancelled #1/3 /bin/notify, 7.1ms" END
		    " PRIORITY=6 MESSAGE_ID=" MESSAGE_RUN_ENDED COMMON
		    " HOOKD_OUTCOME=cancelled HOOKD_HOOK=1 HOOKD_PATH=/bin/notify"
		    " HOOKD_DURATION_USEC=7123\n");
}

/* A lost run has no results of hooks. One of an earlier hookd does not even say which hook it was.
 */
static void loss(void **state)
{
	struct run *run = make_run(HP_RUN_LOST), *older;

	(void)state;
	run->is_lost = true;
	run->current = 1;
	expect(run, "hookd: MESSAGE=\"web poststart: lost #1/3 /bin/notify" END
		    " PRIORITY=3 MESSAGE_ID=" MESSAGE_RUN_LOST COMMON
		    " HOOKD_OUTCOME=lost HOOKD_HOOK=1 HOOKD_PATH=/bin/notify\n");
	older = make_run(HP_RUN_LOST);
	older->is_lost = older->is_open = true;
	expect(older, "hookd: MESSAGE=\"web poststart: lost" END
		      " PRIORITY=3 MESSAGE_ID=" MESSAGE_RUN_LOST COMMON " HOOKD_OUTCOME=lost\n");
}

static void turned_away(void **state)
{
	struct run *run = make_run(HP_RUN_SUCCEEDED);

	(void)state;
	run->is_turned_away = true;
	free(run->result.error);
	run->result.error = NULL;
	expect(run,
	       "hookd: MESSAGE=\"web poststart: refused for lack of resources, no hook was run: "
	       "out of memory" END " PRIORITY=4 MESSAGE_ID=" MESSAGE_RUN_TURNED_AWAY COMMON "\n");
}

static void start_is_for_debugging(void **state)
{
	struct run *run = make_run(HP_RUN_SUCCEEDED);
	struct grab grab;
	char *line;

	(void)state;
	log_open(LOG_TARGET_STDERR);
	for (int level = LOG_INFO; level <= LOG_DEBUG; level++) {
		log_set_level(level);
		grab_stderr(&grab);
		journal_run_started(&journal, &usual, run);
		line = grab_end(&grab);
		assert_string_equal(line, level == LOG_INFO
					      ? ""
					      : "hookd: MESSAGE=\"web poststart: started, 3 "
						"hooks" END
						" PRIORITY=7 MESSAGE_ID=" MESSAGE_RUN_STARTED COMMON
						"\n");
		free(line);
	}
	log_set_level(LOG_INFO);
	run_free(run);
}

/* What goes wrong is logged nevertheless. */
static void runs_can_be_left_out(void **state)
{
	static const struct config quiet = {.log_runs = 0};
	char *line = logged(&quiet, make_run(HP_RUN_SUCCEEDED));

	(void)state;
	assert_string_equal(line, "");
	free(line);
	line = logged(&quiet, make_failed(HP_HOOK_TIMED_OUT));
	assert_non_null(strstr(line, "timed out"));
	free(line);
}

/* A container's name is up to its creator. */
static void names_forge_nothing(void **state)
{
	const struct hp_hook hook = {.path = (char *)"/x\" HOOKD_UID=0"};
	struct run *run = run_make(&context, "3f9ac01be27d",
				   request_make("a\" HOOKD_OUTCOME=failed\nhookd: MESSAGE=\\",
						HP_STAGE_POSTSTART, &hook, 1));

	(void)state;
	run->state = RUN_DONE;
	run->result.hooks[0].outcome = HP_HOOK_EXITED;
	run->result.hooks[0].success = true;
	expect(run,
	       "hookd: MESSAGE=\"a\\\" HOOKD_OUTCOME=failed\\x0ahookd: MESSAGE=\\\\ poststart: "
	       "succeeded, 1 hook, 0.0ms" END " PRIORITY=6 MESSAGE_ID=" MESSAGE_RUN_ENDED
	       " HOOKD_RUN=3f9ac01be27d"
	       " HOOKD_CONTAINER=\"a\\\" HOOKD_OUTCOME=failed\\x0ahookd: MESSAGE=\\\\\""
	       " HOOKD_STAGE=poststart HOOKD_UID=0 HOOKD_OUTCOME=succeeded HOOKD_HOOK=0"
	       " HOOKD_PATH=\"/x\\\" HOOKD_UID=0\" HOOKD_DURATION_USEC=0 HOOKD_EXIT_STATUS=0\n");
}

static void refusals_have_a_rate(void **state)
{
	struct hp_err err = {.code = HP_ERR_REFUSED, .reason = "no rule matches"};
	struct journal fresh = {0};
	struct grab grab;
	char *text;
	int lines = 0;

	(void)state;
	log_open(LOG_TARGET_STDERR);
	grab_stderr(&grab);
	for (int i = 0; i < 150; i++)
		journal_refused(&fresh, 1000, "io.hookd.hooks.Run", &err);
	text = grab_end(&grab);
	for (const char *at = text; (at = strchr(at, '\n')); at++)
		lines++;
	assert_int_equal(lines, 100);
	assert_ptr_equal(strstr(text, "hookd: MESSAGE=\"refused io.hookd.hooks.Run, uid 1000: no "
				      "rule matches\" PRIORITY=4 MESSAGE_ID=" MESSAGE_CALL_REFUSED
				      " HOOKD_METHOD=io.hookd.hooks.Run HOOKD_UID=1000\n"),
			 text);
	free(text);
	/* When the period is over the others are told of. */
	fresh.refusals.began_ns -= RATE_PERIOD_NS;
	grab_stderr(&grab);
	journal_refused(&fresh, 1000, "io.hookd.hooks.Run", &err);
	journal_refused(&fresh, 1000, "io.hookd.hooks.Run", &err);
	text = grab_end(&grab);
	assert_ptr_equal(strstr(text, "hookd: 50 more calls were refused\n"), text);
	assert_null(strstr(strchr(text, '\n'), "more calls"));
	free(text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(success),
	    cmocka_unit_test(failures),
	    cmocka_unit_test(timeout),
	    cmocka_unit_test(cancel),
	    cmocka_unit_test(loss),
	    cmocka_unit_test(turned_away),
	    cmocka_unit_test(start_is_for_debugging),
	    cmocka_unit_test(runs_can_be_left_out),
	    cmocka_unit_test(names_forge_nothing),
	    cmocka_unit_test(refusals_have_a_rate),
	};

	bound_time();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
