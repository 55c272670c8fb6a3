/* SPDX-License-Identifier: Apache-2.0 */

/*
 * hookd-oci-hook with lists that are too large for one request, with the inherited environment of
 * each hook: they are sent as several runs, which look like one.
 */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "proto/json/json.h"
#include "tests/client/oci-hook/shim.h"

#define VARIABLES_MAX 1000

/* `count` variables of `length` bytes with the NUL; `fill` stands in their values. */
static char **variables_of(size_t count, size_t length, char fill)
{
	static char *variables[VARIABLES_MAX + 1];

	for (size_t i = 0; i < count; i++) {
		variables[i] = malloc(length);
		memset(variables[i], fill, length);
		variables[i][snprintf(variables[i], length, "V%03zu=", i)] = fill;
		variables[i][length - 1] = '\0';
	}
	variables[count] = NULL;
	return variables;
}

/* "--hooks-json=" with `count` hooks /0, /1, ... in a static buffer. */
static char *hooks_option(const char *stage, size_t count)
{
	static char option[32768];
	size_t length = (size_t)snprintf(option, sizeof(option), "--hooks-json={\"%s\":[", stage);

	for (size_t i = 0; i < count; i++)
		length += (size_t)snprintf(option + length, sizeof(option) - length,
					   "%s{\"path\":\"/%zu\"}", i ? "," : "", i);
	(void)snprintf(option + length, sizeof(option) - length, "]}");
	return option;
}

/* Runs a list of `count` hooks with an environment, which it frees. */
static struct outcome run_list(struct fake_server *server, const char *stage, size_t count,
			       const char *state, char **variables)
{
	char option[64];
	struct outcome outcome;

	(void)snprintf(option, sizeof(option), "--stage=%s", stage);
	outcome =
	    run_shim_with(state, variables,
			  ARGV(option, shim_address_option(server), hooks_option(stage, count)));
	fake_server_join(server);
	for (; *variables; variables++)
		free(*variables);
	return outcome;
}

/*
 * Checks a message: hookd can accept it, and its hooks are those from `first` on. Returns their
 * number; `ret_id` is the id of the request.
 */
static size_t hooks_sent(const struct fake_server *server, size_t message, const char *stage,
			 size_t first, char ret_id[64])
{
	const char *text = fake_server_message(server, message);
	struct hp_json json = {0};
	struct hp_json_value parameters, key, hook;
	struct hp_arena arena = HP_ARENA_INIT;
	struct hp_err err;
	char path[32], *id;
	size_t count = 0;

	assert_non_null(text);
	assert_int_equal(hp_json_parse(&json, text, strlen(text), &err), 0);
	parameters = hp_json_member(hp_json_root(&json), "parameters");
	HP_JSON_FOREACH (key, hook, hp_json_member(hp_json_member(parameters, "hooks"), stage)) {
		(void)snprintf(path, sizeof(path), "/%zu", first + count++);
		assert_true(hp_json_equals(hp_json_member(hook, "path"), path));
		assert_false(hp_json_is_absent(hp_json_member(hook, "env")));
	}
	assert_int_equal(
	    hp_json_get_string(hp_json_member(parameters, "requestId"), &arena, &id, &err), 0);
	(void)snprintf(ret_id, 64, "%s", id);
	hp_arena_free(&arena);
	hp_json_free(&json);
	return count;
}

/* All hooks were sent once, in order, as runs with different ids. */
static void assert_all_sent(const struct fake_server *server, const char *stage, size_t messages,
			    size_t count)
{
	char ids[8][64];
	size_t sum = 0;

	for (size_t i = 0; i < messages; i++) {
		size_t part = hooks_sent(server, i, stage, sum, ids[i]);

		assert_true(part > 0);
		sum += part;
		for (size_t j = 0; j < i; j++)
			assert_string_not_equal(ids[i], ids[j]);
	}
	assert_int_equal(sum, count);
}

static const struct fake_step one[] = {
    {FAKE_ACCEPT}, {FAKE_READ}, {FAKE_SEND, FAKE_SUCCESS}, {FAKE_EOF}, {FAKE_END}};
