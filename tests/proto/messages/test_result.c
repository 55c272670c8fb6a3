/* SPDX-License-Identifier: Apache-2.0 */

/* Results: the fields of each outcome as written, and read again. */

#include "tests/proto/base/unit.h"

#include <signal.h>

#include "proto/messages/result.h"

/* A literal for a field that is owned when it was read. */
#define TEXT(literal) ((char[]){literal})

static struct hp_buf written_hook(const struct hp_hook_result *result)
{
	struct hp_buf buf = HP_BUF_INIT;
	struct hp_json_writer writer = HP_JSON_WRITER_INIT(&buf);

	hp_hook_result_write(&writer, result);
	hp_buf_append(&buf, "", 1);
	assert_false(buf.failed);
	return buf;
}

static void assert_hook(const struct hp_hook_result *result, const char *expected)
{
	struct hp_buf buf = written_hook(result);

	assert_string_equal(buf.data, expected);
	hp_buf_free(&buf);
}

#define NO_OUTPUT                                                                                  \
	"\"stdoutBytes\":0,\"stdoutTruncated\":false,\"stderrBytes\":0,\"stderrTruncated\":false," \
	"\"lingering\":false}"

static void exited_hook_has_a_status_and_times(void **state)
{
	(void)state;
	assert_hook(&(struct hp_hook_result){.index = 1,
					     .path = TEXT("/bin/a"),
					     .outcome = HP_HOOK_EXITED,
					     .success = true,
					     .oom_killed = -1,
					     .pid = 12,
					     .started_us = 1700000000000000,
					     .duration_us = 3,
					     .drain_us = 5,
					     .user_us = 2,
					     .system_us = 1,
					     .max_rss_bytes = 4096,
					     .output = {{TEXT("out\n"), 4, 4}, {TEXT("err"), 3, 5}},
					     .lingering = true},
		    "{\"index\":1,\"path\":\"/bin/a\",\"outcome\":\"exited\",\"success\":true,"
		    "\"exitStatus\":0,\"pid\":12,\"startedUSec\":1700000000000000,"
		    "\"durationUSec\":3,\"drainUSec\":5,\"userUSec\":2,\"systemUSec\":1,"
		    "\"maxRssBytes\":4096,"
		    "\"stdout\":\"out\\n\",\"stdoutBytes\":4,\"stdoutTruncated\":false,"
		    "\"stderr\":\"err\",\"stderrBytes\":5,\"stderrTruncated\":true,"
		    "\"lingering\":true}");
}

static void signaled_hook_has_a_signal(void **state)
{
	(void)state;
	assert_hook(&(struct hp_hook_result){.path = TEXT("/a"),
					     .outcome = HP_HOOK_SIGNALED,
					     .signal = SIGSEGV,
					     .oom_killed = 1,
					     .error = TEXT("signal: segmentation fault"),
					     .exit_status = 5},
		    "{\"index\":0,\"path\":\"/a\",\"outcome\":\"signaled\",\"success\":false,"
		    "\"signal\":\"SIGSEGV\",\"oomKilled\":true,"
		    "\"error\":\"signal: segmentation fault\"," NO_OUTPUT);
}

static void timed_out_hook_has_no_status(void **state)
{
	(void)state;
	assert_hook(&(struct hp_hook_result){.path = TEXT("/a"),
					     .outcome = HP_HOOK_TIMED_OUT,
					     .signal = SIGKILL,
					     .oom_killed = 0},
		    "{\"index\":0,\"path\":\"/a\",\"outcome\":\"timed_out\",\"success\":false,"
		    "\"oomKilled\":false," NO_OUTPUT);
}

static void hook_that_never_ran_says_at_which_step(void **state)
{
	(void)state;
	assert_hook(&(struct hp_hook_result){.path = TEXT("/a"),
					     .outcome = HP_HOOK_SPAWN_FAILED,
					     .failed_step = TEXT("exec"),
					     .failed_errno = ENOENT,
					     .duration_us = 7,
					     .oom_killed = -1},
		    "{\"index\":0,\"path\":\"/a\",\"outcome\":\"spawn_failed\",\"success\":false,"
		    "\"failedStep\":\"exec\",\"errnoName\":\"ENOENT\"," NO_OUTPUT);
}

