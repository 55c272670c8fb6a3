/* SPDX-License-Identifier: Apache-2.0 */

/* Files of hooks.d: which containers they match, and what becomes of them when hookd runs their
 * hooks. */

#include <errno.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "client/hookctl/hooks_d/delegate_file.h"
#include "client/hookctl/hooks_d/files.h"
#include "client/hookctl/hooks_d/hooks_d.h"
#include "tests/group/group.h"

/* ---- which containers a file matches: the cases of containers/common ---- */

#define PROCESS(command) "\"process\": {\"args\": [\"" command "\", \"a\"]}"
#define BIND		 "\"mounts\": [{\"type\": \"bind\"}]"
#define BOTH		 "{\"^a$\": \"^b$\", \"^c$\": \"^d$\"}"

static const struct {
	const char *name, *when, *config;
	bool is_match;
	const char *reason;
} current_cases[] =
    {
	{"no condition", "{}", "{" PROCESS("/bin/sh") "}", false, "when has no condition"},
	{"always", "{\"always\": true}", "{}", true, "always"},
	{"always with a process", "{\"always\": true}", "{" PROCESS("/bin/sh") "}", true, "always"},
	{"not always", "{\"always\": false}", "{}", false, "always is false"},
	{"not always, and a condition that holds", "{\"always\": false, \"commands\": [\"sh\"]}",
	 "{" PROCESS("/bin/sh") "}", false, "always is false"},
	{"bind mounts", "{\"hasBindMounts\": true}", "{" BIND "}", true,
	 "it has bind mounts, of which engines count the user's"},
	{"no bind mounts", "{\"hasBindMounts\": true}", "{}", false,
	 "the container has no bind mounts"},
	{"false does not mean that it may not have them", "{\"hasBindMounts\": false}", "{}", false,
	 "hasBindMounts is false"},
	{"both annotations", "{\"annotations\": " BOTH "}",
	 "{\"annotations\": {\"a\": \"b\", \"c\": \"d\", \"e\": \"f\"}}", true,
	 "annotation '^c$' matches"},
	{"one of the annotations", "{\"annotations\": " BOTH "}",
	 "{\"annotations\": {\"a\": \"b\"}}", false, "no annotation matches '^c$' with '^d$'"},
	{"another value", "{\"annotations\": {\"^a$\": \"^b$\"}}",
	 "{\"annotations\": {\"a\": \"bc\"}}", false, "no annotation matches '^a$' with '^b$'"},
	{"the second of two keys that match", "{\"annotations\": {\"a\": \"^b$\"}}",
	 "{\"annotations\": {\"a\": \"c\", \"aa\": \"b\"}}", true, "annotation 'a' matches"},
	{"a command", "{\"commands\": [\"^/bin/sh$\"]}", "{" PROCESS("/bin/sh") "}", true,
	 "the command matches '^/bin/sh$'"},
	{"a longer command", "{\"commands\": [\"^/bin/sh$\"]}", "{" PROCESS("/bin/shell") "}",
	 false, "the command matches none of commands"},
	{"a part of the command", "{\"commands\": [\"he\"]}", "{" PROCESS("/bin/shell") "}", true,
	 "the command matches 'he'"},
	{"no process", "{\"commands\": [\"^/bin/sh$\"]}", "{}", false, "when has no condition"},
	{"no process, and another condition", "{\"commands\": [\"sh\"], \"always\": true}", "{}",
	 true, "always"},
	{"no args", "{\"commands\": [\"^/bin/sh$\"]}", "{\"process\": {}}", false,
	 "process.args is empty"},
	{"bind mounts and the command", "{\"hasBindMounts\": true, \"commands\": [\"^/bin/sh$\"]}",
	 "{" BIND ", " PROCESS("/bin/sh") "}", true, "the command matches '^/bin/sh$'"},
	{"bind mounts only", "{\"hasBindMounts\": true, \"commands\": [\"^/bin/sh$\"]}",
	 "{" BIND ", " PROCESS("/bin/shell") "}", false, "the command matches none of commands"},
	{"the command only", "{\"hasBindMounts\": true, \"commands\": [\"^/bin/sh$\"]}",
	 "{" PROCESS("/bin/sh") "}", false, "the container has no bind mounts"},
	{"annotations, and the command not",
	 "{\"annotations\": {\"a\": \"b\"}, \"commands\": [\"^/bin/sh$\"]}",
	 "{\"annotations\": {\"a\": \"b\"}, " PROCESS("/bin/shell") "}", false,
	 "the command matches none of commands"},
},
  old_cases[] = {
      {"no condition", "", "{" PROCESS("/bin/sh") "}", false, "none of its conditions holds"},
      {"one annotation is enough", ", \"annotations\": [\"^b$\", \"^d$\"]",
       "{\"annotations\": {\"x\": \"d\"}}", true, "annotation '.*' matches"},
      {"no annotation", ", \"annotation\": [\"^b$\"]", "{\"annotations\": {\"b\": \"x\"}}", false,
       "none of its conditions holds"},
      {"the command is enough", ", \"hasbindmounts\": true, \"cmds\": [\"^/bin/sh$\"]",
       "{" PROCESS("/bin/sh") "}", true, "the command matches '^/bin/sh$'"},
      {"bind mounts are enough", ", \"hasbindmounts\": true, \"cmd\": [\"^/bin/sh$\"]",
       "{" BIND ", " PROCESS("/bin/shell") "}", true,
       "it has bind mounts, of which engines count the user's"},
      {"neither", ", \"hasbindmounts\": true, \"cmd\": [\"^/bin/sh$\"]",
       "{" PROCESS("/bin/shell") "}", false, "none of its conditions holds"},
};

