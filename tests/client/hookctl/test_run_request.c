/* SPDX-License-Identifier: Apache-2.0 */

/* The parts of files that `run` sends. */

#include <errno.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "client/hookctl/run_request.h"
#include "tests/group/group.h"

static void expect_hooks(const char *text, enum hp_dialect dialect, const char *expected)
{
	struct hp_json json = {0};
	struct slice slice = {0};
	struct hp_err err;

	assert_int_equal(hp_json_parse(&json, text, strlen(text), &err), 0);
	assert_int_equal(run_slice_hooks(hp_json_root(&json), dialect, &slice, &err), 0);
	assert_int_equal(slice.length, strlen(expected));
	assert_memory_equal(slice.text, expected, slice.length);
	hp_json_free(&json);
}

static void test_hooks_are_cut_out_byte_for_byte(void **state)
{
	(void)state;
	expect_hooks(" { \"poststop\" : [ ] } \n", HP_DIALECT_OCI, "{ \"poststop\" : [ ] }");
	expect_hooks("{\"ociVersion\":\"1.0.2\",\"hooks\": { \"poststop\" : [ ] } }",
		     HP_DIALECT_OCI, "{ \"poststop\" : [ ] }");
	expect_hooks("{\"rootfs\":\"/x\",\"Hooks\":{\"poststop\": null}}", HP_DIALECT_LIBCONTAINER,
		     "{\"poststop\": null}");
	expect_hooks("{\"rootfs\":\"/x\",\"hooks\":{\"poststop\": null}}", HP_DIALECT_LIBCONTAINER,
		     "{\"poststop\": null}");
}

static void test_a_config_without_hooks_has_none(void **state)
{
	(void)state;
	expect_hooks("{\"ociVersion\":\"1.0.2\"}", HP_DIALECT_OCI, "{}");
	expect_hooks("{\"ociVersion\":\"1.0.2\",\"hooks\":null}", HP_DIALECT_OCI, "{}");
	expect_hooks("{\"rootfs\":\"/x\",\"Hooks\":null}", HP_DIALECT_LIBCONTAINER, "{}");
}

/* A misspelt stage must be sent to hookd, which refuses it. */
static void test_a_misspelt_stage_is_not_lost(void **state)
{
	(void)state;
	expect_hooks("{\"postStop\":[]}", HP_DIALECT_OCI, "{\"postStop\":[]}");
}

static void test_hooks_must_be_an_object(void **state)
{
	struct hp_json json = {0};
	struct slice slice;
	struct hp_err err;

	(void)state;
	assert_int_equal(hp_json_parse(&json, "[]", 2, &err), 0);
	assert_int_equal(run_slice_hooks(hp_json_root(&json), HP_DIALECT_OCI, &slice, &err),
			 -EINVAL);
	hp_json_free(&json);
}

static void expect_settings(const char *text, enum hp_dialect dialect, const char *expected)
{
	struct hp_json json = {0};
	struct slice slice;
	struct hp_err err;

	assert_int_equal(hp_json_parse(&json, text, strlen(text), &err), 0);
	slice = run_slice_settings(hp_json_root(&json), dialect);
	assert_int_equal(slice.length, strlen(expected));
	assert_memory_equal(slice.text, expected, slice.length);
	hp_json_free(&json);
}

static void test_settings_are_cut_out_of_a_state(void **state)
{
	const char *whole = "{\"id\":\"c\",\"config\": { \"umask\" : 18 } }";

	(void)state;
	expect_settings(whole, HP_DIALECT_LIBCONTAINER, "{ \"umask\" : 18 }");
	expect_settings(" { \"umask\" : 18 } ", HP_DIALECT_LIBCONTAINER, "{ \"umask\" : 18 }");
	expect_settings("{\"config\":null}", HP_DIALECT_LIBCONTAINER, "{\"config\":null}");
	/* runtime-spec has no such member, and hookd ignores it. */
	expect_settings(whole, HP_DIALECT_OCI, whole);
	expect_settings("[ 1 ]", HP_DIALECT_LIBCONTAINER, "[ 1 ]");
}

static int slice_seccomp(const char *text, enum hp_dialect dialect, const char *expected)
{
	struct hp_json json = {0};
	struct slice slice = {0};
	struct hp_err err;
	int r;

	assert_int_equal(hp_json_parse(&json, text, strlen(text), &err), 0);
	r = run_slice_seccomp(hp_json_root(&json), dialect, &slice, &err);
	if (r == 0) {
		assert_int_equal(slice.length, strlen(expected));
		assert_memory_equal(slice.text, expected, slice.length);
	}
	hp_json_free(&json);
	return r;
}

static void test_a_profile_is_cut_out_of_what_holds_it(void **state)
{
	const enum hp_dialect oci = HP_DIALECT_OCI, libcontainer = HP_DIALECT_LIBCONTAINER;

	(void)state;
	assert_int_equal(slice_seccomp(" { \"syscalls\" : [] } ", oci, "{ \"syscalls\" : [] }"), 0);
	assert_int_equal(
	    slice_seccomp("{\"ociVersion\":\"1\",\"linux\":{\"seccomp\": {\"a\": 1} }}", oci,
			  "{\"a\": 1}"),
	    0);
	assert_int_equal(slice_seccomp("{\"linux\":{}}", oci, NULL), -EINVAL);
	assert_int_equal(slice_seccomp("{\"ociVersion\":\"1\"}", oci, NULL), -EINVAL);
	assert_int_equal(slice_seccomp("[]", oci, "[]"), 0);
	assert_int_equal(
	    slice_seccomp("{\"default_action\":4}", libcontainer, "{\"default_action\":4}"), 0);
	assert_int_equal(slice_seccomp("{\"rootfs\":\"/\",\"seccomp\":{ }}", libcontainer, "{ }"),
			 0);
	assert_int_equal(
	    slice_seccomp("{\"id\":\"c\",\"config\":{\"seccomp\":{ }}}", libcontainer, "{ }"), 0);
	assert_int_equal(slice_seccomp("{\"config\":{\"seccomp\":null}}", libcontainer, NULL),
			 -EINVAL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_hooks_are_cut_out_byte_for_byte),
	    cmocka_unit_test(test_a_config_without_hooks_has_none),
	    cmocka_unit_test(test_a_misspelt_stage_is_not_lost),
	    cmocka_unit_test(test_hooks_must_be_an_object),
	    cmocka_unit_test(test_settings_are_cut_out_of_a_state),
	    cmocka_unit_test(test_a_profile_is_cut_out_of_what_holds_it),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
