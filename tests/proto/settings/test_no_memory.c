/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Each allocation in turn fails: a clear error each time, no leak, and outputs unchanged. The
 * linker replaces all allocations by the functions below.
 */

#include "tests/proto/base/unit.h"

#include <stdio.h>

#include "proto/messages/applied.h"
#include "proto/messages/request.h"
#include "proto/messages/result.h"
#include "proto/settings/settings_json.h"

void *__real_malloc(size_t size);
void *__real_calloc(size_t count, size_t size);
void *__real_realloc(void *old, size_t size);
void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t count, size_t size);
void *__wrap_realloc(void *old, size_t size);

/* Allocations until one fails, once; negative: none will. */
static int allocations_left = -1;

static bool fails_now(void)
{
	return allocations_left >= 0 && allocations_left-- == 0;
}

void *__wrap_malloc(size_t size)
{
	return fails_now() ? NULL : __real_malloc(size);
}

void *__wrap_calloc(size_t count, size_t size)
{
	return fails_now() ? NULL : __real_calloc(count, size);
}

void *__wrap_realloc(void *old, size_t size)
{
	return fails_now() ? NULL : __real_realloc(old, size);
}

typedef int (*attempt_fn)(void);

/* Repeats with the 1st, 2nd, ... allocation failing, until none fails. */
static void fail_in_turn(attempt_fn attempt, int at_least)
{
	int failures = 0, r = -ENOMEM;

	while (r == -ENOMEM) {
		allocations_left = failures;
		r = attempt();
		if (r == -ENOMEM)
			failures++;
	}
	allocations_left = -1;
	assert_int_equal(r, 0);
	if (failures < at_least)
		fail_msg("only %d allocations failed", failures);
}

static char request_text[16384];

/* Many hooks, an escaped key among many annotations: every place that allocates. */
static void make_request_text(void)
{
	char *at = request_text;
	char *end = request_text + sizeof(request_text);

	at += snprintf(at, (size_t)(end - at),
		       "{\"stage\":\"poststop\",\"requestId\":\"r\",\"state\":{\"id\":\"a\","
		       "\"annotations\":{\"\\u0061\":1");
	for (int i = 0; i < 40; i++)
		at += snprintf(at, (size_t)(end - at), ",\"annotation-%d\":\"\"", i);
	at += snprintf(at, (size_t)(end - at), "}},\"hooks\":{\"poststop\":[{\"path\":\"/a\"}");
	for (int i = 0; i < 60; i++)
		at += snprintf(at, (size_t)(end - at),
			       ",{\"path\":\"/a\",\"args\":[\"a\",\"b\"],\"env\":[\"A=\\n\"]}");
	snprintf(at, (size_t)(end - at), "]}}");
}

static int parse_and_read_request(void)
{
	struct hp_json json = {0};
	struct hp_request request = {.text_length = 4711};
	struct hp_err err;
	int r = hp_json_parse(&json, request_text, strlen(request_text), &err);

	if (r == 0)
		r = hp_request_read(hp_json_root(&json), &request, &err);
	if (r == 0)
		hp_request_free(&request);
	else
		assert_int_equal(request.text_length, 4711);
	if (r < 0)
		assert_int_equal(err.code, HP_ERR_NO_MEMORY);
	hp_json_free(&json);
	return r;
}

static void request_fails_whole(void **state)
{
	(void)state;
	make_request_text();
	fail_in_turn(parse_and_read_request, 6);
}

/* Every kind of place that settings allocate in. */
static const char settings_text[] =
    "{\"namespaces\":[{\"type\":\"NEWNET\",\"path\":\"/n\"}],\"cgroups\":{\"name\":\"n\","
    "\"parent\":\"p\",\"Systemd\":true,\"rdma\":{\"a\":{\"hca_handles\":1}},\"devices\":"
    "[{\"type\":97}],\"cpuset_cpus\":\"0\",\"unified\":{\"memory.high\":\"1\"}},\"rlimits\":"
    "[{\"type\":4,\"soft\":0,\"hard\":0}],\"intel_rdt\":{\"closID\":\"c\",\"schemata\":"
    "[\"L2:0=f\"]},\"seccomp\":{\"default_action\":2,\"architectures\":[\"x86\"],\"syscalls\":"
    "[{\"name\":\"read\",\"action\":4,\"args\":[{\"index\":0,\"value\":1,\"value_two\":0,"
    "\"op\":1}]}],\"listener_path\":\"/s\"}}";

/*
 * An arena with that much memory left, where further allocations fail: a multiple of 16 below the 4
 * KiB of its largest chunks.
 */
static struct hp_arena begin_with_little(size_t bytes)
{
	struct hp_arena arena = HP_ARENA_INIT;

	do
		assert_non_null(hp_arena_alloc(&arena, 16));
	while (arena.left != bytes);
	allocations_left = 0;
	return arena;
}

