/* SPDX-License-Identifier: Apache-2.0 */

/* Hooks that run hookd-oci-hook, but were not written by a rewrite, stay as they are. */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/client/hookctl/rewrite.h"

/* hookd would wait for a run within a run of the same container. */
static void test_a_shim_in_another_form_stays(void **state)
{
	const char *shim = "{\"path\":\"/usr/libexec/hookd/hookd-oci-hook\",\"args\":[\"x\","
			   "\"--stage=prestart\", \"--hook=/a\"]}";
	char text[512], *got;
	const char *first, *kept, *last;

	(void)state;
	snprintf(text, sizeof(text), "{\"hooks\":{\"prestart\":[ %s ]}}", shim);
	expect(text, &plain, text);
	snprintf(text, sizeof(text),
		 "{\"hooks\":{\"prestart\":[{\"path\":\"/b\"},%s,{\"path\":\"/c\"}]}}", shim);
	got = rewrite(text, &plain);
	first = strstr(got, "{\\\"path\\\":\\\"/b\\\"}]}\"");
	kept = strstr(got, shim);
	last = strstr(got, "{\\\"path\\\":\\\"/c\\\"}]}\"");
	assert_non_null(first);
	assert_true(first < kept);
	assert_true(kept < last);
	expect(got, &plain, got);
	free(got);
}

#define HOOK(path, list, options)                                                                  \
	"{\"path\":\"" path "\",\"args\":[\"x\",\"--stage=poststop\",\"--hooks-json=" list         \
	"\"" options "]}"
#define SHIM "/opt/hookd-oci-hook"
#define A    "{\\\"poststop\\\":[{\\\"path\\\":\\\"/a\\\"}]}"

/* What is not understood completely is not taken apart, where a part of it would be lost. */
static void test_what_is_not_understood_stays(void **state)
{
	static const char *const hooks[] = {
	    /* lists that the shim takes, but no rewrite writes */
	    HOOK(SHIM, "{\\\"ociVersion\\\":\\\"1\\\",\\\"hooks\\\":" A "}", ""),
	    HOOK(SHIM, "{\\\"hooks\\\":" A "}", ""),
	    HOOK(SHIM, "{\\\"poststop\\\":[{\\\"path\\\":\\\"/a\\\"}],\\\"poststart\\\":[]}", ""),
	    HOOK(SHIM, "{}", ""),
	    HOOK(SHIM, "{\\\"poststop\\\":[]}", ""),
	    /* lists that it refuses */
	    HOOK(SHIM, "{", ""),
	    HOOK(SHIM, "{\\\"poststop\\\":[{\\\"path\\\":\\\"a\\\"}]}", ""),
	    HOOK(SHIM, "", ""),
	    /* another program */
	    HOOK("/opt/own", "{\\\"poststop\\\":[]}", ""),
	    HOOK("/opt/own", A, ""),
	    /* other options */
	    HOOK(SHIM, A, ",\"--spool=/s\""),
	    HOOK(SHIM, A, ",\"--hookd=/h\""),
	    HOOK(SHIM, A, ",\"--if-down\",\"ignore\""),
	    /* other members */
	    "{\"env\":[\"K=1\"],\"path\":\"" SHIM
	    "\",\"args\":[\"x\",\"--stage=poststop\",\"--hooks-json=" A "\"]}",
	    "{\"timeout\":-1,\"path\":\"" SHIM
	    "\",\"args\":[\"x\",\"--stage=poststop\",\"--hooks-json=" A "\"]}",
	};
	struct delegate other = plain;

	(void)state;
	other.address = "unix:/other";
	other.timeout_s = 7;
	for (size_t i = 0; i < sizeof(hooks) / sizeof(hooks[0]); i++) {
		char text[512], *got;

		snprintf(text, sizeof(text), "{\"hooks\":{\"poststop\":[%s]}}", hooks[i]);
		expect(text, &plain, text);
		expect(text, &other, text);
		snprintf(text, sizeof(text), "{\"hooks\":{\"poststop\":[{\"path\":\"/b\"},%s]}}",
			 hooks[i]);
		got = rewrite(text, &other);
		assert_non_null(strstr(got, hooks[i]));
		free(got);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_a_shim_in_another_form_stays),
	    cmocka_unit_test(test_what_is_not_understood_stays),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
