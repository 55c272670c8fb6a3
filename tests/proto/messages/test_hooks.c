/* SPDX-License-Identifier: Apache-2.0 */

/* Hook lists: the two dialects read into one form, and written back without a loss. */

#include "tests/proto/base/unit.h"

#include <stdio.h>

#include "proto/base/limits.h"
#include "proto/messages/hooks.h"

struct lists {
	struct document document;
	struct hp_arena arena;
	struct hp_hooks hooks;
	int r;
};

static struct lists read_lists(const char *text, enum hp_dialect dialect)
{
	struct lists lists = {.arena = HP_ARENA_INIT};
	struct hp_json_value root = document_open(&lists.document, text);

	root.json = &lists.document.json;
	lists.r = hp_hooks_read(root, dialect, &lists.arena, &lists.hooks, &lists.document.err);
	return lists;
}

static void close_lists(struct lists *lists)
{
	hp_arena_free(&lists->arena);
	document_close(&lists->document);
}

static void stages_have_their_rules(void **state)
{
	(void)state;
	for (int stage = 0; stage < HP_STAGE_COUNT; stage++) {
		const char *name = hp_stage_names[stage];

		assert_int_equal(hp_stage_is_container((enum hp_stage)stage),
				 strcmp(name, "createContainer") == 0 ||
				     strcmp(name, "startContainer") == 0);
		assert_int_equal(hp_stage_continues_on_failure((enum hp_stage)stage),
				 strcmp(name, "poststop") == 0);
	}
}

static void oci_hook_has_all_its_fields(void **state)
{
	struct lists lists =
	    read_lists("{\"poststart\":[{\"path\":\"/a\"},{\"path\":\"/b\",\"args\":[\"b\",\"-x\"],"
		       "\"env\":[\"A=1\"],\"timeout\":3,\"dir\":\"/ignored\"}]}",
		       HP_DIALECT_OCI);
	struct hp_hook_list *list = &lists.hooks.stages[HP_STAGE_POSTSTART];

	(void)state;
	assert_int_equal(lists.r, 0);
	assert_int_equal(list->count, 2);
	assert_string_equal(list->hooks[0].path, "/a");
	assert_null(list->hooks[0].args);
	assert_null(list->hooks[0].env);
	assert_null(list->hooks[0].dir);
	assert_int_equal(list->hooks[0].timeout_ns, 0);
	assert_string_equal(list->hooks[1].args[1], "-x");
	assert_null(list->hooks[1].args[2]);
	assert_string_equal(list->hooks[1].env[0], "A=1");
	assert_null(list->hooks[1].env[1]);
	assert_null(list->hooks[1].dir);
	assert_int_equal(list->hooks[1].timeout_ns, 3000000000);
	for (int stage = 0; stage < HP_STAGE_COUNT; stage++)
		assert_true(lists.hooks.stages[stage].count == 0 || stage == HP_STAGE_POSTSTART);
	close_lists(&lists);
}

static void libcontainer_timeouts_are_nanoseconds(void **state)
{
	struct lists lists =
	    read_lists("{\"prestart\":[{\"path\":\"/a\",\"args\":null,\"env\":null,\"dir\":\"\","
		       "\"timeout\":null},{\"path\":\"/b\",\"args\":[],\"env\":[],\"dir\":\"/tmp\","
		       "\"timeout\":3}],\"createRuntime\":null,\"createContainer\":null,"
		       "\"startContainer\":[],\"poststart\":null,\"poststop\":null}",
		       HP_DIALECT_LIBCONTAINER);
	struct hp_hook *hooks = lists.hooks.stages[HP_STAGE_PRESTART].hooks;

	(void)state;
	assert_int_equal(lists.r, 0);
	assert_int_equal(lists.hooks.stages[HP_STAGE_PRESTART].count, 2);
	assert_null(hooks[0].args);
	assert_null(hooks[0].env);
	assert_null(hooks[0].dir);
	assert_int_equal(hooks[0].timeout_ns, 0);
	assert_non_null(hooks[1].args);
	assert_null(hooks[1].args[0]);
	assert_non_null(hooks[1].env);
	assert_null(hooks[1].env[0]);
	assert_string_equal(hooks[1].dir, "/tmp");
	assert_int_equal(hooks[1].timeout_ns, 3);
	close_lists(&lists);
}