static const struct fake_step two[] = {
    {FAKE_ACCEPT}, {FAKE_READ}, {FAKE_SEND, FAKE_SUCCESS}, {FAKE_READ}, {FAKE_SEND, FAKE_SUCCESS},
    {FAKE_EOF},	   {FAKE_END}};
static const struct fake_step three[] = {{FAKE_ACCEPT},
					 {FAKE_READ},
					 {FAKE_SEND, FAKE_SUCCESS},
					 {FAKE_READ},
					 {FAKE_SEND, FAKE_SUCCESS},
					 {FAKE_READ},
					 {FAKE_SEND, FAKE_SUCCESS},
					 {FAKE_EOF},
					 {FAKE_END}};

static void expect_parts(const struct fake_step *steps, size_t parts, size_t count,
			 char **variables)
{
	struct fake_server *server = fake_server_start(steps);
	struct outcome outcome = run_list(server, "createRuntime", count, STATE, variables);

	assert_string_equal(outcome.text, "");
	assert_int_equal(outcome.status, 0);
	assert_all_sent(server, "createRuntime", parts, count);
	fake_server_free(server);
}

static void test_a_list_of_any_length_is_run(void **state)
{
	(void)state;
	expect_parts(one, 1, 250, variables_of(10, 1000, 'v'));
	/* 4 MiB for one request, 65536 values. */
	expect_parts(two, 2, 250, variables_of(1, 20000, 'v'));
	expect_parts(three, 3, 250, variables_of(40, 1000, 'v'));
	expect_parts(two, 2, 250, variables_of(300, 10, 'v'));
	/* In JSON each byte of these is six. */
	expect_parts(two, 2, 20, variables_of(1, 40000, '\1'));
	/* A hook of its own each. */
	expect_parts(three, 3, 3, variables_of(10, 40000, '\1'));
}

/* ---- failures ---- */

#define FAILED_AT(stage, index, status)                                                            \
	FAKE_RESULT("r1", "failed",                                                                \
		    "\"error\":\"error running " stage " hook #" #index ": exit\",",               \
		    FAKE_FAILED_HOOK(index, "/x", status))

static void test_the_first_failing_part_is_the_last(void **state)
{
	static const struct fake_step steps[] = {{FAKE_ACCEPT},
						 {FAKE_READ},
						 {FAKE_SEND, FAKE_SUCCESS},
						 {FAKE_READ},
						 {FAKE_SEND, FAILED_AT("createRuntime", 7, 3)},
						 {FAKE_EOF},
						 {FAKE_END}};
	struct fake_server *server = fake_server_start(steps);
	struct outcome outcome =
	    run_list(server, "createRuntime", 250, STATE, variables_of(40, 1000, 'v'));
	char expected[128], id[64];
	size_t first = hooks_sent(server, 0, "createRuntime", 0, id);

	(void)state;
	assert_int_equal(outcome.status, 3);
	/* Counted in the whole list. */
	(void)snprintf(expected, sizeof(expected),
		       "oh\nerror running createRuntime hook #%zu: exit\n", first + 7);
	assert_string_equal(outcome.text, expected);
	fake_server_free(server);
}

/* The exit status is that of the first failure. */
static void test_poststop_goes_on_and_fails_in_the_end(void **state)
{
	static const struct fake_step steps[] = {{FAKE_ACCEPT},
						 {FAKE_READ},
						 {FAKE_SEND, FAKE_SUCCESS},
						 {FAKE_READ},
						 {FAKE_SEND, FAILED_AT("poststop", 0, 5)},
						 {FAKE_READ},
						 {FAKE_SEND, FAILED_AT("poststop", 0, 6)},
						 {FAKE_EOF},
						 {FAKE_END}};
	struct fake_server *server = fake_server_start(steps);
	struct outcome outcome =
	    run_list(server, "poststop", 250, STATE, variables_of(40, 1000, 'v'));

	(void)state;
	assert_int_equal(outcome.status, 5);
	assert_all_sent(server, "poststop", 3, 250);
	fake_server_free(server);
}