static void expect_match(const char *name, const char *file_text, const char *config_text,
			 bool is_match, const char *expected_reason)
{
	struct hp_json file = {0}, config = {0};
	struct hp_arena arena = HP_ARENA_INIT;
	char reason[HOOKS_D_REASON_SIZE];
	struct hooks_d hooks_d;
	struct hp_err err;

	assert_int_equal(hp_json_parse(&file, file_text, strlen(file_text), &err), 0);
	assert_int_equal(hp_json_parse(&config, config_text, strlen(config_text), &err), 0);
	if (hooks_d_read(hp_json_root(&file), &arena, &hooks_d, &err) < 0)
		fail_msg("%s: %s %s", name, err.path, err.reason);
	if (hooks_d_match(&hooks_d, hp_json_root(&config), reason) !=
	    (is_match ? HOOKS_D_YES : HOOKS_D_NO))
		fail_msg("%s: %s", name, reason);
	if (strcmp(reason, expected_reason) != 0)
		fail_msg("%s: the reason is: %s", name, reason);
	hp_arena_free(&arena);
	hp_json_free(&file);
	hp_json_free(&config);
}

static void files_match_as_in_engines(void **state)
{
	char text[1024];

	(void)state;
	for (size_t i = 0; i < sizeof(current_cases) / sizeof(current_cases[0]); i++) {
		snprintf(text, sizeof(text),
			 "{\"version\": \"1.0.0\", \"hook\": {\"path\": \"/h\"}, \"when\": %s, "
			 "\"stages\": [\"poststop\"]}",
			 current_cases[i].when);
		expect_match(current_cases[i].name, text, current_cases[i].config,
			     current_cases[i].is_match, current_cases[i].reason);
	}
	for (size_t i = 0; i < sizeof(old_cases) / sizeof(old_cases[0]); i++) {
		snprintf(text, sizeof(text), "{\"hook\": \"/h\", \"stage\": [\"poststop\"]%s}",
			 old_cases[i].when);
		expect_match(old_cases[i].name, text, old_cases[i].config, old_cases[i].is_match,
			     old_cases[i].reason);
	}
}

/* ---- what is wrong ---- */

