/* SPDX-License-Identifier: Apache-2.0 */

/* What `run` takes from the files it was given, and how it explains a refusal. */

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "client/hookctl/run_request.h"

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

/* A mistake in a list's name must reach hookd and be refused there. */
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

static void test_the_reason_of_a_refusal_is_found(void **state)
{
	const char *request = "{\"stage\":\"poststop\",\"state\":{\"id\":\"c\"},\"hooks\":"
			      "{\"poststop\":[{\"path\":\"/a\",\"timeout\":-1}]}}";
	struct hp_err err = {0};

	(void)state;
	assert_true(run_find_reason(request, "hooks.poststop[0].timeout", &err));
	assert_string_not_equal(err.reason, "");
	assert_false(run_find_reason(request, "hooks.poststop[0].path", &err));
	assert_false(
	    run_find_reason("{\"stage\":\"poststop\",\"state\":{\"id\":\"c\"},\"hooks\":{}}",
			    "settings.process", &err));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_hooks_are_cut_out_byte_for_byte),
	    cmocka_unit_test(test_a_config_without_hooks_has_none),
	    cmocka_unit_test(test_a_misspelt_stage_is_not_lost),
	    cmocka_unit_test(test_hooks_must_be_an_object),
	    cmocka_unit_test(test_the_reason_of_a_refusal_is_found),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