static void test_a_cancelled_part_is_the_last(void **state)
{
	static const struct fake_step steps[] = {
	    {FAKE_ACCEPT},
	    {FAKE_READ},
	    {FAKE_SEND,
	     FAKE_RESULT("r1", "cancelled", "\"error\":\"cancelled\",", HOOK_OF("cancelled", ""))},
	    {FAKE_EOF},
	    {FAKE_END}};
	struct fake_server *server = fake_server_start(steps);
	struct outcome outcome =
	    run_list(server, "poststop", 250, STATE, variables_of(40, 1000, 'v'));

	(void)state;
	assert_int_equal(outcome.status, 125);
	assert_string_equal(outcome.text, "cancelled\n");
	fake_server_free(server);
}

static void test_each_part_is_asked_again(void **state)
{
	static const char busy[] = "{\"error\":\"io.hookd.hooks.Busy\",\"parameters\":{"
				   "\"retryAfterUSec\":1,\"reason\":\"too many\"}}";
	static const struct fake_step steps[] = {
	    {FAKE_ACCEPT},     {FAKE_READ}, {FAKE_SEND, FAKE_SUCCESS}, {FAKE_READ},
	    {FAKE_SEND, busy}, {FAKE_READ}, {FAKE_SEND, FAKE_SUCCESS}, {FAKE_EOF},
	    {FAKE_END}};
	struct fake_server *server = fake_server_start(steps);
	struct outcome outcome =
	    run_list(server, "createRuntime", 250, STATE, variables_of(1, 20000, 'v'));
	char id[64];
	size_t first = hooks_sent(server, 0, "createRuntime", 0, id);

	(void)state;
	assert_int_equal(outcome.status, 0);
	assert_int_equal(hooks_sent(server, 1, "createRuntime", first, id), 250 - first);
	assert_int_equal(hooks_sent(server, 2, "createRuntime", first, id), 250 - first);
	fake_server_free(server);
}

/* ---- output ---- */

#define OUTPUT(data)                                                                               \
	"{\"parameters\":{\"event\":\"output\",\"run\":\"r1\",\"index\":0,\"stream\":\"stderr\","  \
	"\"data\":\"" data "\"},\"continues\":true}"
#define LOUD(text, bytes)                                                                          \
	FAKE_RESULT("r1", "succeeded", "",                                                         \
		    "{\"index\":0,\"path\":\"/x\",\"outcome\":\"exited\",\"success\":true,"        \
		    "\"exitStatus\":0,\"stdoutBytes\":0,\"stdoutTruncated\":false,"                \
		    "\"stderr\":\"" text "\",\"stderrBytes\":" #bytes                              \
		    ",\"stderrTruncated\":false,\"lingering\":false}")

/* Hook 0 of the second part is not one of the first part. */
static void test_streamed_output_of_parts_is_whole(void **state)
{
	static const struct fake_step steps[] = {{FAKE_ACCEPT},
						 {FAKE_READ},
						 {FAKE_SEND, OUTPUT("one ")},
						 {FAKE_SEND, LOUD("one ", 4)},
						 {FAKE_READ},
						 {FAKE_SEND, OUTPUT("t")},
						 {FAKE_SEND, LOUD("two", 3)},
						 {FAKE_EOF},
						 {FAKE_END}};
	struct fake_server *server = fake_server_start(steps);
	struct outcome outcome =
	    run_list(server, "poststop", 250,
		     "{\"id\":\"c\",\"annotations\":{\"run.oci.hooks.stdout\":\"/o\"}}",
		     variables_of(1, 20000, 'v'));

	(void)state;
	assert_int_equal(outcome.status, 0);
	assert_string_equal(outcome.text, "one two\n");
	fake_server_free(server);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_a_list_of_any_length_is_run),
	    cmocka_unit_test(test_the_first_failing_part_is_the_last),
	    cmocka_unit_test(test_poststop_goes_on_and_fails_in_the_end),
	    cmocka_unit_test(test_a_cancelled_part_is_the_last),
	    cmocka_unit_test(test_each_part_is_asked_again),
	    cmocka_unit_test(test_streamed_output_of_parts_is_whole),
	};

	alarm(60);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