static void mistakes_have_their_path(void **state)
{
	static const struct {
		const char *text, *path;
	} cases[] = {
	    {"[]", ""},
	    {"{\"version\": \"2.0.0\"}", "version"},
	    {"{\"hook\": {\"path\": \"/h\"}}", "version"},
	    {"{\"version\": \"1.0.0\", \"hook\": \"/h\", \"when\": {}, \"stages\": []}", "hook"},
	    {"{\"version\": \"1.0.0\", \"hook\": {}, \"when\": {}, \"stages\": []}", "hook.path"},
	    {"{\"version\": \"1.0.0\", \"hook\": {\"path\": \"/h\"}, \"when\": {}}", "stages"},
	    {"{\"version\": \"1.0.0\", \"hook\": {\"path\": \"/h\"}, \"when\": {}, \"stages\": "
	     "[\"precreate\", \"made-up\"]}",
	     "stages[1]"},
	    {"{\"version\": \"1.0.0\", \"hook\": {\"path\": \"/h\"}, \"when\": {\"commands\": "
	     "[\"[\"]}, \"stages\": []}",
	     "when.commands[0]"},
	    {"{\"version\": \"1.0.0\", \"hook\": {\"path\": \"/h\"}, \"when\": {\"annotations\": "
	     "{\"[\": \"a\"}}, \"stages\": []}",
	     "when.annotations["},
	    {"{\"version\": \"1.0.0\", \"hook\": {\"path\": \"/h\"}, \"when\": {\"annotations\": "
	     "{\"a\": \"[\"}}, \"stages\": []}",
	     "when.annotations.a"},
	    {"{\"hook\": \"h\", \"stage\": []}", "hook"},
	    {"{\"hook\": \"/h\"}", "stages"},
	    {"{\"hook\": \"/h\", \"stage\": [], \"stages\": []}", "stage"},
	    {"{\"hook\": \"/h\", \"stage\": [], \"cmd\": [], \"cmds\": []}", "cmd"},
	    {"{\"hook\": \"/h\", \"stage\": [], \"annotation\": [], \"annotations\": []}",
	     "annotation"},
	    {"{\"version\": \"0.1.0\", \"hook\": \"/h\", \"stage\": [\"x\"]}", "stage[0]"},
	    {"{\"hook\": \"/h\", \"stage\": [], \"arguments\": \"x\"}", "arguments"},
	    {"{\"hook\": \"/h\", \"stage\": [], \"cmd\": [\"[\"]}", "cmd[0]"},
	    {"{\"hook\": \"/h\", \"stage\": [], \"annotation\": [\"[\"]}", "annotation[0]"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct hp_json json = {0};
		struct hp_arena arena = HP_ARENA_INIT;
		struct hooks_d hooks_d;
		struct hp_err err = {0};

		assert_int_equal(hp_json_parse(&json, cases[i].text, strlen(cases[i].text), &err),
				 0);
		if (hooks_d_read(hp_json_root(&json), &arena, &hooks_d, &err) != -EINVAL)
			fail_msg("taken: %s", cases[i].text);
		assert_string_equal(err.path, cases[i].path);
		assert_string_not_equal(err.reason, "");
		hp_arena_free(&arena);
		hp_json_free(&json);
	}
}

/* ---- what becomes of a file ---- */

static const struct delegate plain = {.shim = "/s/shim"};

/* What was said of files that stay as they are. */
static char said[512];

static void on_left(const char *stage, const char *why, void *userdata)
{
	size_t length = strlen(said);

	(void)why;
	(void)userdata;
	snprintf(said + length, sizeof(said) - length, "%s ", stage != NULL ? stage : "all");
}

static int try_delegate(const char *name, size_t index, const char *text,
			struct delegated_list *ret, struct hp_err *err)
{
	struct document document = {.text = HP_BUF_INIT};
	struct hp_arena arena = HP_ARENA_INIT;
	struct hooks_d hooks_d;
	const struct delegate_file how = {&plain, on_left, NULL};
	const struct delegate_source source = {name, &document, &hooks_d, index, 0644};
	int r;

	hp_buf_append(&document.text, text, strlen(text));
	assert_int_equal(
	    hp_json_parse(&document.json, document.text.data, document.text.length, err), 0);
	r = hooks_d_read(hp_json_root(&document.json), &arena, &hooks_d, err);
	if (r == 0)
		r = delegate_file(&how, &source, ret, err);
	hp_arena_free(&arena);
	document_free(&document);
	return r;
}

static void delegate_one(const char *name, size_t index, const char *text,
			 struct delegated_list *ret)
{
	struct hp_err err = {0};

	if (try_delegate(name, index, text, ret, &err) < 0)
		fail_msg("%s: %s: %s", name, err.path, err.reason);
}

static const char *text_of(struct delegated_list *list, const char *name)
{
	for (size_t i = 0; i < list->count; i++) {
		struct delegated *file = &list->list[i];

		if (strcmp(file->name, name) != 0)
			continue;
		hp_buf_append(&file->text, "", 1);
		file->text.length--;
		return file->text.data;
	}
	fail_msg("no file %s", name);
	return NULL;
}

/* Every file becomes itself. */
static void expect_stable(struct delegated_list *list)
{
	for (size_t i = 0; i < list->count; i++) {
		const char *name = list->list[i].name, *text = text_of(list, name);
		struct delegated_list again = {0};

		delegate_one(name, 0, text, &again);
		assert_int_equal(again.count, 1);
		assert_string_equal(again.list[0].name, name);
		assert_string_equal(text_of(&again, name), text);
		delegated_list_free(&again);
	}
}

#define SHIM(stage, rest)                                                                          \
	"{\"path\":\"/s/shim\",\"args\":[\"shim\",\"--stage=" stage                                \
	"\",\"--hooks-json={\\\"" stage                                                            \
	"\\\":[{\\\"path\\\":\\\"/h\\\",\\\"args\\\":[\\\"h\\\"],\\\"env\\\":[\\\"A=b\\\"],"       \
	"\\\"timeout\\\":3}]}\"" rest "],\"timeout\":33}"
#define HOOK "{ \"path\": \"/h\", \"args\": [\"h\"], \"env\": [\"A=b\"], \"timeout\": 3 }"

static void each_stage_becomes_a_file(void **state)
{
	struct delegated_list list = {0};

	(void)state;
	said[0] = '\0';
	delegate_one(
	    "a.json", 0,
	    "{ \"stages\": [\"poststop\", \"precreate\", \"createRuntime\", \"startContainer\"],\n"
	    "  \"x\": 18446744073709551616, \"hook\": " HOOK ",\n"
	    "  \"when\": {\"always\": true}, \"version\": \"1.0.0\" }\n",
	    &list);
	assert_int_equal(list.count, 3);
	assert_string_equal(
	    text_of(&list, "a.json-createRuntime.json"),
	    "{ \"stages\": [\"createRuntime\"],\n"
	    "  \"x\": 18446744073709551616, \"hook\": " SHIM(
		"createRuntime", "") ",\n"
				     "  \"when\": {\"always\": true}, \"version\": \"1.0.0\" }\n");
	assert_string_equal(
	    text_of(&list, "a.json-poststop.json"),
	    "{ \"stages\": [\"poststop\"],\n"
	    "  \"x\": 18446744073709551616, \"hook\": " SHIM(
		"poststop", ",\"--if-down=spool\"") ",\n"
						    "  \"when\": {\"always\": true}, \"version\": "
						    "\"1.0.0\" }\n");
	assert_string_equal(text_of(&list, "a.json"),
			    "{ \"stages\": [\"precreate\",\"startContainer\"],\n"
			    "  \"x\": 18446744073709551616, \"hook\": " HOOK ",\n"
			    "  \"when\": {\"always\": true}, \"version\": \"1.0.0\" }\n");
	assert_string_equal(said, "startContainer precreate ");
	expect_stable(&list);
	delegated_list_free(&list);
}

#define FILE_OF(stages)                                                                            \
	"{\"version\":\"1.0.0\",\"hook\":" HOOK ",\"when\":{\"always\":true},\"stages\":[" stages  \
	"]}"

static void a_file_of_one_stage_keeps_its_name(void **state)
{
	struct delegated_list list = {0};

	(void)state;
	delegate_one("a.json", 0, FILE_OF("\"poststart\",  \"poststart\""), &list);
	assert_int_equal(list.count, 1);
	/* A stage that is there twice runs the hook twice. */
	assert_string_equal(
	    text_of(&list, "a.json"),
	    "{\"version\":\"1.0.0\",\"hook\":" SHIM(
		"poststart", "") ",\"when\":{\"always\":true},\"stages\":[\"poststart\",  "
				 "\"poststart\"]}");
	expect_stable(&list);
	delegated_list_free(&list);
}

static void what_hookd_cannot_run_stays(void **state)
{
	static const char of_another_form[] =
	    "{\"version\":\"1.0.0\",\"hook\":{\"path\":\"/l/hookd-oci-hook\",\"args\":[\"s\","
	    "\"--stage=poststop\",\"--hook=/h\"]},\"when\":{},\"stages\":[\"poststop\"]}";
	static const char *const texts[] = {
	    FILE_OF("\"precreate\""),
	    FILE_OF("\"startContainer\" "),
	    FILE_OF(""),
	    "{\"hook\": \"/h\", \"stage\": [\"prestart\"], \"arguments\": [\"a\"]}",
	    of_another_form,
	};

	(void)state;
	said[0] = '\0';
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		struct delegated_list list = {0};

		delegate_one("a.json", 0, texts[i], &list);
		assert_int_equal(list.count, 1);
		assert_string_equal(text_of(&list, "a.json"), texts[i]);
		delegated_list_free(&list);
	}
	assert_string_equal(said, "precreate startContainer all all ");
}

