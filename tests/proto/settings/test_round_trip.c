/* SPDX-License-Identifier: Apache-2.0 */

/*
 * What is read is written, and read again as the same: all requests of tests/data/ok, and random
 * settings and hooks. HOOKD_SEED=N makes others, ROUND_TRIPS=N another number of them.
 */

#include <dirent.h>
#include <inttypes.h>

#include "proto/messages/hooks.h"
#include "tests/proto/settings/random_settings.h"
#include "tests/proto/settings/settings_unit.h"

static uint64_t number_from(const char *variable, uint64_t otherwise)
{
	const char *text = getenv(variable);

	return text ? strtoull(text, NULL, 10) : otherwise;
}

/* ---- settings ---- */

/* 0, or -ENOTSUP with what libcontainer cannot express. */
static int write_settings(const struct hp_settings *settings, struct hp_buf *buf,
			  struct hp_err *err)
{
	struct hp_json_writer writer = HP_JSON_WRITER_INIT(buf);
	int r = hp_settings_write(&writer, settings, err);

	hp_buf_append(buf, "", 1);
	assert_false(buf->failed);
	return r;
}

/* cmocka cuts long messages. */
static void fail_with(const char *text, const char *what, const char *first, const char *then,
		      const char *second)
{
	fprintf(stderr, "%s\n%s\n%s\n%s\n%s\n", text, what, first, then, second);
	fail_msg("it does not come back as it was");
}

/* Written, read and written again. False: it cannot be written. */
static bool comes_back(const struct hp_settings *settings, enum hp_dialect dialect,
		       const char *text)
{
	struct hp_buf first = HP_BUF_INIT, second = HP_BUF_INIT;
	struct hp_err err = {0};
	struct reading again;
	const char *difference;
	int r = write_settings(settings, &first, &err);

	if (r < 0) {
		assert_int_equal(r, -ENOTSUP);
		assert_true(err.path[0] && err.reason[0]);
		hp_buf_free(&first);
		return false;
	}
	again = settings_try(first.data, HP_DIALECT_LIBCONTAINER);
	if (again.r < 0)
		fail_with(text, "is written as", first.data, again.document.err.path,
			  again.document.err.reason);
	/* runtime-spec has rules of several names, and flags that are absent. */
	difference =
	    dialect == HP_DIALECT_OCI ? NULL : settings_difference(settings, again.settings);
	if (difference)
		fail_with(text, "is written as", first.data, "which differs in", difference);
	assert_int_equal(write_settings(again.settings, &second, &err), 0);
	if (strcmp(second.data, first.data) != 0)
		fail_with(text, "is written as", first.data, "and then as", second.data);
	settings_close(&again);
	hp_buf_free(&first);
	hp_buf_free(&second);
	return true;
}

struct counts {
	size_t read, written;
};

static void try_settings(const char *text, enum hp_dialect dialect, struct counts *counts)
{
	struct reading reading = settings_try(text, dialect);

	if (reading.r == 0) {
		counts->read++;
		random_count();
		if (comes_back(reading.settings, dialect, text))
			counts->written++;
		else if (dialect == HP_DIALECT_LIBCONTAINER)
			fail_with(text, "cannot be written", "", "", "");
	} else {
		assert_int_equal(reading.r, -EINVAL);
		assert_true(reading.document.err.reason[0]);
	}
	settings_close(&reading);
}

static void try_random(enum hp_dialect dialect, struct counts *counts)
{
	size_t number = number_from("ROUND_TRIPS", 10000);

	random_begin(number_from("HOOKD_SEED", 20));
	for (size_t i = 0; i < number; i++) {
		struct hp_buf buf = HP_BUF_INIT;

		random_settings(dialect, false, &buf);
		hp_buf_append(&buf, "", 1);
		try_settings(buf.data, dialect, counts);
		hp_buf_free(&buf);
	}
	/* Others break a rule about several members, as random ones do. */
	if (counts->read < number / 5 || counts->written < number / 10)
		fail_msg("of %zu only %zu are read, and %zu written", number, counts->read,
			 counts->written);
}

/* With other seeds it is chance. */
static void must_have_been_there(const struct hp_field *field, size_t count)
{
	if (count == 0 && !getenv("HOOKD_SEED") && !getenv("ROUND_TRIPS"))
		fail_msg("%s was in no document that was read",
			 field->key ? field->key : "(value)");
}

