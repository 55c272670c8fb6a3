/* SPDX-License-Identifier: Apache-2.0 */
/* Output of hooks: kept on success and on failure, bounded, and its length counted. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "proto/base/limits.h"
#include "tests/integration/harness/check.h"
#include "tests/integration/harness/probe.h"

#define KEPT_BYTES (HP_CAPTURE_HEAD_BYTES + HP_CAPTURE_TAIL_BYTES)

/* runc 1.1.5 dropped the output of hooks that succeed, crun 1.8.1 sent it to /dev/null. */
static void output_kept_on_success(void **state)
{
	struct client *client = client_open(*state);

	run(client, .hooks = {HOOK("'say','fine','complain','mind you'")});
	check_success(client);
	check_string(client, "result.hooks[0].stdout", "fine");
	check_int(client, "result.hooks[0].stdoutBytes", 4);
	check_bool(client, "result.hooks[0].stdoutTruncated", false);
	check_string(client, "result.hooks[0].stderr", "mind you");
	check_int(client, "result.hooks[0].stderrBytes", 8);
	check_absent(client, "result.hooks[0].error");
	check_absent(client, "result.error");
}

static void output_kept_on_failure(void **state)
{
	struct client *client = client_open(*state);

	run(client, .hooks = {HOOK("'say','to out','complain','to err','exit','3'")});
	check_outcome(client, "failed");
	check_string(client, "result.hooks[0].stdout", "to out");
	check_string(client, "result.hooks[0].stderr", "to err");
	check_string(client, "result.hooks[0].error",
		     "exit status 3, stdout: to out, stderr: to err");
	check_string(client, "result.error",
		     "error running createRuntime hook #0: exit status 3, stdout: to out, "
		     "stderr: to err");
}

static void no_output_is_no_text(void **state)
{
	struct client *client = client_open(*state);

	run(client, .hooks = {HOOK("'exit','0'")});
	check_success(client);
	check_absent(client, "result.hooks[0].stdout");
	check_absent(client, "result.hooks[0].stdoutBase64");
	check_int(client, "result.hooks[0].stdoutBytes", 0);
	check_int(client, "result.hooks[0].stderrBytes", 0);
}

static void output_is_logged_while_the_hook_runs(void **state)
{
	struct harness *harness = *state;
	struct client *client;
	int go = fifo_open(harness, "go");

	harness_start(harness, &(struct start){.config = "[Log]\nHookOutput=yes\n"});
	client = client_open(harness);
	begin_run(client, .hooks = {HOOK("'say','early\\nla','await','@DIR@/go','say','te\\n'")});
	harness_await_log(harness, "MESSAGE=early PRIORITY=6 SYSLOG_IDENTIFIER=");
	assert_false(client_has_input(client));
	fifo_release(go);
	client_receive(client);
	check_success(client);
	harness_await_log_without(harness, "MESSAGE=late ", "MESSAGE=early ");
	harness_await_log(harness, "HOOKD_STREAM=stdout\n");
	harness_await_log_without(harness, "succeeded, 1 hook", "HOOKD_STREAM=");
}

/* The helper's lines contain their offset. */
static void expect_lines(const char *text, size_t length, unsigned long long offset)
{
	char line[32];

	for (size_t i = 0; i < length; i += 16) {
		snprintf(line, sizeof(line), "%015llu\n", offset + i);
		if (memcmp(text + i, line, 16) != 0)
			fail_msg("at byte %zu stands %.15s", i, text + i);
	}
}

/* runc 1.1.5 grew to 1.09 GB with this. */
static void output_300MB_memory_flat(void **state)
{
	struct harness *harness = *state;
	struct client *client = client_open(harness);
	int64_t before, after;
	const char *kept;

	run(client, .hooks = {HOOK("'spam','4000000'")});
	before = probe_rss_bytes(harness->runner);
	run(client, .hooks = {HOOK("'spam','300000000'")});
	after = probe_rss_bytes(harness->runner);
	check_success(client);
	check_int(client, "result.hooks[0].stdoutBytes", 300000000);
	check_bool(client, "result.hooks[0].stdoutTruncated", true);
	kept = reply_string(client, "result.hooks[0].stdout");
	assert_int_equal(strlen(kept), KEPT_BYTES);
	expect_lines(kept, HP_CAPTURE_HEAD_BYTES, 0);
	expect_lines(kept + HP_CAPTURE_HEAD_BYTES, HP_CAPTURE_TAIL_BYTES,
		     300000000 - HP_CAPTURE_TAIL_BYTES);
	assert_true(after - before < 4 * 1024 * 1024);
}

