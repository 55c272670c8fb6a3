/* SPDX-License-Identifier: Apache-2.0 */

/* A hook list becomes one shim hook that carries it; nothing else in the config changes. */

#include <errno.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/client/hookctl/rewrite.h"

static void expect_error(const char *text, int error, const char *path)
{
	struct hp_buf buf = HP_BUF_INIT;
	struct hp_err err = {0};

	assert_int_equal(delegate_config(text, strlen(text), &plain, &buf, &err), error);
	assert_string_equal(err.path, path);
	assert_string_not_equal(err.reason, "");
	hp_buf_free(&buf);
}

static void test_a_list_becomes_one_hook(void **state)
{
	(void)state;
	expect("{\"hooks\": {\"createRuntime\": [{\"path\": \"/a\"}, {\"path\": \"/b\"}]}}", &plain,
	       "{\"hooks\": {\"createRuntime\": "
	       "[{\"path\":\"/usr/libexec/hookd/hookd-oci-hook\",\"args\":[\"hookd-oci-hook\","
	       "\"--stage=createRuntime\",\"--hooks-json={\\\"createRuntime\\\":"
	       "[{\\\"path\\\":\\\"/a\\\"},{\\\"path\\\":\\\"/b\\\"}]}\"]}]}}");
}

static void test_all_stages_but_start_container(void **state)
{
	static const char *const stages[] = {"prestart", "createRuntime", "createContainer",
					     "poststart", "poststop"};
	const char *same = "{\"hooks\":{\"startContainer\":[{\"path\":\"/a\"}]}}";
	char text[128], option[64];

	(void)state;
	expect(same, &plain, same);
	for (size_t i = 0; i < sizeof(stages) / sizeof(stages[0]); i++) {
		char *got;

		snprintf(text, sizeof(text), "{\"hooks\":{\"%s\":[{\"path\":\"/a\"}]}}", stages[i]);
		snprintf(option, sizeof(option), "\"--stage=%s\"", stages[i]);
		got = rewrite(text, &plain);
		assert_non_null(strstr(got, option));
		free(got);
	}
}

