/* SPDX-License-Identifier: Apache-2.0 */

/*
 * validate and hookd read the same: over the requests of tests/data, where hookd's reader names the
 * first mistake and validate has to name it too, and nothing in what hookd accepts. Then all
 * mistakes of a document, their places, and files of hooks.d.
 */

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "client/hookctl/check/check.h"
#include "client/hookctl/hooks_d/go_regex.h"
#include "proto/json/mistakes.h"
#include "proto/messages/request.h"
#include "tests/group/group.h"

/* ---- the requests of tests/data ---- */

static enum hp_dialect dialect_of(struct hp_json_value root)
{
	bool is_go = hp_json_equals(hp_json_member(root, "dialect"), "libcontainer");

	return is_go ? HP_DIALECT_LIBCONTAINER : HP_DIALECT_OCI;
}

/* Adds the mistakes of one parameter to the document's list. */
static void check_part(const char *name, struct hp_json_value root, enum check_type type)
{
	struct hp_json_value value = hp_json_member(root, name);
	struct check check = {value, dialect_of(root), HP_ARENA_INIT};

	if (!hp_json_is_absent(value))
		assert_int_equal(check_read(&check, type), 0);
	hp_arena_free(&check.arena);
}

static bool has_mistake(const struct hp_json *json, const struct hp_err *err)
{
	bool is_found = false;

	for (size_t i = 0; i < json->mistakes->count; i++) {
		const struct hp_json_mistake *mistake = &json->mistakes->list[i];
		struct hp_buf path = HP_BUF_INIT;

		hp_json_mistake_path(json, mistake, &path);
		hp_buf_append(&path, "", 1);
		assert_false(path.failed);
		is_found |= strcmp(path.data, err->path) == 0 &&
			    strcmp(mistake->err.reason, err->reason) == 0;
		hp_buf_free(&path);
	}
	return is_found;
}

static bool is_of_files(const char *path)
{
	return strncmp(path, "hooks", 5) == 0 || strncmp(path, "settings", 8) == 0;
}

/* A timeout in quotes: a call may have it, a runtime takes it from no file. */
static bool is_refused_in_files(const char *name)
{
	return strcmp(name, "timeout-as-decimal-string.json") == 0;
}

static void compare(const char *name, struct document *document)
{
	struct hp_err err;
	struct hp_json_value root = hp_json_root(&document->json);
	struct hp_json_mistakes mistakes = {0};
	struct hp_request request;
	int r = hp_request_read(root, &request, &err);

	if (r == 0)
		hp_request_free(&request);
	document->json.mistakes = &mistakes;
	check_part("hooks", root, CHECK_HOOKS);
	check_part("settings", root, CHECK_SETTINGS);
	if (is_refused_in_files(name))
		assert_int_equal(mistakes.count, 1);
	else if (r == 0 && mistakes.count > 0)
		fail_msg("%s: validate refuses it: %s: %s", name, mistakes.list[0].err.path,
			 mistakes.list[0].err.reason);
	if (r < 0 && is_of_files(err.path) && !has_mistake(&document->json, &err))
		fail_msg("%s: validate does not find %s: %s", name, err.path, err.reason);
	hp_json_mistakes_free(&mistakes);
}

static void for_each_file(const char *folder, size_t expected)
{
	char path[4096];
	struct dirent *entry;
	size_t count = 0;
	DIR *directory;

	snprintf(path, sizeof(path), TEST_DATA "/%s", folder);
	directory = opendir(path);
	assert_non_null(directory);
	while ((entry = readdir(directory))) {
		struct document file = {0};
		struct hp_err err;

		if (entry->d_name[0] == '.')
			continue;
		snprintf(path, sizeof(path), TEST_DATA "/%s/%s", folder, entry->d_name);
		assert_int_equal(document_read(&file, path, &err), 0);
		compare(entry->d_name, &file);
		document_free(&file);
		count++;
	}
	closedir(directory);
	assert_true(count >= expected);
}

static void what_hookd_accepts_is_accepted(void **state)
{
	(void)state;
	for_each_file("ok", 40);
}

static void what_hookd_refuses_is_refused_at_the_same_place(void **state)
{
	(void)state;
	for_each_file("bad", 200);
}

/* ---- documents ---- */