static void absent_lists_are_empty(void **state)
{
	struct hp_hooks hooks = {.stages[0].count = 7};
	struct hp_err err;

	(void)state;
	assert_int_equal(
	    hp_hooks_read((struct hp_json_value){0}, HP_DIALECT_OCI, NULL, &hooks, &err), 0);
	for (int stage = 0; stage < HP_STAGE_COUNT; stage++)
		assert_int_equal(hooks.stages[stage].count, 0);
}

static void mistakes_are_named_from_the_value_on(void **state)
{
	static const struct {
		const char *text, *path;
	} cases[] = {
	    {"[]", ""},
	    {"{\"prestop\":[]}", "prestop"},
	    {"{\"poststop\":{}}", "poststop"},
	    {"{\"poststop\":[{\"path\":\"/a\"},7]}", "poststop[1]"},
	    {"{\"poststop\":[{\"path\":\"a\"}]}", "poststop[0].path"},
	    {"{\"poststop\":[{\"path\":\"/a\",\"args\":[\"a\",{}]}]}", "poststop[0].args[1]"},
	    {"{\"poststop\":[{\"path\":\"/a\",\"env\":[\"A\",\"\"]}]}", "poststop[0].env[1]"},
	    {"{\"poststop\":[{\"path\":\"/a\",\"timeout\":0}]}", "poststop[0].timeout"},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct lists lists = read_lists(cases[i].text, HP_DIALECT_OCI);

		assert_int_equal(lists.r, -EINVAL);
		assert_string_equal(lists.document.err.path, cases[i].path);
		close_lists(&lists);
	}
}

/* OCI counts seconds, libcontainer nanoseconds; no number of either becomes a wrong time. */
static void timeouts_have_a_bound(void **state)
{
	static const struct {
		const char *value;
		uint64_t oci_ns, libcontainer_ns; /* 0: refused */
	} rows[] = {
	    {"1", 1000000000, 1},	    {"2147483647", 2147483647000000000, 2147483647},
	    {"2147483648", 0, 2147483648},  {"86400001", 86400001000000000, 86400001},
	    {"4294967296", 0, 4294967296},  {"9223372036", 0, 9223372036},
	    {"9223372037", 0, 9223372037},  {"2147483647000000000", 0, 2147483647000000000},
	    {"2147483647000000001", 0, 0},  {"9223372036854775807", 0, 0},
	    {"18446744073709551615", 0, 0}, {"18446744073709551616", 0, 0},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows) * 2; i++) {
		bool is_oci = i % 2 == 0;
		uint64_t ns = is_oci ? rows[i / 2].oci_ns : rows[i / 2].libcontainer_ns;
		struct lists lists;
		char text[128];

		snprintf(text, sizeof(text), "{\"poststop\":[{\"path\":\"/a\",\"timeout\":%s}]}",
			 rows[i / 2].value);
		lists = read_lists(text, is_oci ? HP_DIALECT_OCI : HP_DIALECT_LIBCONTAINER);
		assert_int_equal(lists.r, ns ? 0 : -EINVAL);
		if (ns) {
			assert_int_equal(lists.hooks.stages[HP_STAGE_POSTSTOP].hooks[0].timeout_ns,
					 ns);
		} else {
			assert_string_equal(lists.document.err.path, "poststop[0].timeout");
			assert_string_equal(lists.document.err.reason,
					    is_oci ? "must be from 1 to 2147483647"
						   : "must be from 1 to 2147483647000000000");
		}
		close_lists(&lists);
	}
}

/* ---- writing ---- */