static void output_that_is_no_text_goes_as_base64(void **state)
{
	(void)state;
	assert_hook(
	    &(struct hp_hook_result){.path = TEXT("/a"),
				     .outcome = HP_HOOK_SKIPPED,
				     .oom_killed = -1,
				     .output = {{TEXT("\xff"), 1, 1}, {TEXT("a\0b"), 3, 3}}},
	    "{\"index\":0,\"path\":\"/a\",\"outcome\":\"skipped\",\"success\":false,"
	    "\"stdoutBase64\":\"/w==\",\"stdoutBytes\":1,\"stdoutTruncated\":false,"
	    "\"stderrBase64\":\"YQBi\",\"stderrBytes\":3,\"stderrTruncated\":false,"
	    "\"lingering\":false}");
}

/* ---- the way back ---- */

static void assert_read_as_written(const struct hp_hook_result *result)
{
	struct hp_buf buf = written_hook(result), again;
	struct hp_hook_result read;
	struct document document;

	if (hp_hook_result_read(document_open(&document, buf.data), &read, &document.err) < 0)
		fail_msg("%s: %s", document.err.path, document.err.reason);
	again = written_hook(&read);
	assert_string_equal(again.data, buf.data);
	for (int i = 0; i < 2; i++) {
		assert_int_equal(read.output[i].length, result->output[i].length);
		if (read.output[i].length > 0) {
			assert_memory_equal(read.output[i].bytes, result->output[i].bytes,
					    read.output[i].length);
			assert_int_equal(read.output[i].bytes[read.output[i].length], '\0');
		}
	}
	hp_hook_result_clear(&read);
	document_close(&document);
	hp_buf_free(&again);
	hp_buf_free(&buf);
}

static void results_come_back_as_they_were(void **state)
{
	static char text[] = "a \"text\" \xc3\xa9\n", bytes[] = "\x00\xff\x80 bytes";
	struct hp_hook_result result = {
	    .index = 255,
	    .path = TEXT("/a b/\"c\""),
	    .pid = 4194304,
	    .started_us = 1763900000123456,
	    .duration_us = 86400000000,
	    .user_us = 1,
	    .system_us = 2,
	    .max_rss_bytes = 1ll << 40,
	    .exit_status = 255,
	    .signal = 40,
	    .failed_errno = 4095,
	    .failed_step = TEXT("credentials"),
	    .error = TEXT("a sentence"),
	    .output = {{text, strlen(text), UINT64_MAX}, {bytes, sizeof(bytes), sizeof(bytes)}},
	};

	(void)state;
	for (int outcome = 0; outcome < HP_HOOK_OUTCOME_COUNT; outcome++) {
		for (int flag = 0; flag < 2; flag++) {
			result.outcome = (enum hp_hook_outcome)outcome;
			result.success = result.lingering = flag;
			result.oom_killed = flag - 1;
			assert_read_as_written(&result);
		}
	}
	result.oom_killed = 1;
	assert_read_as_written(&result);
}

static void run_comes_back_as_it_was(void **state)
{
	struct hp_hook_result hooks[3] = {
	    {.index = 0, .path = TEXT("/a"), .success = true},
	    {.index = 1, .path = TEXT("/b"), .outcome = HP_HOOK_SIGNALED, .signal = SIGTERM},
	    {.index = 2, .path = TEXT("/c"), .outcome = HP_HOOK_SKIPPED},
	};
	struct hp_run_result result = {
	    .run = TEXT("r1"),
	    .container = TEXT("web-1"),
	    .stage = HP_STAGE_POSTSTOP,
	    .outcome = HP_RUN_FAILED,
	    .error = TEXT("error running poststop hook #1: signal: terminated"),
	    .hooks = hooks,
	    .hook_count = 3,
	    .queued_us = 5,
	    .duration_us = 6,
	};
	struct hp_buf buf = HP_BUF_INIT;
	struct hp_json_writer writer = HP_JSON_WRITER_INIT(&buf);
	struct hp_run_result read;
	struct document document;

	(void)state;
	hp_run_result_write(&writer, &result);
	hp_buf_append(&buf, "", 1);
	assert_int_equal(
	    hp_run_result_read(document_open(&document, buf.data), &read, &document.err), 0);
	document_close(&document);
	assert_string_equal(read.run, "r1");
	assert_string_equal(read.container, "web-1");
	assert_int_equal(read.stage, HP_STAGE_POSTSTOP);
	assert_int_equal(read.outcome, HP_RUN_FAILED);
	assert_string_equal(read.error, result.error);
	assert_int_equal(read.hook_count, 3);
	assert_string_equal(read.hooks[1].path, "/b");
	assert_int_equal(read.hooks[1].signal, SIGTERM);
	assert_int_equal(read.hooks[2].outcome, HP_HOOK_SKIPPED);
	assert_int_equal(read.queued_us, 5);
	assert_int_equal(read.duration_us, 6);
	hp_run_result_clear(&read);
	hp_run_result_clear(&read); /* a cleared one is empty */
	hp_buf_free(&buf);
}