static void a_shim_hook_is_for_one_stage(void **state)
{
	struct delegated_list list = {0};
	struct hp_err err = {0};

	(void)state;
	assert_int_equal(
	    try_delegate("a.json", 0,
			 "{\"version\":\"1.0.0\",\"hook\":" SHIM(
			     "poststop", "") ",\"when\":{},\"stages\":[\"poststop\",\"prestart\"]}",
			 &list, &err),
	    -EINVAL);
	assert_string_equal(err.path, "hook.args[1]");
	delegated_list_free(&list);
}

/* ---- the order ---- */

static int sort(const char *const *names, const char *const *texts, size_t count,
		struct delegated_list *list, struct hp_err *err)
{
	for (size_t i = 0; i < count; i++)
		delegate_one(names[i], i, texts[i], list);
	return delegated_sort(list, err);
}

static void hooks_keep_their_order(void **state)
{
	/* As the engines order them. */
	static const char *const names[] = {
	    "10.json", "9.json",	"a-b.json",	 "a-d.json", "a-z.json", "A.a.json",
	    "a.json",  "a.json-x.json", "a_create.json", "aa.json",  "B.json"};
	static const char *const texts[] = {FILE_OF("\"createRuntime\",\"poststop\""),
					    FILE_OF("\"prestart\",\"startContainer\"")};
	const char *of[11];
	struct delegated_list list = {0};
	struct hp_err err = {0};
	size_t last = 0;

	(void)state;
	for (size_t i = 0; i < 11; i++) {
		assert_true(i == 0 || hooks_d_compare_names(names[i - 1], names[i]) <= 0);
		of[i] = texts[i % 2];
	}
	if (sort(names, of, 11, &list, &err) < 0)
		fail_msg("%s", err.reason);
	/* createRuntime and prestart are one list, in which are all files. */
	for (size_t i = 0; i < list.count; i++) {
		if (!(list.list[i].stages &
		      (1u << HP_STAGE_CREATE_RUNTIME | 1u << HP_STAGE_PRESTART)))
			continue;
		assert_int_equal(list.list[i].source, last++);
	}
	assert_int_equal(last, 11);
	delegated_list_free(&list);
}

