/* SPDX-License-Identifier: Apache-2.0 */

/* hookd-oci-hook as a runtime starts it: what it sends to hookd, its messages and exit status. */

#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "tests/client/oci-hook/shim.h"

/* ---- with hookd ---- */

static void test_request(void **state)
{
	struct fake_server *server = fake_server_answer(FAKE_SUCCESS);
	struct outcome outcome;
	const char *message;
	char directory[1024], expected[4096];

	(void)state;
	outcome = run_shim_with(STATE "\n", ENV,
				ARGV((char *)"--stage=createRuntime", shim_address_option(server),
				     (char *)"--hooks-json={\"createRuntime\":[{\"path\":\"/a\"},{"
					     "\"path\":\"/b\",\"args\":[\"b\",\"-x\"],\"env\":[],"
					     "\"timeout\":2}],\"poststop\":[{\"path\":\"/c\"}]}"));
	assert_string_equal(outcome.text, "");
	assert_int_equal(outcome.status, 0);
	fake_server_join(server);
	message = fake_server_message(server, 0);
	assert_non_null(strstr(message, "\"stage\":\"createRuntime\",\"state\":" STATE "\n,"));
	/*
	 * A hook without env inherits ours; one with an empty env has none. Both start in our
	 * directory.
	 */
	assert_non_null(getcwd(directory, sizeof(directory)));
	(void)snprintf(expected, sizeof(expected),
		       "\"createRuntime\":[{\"path\":\"/a\",\"args\":null,\"env\":[\"A=1\","
		       "\"PATH=/usr/bin:/bin\"],\"dir\":\"%s\",\"timeout\":null},{\"path\":\"/b\","
		       "\"args\":[\"b\",\"-x\"],\"env\":[],\"dir\":\"%s\",\"timeout\":2000000000}]",
		       directory, directory);
	assert_non_null(strstr(message, expected));
	assert_null(strstr(message, "\"/c\""));
	assert_non_null(strstr(message, "\"onDisconnect\":\"cancel\""));
	assert_non_null(strstr(message, "\"requestId\":\""));
	fake_server_free(server);
}

static void assert_hooks_sent(char *source, char *more, const char *expected)
{
	struct fake_server *server = fake_server_answer(FAKE_SUCCESS);
	char *argv[] = {(char *)"hookd-oci-hook",    (char *)"--stage=createRuntime",
			shim_address_option(server), source,
			more ? (char *)"--" : NULL,  more,
			(char *)"--stage",	     NULL};

	assert_int_equal(run_shim_with(STATE, ENV, argv).status, 0);
	fake_server_join(server);
	assert_non_null(strstr(fake_server_message(server, 0), expected));
	fake_server_free(server);
}

static void test_sources(void **state)
{
	int config = file_of("{\"ociVersion\":\"1.0.2\",\"hooks\":" HOOKS
			     ",\"linux\":{\"x\":18446744073709551615}}");
	int hooks = file_of(HOOKS);
	char option[64];

	(void)state;
	(void)snprintf(option, sizeof(option), "--hooks=/proc/%d/fd/%d", getpid(), config);
	assert_hooks_sent(option, NULL, "\"createRuntime\":[{\"path\":\"/bin/true\"");
	(void)snprintf(option, sizeof(option), "--hooks=/proc/%d/fd/%d", getpid(), hooks);
	assert_hooks_sent(option, NULL, "\"createRuntime\":[{\"path\":\"/bin/true\"");
	assert_hooks_sent((char *)"--hook=/bin/x", (char *)"-y",
			  "[{\"path\":\"/bin/x\",\"args\":[\"/bin/x\",\"-y\",\"--stage\"]");
	assert_hooks_sent((char *)"--hook=/bin/x", NULL,
			  "[{\"path\":\"/bin/x\",\"args\":[\"/bin/x\"]");
	close(config);
	close(hooks);
}

static void test_environment_that_is_no_text(void **state)
{
	char *env[] = {(char *)"B=\377", (char *)"C=3", NULL};
	struct fake_server *server = fake_server_answer(FAKE_SUCCESS);
	struct outcome outcome;

	(void)state;
	outcome = run_shim_with(STATE, env,
				ARGV((char *)"--stage=createRuntime", shim_address_option(server),
				     (char *)"--hook=/x"));
	assert_int_equal(outcome.status, 0);
	assert_non_null(strstr(outcome.text, "left out 1 environment variable"));
	fake_server_join(server);
	assert_non_null(strstr(fake_server_message(server, 0), "\"env\":[\"C=3\"]"));
	fake_server_free(server);
}