static int read_settings_in(const struct hp_json *json, size_t bytes)
{
	struct hp_arena arena = begin_with_little(bytes);
	struct hp_settings *settings = NULL;
	struct hp_err err;
	int r;

	r = hp_settings_read(hp_json_root(json), HP_DIALECT_LIBCONTAINER, &arena, &settings, &err);
	allocations_left = -1;
	if (r < 0) {
		assert_null(settings);
		assert_int_equal(err.code, HP_ERR_NO_MEMORY);
	}
	hp_arena_free(&arena);
	return r;
}

/* Reads with more and more memory until it is enough, which must be at that many bytes. */
static void succeed_with(int (*read)(const struct hp_json *json, size_t bytes), const char *text,
			 size_t min, size_t max)
{
	struct hp_json json = {0};
	struct hp_err err;
	size_t bytes = 0;
	int r;

	assert_int_equal(hp_json_parse(&json, text, strlen(text), &err), 0);
	while ((r = read(&json, bytes)) == -ENOMEM && bytes < max)
		bytes += 16;
	assert_int_equal(r, 0);
	assert_in_range(bytes, min, max);
	hp_json_free(&json);
}

static void settings_fail_whole(void **state)
{
	(void)state;
	succeed_with(read_settings_in, settings_text, 1500, 4000);
}

static int read_applied_in(const struct hp_json *json, size_t bytes)
{
	struct hp_arena arena = begin_with_little(bytes);
	struct hp_applied applied = {.rdt_created = true};
	struct hp_err err;
	int r;

	r = hp_applied_read(hp_json_root(json), &arena, &applied, &err);
	allocations_left = -1;
	if (r < 0) {
		assert_true(applied.rdt_created);
		assert_int_equal(err.code, HP_ERR_NO_MEMORY);
	}
	hp_arena_free(&arena);
	return r;
}

static void applied_fails_whole(void **state)
{
	(void)state;
	succeed_with(read_applied_in,
		     "{\"cgroupPath\":\"/a\",\"rdtGroup\":\"g\",\"schemata\":[\"L3:0=f\"],"
		     "\"process\":[\"rlimits\"],\"ignored\":[\"i\"]}",
		     100, 300);
}

static const char result_text[] =
    "{\"run\":\"r\",\"container\":\"c\",\"stage\":\"prestart\",\"outcome\":\"failed\","
    "\"error\":\"e\",\"queuedUSec\":0,\"durationUSec\":0,\"hooks\":[{\"index\":0,"
    "\"path\":\"/a\",\"outcome\":\"signaled\",\"signal\":\"SIGKILL\",\"success\":false,"
    "\"error\":\"e\",\"failedStep\":\"exec\",\"errnoName\":\"EIO\",\"stdout\":\"o\","
    "\"stdoutBytes\":1,\"stderrBase64\":\"/w==\",\"stderrBytes\":1,\"lingering\":false}]}";

static int parse_and_read_result(void)
{
	struct hp_json json = {0};
	struct hp_run_result result = {.hook_count = 4711};
	struct hp_err err;
	int r = hp_json_parse(&json, result_text, strlen(result_text), &err);

	if (r == 0)
		r = hp_run_result_read(hp_json_root(&json), &result, &err);
	if (r == 0)
		hp_run_result_clear(&result);
	else
		assert_int_equal(result.hook_count, 4711);
	hp_json_free(&json);
	return r;
}

static void result_fails_whole(void **state)
{
	(void)state;
	fail_in_turn(parse_and_read_result, 12);
}

static int write_messages(void)
{
	static char long_text[3000];
	struct hp_buf buf = HP_BUF_INIT;
	struct hp_err err = {.code = HP_ERR_REFUSED, .reason = "no", .path = "rule"};
	bool failed;

	memset(long_text, '\n', sizeof(long_text) - 1);
	hp_reply_err(&buf, &err, NULL);
	hp_reply_empty(&buf, "a.E");
	hp_request_write(
	    &buf, &(struct hp_request_draft){.stage = long_text, .state = "{}", .hooks = "{}"},
	    true, false);
	hp_reply_empty(&buf, NULL);
	failed = buf.failed;
	hp_buf_free(&buf);
	return failed ? -ENOMEM : 0;
}

static void written_message_is_known_to_be_short(void **state)
{
	(void)state;
	fail_in_turn(write_messages, 3);
}

static void inbox_survives(void **state)
{
	struct hp_inbox inbox = {0};
	size_t size = 4711;

	(void)state;
	allocations_left = 0;
	assert_null(hp_inbox_reserve(&inbox, &size));
	allocations_left = -1;
	assert_int_equal(size, 4711);
	assert_true(hp_inbox_is_empty(&inbox));
	hp_inbox_free(&inbox);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(request_fails_whole),
	    cmocka_unit_test(settings_fail_whole),
	    cmocka_unit_test(applied_fails_whole),
	    cmocka_unit_test(result_fails_whole),
	    cmocka_unit_test(written_message_is_known_to_be_short),
	    cmocka_unit_test(inbox_survives),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