static void test_what_has_no_hooks_stays(void **state)
{
	static const char *const texts[] = {
	    "{}",
	    " {\"hooks\": null}\n",
	    "{\"hooks\":{}}",
	    "{\"hooks\":{\"prestart\":[],\"poststop\":null}}",
	    "{\"hooks\":{\"someday\":[{\"path\":\"/a\"}]}}",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
		expect(texts[i], &plain, texts[i]);
}

static void test_options_go_to_the_shim(void **state)
{
	struct delegate delegate = {
	    .shim = "/opt/shim", .address = "unix:/tmp/s", .if_down = "ignore", .timeout_s = 5};

	(void)state;
	expect(
	    "{\"hooks\":{\"poststop\":[{\"path\":\"/a\"}]}}", &delegate,
	    "{\"hooks\":{\"poststop\":[{\"path\":\"/opt/shim\",\"args\":[\"shim\","
	    "\"--stage=poststop\",\"--hooks-json={\\\"poststop\\\":[{\\\"path\\\":\\\"/a\\\"}]}\","
	    "\"--address=unix:/tmp/s\",\"--if-down=ignore\"],\"timeout\":5}]}}");
}

#define STOPPED_BY(options)                                                                        \
	"{\"hooks\":{\"poststop\":[{\"path\":\"/usr/libexec/hookd/"                                \
	"hookd-oci-hook\",\"args\":[\"hookd-oci-hook\",\"--stage=poststop\","                      \
	"\"--hooks-json={\\\"poststop\\\":[{\\\"path\\\":\\\"/a\\\"}]}\"" options "]}]}}"
#define SPOOL_OPTION ",\"--if-down=spool\""
#define FAIL_OPTION  ",\"--if-down=fail\""

/* It is left for the next hookd, unless the command line or a hand says otherwise. */
static void test_poststop_is_spooled(void **state)
{
	const char *text = "{\"hooks\":{\"poststop\":[{\"path\":\"/a\"}]}}";
	const char *both = "{\"hooks\":{\"prestart\":[{\"path\":\"/a\"}]}}";
	struct delegate fail = plain, spool = plain;
	char *got, *usual;

	(void)state;
	fail.if_down = "fail";
	spool.if_down = "spool";
	expect(text, &plain, STOPPED_BY(SPOOL_OPTION));
	expect(text, &fail, STOPPED_BY(FAIL_OPTION));
	expect(STOPPED_BY(SPOOL_OPTION), &plain, STOPPED_BY(SPOOL_OPTION));
	expect(STOPPED_BY(FAIL_OPTION), &plain, STOPPED_BY(FAIL_OPTION));
	expect(STOPPED_BY(FAIL_OPTION), &spool, STOPPED_BY(SPOOL_OPTION));
	/* As earlier versions have written it. */
	expect(STOPPED_BY(""), &plain, STOPPED_BY(SPOOL_OPTION));
	got = rewrite(both, &spool);
	usual = rewrite(both, &plain);
	assert_string_equal(got, usual);
	assert_null(strstr(usual, "--if-down"));
	free(got);
	free(usual);
}

static void expect_timeout(const char *hooks, const char *expected)
{
	char text[256], *got, *found;

	snprintf(text, sizeof(text), "{\"hooks\":{\"prestart\":%s}}", hooks);
	got = rewrite(text, &plain);
	found = strstr(got, "],\"timeout\":");
	if (expected == NULL)
		assert_null(found);
	else
		assert_string_equal(found, expected);
	free(got);
}

static void test_the_outer_timeout_has_room_for_all(void **state)
{
	(void)state;
	expect_timeout("[{\"path\":\"/a\",\"timeout\":10},{\"path\":\"/b\",\"timeout\":5}]",
		       "],\"timeout\":45}]}}");
	expect_timeout("[{\"path\":\"/a\",\"timeout\":10},{\"path\":\"/b\"}]", NULL);
}

/* A runtime keeps the timeout in an int and converts it to nanoseconds. */
static void test_an_outer_timeout_has_a_bound(void **state)
{
	static char hooks[256 * 40];
	char *got;

	(void)state;
	expect_timeout("[{\"path\":\"/a\",\"timeout\":2147483617}]",
		       "],\"timeout\":2147483647}]}}");
	expect_timeout("[{\"path\":\"/a\",\"timeout\":2147483618}]", NULL);
	expect_timeout("[{\"path\":\"/a\",\"timeout\":2147483647}]", NULL);
	strcpy(hooks, "{\"hooks\":{\"prestart\":[");
	for (int i = 0; i < 214; i++) /* more than 2^64 nanoseconds */
		strcat(hooks, i ? ",{\"path\":\"/a\",\"timeout\":2147483647}"
				: "{\"path\":\"/a\",\"timeout\":2147483647}");
	strcat(hooks, "]}}");
	got = rewrite(hooks, &plain);
	assert_null(strstr(got, "],\"timeout\":"));
	free(got);
}

static void test_every_other_byte_stays(void **state)
{
	const char *head = "{\n\t\"a\" : [ 18446744073709551615, 1.0e2, \"\\u0041\" ],\n"
			   "\t\"hooks\" : {\n\t\t\"prestart\" : ";
	const char *middle = " ,\n\t\t\"startContainer\" : [ {\"path\" : \"/in\"} ],"
			     "\n\t\t\"poststop\" : ";
	const char *tail = "\n\t} ,\n\t\"z\" : -0\n}\n\n";
	char text[1024], *got;

	(void)state;
	snprintf(text, sizeof(text), "%s[ { \"path\" : \"/a\" } ]%s[{\"path\":\"/b\"}]%s", head,
		 middle, tail);
	got = rewrite(text, &plain);
	assert_memory_equal(got, head, strlen(head));
	assert_non_null(strstr(got, middle));
	assert_string_equal(got + strlen(got) - strlen(tail), tail);
	free(got);
}

/* A hook was added beside the shim hook: all three run once, in order. */
static void test_hooks_added_later_join_the_list(void **state)
{
	const char *first = "{\"hooks\":{\"prestart\":[{\"path\":\"/a\"},{\"path\":\"/b\"}]}}";
	char *got = rewrite(first, &plain), *again, *end = got + strlen(got) - 3;
	char text[1024];

	(void)state;
	snprintf(text, sizeof(text), "%.*s,{\"path\":\"/c\"}%s", (int)(end - got), got, end);
	again = rewrite(text, &plain);
	assert_non_null(strstr(again,
			       "\"--hooks-json={\\\"prestart\\\":[{\\\"path\\\":\\\"/a\\\"},"
			       "{\\\"path\\\":\\\"/b\\\"},{\\\"path\\\":\\\"/c\\\"}]}\"]}]}}"));
	free(again);
	free(got);
}

static void test_a_hook_that_only_looks_alike_is_delegated(void **state)
{
	char *got = rewrite("{\"hooks\":{\"prestart\":[{\"path\":\"/a\",\"args\":[\"a\","
			    "\"--stage=poststop\",\"--hooks-json={}\"]}]}}",
			    &plain);

	(void)state;
	assert_non_null(strstr(got, "\"--stage=prestart\""));
	free(got);
}

static void test_what_hookd_would_refuse_is_refused(void **state)
{
	(void)state;
	expect_error(
	    "{\"hooks\":{\"prestart\":[{\"path\":\"/a\"},{\"path\":\"/b\",\"timeout\":0}]}}",
	    -EINVAL, "hooks.prestart[1].timeout");
	expect_error("{\"hooks\":{\"prestart\":[{\"path\":\"a\"}]}}", -EINVAL,
		     "hooks.prestart[0].path");
	expect_error("{\"hooks\":{\"prestart\":{}}}", -EINVAL, "hooks.prestart");
	expect_error("{\"hooks\":[]}", -EINVAL, "hooks");
	expect_error("[]", -EINVAL, "");
	expect_error("{\"hooks\":", -EINVAL, "");
	expect_error("", -EINVAL, "");
}

/* ---- long lists ---- */

/* The list in the arguments of a shim hook, to be freed. */
static char *carried_text(struct hp_json_value hook, struct hp_arena *arena)
{
	struct hp_buf buf = HP_BUF_INIT;
	struct hp_err err;
	char **words;

	assert_int_equal(
	    hp_json_get_strings(hp_json_member(hook, "args"), arena, 4096, &words, &err), 0);
	for (; *words; words++) {
		assert_true(strlen(*words) < 131072); /* MAX_ARG_STRLEN of execve(2) */
		if (strncmp(*words, "--hooks-json=", 13) == 0)
			hp_buf_append(&buf, *words + 13, strlen(*words + 13));
	}
	hp_buf_append(&buf, "", 1);
	return buf.data;
}

/* The lists of all prestart hooks. */
static size_t carried_texts(const char *config, char *texts[], size_t max)
{
	struct hp_json json = {0};
	struct hp_json_value key, hook;
	struct hp_arena arena = HP_ARENA_INIT;
	struct hp_err err;
	size_t count = 0;

	assert_int_equal(hp_json_parse(&json, config, strlen(config), &err), 0);
	HP_JSON_FOREACH (key, hook,
			 hp_json_member(hp_json_member(hp_json_root(&json), "hooks"), "prestart")) {
		assert_true(count < max);
		texts[count++] = carried_text(hook, &arena);
	}
	hp_arena_free(&arena);
	hp_json_free(&json);
	return count;
}

/* The number of hooks that a shim hook carries; hookd accepts all of them. */
static size_t count_carried(const char *text)
{
	struct hp_json json = {0};
	struct hp_arena arena = HP_ARENA_INIT;
	struct hp_hooks hooks;
	struct hp_err err;
	size_t count;

	assert_int_equal(hp_json_parse(&json, text, strlen(text), &err), 0);
	assert_int_equal(hp_hooks_read(hp_json_root(&json), HP_DIALECT_OCI, &arena, &hooks, &err),
			 0);
	count = hooks.stages[HP_STAGE_PRESTART].count;
	hp_arena_free(&arena);
	hp_json_free(&json);
	return count;
}

/* A config of `count` prestart hooks with one argument of `length` bytes, to be freed. */
static char *config_of(size_t count, size_t length, const char *character)
{
	struct hp_buf buf = HP_BUF_INIT;

	hp_buf_append(&buf, "{\"hooks\":{\"prestart\":[", 22);
	for (size_t i = 0; i < count; i++) {
		const char *hook =
		    i ? ",{\"path\":\"/a\",\"args\":[\"" : "{\"path\":\"/a\",\"args\":[\"";

		hp_buf_append(&buf, hook, strlen(hook));
		for (size_t j = 0; j < length; j += strlen(character))
			hp_buf_append(&buf, character, strlen(character));
		hp_buf_append(&buf, "\"]}", 3);
	}
	hp_buf_append(&buf, "]}}", 4);
	assert_false(buf.failed);
	return buf.data;
}

/* Rewritten, also twice, it has `parts` shim hooks, which carry all `count` hooks. */
static void expect_parts(char *config, size_t parts, size_t count)
{
	char *texts[64], *got = rewrite(config, &plain), *again = rewrite(got, &plain);
	size_t found = carried_texts(got, texts, 64), sum = 0;

	assert_string_equal(again, got);
	assert_int_equal(found, parts);
	for (size_t i = 0; i < found; i++) {
		sum += count_carried(texts[i]);
		free(texts[i]);
	}
	assert_int_equal(sum, count);
	free(again);
	free(got);
	free(config);
}

static void test_lists_may_be_of_any_length(void **state)
{
	(void)state;
	/* More than fits into one argument; not cut inside a character. */
	expect_parts(config_of(1, 131000, "x"), 1, 1);
	expect_parts(config_of(1, 140000, "x"), 1, 1);
	expect_parts(config_of(3, 200001, "\xe2\x82\xac"), 1, 3);
	/* More hooks, more bytes and more values than one request may have. */
	expect_parts(config_of(256, 1, "x"), 1, 256);
	expect_parts(config_of(257, 1, "x"), 2, 257);
	expect_parts(config_of(1000, 1, "x"), 4, 1000);
	expect_parts(config_of(20, 150000, "x"), 4, 20);
}

static void test_a_list_of_many_values_becomes_several(void **state)
{
	struct hp_buf buf = HP_BUF_INIT;

	(void)state;
	hp_buf_append(&buf, "{\"hooks\":{\"prestart\":[", 22);
	for (int i = 0; i < 15; i++) {
		hp_buf_append(&buf,
			      i ? ",{\"path\":\"/a\",\"args\":[\"\""
				: "{\"path\":\"/a\",\"args\":[\"\"",
			      i ? 24 : 23);
		for (int j = 0; j < 4000; j++)
			hp_buf_append(&buf, ",\"\"", 3);
		hp_buf_append(&buf, "]}", 2);
	}
	hp_buf_append(&buf, "]}}", 4);
	expect_parts(buf.data, 2, 15);
}

/* ---- what stays ---- */

struct left {
	int count;
	enum hp_stage stage;
};

static void on_left(enum hp_stage stage, const char *why, void *userdata)
{
	struct left *left = userdata;

	assert_string_not_equal(why, "");
	left->count++;
	left->stage = stage;
}

static void expect_left(const char *text, const uint32_t *own_uid, enum hp_stage stage)
{
	struct left left = {0};
	struct delegate delegate = plain;
	char *got;

	delegate.own_uid = own_uid;
	delegate.left = on_left;
	delegate.userdata = &left;
	got = rewrite(text, &delegate);
	if (stage == HP_STAGE_COUNT) {
		assert_int_equal(left.count, 0);
		assert_string_not_equal(got, text);
	} else {
		assert_int_equal(left.count, 1);
		assert_int_equal(left.stage, stage);
		assert_string_equal(got, text);
	}
	free(got);
}

#define CONFIG_IN_USER_NAMESPACE(stage, mapping)                                                   \
	"{\"hooks\":{\"" stage "\":[{\"path\":\"/a\"}]},\"linux\":{\"namespaces\":[{\"type\":"     \
	"\"mount\"},{\"type\":\"user\"}]" mapping "}}"
#define MAPPED_TO(uid)                                                                             \
	",\"uidMappings\":[{\"containerID\":1,\"hostID\":7,\"size\":9},"                           \
	"{\"containerID\":0,\"hostID\":" #uid ",\"size\":1}]"

/* A config with one prestart hook that has `count` strings in a list; to be freed. */
static char *config_of_strings(const char *name, int count)
{
	char *text = malloc(128 + 8 * (size_t)count);
	int length = sprintf(
	    text, "{\"hooks\":{\"prestart\":[{\"path\":\"/b\"},{\"path\":\"/a\",\"%s\":[", name);

	for (int i = 0; i < count; i++)
		length += sprintf(text + length, i > 0 ? ",\"A=\"" : "\"A=\"");
	strcpy(text + length, "]}]}}");
	return text;
}

static void test_hooks_of_more_strings_than_hookd_takes_stay(void **state)
{
	static const char *const names[] = {"args", "env"};

	(void)state;
	for (int i = 0; i < 2; i++) {
		char *most = config_of_strings(names[i], 4096);
		char *more = config_of_strings(names[i], 4097);

		expect_left(most, NULL, HP_STAGE_COUNT);
		expect_left(more, NULL, HP_STAGE_PRESTART);
		free(most);
		free(more);
	}
}

static void test_what_cannot_be_delegated_stays_and_is_told(void **state)
{
	static const uint32_t user = 1000, root = 0;
	const char *other = CONFIG_IN_USER_NAMESPACE("createContainer", MAPPED_TO(100000));
	const char *own = CONFIG_IN_USER_NAMESPACE("createContainer", MAPPED_TO(1000));
	const char *unsaid = CONFIG_IN_USER_NAMESPACE("createContainer", "");
	char *huge = config_of(1, 1024 * 1024, "x");

	(void)state;
	expect_left("{\"hooks\":{\"startContainer\":[{\"path\":\"/a\"}]}}", NULL,
		    HP_STAGE_START_CONTAINER);
	expect_left(huge, NULL, HP_STAGE_PRESTART);
	free(huge);

	expect_left(other, NULL, HP_STAGE_CREATE_CONTAINER);
	expect_left(other, &user, HP_STAGE_CREATE_CONTAINER);
	expect_left(unsaid, NULL, HP_STAGE_CREATE_CONTAINER);
	expect_left(unsaid, &root, HP_STAGE_CREATE_CONTAINER);
	/* Of a rootless engine: the user's hookd accepts requests from there too. */
	expect_left(own, NULL, HP_STAGE_CREATE_CONTAINER);
	expect_left(own, &user, HP_STAGE_COUNT);

	expect_left(CONFIG_IN_USER_NAMESPACE("createRuntime", MAPPED_TO(100000)), NULL,
		    HP_STAGE_COUNT);
	expect_left("{\"linux\":{\"namespaces\":[{\"type\":\"mount\"}]},\"hooks\":{"
		    "\"createContainer\":[{\"path\":\"/a\"}]}}",
		    NULL, HP_STAGE_COUNT);
}

/* ---- delegated again ---- */

static void test_what_was_given_before_is_kept(void **state)
{
	const char *text = "{\"hooks\":{\"prestart\":[{\"path\":\"/a\"}]}}";
	struct delegate first = plain, second = plain, both = plain;
	char *got, *again, *expected;

	(void)state;
	first.address = "unix:/one";
	first.if_down = both.if_down = "ignore";
	second.address = both.address = "unix:/two";
	got = rewrite(text, &first);
	again = rewrite(got, &plain);
	assert_string_equal(again, got);
	free(again);
	/* A new address is written; the other options stay. */
	again = rewrite(got, &second);
	expected = rewrite(text, &both);
	assert_string_equal(again, expected);
	free(expected);
	free(again);
	free(got);
}

/* The sum is computed again: of ten seconds and five, not of the old sum. */
static void test_a_timeout_of_the_hooks_own_is_made_again(void **state)
{
	char *got =
	    rewrite("{\"hooks\":{\"prestart\":[{\"path\":\"/a\",\"timeout\":10}]}}", &plain);
	char *again, *end = got + strlen(got) - 3;
	char text[1024];

	(void)state;
	snprintf(text, sizeof(text), "%.*s,{\"path\":\"/c\",\"timeout\":5}%s", (int)(end - got),
		 got, end);
	again = rewrite(text, &plain);
	assert_non_null(strstr(again, "],\"timeout\":45}]}}"));
	free(again);
	free(got);
}

static void test_another_shim_is_written(void **state)
{
	const char *text = "{\"hooks\":{\"prestart\":[{\"path\":\"/a\"}]}}";
	struct delegate other = plain;
	char *got = rewrite(text, &plain), *again, *expected;

	(void)state;
	other.shim = "/opt/moved/shim";
	again = rewrite(got, &other);
	expected = rewrite(text, &other);
	assert_string_equal(again, expected);
	assert_null(strstr(again, plain.shim));
	free(expected);
	free(again);
	free(got);
}

#define OURS(hook, options)                                                                        \
	"{\"path\":\"/usr/libexec/hookd/hookd-oci-hook\",\"args\":[\"hookd-oci-hook\","            \
	"\"--stage=prestart\",\"--hooks-json={\\\"prestart\\\":[{\\\"path\\\":\\\"" hook           \
	"\\\"}]}\"" options "]}"
#define SLOW(hook, timeout)                                                                        \
	"{\"path\":\"/usr/libexec/hookd/hookd-oci-hook\",\"args\":[\"hookd-oci-hook\","            \
	"\"--stage=prestart\",\"--hooks-json={\\\"prestart\\\":[{\\\"path\\\":\\\"" hook           \
	"\\\"}]}\"],\"timeout\":" #timeout "}"
#define LIST(hooks) "{\"hooks\":{\"prestart\":[" hooks "]}}"
#define AT_B	    ",\"--address=unix:/B\""
#define AT_A	    ",\"--address=unix:/A\""
#define IGNORE	    ",\"--if-down=ignore\""

/* Hooks do not get options that were given for others. */
static void test_hooks_with_other_options_stay_apart(void **state)
{
	struct delegate at_a = plain;

	(void)state;
	at_a.address = "unix:/A";
	expect(LIST("{\"path\":\"/a\"}," OURS("/b", AT_B) "," OURS("/c", AT_A IGNORE)), &plain,
	       LIST(OURS("/a", "") "," OURS("/b", AT_B) "," OURS("/c", AT_A IGNORE)));
	expect(LIST("{\"path\":\"/a\"}," OURS("/c", AT_A IGNORE) "," OURS("/b", AT_B)), &at_a,
	       LIST(OURS("/a", AT_A) "," OURS("/c", AT_A IGNORE) "," OURS("/b", AT_A)));
	/* Nor a timeout that is not the sum of the hooks. */
	expect(LIST("{\"path\":\"/a\"}," SLOW("/b", 5) "," SLOW("/c", 5)), &plain,
	       LIST(OURS("/a", "") "," SLOW("/b", 5) "," SLOW("/c", 5)));
	/* Parts whose options are now the same are merged. */
	expect(LIST("{\"path\":\"/a\"}," OURS("/b", AT_B)), &at_a,
	       LIST(OURS("/a\\\"},{\\\"path\\\":\\\"/b", AT_A)));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_a_list_becomes_one_hook),
	    cmocka_unit_test(test_all_stages_but_start_container),
	    cmocka_unit_test(test_what_has_no_hooks_stays),
	    cmocka_unit_test(test_options_go_to_the_shim),
	    cmocka_unit_test(test_poststop_is_spooled),
	    cmocka_unit_test(test_the_outer_timeout_has_room_for_all),
	    cmocka_unit_test(test_an_outer_timeout_has_a_bound),
	    cmocka_unit_test(test_every_other_byte_stays),
	    cmocka_unit_test(test_hooks_added_later_join_the_list),
	    cmocka_unit_test(test_a_hook_that_only_looks_alike_is_delegated),
	    cmocka_unit_test(test_what_hookd_would_refuse_is_refused),
	    cmocka_unit_test(test_lists_may_be_of_any_length),
	    cmocka_unit_test(test_a_list_of_many_values_becomes_several),
	    cmocka_unit_test(test_hooks_of_more_strings_than_hookd_takes_stay),
	    cmocka_unit_test(test_what_cannot_be_delegated_stays_and_is_told),
	    cmocka_unit_test(test_what_was_given_before_is_kept),
	    cmocka_unit_test(test_a_timeout_of_the_hooks_own_is_made_again),
	    cmocka_unit_test(test_another_shim_is_written),
	    cmocka_unit_test(test_hooks_with_other_options_stay_apart),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