/* Hooks without env as they are sent: `expected` follows the arguments of the first one. */
static void assert_environment_sent(const char *stage, const char *expected)
{
	char *env[] = {(char *)"A=1",
		       (char *)"LD_PRELOAD=/nonexistent.so",
		       (char *)"LD_AUDIT=/nonexistent.so",
		       (char *)"GLIBC_TUNABLES=x",
		       (char *)"MALLOC_PERTURB_=1",
		       (char *)"NLSPATH=/nonexistent",
		       (char *)"LD=kept",
		       (char *)"TZDIR=/nonexistent",
		       NULL};
	struct fake_server *server = fake_server_answer(FAKE_SUCCESS);
	char stage_option[64], hooks[256];
	const char *message;

	(void)snprintf(stage_option, sizeof(stage_option), "--stage=%s", stage);
	(void)snprintf(hooks, sizeof(hooks),
		       "--hooks-json={\"%s\":[{\"path\":\"/x\"},{\"path\":\"/y\",\"env\":["
		       "\"LD_PRELOAD=mine\"]}]}",
		       stage);
	assert_int_equal(
	    run_shim_with(STATE, env, ARGV(stage_option, shim_address_option(server), hooks))
		.status,
	    0);
	fake_server_join(server);
	message = fake_server_message(server, 0);
	assert_non_null(strstr(message, expected));
	assert_non_null(strstr(message, "\"env\":[\"LD_PRELOAD=mine\"]"));
	assert_null(strstr(message, "nonexistent"));
	fake_server_free(server);
}

static void test_environment_is_inherited_by_stage(void **state)
{
	(void)state;
	assert_environment_sent("prestart",
				"{\"path\":\"/x\",\"args\":null,\"env\":[\"A=1\",\"LD=kept\"]");
	assert_environment_sent("poststart",
				"{\"path\":\"/x\",\"args\":null,\"env\":[\"A=1\",\"LD=kept\"]");
	assert_environment_sent("createContainer", "{\"path\":\"/x\",\"args\":null,\"env\":null");
	assert_environment_sent("startContainer", "{\"path\":\"/x\",\"args\":null,\"env\":null");
}

/* A server that reports success to all clients; its address is only in the environment. */
static int status_with_variable(const char *stage)
{
	static const struct fake_step steps[] = {{FAKE_ANSWER_ALL, FAKE_SUCCESS}, {FAKE_END}};
	struct fake_server *server = fake_server_start(steps);
	char variable[256], option[64];
	struct outcome outcome;

	(void)snprintf(variable, sizeof(variable), "HOOKD_ADDRESS=%s", fake_server_address(server));
	(void)snprintf(option, sizeof(option), "--stage=%s", stage);
	outcome = run_shim_with(STATE, ((char *const[]){variable, NULL}),
				ARGV(option, (char *)"--hook=/x"));
	fake_server_shut(server);
	fake_server_end(server);
	return outcome.status;
}

static void test_variable_for_the_address_is_ignored_in_the_container(void **state)
{
	(void)state;
	if (access("/run/hookd/hookd.sock", F_OK) == 0)
		skip("a hookd has the default socket");
	assert_int_equal(status_with_variable("createRuntime"), 0);
	assert_int_equal(status_with_variable("createContainer"), 125);
	assert_int_equal(status_with_variable("startContainer"), 125);
}