static void random_configs_come_back(void **state)
{
	struct counts counts = {0};

	(void)state;
	try_random(HP_DIALECT_LIBCONTAINER, &counts);
	random_each_row(HP_DIALECT_LIBCONTAINER, must_have_been_there);
}

static void random_parts_of_config_json_turn_into_configs(void **state)
{
	struct counts counts = {0};

	(void)state;
	try_random(HP_DIALECT_OCI, &counts);
	random_each_row(HP_DIALECT_OCI, must_have_been_there);
}

/* ---- hooks ---- */

/* 0, or -ENOTSUP with what runtime-spec cannot express. */
static int write_hooks(const struct hp_hooks *hooks, enum hp_dialect dialect, struct hp_buf *buf)
{
	struct hp_json_writer writer = HP_JSON_WRITER_INIT(buf);
	struct hp_err err;
	int r = hp_hooks_write(&writer, hooks, dialect, &err);

	hp_buf_append(buf, "", 1);
	return r;
}

static void texts_are_equal(char *const *a, char *const *b)
{
	assert_int_equal(!a, !b);
	for (size_t i = 0; a && (a[i] || b[i]); i++)
		assert_string_equal(a[i] ? a[i] : "(none)", b[i] ? b[i] : "(none)");
}

static void hooks_are_equal(const struct hp_hooks *a, const struct hp_hooks *b)
{
	for (int stage = 0; stage < HP_STAGE_COUNT; stage++) {
		assert_int_equal(a->stages[stage].count, b->stages[stage].count);
		for (size_t i = 0; i < a->stages[stage].count; i++) {
			const struct hp_hook *one = &a->stages[stage].hooks[i];
			const struct hp_hook *other = &b->stages[stage].hooks[i];

			assert_string_equal(one->path, other->path);
			texts_are_equal(one->args, other->args);
			texts_are_equal(one->env, other->env);
			assert_string_equal(one->dir ? one->dir : "", other->dir ? other->dir : "");
			assert_true(one->timeout_ns == other->timeout_ns);
		}
	}
}

static void hooks_come_back(const struct hp_hooks *hooks, enum hp_dialect dialect)
{
	struct hp_buf buf = HP_BUF_INIT;
	struct hp_arena arena = HP_ARENA_INIT;
	struct hp_hooks again = {0};
	struct document document;
	struct hp_err err;
	int r = write_hooks(hooks, dialect, &buf);

	if (r < 0) { /* a part of a second, and `dir` */
		assert_int_equal(r, -ENOTSUP);
		assert_int_equal(dialect, HP_DIALECT_OCI);
		hp_buf_free(&buf);
		return;
	}
	if (hp_hooks_read(document_open(&document, buf.data), dialect, &arena, &again, &err) < 0)
		fail_msg("%s is refused: %s", buf.data, err.reason);
	hooks_are_equal(hooks, &again);
	hp_arena_free(&arena);
	document_close(&document);
	hp_buf_free(&buf);
}

static void put_texts(const char *key, struct hp_buf *buf)
{
	static const char *const texts[] = {"\"a\"",	"\"A=\"",	  "\"A=b=c\"",
					    "\"/x y\"", "\"\\u00e9\\n\"", "\"\\\"\\\\\""};
	unsigned int count = at_random(4);

	hp_buf_format(buf, ",\"%s\":[", key);
	for (unsigned int i = 0; i < count; i++)
		hp_buf_format(buf, "%s%s", i ? "," : "", texts[at_random(COUNT(texts))]);
	hp_buf_format(buf, "]");
}

static void put_hook(enum hp_dialect dialect, struct hp_buf *buf)
{
	static const char *const paths[] = {"/bin/true", "/a b", "/\\u00e9", "/x/../y"};
	static const char *const timeouts[] = {"1", "30", "2147483647", "1000000000", "1500000000"};

	hp_buf_format(buf, "{\"path\":\"%s\"", paths[at_random(COUNT(paths))]);
	if (at_random(2))
		put_texts("args", buf);
	if (at_random(2))
		put_texts("env", buf);
	if (at_random(2))
		hp_buf_format(buf, ",\"timeout\":%s", timeouts[at_random(COUNT(timeouts))]);
	if (dialect == HP_DIALECT_LIBCONTAINER && at_random(3) == 0)
		hp_buf_format(buf, ",\"dir\":\"/tmp\"");
	hp_buf_format(buf, "}");
}