/* Writes the text to a file and checks it. */
static struct findings check_text(const char *text, int type)
{
	char path[] = "/tmp/test_check.XXXXXX";
	struct findings findings = {0};
	struct hp_err err = {0};
	int fd = mkstemp(path);
	int r;

	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, strlen(text)), strlen(text));
	close(fd);
	r = check_file(path, type, -1, &findings, &err);
	unlink(path);
	if (r < 0)
		fail_msg("%s: %d %s", text, r, err.reason);
	return findings;
}

static void expect_lines(const char *text, int type, const char *expected)
{
	struct findings findings = check_text(text, type);
	struct hp_buf lines = HP_BUF_INIT;

	for (size_t i = 0; i < findings.count; i++)
		finding_print(&findings.list[i], "f", &lines);
	hp_buf_append(&lines, "", 1);
	assert_false(lines.failed);
	assert_string_equal(lines.data, expected);
	hp_buf_free(&lines);
	findings_free(&findings);
}

static void all_mistakes_are_found_with_their_places(void **state)
{
	(void)state;
	expect_lines(
	    "{\"ociVersion\": \"1.0.2\",\n"
	    " \"hooks\": {\"poststop\": [\n"
	    "  {\"path\": \"rel\", \"timeout\": 0, \"env\": [\"A=1\", \"\"]},\n"
	    "  {\"args\": [\"x\", 1, null]}], \"Prestart\": []},\n"
	    " \"process\": {\"rlimits\": [{\"type\": \"X\", \"soft\": 2, \"hard\": 1}]},\n"
	    " \"linux\": {\"resources\": {\"unified\": {\"cgroup.kill\": \"1\"}},\n"
	    "  \"seccomp\": {\"defaultAction\": \"SCMP_ACT_NOTIFY\", \"syscalls\": [{}]}}}",
	    -1,
	    "f:3:12: hooks.poststop[0].path: must be an absolute path\n"
	    "f:3:30: hooks.poststop[0].timeout: must be from 1 to 2147483647\n"
	    "f:3:48: hooks.poststop[0].env[1]: must not be empty\n"
	    "f:4:3: hooks.poststop[1].path: is required\n"
	    "f:4:18: hooks.poststop[1].args[1]: must be a string\n"
	    "f:4:21: hooks.poststop[1].args[2]: must be a string\n"
	    "f:4:42: hooks.Prestart: is not known here\n"
	    "f:5:35: process.rlimits[0].type: must be the name of a resource limit, "
	    "such as RLIMIT_CPU\n"
	    "f:6:53: linux.resources.unified.cgroup.kill: must not be written: it is not a "
	    "limit\n"
	    "f:7:64: linux.seccomp.syscalls[0].action: is required\n");
}

static void elements_that_are_values_are_all_read(void **state)
{
	(void)state;
	expect_lines("{\"process\": {\"user\": {\"uid\": 1, \"gid\": 1,\n"
		     "\"additionalGids\": [\"a\", 3, -1]},\n"
		     "\"capabilities\": {\"bounding\": [\"CAP_X\", \"CAP_CHOWN\", 1]}}}",
		     CHECK_SETTINGS,
		     "f:2:20: process.user.additionalGids[0]: must be an integer\n"
		     "f:2:28: process.user.additionalGids[2]: must be from 0 to 4294967294\n"
		     "f:3:31: process.capabilities.bounding[0]: must be the name of a capability, "
		     "such as CAP_CHOWN\n"
		     "f:3:53: process.capabilities.bounding[2]: must be a string\n");
}

static int guess(const char *text, const char *file)
{
	struct document document = {0};
	struct hp_err err;
	int type;

	assert_int_equal(hp_json_parse(&document.json, text, strlen(text), &err), 0);
	type = check_guess_type(file, &document);
	hp_json_free(&document.json);
	return type;
}

static void kinds_of_files_are_told_apart(void **state)
{
	(void)state;
	assert_int_equal(guess("{}", "/etc/hookd/hookd.conf"), CHECK_CONF);
	assert_int_equal(guess("{\"ociVersion\": \"1.0.2\", \"linux\": {}}", "c"), CHECK_CONFIG);
	assert_int_equal(guess("{\"config\": {}}", "state.json"), CHECK_CONFIG);
	assert_int_equal(guess("{\"poststop\": []}", "h"), CHECK_HOOKS);
	assert_int_equal(guess("{\"version\": \"1.0.0\", \"hook\": {}}", "h"), CHECK_HOOKSD);
	assert_int_equal(guess("{\"linux\": {}}", "s"), CHECK_SETTINGS);
	assert_int_equal(guess("{\"default_action\": 1}", "s"), CHECK_SECCOMP);
	assert_int_equal(guess("{\"a\": 1}", "s"), -ENOENT);
	assert_int_equal(guess("[]", "s"), -ENOENT);
}