/* Output at the limit is complete; of 16 bytes more, exactly 16 in the middle are missing. */
static void output_is_whole_up_to_the_bound(void **state)
{
	struct client *client = client_open(*state);
	const char *kept;

	run(client, .hooks = {HOOK("'spam','65536'")});
	check_int(client, "result.hooks[0].stdoutBytes", KEPT_BYTES);
	check_bool(client, "result.hooks[0].stdoutTruncated", false);
	kept = reply_string(client, "result.hooks[0].stdout");
	assert_int_equal(strlen(kept), KEPT_BYTES);
	expect_lines(kept, KEPT_BYTES, 0);

	run(client, .hooks = {HOOK("'spam','65552'")});
	check_bool(client, "result.hooks[0].stdoutTruncated", true);
	kept = reply_string(client, "result.hooks[0].stdout");
	assert_int_equal(strlen(kept), KEPT_BYTES);
	expect_lines(kept, HP_CAPTURE_HEAD_BYTES, 0);
	expect_lines(kept + HP_CAPTURE_HEAD_BYTES, HP_CAPTURE_TAIL_BYTES,
		     HP_CAPTURE_HEAD_BYTES + 16);
}

/* The largest pipe of an ordinary user (pipe-max-size): it can be full when a hook exits. */
static void wide_pipe_is_read_to_its_end(void **state)
{
	struct client *client = client_open(*state);
	const char *kept;

	run(client, .hooks = {HOOK("'widen','1048576','spam','1000000'")});
	check_success(client);
	check_int(client, "result.hooks[0].stdoutBytes", 1000000);
	kept = reply_string(client, "result.hooks[0].stdout");
	assert_int_equal(strlen(kept), KEPT_BYTES);
	expect_lines(kept + HP_CAPTURE_HEAD_BYTES, HP_CAPTURE_TAIL_BYTES,
		     1000000 - HP_CAPTURE_TAIL_BYTES);
}

static void invalid_utf8_goes_as_base64(void **state)
{
	struct client *client = client_open(*state);

	run(client, .hooks = {HOOK("'bytes','fffe41','exit','1'")});
	check_absent(client, "result.hooks[0].stdout");
	check_string(client, "result.hooks[0].stdoutBase64", "//5B");
	check_string(client, "result.hooks[0].error", "exit status 1, stdout: ??A, stderr: ");

	/* A NUL would end a Varlink message. */
	run(client, .hooks = {HOOK("'bytes','610062'")});
	check_string(client, "result.hooks[0].stdoutBase64", "YQBi");
	check_int(client, "result.hooks[0].stdoutBytes", 3);
}

static void control_characters_and_quotes_are_escaped(void **state)
{
	struct client *client = client_open(*state);

	run(client, .hooks = {HOOK("'bytes','1b5b31226d5c090ac3a9f09f9982'")});
	check_string(client, "result.hooks[0].stdout", "\033[1\"m\\\t\n\303\251\360\237\231\202");
}

/* Other implementations read replies up to 16 MiB, and an escaped byte takes up to six bytes. */
static void many_loud_hooks_share_a_bound(void **state)
{
	struct harness *harness = *state;
	struct client *client = client_open(harness);
	char hooks[64 * 256] = "";
	size_t kept = 0;

	for (int i = 0; i < 40; i++)
		strcat(strcat(hooks, i ? "," : ""), HOOK("'spam','100000'"));
	run(client, .hooks = {hooks});
	check_success(client);
	for (int i = 0; i < 40; i++) {
		char path[64];

		snprintf(path, sizeof(path), "result.hooks[%d].stdoutBytes", i);
		check_int(client, path, 100000);
		snprintf(path, sizeof(path), "result.hooks[%d].stdout", i);
		if (reply_has(client, path))
			kept += strlen(reply_string(client, path));
	}
	assert_int_equal(kept, 1024 * 1024);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
	    TEST(output_kept_on_success),
	    TEST(output_kept_on_failure),
	    TEST(no_output_is_no_text),
	    TEST_PREPARED(output_is_logged_while_the_hook_runs),
	    TEST(output_300MB_memory_flat),
	    TEST(output_is_whole_up_to_the_bound),
	    TEST(wide_pipe_is_read_to_its_end),
	    TEST(invalid_utf8_goes_as_base64),
	    TEST(control_characters_and_quotes_are_escaped),
	    TEST(many_loud_hooks_share_a_bound),
	};

	harness_read_arguments(argc, argv);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
