/* SPDX-License-Identifier: Apache-2.0 */

/* Applied: each field as it is written, and read again. */

#include "tests/proto/base/unit.h"

#include "proto/messages/applied.h"

/* A literal, and a vector of literals, that a field may point to. */
#define TEXT(literal) ((char[]){literal})
#define TEXTS(...)    ((char *[]){__VA_ARGS__, NULL})

static struct hp_buf written(const struct hp_applied *applied)
{
	struct hp_buf buf = HP_BUF_INIT;
	struct hp_json_writer writer = HP_JSON_WRITER_INIT(&buf);

	hp_applied_write(&writer, applied);
	hp_buf_append(&buf, "", 1);
	assert_false(buf.failed);
	return buf;
}

static const struct example {
	struct hp_applied applied;
	const char *text;
} examples[] = {
    {{0}, "{}"},
    {{.cgroup_created = true, .rdt_created = true}, "{}"},
    {{.cgroup_path = TEXT("/box"), .rdt_created = true},
     "{\"cgroupPath\":\"/box\",\"cgroupCreated\":false}"},
    {{.rdt_group = TEXT("/")}, "{\"rdtGroup\":\"/\",\"rdtCreated\":false}"},
    {{.rdt_group = TEXT("gold"),
      .rdt_created = true,
      .schemata = TEXTS(TEXT("L3:0=f;1=f"), TEXT("MB:0=20"))},
     "{\"rdtGroup\":\"gold\",\"rdtCreated\":true,\"schemata\":[\"L3:0=f;1=f\",\"MB:0=20\"]}"},
    {{.process = TEXTS(TEXT("rlimits"), TEXT("oomScoreAdj")), .ignored = TEXTS(NULL)},
     "{\"process\":[\"rlimits\",\"oomScoreAdj\"],\"ignored\":[]}"},
    {{.cgroup_path = TEXT("/a/\"b\"\xc3\xa9"),
      .cgroup_created = true,
      .rdt_group = TEXT("g"),
      .rdt_created = true,
      .schemata = TEXTS(TEXT("L3:0=1")),
      .process = TEXTS(TEXT("scheduler")),
      .ignored = TEXTS(TEXT("linux.resources.rdma"), TEXT("linux.intelRdt"))},
     "{\"cgroupPath\":\"/a/\\\"b\\\"\xc3\xa9\",\"cgroupCreated\":true,\"rdtGroup\":\"g\","
     "\"rdtCreated\":true,\"schemata\":[\"L3:0=1\"],\"process\":[\"scheduler\"],"
     "\"ignored\":[\"linux.resources.rdma\",\"linux.intelRdt\"]}"},
};

static void absent_fields_are_left_out(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(examples); i++) {
		struct hp_buf buf = written(&examples[i].applied);

		assert_string_equal(buf.data, examples[i].text);
		hp_buf_free(&buf);
	}
}

static void what_was_written_is_read(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(examples); i++) {
		struct hp_arena arena = HP_ARENA_INIT;
		struct hp_applied read = {.cgroup_path = TEXT("before"), .rdt_created = true};
		struct document document;
		struct hp_buf buf;

		if (hp_applied_read(document_open(&document, examples[i].text), &arena, &read,
				    &document.err) < 0)
			fail_msg("%s: %s", document.err.path, document.err.reason);
		document_close(&document);
		buf = written(&read);
		assert_string_equal(buf.data, examples[i].text);
		hp_buf_free(&buf);
		hp_arena_free(&arena);
	}
}

static void what_a_later_hookd_says_is_passed_over(void **state)
{
	static const char text[] = "{\"later\":{\"x\":1},\"cgroupCreated\":true,\"rdtGroup\":\"g\","
				   "\"schemata\":null,\"cgroupPath\":null,\"rdtCreated\":true}";
	struct hp_arena arena = HP_ARENA_INIT;
	struct hp_applied read;
	struct document document;

	(void)state;
	assert_int_equal(
	    hp_applied_read(document_open(&document, text), &arena, &read, &document.err), 0);
	document_close(&document);
	assert_null(read.cgroup_path);
	assert_false(read.cgroup_created);
	assert_string_equal(read.rdt_group, "g");
	assert_true(read.rdt_created);
	assert_null(read.schemata);
	hp_arena_free(&arena);
}

static void wrong_ones_are_refused(void **state)
{
	static const struct {
		const char *text, *path;
	} cases[] = {
	    {"[]", ""},
	    {"{\"cgroupPath\":1}", "cgroupPath"},
	    {"{\"cgroupPath\":\"/a\",\"cgroupCreated\":1}", "cgroupCreated"},
	    {"{\"rdtGroup\":{}}", "rdtGroup"},
	    {"{\"rdtCreated\":\"yes\"}", "rdtCreated"},
	    {"{\"schemata\":\"L3:0=f\"}", "schemata"},
	    {"{\"process\":[\"rlimits\",null]}", "process[1]"},
	    {"{\"process\":[],\"ignored\":[1]}", "ignored[0]"},
	    {"{\"schemata\":1,\"ignored\":1}", "schemata"},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct hp_arena arena = HP_ARENA_INIT;
		struct hp_applied read = {.rdt_group = TEXT("before")};
		struct document document;

		if (hp_applied_read(document_open(&document, cases[i].text), &arena, &read,
				    &document.err) != -EINVAL)
			fail_msg("%s was taken", cases[i].text);
		assert_string_equal(document.err.path, cases[i].path);
		assert_true(document.err.reason[0] != '\0');
		assert_string_equal(read.rdt_group, "before");
		document_close(&document);
		hp_arena_free(&arena);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(absent_fields_are_left_out),
	    cmocka_unit_test(what_was_written_is_read),
	    cmocka_unit_test(what_a_later_hookd_says_is_passed_over),
	    cmocka_unit_test(wrong_ones_are_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