static void syntax_error_has_its_place(void **state)
{
	(void)state;
	expect_lines("{\"a\" 1}", -1, "f:1:6: a colon is expected\n");
	expect_lines("{\n\"a\": 1,\n}", CHECK_HOOKS, "f:3:1: a key is expected\n");
	expect_lines("", CHECK_HOOKS, "f:1:1: it is empty\n");
}

/* ---- hooks.d ---- */

/* What Go 1.19 says of them. */
static const struct {
	const char *expression, *text;
	bool is_match;
} matches[] = {
    {"^true$", "true", true},
    {"^/usr/bin/{", "/usr/bin/{", true},
    {"a{", "a{", true},
    {"^a{,3}$", "aa", false},
    {"^a{,3}$", "a{,3}", true},
    {"^a{02}$", "a{02}", true},
    {"^a{2}$", "aa", true},
    {"^a{2,}$", "aaaa", true},
    {"^a{2,3}?$", "aaaa", false},
    {"^(ab|c){2}$", "cab", true},
    {"a.b", "a\nb", false},
    {"(?s)a.b", "a\nb", true},
    {"a[^b]c", "a\nc", true},
    {"a$", "a\n", false},
    {"(?m)a$", "a\nb", true},
    {"(?m)^b", "a\nb", true},
    {"(?m)^$", "a\n", true},
    {"a\\z", "a\n", false},
    {"^.$", "\xc3\xa9", true},
    {"^[\xc3\xa0-\xc3\xbc]$", "\xc3\xa9", true},
    {"^\\w$", "\xc3\xa9", false},
    {"^\\W$", "\xc3\xa9", true},
    {"\\sx", "\vx", false},
    {"[\\s]x", "\vx", false},
    {"[\\S]x", "\vx", true},
    {"\\Sx", "\vx", true},
    {"[[:space:]]x", "\vx", true},
    {"\\vx", "\vx", true},
    {"\\vx", "\nx", false},
    {"[[:word:]]", "_", true},
    {"[[:^word:]]", "_", false},
    {"[[:^word:]]", "\xce\xb1", true},
    {"[^[\\D]", "\xce\xb1", false},
    {"(?i)[[:alpha:]]", "\xc5\xbf", true},
    {"(?i)\\W", "\xc5\xbf", false},
    {"[[=a=]]", "=]", true},
    {"[[.a.]]", "a]", true},
    {"[]a]", "]", true},
    {"[^]a]", "b", true},
    {"[a-]", "-", true},
    {"[+--]", ",", true},
    {"[\\d-z]", "-", true},
    {"a]", "a]", true},
    {"a||b", "c", true},
    {"()", "a", true},
    {"", "abc", true},
    {"^*a", "a", true},
    {"(?P<n>a)\\.", "a.", true},
    {"(?i)STRASSE", "strasse", true},
    {"(?i:A)B", "ab", false},
    {"(?i)a(?-i)b", "Ab", true},
    {"(?i)a(?-i)b", "AB", false},
    {"((?i)a|b)c", "Bc", true},
    {"((?i)a|b)c", "BC", false},
    {"^\\x41\\x{42}\\103\\0?$", "ABC", true},
    {"^\\Qa*\\E+$", "a***", true},
    {"\\pL", "\xc3\xa9", true},
    {"\\p{Greek}", "\xce\xb1", true},
    {"^\\p{^Greek}$", "\xce\xb1", false},
    {"^[^\\PL]$", "\xc3\xa9", true},
    {"\\.json$", "a.json", true},
    {"\\/bin\\_", "/bin_", true},
    {"\\bb\\b", "a b", true},
    {"^(a{10}){100}$", "a", false},
    {"^((a{1,10}){1,10}){1,10}$", "aaa", true},
};

