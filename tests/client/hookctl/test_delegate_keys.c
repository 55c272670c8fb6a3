/* SPDX-License-Identifier: Apache-2.0 */

/* Keys in another case, which runtimes in Go read, are told. */

#include <errno.h>
#include <string.h>

#include "client/delegate/delegate.h"
#include "tests/group/group.h"

#define HOOK "[{\"path\":\"/a\"}]"

struct row {
	const char *text, *path; /* of the error; NULL: none */
};

static const struct row rows[] = {
    {"{\"Hooks\":{\"poststop\":" HOOK "}}", "hooks"},
    {"{\"hooks\":{\"poststop\":" HOOK "},\"HOOKS\":{}}", "hooks"},
    {"{\"hoo\xe2\x84\xaas\":{\"poststop\":" HOOK "}}", "hooks"},
    {"{\"hook\xc5\xbf\":{\"poststop\":" HOOK "}}", "hooks"},
    {"{\"\\u0048ook\\u017f\":{\"poststop\":" HOOK "}}", "hooks"},
    {"{\"hooks\":{\"CreateRuntime\":" HOOK "}}", "hooks.createRuntime"},
    {"{\"hooks\":{\"createruntime\":" HOOK "}}", "hooks.createRuntime"},
    {"{\"hooks\":{\"poststop\":" HOOK ",\"PostStop\":[]}}", "hooks.poststop"},
    {"{\"hooks\":{\"poststop\":[{\"path\":\"/a\",\"Args\":[\"a\"]}]}}", "hooks.poststop[0].args"},
    {"{\"hooks\":{\"poststop\":[{\"path\":\"/a\"},{\"Path\":\"/a\"}]}}", "hooks.poststop[1].path"},
    {"{\"hooks\":{\"poststop\":[{\"path\":\"/a\",\"ENV\":[]}]}}", "hooks.poststop[0].env"},
    {"{\"hooks\":{\"poststop\":[{\"path\":\"/a\",\"Timeout\":1}]}}", "hooks.poststop[0].timeout"},
    {"{\"Linux\":{},\"hooks\":{\"poststop\":" HOOK "}}", "linux"},
    {"{\"linux\":{\"Namespaces\":[]},\"hooks\":{}}", "linux.namespaces"},

    {"{\"hook\":1,\"hookss\":1,\"\":1,\"h\":1,\"linu\xc3\x97\":1,\"hoo\xe2\x84\xab\":1,"
     "\"hooks\":{\"poststop\":" HOOK ",\"poststops\":[]}}",
     NULL},
    {"{\"Hooks-of-a-very-long-name-that-does-not-fit-into-any-buffer-Hooks-of-a-very-long-name-"
     "that-does-not-fit-into-any-buffer-xxxxxxxxxxxxxxxxxxxxx\":1,\"hooks\":{}}",
     NULL},
    {"{\"hooks\":{\"poststop\":[{\"path\":\"/a\",\"paths\":1,\"arg\":1}]}}", NULL},
};

static void test_keys_in_another_case_are_told(void **state)
{
	static const struct delegate plain = {.shim = "/usr/libexec/hookd/hookd-oci-hook"};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct hp_buf buf = HP_BUF_INIT;
		struct hp_err err = {0};
		int r = delegate_config(rows[i].text, strlen(rows[i].text), &plain, &buf, &err);

		if (r != (rows[i].path != NULL ? -EINVAL : 0) ||
		    (r < 0 && strcmp(err.path, rows[i].path) != 0))
			fail_msg("row %zu: %d %s: %s", i, r, err.path, err.reason);
		if (r < 0)
			assert_non_null(strstr(err.reason, "which only some runtimes read"));
		hp_buf_free(&buf);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_keys_in_another_case_are_told),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