static void run_without_hooks(void **state)
{
	static const char text[] =
	    "{\"run\":\"r\",\"container\":\"c\",\"stage\":\"prestart\",\"outcome\":\"lost\","
	    "\"hooks\":[],\"queuedUSec\":0,\"durationUSec\":0,\"later\":{\"x\":1}}";
	struct hp_run_result read;
	struct document document;

	(void)state;
	assert_int_equal(hp_run_result_read(document_open(&document, text), &read, &document.err),
			 0);
	assert_int_equal(read.hook_count, 0);
	assert_int_equal(read.outcome, HP_RUN_LOST);
	assert_null(read.error);
	hp_run_result_clear(&read);
	document_close(&document);
}

#define RUN(hooks)                                                                                 \
	"{\"run\":\"r\",\"container\":\"c\",\"stage\":\"prestart\",\"outcome\":\"failed\","        \
	"\"hooks\":" hooks ",\"queuedUSec\":0,\"durationUSec\":0}"
#define HOOK(more)                                                                                 \
	"[{\"index\":0,\"path\":\"/a\",\"success\":true,\"stdoutBytes\":0,\"stderrBytes\":0,"      \
	"\"lingering\":false," more "}]"
#define EXITED "\"outcome\":\"exited\""

static void wrong_results_are_refused(void **state)
{
	static const struct {
		const char *text, *path;
	} cases[] = {
	    {"[]", ""},
	    {"{}", "run"},
	    {RUN("null"), "hooks"},
	    {RUN("{}"), "hooks"},
	    {RUN("[1]"), "hooks[0]"},
	    {RUN("[{}]"), "hooks[0].index"},
	    {RUN(HOOK("\"outcome\":\"won\"")), "hooks[0].outcome"},
	    {RUN(HOOK("\"outcome\":null")), "hooks[0].outcome"},
	    {RUN(HOOK(EXITED ",\"exitStatus\":-1")), "hooks[0].exitStatus"},
	    {RUN(HOOK(EXITED ",\"exitStatus\":\"x\"")), "hooks[0].exitStatus"},
	    {RUN(HOOK(EXITED ",\"signal\":9")), "hooks[0].signal"},
	    {RUN(HOOK(EXITED ",\"oomKilled\":1")), "hooks[0].oomKilled"},
	    {RUN(HOOK(EXITED ",\"error\":[]")), "hooks[0].error"},
	    {RUN(HOOK(EXITED ",\"pid\":2147483648")), "hooks[0].pid"},
	    {RUN(HOOK(EXITED ",\"stdout\":1")), "hooks[0].stdout"},
	    {RUN(HOOK(EXITED ",\"stderrBase64\":\"Zg\"")), "hooks[0].stderrBase64"},
	    {RUN(HOOK(EXITED ",\"durationUSec\":1.5")), "hooks[0].durationUSec"},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct hp_run_result read = {.hook_count = 4711};
		struct document document;

		if (hp_run_result_read(document_open(&document, cases[i].text), &read,
				       &document.err) != -EINVAL)
			fail_msg("%s was taken", cases[i].text);
		assert_string_equal(document.err.path, cases[i].path);
		assert_int_equal(read.hook_count, 4711);
		document_close(&document);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(exited_hook_has_a_status_and_times),
	    cmocka_unit_test(signaled_hook_has_a_signal),
	    cmocka_unit_test(timed_out_hook_has_no_status),
	    cmocka_unit_test(hook_that_never_ran_says_at_which_step),
	    cmocka_unit_test(output_that_is_no_text_goes_as_base64),
	    cmocka_unit_test(results_come_back_as_they_were),
	    cmocka_unit_test(run_comes_back_as_it_was),
	    cmocka_unit_test(run_without_hooks),
	    cmocka_unit_test(wrong_results_are_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