static void expressions_match_as_in_go(void **state)
{
	char reason[GO_REGEX_REASON_SIZE];

	(void)state;
	for (size_t i = 0; i < sizeof(matches) / sizeof(matches[0]); i++) {
		const char *expression = matches[i].expression;

		if (!go_regex_check(expression, reason))
			fail_msg("'%s': %s", expression, reason);
		if (go_regex_match(expression, matches[i].text) !=
		    (matches[i].is_match ? GO_REGEX_YES : GO_REGEX_NO))
			fail_msg("'%s' and '%s'", expression, matches[i].text);
	}
}

static const char *const wrong[] = {
    "a**",
    "x+*",
    "a{2}{3}",
    "a{2}*",
    "a++",
    "a*?*",
    "*a",
    "a|*b",
    "(*a)",
    "a{1001}",
    "a{1,1001}",
    "a{3,2}",
    "a{99999999999}",
    "\\y",
    "\\m",
    "\\Z",
    "\\C",
    "\\1",
    "\\8",
    "(a)\\1",
    "\\",
    "(",
    ")",
    "a)(",
    "[a",
    "[]",
    "[b-a]",
    "[[:foo:]]",
    "[a-\\d]",
    "(?=a)",
    "(?!a)",
    "(?<=a)",
    "(?>a)",
    "(?#a)",
    "(?R)",
    "(?x)a",
    "(?i-)a",
    "(?|a)",
    "(?P<n",
    "(?P<>a)",
    "(?P=n)",
    "\\x4",
    "\\x{}",
    "\\x{110000}",
    "\\p{Nope}",
    "\\p",
    "\\\xc3\xa9",
    "(?P<n>a)(?P<n>b)",
    "((a{255}){255}){255}",
    "(((a{1,100}){1,100}){1,100}){1,100}",
};

static void expressions_that_go_refuses_are_refused(void **state)
{
	char reason[GO_REGEX_REASON_SIZE];

	(void)state;
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		reason[0] = '\0';
		if (go_regex_check(wrong[i], reason))
			fail_msg("'%s' is accepted", wrong[i]);
		assert_true(reason[0] != '\0');
		assert_int_equal(go_regex_match(wrong[i], "a"), GO_REGEX_UNKNOWN);
	}
}

static char *nested(size_t depth)
{
	char *text = malloc(depth * 2 + 1);

	assert_non_null(text);
	memset(text, '(', depth);
	memset(text + depth, ')', depth);
	text[depth * 2] = '\0';
	return text;
}

static void expressions_are_bounded(void **state)
{
	char reason[GO_REGEX_REASON_SIZE], text[4001], *deep = nested(60000);

	(void)state;
	assert_false(go_regex_check(deep, reason));
	assert_string_equal(reason, "it nests too deeply");
	free(deep);
	deep = nested(400);
	assert_int_equal(go_regex_match(deep, "a"), GO_REGEX_YES);
	free(deep);
	/* Right, but exponential here; and larger than what PCRE2 takes. */
	memset(text, 'a', sizeof(text) - 1);
	text[sizeof(text) - 1] = '\0';
	assert_int_equal(go_regex_match("^((a+)+)+[bc]$", text), GO_REGEX_UNKNOWN);
	assert_true(go_regex_check("([^a-z][^0-9][^A-Z]\\pL\\pNabcdefghijklmn){999}", reason));
	/* An operator behind flags, and a folded class. */
	assert_true(go_regex_check("(?i)\\pL", reason));
	assert_int_equal(go_regex_match("(?i)\\pL", "a"), GO_REGEX_UNKNOWN);
	assert_true(go_regex_check("a*(?i)*", reason));
	assert_int_equal(go_regex_match("a*(?i)*", "a"), GO_REGEX_UNKNOWN);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(what_hookd_accepts_is_accepted),
	    cmocka_unit_test(what_hookd_refuses_is_refused_at_the_same_place),
	    cmocka_unit_test(all_mistakes_are_found_with_their_places),
	    cmocka_unit_test(elements_that_are_values_are_all_read),
	    cmocka_unit_test(kinds_of_files_are_told_apart),
	    cmocka_unit_test(syntax_error_has_its_place),
	    cmocka_unit_test(expressions_match_as_in_go),
	    cmocka_unit_test(expressions_that_go_refuses_are_refused),
	    cmocka_unit_test(expressions_are_bounded),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