static void test_exit_statuses(void **state)
{
	static const struct {
		const char *reply;
		int status;
	} rows[] = {
	    {REPLY_OF("failed", "exited", "\"exitStatus\":3,"), 3},
	    {REPLY_OF("failed", "exited", "\"exitStatus\":125,"), 125},
	    {REPLY_OF("failed", "exited", "\"exitStatus\":126,"), 1},
	    {REPLY_OF("failed", "exited", "\"exitStatus\":255,"), 1},
	    {REPLY_OF("failed", "timed_out", ""), 124},
	    {REPLY_OF("failed", "spawn_failed", "\"errnoName\":\"ENOENT\","), 126},
	    {REPLY_OF("failed", "signaled", "\"signal\":\"SIGSEGV\","), 128 + SIGSEGV},
	    {REPLY_OF("cancelled", "cancelled", ""), 125},
	    {REPLY_OF("lost", "skipped", ""), 125},
	    {FAKE_RESULT("r1", "lost", "\"error\":\"why\",", ""), 125},
	    {"{\"error\":\"io.hookd.hooks.Refused\",\"parameters\":{\"reason\":\"why\"}}", 125},
	    {"{\"error\":\"io.hookd.hooks.Invalid\",\"parameters\":{\"path\":\"state.pid\","
	     "\"detail\":\"why\"}}",
	     125},
	    {"why", 125},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct fake_server *server = fake_server_answer(rows[i].reply);
		struct outcome outcome =
		    run_shim((char *)"--stage=createRuntime", shim_address_option(server),
			     (char *)"--if-down=run-local", (char *)"--hook=/x");

		assert_int_equal(outcome.status, rows[i].status);
		assert_string_not_equal(outcome.text, "");
		fake_server_end(server);
	}
}

#define BUSY                                                                                       \
	"{\"error\":\"io.hookd.hooks.Busy\",\"parameters\":{\"retryAfterUSec\":1000,"              \
	"\"reason\":\"too many\"}}"

/* Nothing was run, so it asks again. */
static void test_busy_is_asked_again(void **state)
{
	static const struct fake_step steps[] = {
	    {FAKE_ACCEPT},     {FAKE_READ}, {FAKE_SEND, BUSY},	       {FAKE_READ},
	    {FAKE_SEND, BUSY}, {FAKE_READ}, {FAKE_SEND, FAKE_SUCCESS}, {FAKE_EOF},
	    {FAKE_END}};
	struct fake_server *server = fake_server_start(steps);
	struct outcome outcome = run_shim((char *)"--stage=createRuntime",
					  shim_address_option(server), (char *)"--hook=/x");

	(void)state;
	assert_int_equal(outcome.status, 0);
	assert_string_equal(outcome.text, "");
	fake_server_end(server);
}

/* But no longer than the timeout of the hook. */
static void test_busy_for_too_long(void **state)
{
	static const char later[] =
	    "{\"error\":\"io.hookd.hooks.Busy\",\"parameters\":{\"retryAfterUSec\":5000000,"
	    "\"reason\":\"too many\"}}";
	static const struct fake_step steps[] = {
	    {FAKE_ACCEPT},	{FAKE_READ}, {FAKE_SEND, later}, {FAKE_READ},
	    {FAKE_SEND, later}, {FAKE_EOF},  {FAKE_END}};
	struct fake_server *server = fake_server_start(steps);
	struct outcome outcome =
	    run_shim((char *)"--stage=createRuntime", shim_address_option(server),
		     (char *)"--hooks-json={\"createRuntime\":[{\"path\":\"/a\",\"timeout\":1}]}");

	(void)state;
	assert_int_equal(outcome.status, 125);
	assert_string_equal(outcome.text,
			    "hookd-oci-hook: hookd is busy and refuses it: too many\n");
	fake_server_end(server);
}

static void test_stderr_and_sentence(void **state)
{
	struct fake_server *server = fake_server_answer(FAKE_RESULT(
	    "r1", "failed", "\"error\":\"error running createRuntime hook #1: exit\",",
	    "{\"index\":0,\"path\":\"/a\",\"outcome\":\"exited\",\"success\":true,"
	    "\"exitStatus\":0,\"stdout\":\"out\",\"stdoutBytes\":3,"
	    "\"stdoutTruncated\":false,\"stderr\":\"one\",\"stderrBytes\":3,"
	    "\"stderrTruncated\":false,\"lingering\":false}," FAKE_FAILED_HOOK(1, "/b", 3)));
	struct outcome outcome = run_shim((char *)"--stage=createRuntime",
					  shim_address_option(server), (char *)"--hook=/x");

	(void)state;
	assert_int_equal(outcome.status, 3);
	assert_string_equal(outcome.text, "one\noh\nerror running createRuntime hook #1: exit\n");
	fake_server_end(server);
}