static void put_hooks(enum hp_dialect dialect, struct hp_buf *buf)
{
	for (int stage = 0; stage < HP_STAGE_COUNT; stage++) {
		unsigned int count = at_random(3);

		hp_buf_format(buf, "%s\"%s\":[", stage ? "," : "{", hp_stage_names[stage]);
		for (unsigned int i = 0; i < count; i++) {
			hp_buf_format(buf, i ? "," : "");
			put_hook(dialect, buf);
		}
		hp_buf_format(buf, "]");
	}
	hp_buf_append(buf, "}", 2);
}

static void read_random_hooks(enum hp_dialect dialect, size_t *ret_read)
{
	struct hp_buf buf = HP_BUF_INIT;
	struct hp_arena arena = HP_ARENA_INIT;
	struct hp_hooks hooks = {0};
	struct document document;
	struct hp_err err;

	put_hooks(dialect, &buf);
	if (hp_hooks_read(document_open(&document, buf.data), dialect, &arena, &hooks, &err) == 0) {
		++*ret_read;
		for (int to = 0; to < HP_DIALECT_COUNT; to++)
			hooks_come_back(&hooks, (enum hp_dialect)to);
	}
	hp_arena_free(&arena);
	document_close(&document);
	hp_buf_free(&buf);
}

static void random_hooks_come_back(void **state)
{
	size_t number = number_from("ROUND_TRIPS", 10000), read = 0;

	(void)state;
	random_begin(number_from("HOOKD_SEED", 19));
	for (size_t i = 0; i < number; i++)
		read_random_hooks((enum hp_dialect)(i % HP_DIALECT_COUNT), &read);
	assert_true(read > number / 4);
}

/* ---- the requests of tests/data ---- */

static enum hp_dialect dialect_of(struct hp_json_value request)
{
	struct hp_json_value dialect = hp_json_member(request, "dialect");

	return hp_json_equals(dialect, "libcontainer") ? HP_DIALECT_LIBCONTAINER : HP_DIALECT_OCI;
}

static void hooks_of_a_request_come_back(struct hp_json_value hooks, enum hp_dialect dialect)
{
	struct hp_arena arena = HP_ARENA_INIT;
	struct hp_hooks read = {0};
	struct hp_err err;

	assert_int_equal(hp_hooks_read(hooks, dialect, &arena, &read, &err), 0);
	for (int to = 0; to < HP_DIALECT_COUNT; to++)
		hooks_come_back(&read, (enum hp_dialect)to);
	hp_arena_free(&arena);
}

static void request_comes_back(const char *path, struct counts *counts)
{
	char *text = file_read(path), *settings_text;
	struct document document;
	struct hp_json_value request = document_open(&document, text), settings;
	enum hp_dialect dialect = dialect_of(request);
	const char *span;
	size_t length;

	hooks_of_a_request_come_back(hp_json_member(request, "hooks"), dialect);
	settings = hp_json_member(request, "settings");
	if (hp_json_type(settings) == HP_JSON_OBJECT) {
		span = hp_json_text(settings, &length);
		settings_text = calloc(1, length + 1);
		assert_non_null(settings_text);
		memcpy(settings_text, span, length); /* which has no NUL at its end */
		try_settings(settings_text, dialect, counts);
		free(settings_text);
	}
	document_close(&document);
	free(text);
}

static void requests_come_back(void **state)
{
	DIR *directory = opendir(TEST_DATA "/ok");
	struct counts counts = {0};
	const struct dirent *entry;
	char path[4096];

	(void)state;
	assert_non_null(directory);
	while ((entry = readdir(directory)))
		if (strstr(entry->d_name, ".json")) {
			snprintf(path, sizeof(path), TEST_DATA "/ok/%s", entry->d_name);
			request_comes_back(path, &counts);
		}
	closedir(directory);
	assert_true(counts.read >= 10 && counts.written >= 8);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(requests_come_back),
	    cmocka_unit_test(random_configs_come_back),
	    cmocka_unit_test(random_parts_of_config_json_turn_into_configs),
	    cmocka_unit_test(random_hooks_come_back),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