static void assert_written(const char *read, enum hp_dialect from, enum hp_dialect to,
			   const char *expected)
{
	struct lists lists = read_lists(read, from);
	struct hp_buf buf = HP_BUF_INIT;
	struct hp_json_writer writer = HP_JSON_WRITER_INIT(&buf);

	if (lists.r < 0)
		fail_msg("%s: %s", lists.document.err.path, lists.document.err.reason);
	assert_int_equal(hp_hooks_write(&writer, &lists.hooks, to, &lists.document.err), 0);
	hp_buf_append(&buf, "", 1);
	assert_string_equal(buf.data, expected);
	hp_buf_free(&buf);
	close_lists(&lists);
}

#define OCI                                                                                        \
	"{\"prestart\":[{\"path\":\"/a\"}],\"createRuntime\":[{\"path\":\"/b\",\"args\":[],"       \
	"\"env\":[],\"timeout\":2147483647},{\"path\":\"/"                                         \
	"c\",\"args\":[\"c\\n\"],\"env\":[\"A=\"]}]}"

/* As encoding/json of Go writes runc's configs.Hooks. */
#define LIBCONTAINER                                                                               \
	"{\"createContainer\":null,\"createRuntime\":[{\"path\":\"/b\",\"args\":[],\"env\":[],"    \
	"\"dir\":\"\",\"timeout\":2147483647000000000},{\"path\":\"/c\",\"args\":[\"c\\n\"],"      \
	"\"env\":[\"A=\"],\"dir\":\"\",\"timeout\":null}],\"poststart\":null,\"poststop\":null,"   \
	"\"prestart\":[{\"path\":\"/a\",\"args\":null,\"env\":null,\"dir\":\"\","                  \
	"\"timeout\":null}],\"startContainer\":null}"

static void dialects_turn_into_each_other(void **state)
{
	(void)state;
	assert_written(OCI, HP_DIALECT_OCI, HP_DIALECT_OCI, OCI);
	assert_written(OCI, HP_DIALECT_OCI, HP_DIALECT_LIBCONTAINER, LIBCONTAINER);
	assert_written(LIBCONTAINER, HP_DIALECT_LIBCONTAINER, HP_DIALECT_LIBCONTAINER,
		       LIBCONTAINER);
	assert_written(LIBCONTAINER, HP_DIALECT_LIBCONTAINER, HP_DIALECT_OCI, OCI);
	assert_written("{}", HP_DIALECT_OCI, HP_DIALECT_OCI, "{}");
}

static void what_oci_cannot_say_is_no_oci(void **state)
{
	static const struct {
		const char *text, *path;
	} cases[] = {
	    {"{\"poststop\":[{\"path\":\"/a\"},{\"path\":\"/a\",\"dir\":\"/tmp\"}]}",
	     "poststop[1].dir"},
	    {"{\"prestart\":[{\"path\":\"/a\",\"timeout\":1500000000}]}", "prestart[0].timeout"},
	    {"{\"prestart\":[{\"path\":\"/a\",\"timeout\":1}]}", "prestart[0].timeout"},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct lists lists = read_lists(cases[i].text, HP_DIALECT_LIBCONTAINER);
		struct hp_buf buf = HP_BUF_INIT;
		struct hp_json_writer writer = HP_JSON_WRITER_INIT(&buf);

		assert_int_equal(lists.r, 0);
		assert_int_equal(
		    hp_hooks_write(&writer, &lists.hooks, HP_DIALECT_OCI, &lists.document.err),
		    -ENOTSUP);
		assert_string_equal(lists.document.err.path, cases[i].path);
		hp_buf_free(&buf);
		close_lists(&lists);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(stages_have_their_rules),
	    cmocka_unit_test(oci_hook_has_all_its_fields),
	    cmocka_unit_test(libcontainer_timeouts_are_nanoseconds),
	    cmocka_unit_test(absent_lists_are_empty),
	    cmocka_unit_test(mistakes_are_named_from_the_value_on),
	    cmocka_unit_test(timeouts_have_a_bound),
	    cmocka_unit_test(dialects_turn_into_each_other),
	    cmocka_unit_test(what_oci_cannot_say_is_no_oci),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