/* hookd's socket must not get the number of a stream that we write messages to. */
static void test_missing_descriptors_are_opened(void **state)
{
	(void)state;
	for (int closed = 1; closed <= 2; closed++) {
		struct fake_server *server =
		    fake_server_answer(REPLY_OF("failed", "exited", "\"exitStatus\":3,"));
		struct outcome outcome =
		    run_shim_without(closed, STATE, ENV,
				     ARGV((char *)"--stage=poststop", shim_address_option(server),
					  (char *)"--hook=/x"));

		assert_int_equal(outcome.status, 3);
		assert_string_equal(outcome.text, closed == 2 ? "" : "why\n");
		fake_server_end(server);
	}
	assert_int_equal(
	    run_shim_without(0, STATE, ENV,
			     ARGV((char *)"--stage=poststop", (char *)NOBODY, (char *)"--hook=/x"))
		.status,
	    125);
}

/* ---- without ---- */

static void test_nothing_to_run(void **state)
{
	struct outcome outcome =
	    run_shim((char *)"--stage=poststop", (char *)NOBODY, (char *)"--hooks-json=" HOOKS);

	(void)state;
	assert_int_equal(outcome.status, 0);
	assert_string_equal(outcome.text, "");
	assert_true(outcome.has_read_state);
}

static void test_hookd_is_down(void **state)
{
	struct outcome outcome =
	    run_shim((char *)"--stage=poststop", (char *)NOBODY, (char *)"--hook=/bin/true");

	(void)state;
	assert_int_equal(outcome.status, 125);
	assert_non_null(strstr(outcome.text, "/nonexistent/s"));
	outcome = run_shim((char *)"--stage=poststop", (char *)NOBODY, (char *)"--hook=/bin/false",
			   (char *)"--if-down=ignore");
	assert_int_equal(outcome.status, 0);
	assert_non_null(strstr(outcome.text, "not run"));
	outcome = run_shim((char *)"--stage=poststop", (char *)NOBODY, (char *)"--hook=/bin/true",
			   PRIVATE_OPTIONS);
	assert_int_equal(outcome.status, 0);
	assert_string_equal(outcome.text, "");
}

/*
 * podman and docker search the output of a runtime for these words, and then report that the
 * container's own program was not found or may not be executed.
 */
static void assert_no_word_of_the_command(const struct outcome *outcome)
{
	static const char *const words[] = {"o such file or directory",	 "ermission denied",
					    "peration not permitted",	 "ot a directory",
					    "executable file not found", "open executable"};

	assert_int_equal(outcome->status, 125);
	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		assert_null(strstr(outcome->text, words[i]));
}

static void test_down_is_not_taken_for_a_missing_command(void **state)
{
	static const struct fake_step unlisten[] = {{FAKE_UNLISTEN}, {FAKE_END}};
	struct fake_server *server;
	struct outcome outcome;

	(void)state;
	outcome = run_shim((char *)"--stage=poststop", (char *)NOBODY, (char *)"--hook=/bin/true");
	assert_no_word_of_the_command(&outcome);
	assert_non_null(
	    strstr(outcome.text, "hookd is not running: there is no socket /nonexistent/s"));
	outcome = run_shim((char *)"--stage=poststop", (char *)"--address=unix:/dev/null/s",
			   (char *)"--hook=/bin/true");
	assert_no_word_of_the_command(&outcome);
	outcome = run_shim((char *)"--stage=poststop", (char *)"--hooks=/nonexistent");
	assert_no_word_of_the_command(&outcome);
	outcome = run_shim((char *)"--stage=poststop", (char *)"--hooks=/dev/null/x");
	assert_no_word_of_the_command(&outcome);
	server = fake_server_start(unlisten);
	fake_server_join(server);
	outcome = run_shim((char *)"--stage=poststop", shim_address_option(server),
			   (char *)"--hook=/bin/true");
	assert_no_word_of_the_command(&outcome);
	assert_non_null(strstr(outcome.text, "hookd is not running"));
	fake_server_free(server);
}

