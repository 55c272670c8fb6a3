/* SPDX-License-Identifier: Apache-2.0 */

/* Hook lists: from JSON, from C, and back to JSON in both dialects. */

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tests/client/client_test.h"

static int do_nothing(const char *state, void *userdata)
{
	(void)state;
	(void)userdata;
	return 0;
}

static struct hookd_hooks *new_hooks(void)
{
	struct hookd_hooks *hooks;

	assert_int_equal(hookd_hooks_new(&hooks), 0);
	return hooks;
}

static void assert_json(const struct hookd_hooks *hooks, const char *dialect, const char *expected)
{
	char *json;

	assert_int_equal(hookd_hooks_to_json(hooks, dialect, &json, NULL), 0);
	assert_string_equal(json, expected);
	free(json);
}

/* What is written reads back the same, in the other dialect too if it can express it. */
static void assert_round_trip(const char *from, const char *from_dialect, const char *to,
			      const char *to_dialect)
{
	struct hookd_hooks *first = new_hooks(), *second = new_hooks();

	assert_int_equal(hookd_hooks_add_json(first, from, from_dialect), 0);
	assert_json(first, from_dialect, from);
	assert_json(first, to_dialect, to);
	assert_int_equal(hookd_hooks_add_json(second, to, to_dialect), 0);
	assert_json(second, from_dialect, from);
	hookd_hooks_free(first);
	hookd_hooks_free(second);
}

static void test_dialects(void **state)
{
	(void)state;
	assert_round_trip(
	    "{\"createRuntime\":[{\"path\":\"/a\",\"args\":[\"a\",\"\\\"\"],\"env\":[],"
	    "\"timeout\":3},{\"path\":\"/b\",\"args\":[]}],\"poststop\":[{\"path\":\"/c\"}]}",
	    "oci",
	    "{\"createContainer\":null,\"createRuntime\":[{\"path\":\"/a\",\"args\":[\"a\","
	    "\"\\\"\"],\"env\":[],\"dir\":\"\",\"timeout\":3000000000},{\"path\":\"/"
	    "b\",\"args\":[],"
	    "\"env\":null,\"dir\":\"\",\"timeout\":null}],\"poststart\":null,\"poststop\":[{"
	    "\"path\":\"/c\",\"args\":null,\"env\":null,\"dir\":\"\",\"timeout\":null}],"
	    "\"prestart\":null,\"startContainer\":null}",
	    "libcontainer");
}

static void test_lists_are_added_behind(void **state)
{
	static const char *const args[] = {"x", "y", NULL}, *const none[] = {NULL};
	struct hookd_hooks *hooks = new_hooks();
	struct hookd_hook hook = {.size = sizeof(hook), .path = "/x", .args = args, .env = none};

	(void)state;
	assert_int_equal(hookd_hooks_add_json(hooks, HOOKS, NULL), 0);
	assert_int_equal(hookd_hooks_add_command(hooks, "createRuntime", &hook), 0);
	assert_int_equal(hookd_hooks_add_json(hooks, HOOKS, "oci"), 0);
	assert_json(hooks, NULL,
		    "{\"createRuntime\":[{\"path\":\"/bin/true\"},"
		    "{\"path\":\"/x\",\"args\":[\"x\",\"y\"],\"env\":[]},"
		    "{\"path\":\"/bin/true\"}]}");
	hookd_hooks_free(hooks);
}

static void test_smaller_hook_is_an_older_one(void **state)
{
	struct hookd_hooks *hooks = new_hooks();
	struct hookd_hook hook = {
	    .size = offsetof(struct hookd_hook, timeout_ns), .path = "/x", .timeout_ns = 1};

	(void)state;
	assert_int_equal(hookd_hooks_add_command(hooks, "poststop", &hook), 0);
	assert_json(hooks, NULL, "{\"poststop\":[{\"path\":\"/x\"}]}");
	hookd_hooks_free(hooks);
}

static void test_functions_are_left_out(void **state)
{
	struct hookd_hooks *hooks = new_hooks();
	size_t left_out = 9;
	char *json;

	(void)state;
	assert_int_equal(hookd_hooks_add_function(hooks, "prestart", "f", do_nothing, NULL), 0);
	assert_int_equal(hookd_hooks_add_json(hooks, HOOKS, "oci"), 0);
	assert_int_equal(hookd_hooks_add_function(hooks, "createRuntime", "g", do_nothing, NULL),
			 0);
	assert_int_equal(hookd_hooks_to_json(hooks, "oci", &json, &left_out), 0);
	assert_string_equal(json, HOOKS);
	assert_int_equal(left_out, 2);
	free(json);
	hookd_hooks_free(hooks);
}