static void an_order_that_cannot_be_kept_is_refused(void **state)
{
	/* '+' is less than '-', with which the new name goes on. */
	static const char *const names[] = {"a.json", "a.json+.json"};
	static const char *const texts[] = {FILE_OF("\"createRuntime\",\"poststop\""),
					    FILE_OF("\"createRuntime\"")};
	struct delegated_list list = {0};
	struct hp_err err = {0};

	(void)state;
	assert_int_equal(sort(names, texts, 2, &list, &err), -EINVAL);
	assert_string_equal(err.reason, "a.json and a.json+.json would be run in another order at "
					"createRuntime; one of them needs another name");
	delegated_list_free(&list);
}

static void one_name_for_two_files_is_refused(void **state)
{
	static const char *const names[] = {"a.json", "a.json-poststop.json"};
	static const char *const texts[] = {FILE_OF("\"createRuntime\",\"poststop\""),
					    FILE_OF("\"poststart\"")};
	struct delegated_list list = {0};
	struct hp_err err = {0};

	(void)state;
	assert_int_equal(sort(names, texts, 2, &list, &err), -EINVAL);
	assert_non_null(strstr(err.reason, "would both be written as a.json-poststop.json"));
	delegated_list_free(&list);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(files_match_as_in_engines),
	    cmocka_unit_test(mistakes_have_their_path),
	    cmocka_unit_test(each_stage_becomes_a_file),
	    cmocka_unit_test(a_file_of_one_stage_keeps_its_name),
	    cmocka_unit_test(what_hookd_cannot_run_stays),
	    cmocka_unit_test(a_shim_hook_is_for_one_stage),
	    cmocka_unit_test(hooks_keep_their_order),
	    cmocka_unit_test(an_order_that_cannot_be_kept_is_refused),
	    cmocka_unit_test(one_name_for_two_files_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
