/* SPDX-License-Identifier: Apache-2.0 */

/* Hook lists become one hook that carries them; nothing else of the config changes. */

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "client/hookctl/delegate.h"

static const struct delegate plain = {.shim = "/usr/libexec/hookd/hookd-oci-hook"};

/* Delegates and gives the new text, which the caller frees. */
static char *rewrite(const char *text, const struct delegate *delegate)
{
	struct hp_buf buf = HP_BUF_INIT;
	struct hp_err err = {0};

	assert_int_equal(delegate_config(text, strlen(text), delegate, &buf, &err), 0);
	hp_buf_append(&buf, "", 1);
	return buf.data;
}

static void expect(const char *text, const struct delegate *delegate, const char *expected)
{
	char *got = rewrite(text, delegate), *again;

	assert_string_equal(got, expected);
	again = rewrite(got, delegate);
	assert_string_equal(again, expected);
	free(again);
	free(got);
}

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

/* A runtime has it in an int, and turns it into nanoseconds. */
static void test_an_outer_timeout_has_a_bound(void **state)
{
	static char hooks[256 * 40];
	char *got;

	(void)state;
	expect_timeout("[{\"path\":\"/a\",\"timeout\":86399970}]", "],\"timeout\":86400000}]}}");
	expect_timeout("[{\"path\":\"/a\",\"timeout\":86399971}]", NULL);
	expect_timeout("[{\"path\":\"/a\",\"timeout\":86400000}]", NULL);
	strcpy(hooks, "{\"hooks\":{\"prestart\":[");
	for (int i = 0; i < 214; i++) /* in nanoseconds more than 2^64 */
		strcat(hooks, i ? ",{\"path\":\"/a\",\"timeout\":86400000}"
				: "{\"path\":\"/a\",\"timeout\":86400000}");
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

/* Somebody puts a hook beside the delegated one: all three run once, in their order. */
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

/* execve(2) takes no argument of 128 KiB or more. */
static void test_a_list_too_long_for_an_argument_is_refused(void **state)
{
	static char text[140000];
	int length =
	    snprintf(text, sizeof(text), "{\"hooks\":{\"prestart\":[{\"path\":\"/a\",\"args\":[\"");
	size_t room =
	    128 * 1024 - strlen("--hooks-json={'prestart':[{'path':'/a','args':['']}]}") - 1;

	(void)state;
	memset(text + length, 'x', room);
	strcpy(text + (size_t)length + room, "\"]}]}}");
	free(rewrite(text, &plain));
	memset(text + length, 'x', room + 1);
	strcpy(text + (size_t)length + room + 1, "\"]}]}}");
	expect_error(text, -E2BIG, "hooks.prestart");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_a_list_becomes_one_hook),
	    cmocka_unit_test(test_all_stages_but_start_container),
	    cmocka_unit_test(test_what_has_no_hooks_stays),
	    cmocka_unit_test(test_options_go_to_the_shim),
	    cmocka_unit_test(test_the_outer_timeout_has_room_for_all),
	    cmocka_unit_test(test_an_outer_timeout_has_a_bound),
	    cmocka_unit_test(test_every_other_byte_stays),
	    cmocka_unit_test(test_hooks_added_later_join_the_list),
	    cmocka_unit_test(test_a_hook_that_only_looks_alike_is_delegated),
	    cmocka_unit_test(test_what_hookd_would_refuse_is_refused),
	    cmocka_unit_test(test_a_list_too_long_for_an_argument_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