static void test_oci_cannot_say_it(void **state)
{
	struct hookd_hook hooks[] = {
	    {.size = sizeof(hooks[0]), .path = "/a", .dir = "/d"},
	    {.size = sizeof(hooks[0]), .path = "/a", .timeout_ns = 1500000000},
	};

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		struct hookd_hooks *list = new_hooks();
		char *json = NULL;

		assert_int_equal(hookd_hooks_add_command(list, "poststop", &hooks[i]), 0);
		assert_int_equal(hookd_hooks_to_json(list, "oci", &json, NULL), -ENOTSUP);
		assert_null(json);
		assert_int_equal(hookd_hooks_to_json(list, "libcontainer", &json, NULL), 0);
		free(json);
		hookd_hooks_free(list);
	}
}

static void test_wrong_hooks(void **state)
{
	static const char *const bad_args[] = {"\377", NULL};
	static const struct hookd_hook bad[] = {
	    {.size = 0, .path = "/a"},
	    {.size = sizeof(bad[0])},
	    {.size = sizeof(bad[0]), .path = "a"},
	    {.size = sizeof(bad[0]), .path = "/\377"},
	    {.size = sizeof(bad[0]), .path = "/a", .args = bad_args},
	    {.size = sizeof(bad[0]), .path = "/a", .env = bad_args},
	    {.size = sizeof(bad[0]), .path = "/a", .timeout_ns = UINT64_MAX},
	};
	static const struct hookd_hook good = {.size = sizeof(good), .path = "/a"};
	struct hookd_hooks *hooks = new_hooks();

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_int_equal(hookd_hooks_add_command(hooks, "poststop", &bad[i]), -EINVAL);
	assert_int_equal(hookd_hooks_add_command(hooks, "stop", &good), -EINVAL);
	assert_int_equal(hookd_hooks_add_function(hooks, "stop", "f", do_nothing, NULL), -EINVAL);
	assert_int_equal(hookd_hooks_add_function(hooks, "poststop", "f", NULL, NULL), -EINVAL);
	assert_int_equal(hookd_hooks_add_json(hooks, "{", "oci"), -EINVAL);
	assert_int_equal(hookd_hooks_add_json(hooks, HOOKS, "runc"), -EINVAL);
	assert_int_equal(
	    hookd_hooks_add_json(hooks, "{\"poststop\":[{\"path\":\"/a\"},{}]}", "oci"), -EINVAL);
	assert_json(hooks, NULL, "{}");
	hookd_hooks_free(hooks);
}

static void test_a_stage_has_a_limit(void **state)
{
	static const struct hookd_hook hook = {.size = sizeof(hook), .path = "/a"};
	struct hookd_hooks *hooks = new_hooks();
	char *json;

	(void)state;
	for (int i = 0; i < 255; i++)
		assert_int_equal(hookd_hooks_add_command(hooks, "poststop", &hook), 0);
	/* All or nothing: two do not fit, so the one of another stage is not added either. */
	assert_int_equal(hookd_hooks_add_json(hooks,
					      "{\"prestart\":[{\"path\":\"/p\"}],\"poststop\":[{"
					      "\"path\":\"/b\"},{\"path\":\"/b\"}]}",
					      "oci"),
			 -EINVAL);
	assert_int_equal(hookd_hooks_to_json(hooks, NULL, &json, NULL), 0);
	assert_null(strstr(json, "prestart"));
	free(json);
	assert_int_equal(hookd_hooks_add_command(hooks, "poststop", &hook), 0);
	assert_int_equal(hookd_hooks_add_command(hooks, "poststop", &hook), -EINVAL);
	hookd_hooks_free(hooks);
	assert_null(hookd_hooks_free(NULL));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_dialects),
	    cmocka_unit_test(test_lists_are_added_behind),
	    cmocka_unit_test(test_smaller_hook_is_an_older_one),
	    cmocka_unit_test(test_functions_are_left_out),
	    cmocka_unit_test(test_oci_cannot_say_it),
	    cmocka_unit_test(test_wrong_hooks),
	    cmocka_unit_test(test_a_stage_has_a_limit),
	};

	alarm(60);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