/* A socket of another user is an error, not a hookd that is down. */
static void test_server_of_another_user(void **state)
{
	static char *const ways[] = {(char *)"--if-down=fail", (char *)"--if-down=run-local",
				     (char *)"--if-down=ignore"};

	(void)state;
	if (geteuid() != 0)
		skip("needs root");
	for (size_t i = 0; i < sizeof(ways) / sizeof(ways[0]); i++) {
		struct fake_server *server = fake_server_start_as(fake_no_message, 4711);
		struct outcome outcome =
		    run_shim((char *)"--stage=createRuntime", shim_address_option(server), ways[i],
			     (char *)"--hook=/bin/echo", (char *)"--", (char *)"ran");

		assert_int_equal(outcome.status, 125);
		assert_non_null(strstr(outcome.text, "belongs to uid 4711"));
		assert_null(strstr(outcome.text, "ran"));
		fake_server_end(server);
	}
}

static void test_wrong_use(void **state)
{
	static const struct {
		const char *complaint;
		const char *options[4];
	} rows[] = {
	    {"--stage is required", {"--hook=/x"}},
	    {"--stage=stop is not a stage", {"--stage=stop", "--hook=/x"}},
	    {"is required", {"--stage=poststop"}},
	    {"is required", {"--stage=poststop", "--hook=/x", "--hooks-json={}"}},
	    {"y: arguments", {"--stage=poststop", "--hooks-json={}", "--", "y"}},
	    {"y: arguments", {"--stage=poststop", "--hook=/x", "y"}},
	    {"absolute path", {"--stage=poststop", "--hook=x"}},
	    {"not no", {"--stage=poststop", "--hook=/x", "--if-down=no"}},
	    {"is for poststop", {"--stage=poststart", "--hook=/x", "--if-down=spool"}},
	    {"unix:", {"--stage=poststop", "--hook=/x", "--address=s"}},
	    {"colour", {"--stage=poststop", "--hook=/x", "--colour"}},
	    {"/nonexistent: No such", {"--stage=poststop", "--hooks=/nonexistent"}},
	    {"poststop[0].path", {"--stage=poststop", "--hooks-json={\"poststop\":[{}]}"}},
	    {"hooks: ", {"--stage=poststop", "--hooks-json=["}},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		char *argv[7] = {(char *)"hookd-oci-hook", (char *)NOBODY};
		struct outcome outcome;

		memcpy(argv + 2, rows[i].options, sizeof(rows[i].options));
		outcome = run_shim_with(STATE, ENV, argv);
		assert_int_equal(outcome.status, 125);
		assert_non_null(strstr(outcome.text, rows[i].complaint));
	}
}

static void test_wrong_states(void **state)
{
	struct fake_server *server;
	struct outcome outcome;

	(void)state;
	outcome = run_shim_with("", ENV, ARGV((char *)"--stage=poststop", (char *)"--hook=/x"));
	assert_int_equal(outcome.status, 125);
	assert_non_null(strstr(outcome.text, "no state"));
	server = fake_server_start(fake_no_message);
	outcome = run_shim_with(
	    "{", ENV,
	    ARGV((char *)"--stage=poststop", (char *)"--hook=/x", shim_address_option(server)));
	assert_int_equal(outcome.status, 125);
	assert_non_null(strstr(outcome.text, "state "));
	fake_server_end(server);
}

static void test_words(void **state)
{
	struct outcome outcome = run_shim((char *)"--help");

	(void)state;
	assert_int_equal(outcome.status, 0);
	assert_non_null(strstr(outcome.text, "--if-down=run-local"));
	assert_int_equal(run_shim((char *)"--version").status, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_request),
	    cmocka_unit_test(test_sources),
	    cmocka_unit_test(test_environment_that_is_no_text),
	    cmocka_unit_test(test_environment_is_inherited_by_stage),
	    cmocka_unit_test(test_variable_for_the_address_is_ignored_in_the_container),
	    cmocka_unit_test(test_exit_statuses),
	    cmocka_unit_test(test_busy_is_asked_again),
	    cmocka_unit_test(test_busy_for_too_long),
	    cmocka_unit_test(test_stderr_and_sentence),
	    cmocka_unit_test(test_missing_descriptors_are_opened),
	    cmocka_unit_test(test_nothing_to_run),
	    cmocka_unit_test(test_hookd_is_down),
	    cmocka_unit_test(test_down_is_not_taken_for_a_missing_command),
	    cmocka_unit_test(test_server_of_another_user),
	    cmocka_unit_test(test_wrong_use),
	    cmocka_unit_test(test_wrong_states),
	    cmocka_unit_test(test_words),
	};

	alarm(60);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
