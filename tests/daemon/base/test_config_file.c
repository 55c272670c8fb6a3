/* SPDX-License-Identifier: Apache-2.0 */

/* Which types of files are read as configuration, the length of lines, and mistakes in them. */

#include "tests/daemon/support/config_text.h"
#include "tests/daemon/support/support.h"

#include <sys/stat.h>

/* Lines longer than inih's buffer are read like short ones. */
static void a_line_may_be_long(void **state)
{
	static const char *const folder = "/opt/a/folder/with/programs";
	char *value = calloc(1, 200000), *text = malloc(400100);
	struct config config;

	(void)state;
	for (char *at = value; at - value < 180000;)
		at += sprintf(at, "%s%s", at == value ? "" : ":", folder);
	sprintf(text, "[Hooks]\n  DefaultPath = \t%s \t; why\nConcurrentHooks=5 ; %s\n", value,
		value);
	config = load_silently(text);
	assert_string_equal(config.default_path, value);
	assert_int_equal(config.concurrent_hooks, 5);
	config_clear(&config);
	/* The last line without a newline, and a long line in another place. */
	sprintf(text, "[Hooks]\nNice=3\nDefaultPath:%s", value);
	config = load_silently(text);
	assert_string_equal(config.default_path, value);
	assert_int_equal(config.default_nice.value, 3);
	config_clear(&config);
	free(text);
	free(value);
}

/* Every length around the size of the buffer. */
static void no_length_is_a_bound(void **state)
{
	char text[512], value[320];
	struct config config;

	(void)state;
	for (size_t length = 150; length < sizeof(value); length++) {
		memset(value, 'x', length - 1);
		value[0] = '/';
		value[length - 1] = '\0';
		snprintf(text, sizeof(text), "[Hooks]\nDefaultPath=%s\n", value);
		config = load_silently(text);
		assert_string_equal(config.default_path, value);
		config_clear(&config);
	}
}

static void a_long_line_that_is_nothing_is_told_of(void **state)
{
	char text[1024], long_text[400], path[32], *log;
	static const char *const formats[] = {"[Hooks]\nConcurrentHooks=2\n%s\n",
					      "[Hooks]\nConcurrentHooks=2\n[%s]\n",
					      "[Hooks]\nConcurrentHooks=2\n%s=1\n"};
	struct config config;

	(void)state;
	memset(long_text, 'x', sizeof(long_text) - 1);
	long_text[sizeof(long_text) - 1] = '\0';
	for (size_t i = 0; i < ELEMENTS(formats); i++) {
		char place[64];

		snprintf(text, sizeof(text), formats[i], long_text);
		assert_int_equal(load(text, &config, path, &log), -EINVAL);
		snprintf(place, sizeof(place), "%s:3:1: ", path);
		assert_non_null(strstr(log, place));
		free(log);
	}
}

/* Opening a FIFO waits for a writer, and reading a device may never end. */
static void only_a_regular_file_is_read(void **state)
{
	char directory[] = "/tmp/hookd-config.XXXXXX", path[64];
	const char *files[] = {path, "/dev/zero", "/"};
	struct config config = {0};

	(void)state;
	assert_non_null(mkdtemp(directory));
	snprintf(path, sizeof(path), "%s/fifo", directory);
	assert_int_equal(mkfifo(path, 0600), 0);
	for (size_t i = 0; i < ELEMENTS(files); i++) {
		struct grab grab;
		char *log;

		grab_stderr(&grab);
		assert_int_equal(config_load(&config, files[i], &last_error), -EINVAL);
		log = grab_end(&grab);
		assert_non_null(strstr(log, "not a regular file"));
		assert_non_null(strstr(log, files[i]));
		free(log);
	}
	unlink(path);
	rmdir(directory);
	/* systemd masks files by /dev/null, too. */
	assert_int_equal(config_load(&config, "/dev/null", &last_error), 0);
	config_clear(&config);
}

static void all_lines_that_are_nothing_are_told_of(void **state)
{
	struct config config;
	char path[32], *log;

	(void)state;
	assert_int_equal(load("[Hooks\n\tfirst\n[Hooks]\n  \n# x\nsecond ; a=b\nConcurrentHooks=0\n"
			      "[Log ; ]\nlast",
			      &config, path, &log),
			 -EINVAL);
	assert_non_null(strstr(log, ":1:1: neither"));
	assert_non_null(strstr(log, ":2:2: neither"));
	assert_non_null(strstr(log, ":7:17: ConcurrentHooks: '0' is invalid"));
	assert_non_null(strstr(log, ":9:1: neither"));
	assert_null(strstr(log, ":4:"));
	assert_null(strstr(log, ":5:"));
	free(log);
	/* What only inih takes for a mistake is one, too. */
	assert_int_equal(load("[Log ; ]\n", &config, path, &log), -EINVAL);
	assert_non_null(strstr(log, "line 1 is not valid"));
	free(log);
}

static void the_first_mistake_is_the_caller_s(void **state)
{
	struct config config;
	char path[32], text[CONFIG_ERROR_TEXT_SIZE], expected[160], *log;

	(void)state;
	assert_int_equal(load("[Hooks]\n \tUMask = \t 9\nNice=x\n", &config, path, &log), -EINVAL);
	assert_string_equal(last_error.file, path);
	assert_int_equal(last_error.line, 2);
	assert_int_equal(last_error.column, 13);
	assert_string_equal(last_error.key, "UMask");
	assert_string_equal(last_error.reason,
			    "'9' is invalid: it takes an octal number, up to 0777");
	snprintf(expected, sizeof(expected), "hookd: %s\n", config_error_print(&last_error, text));
	assert_ptr_equal(strstr(log, expected), log);
	free(log);
	assert_int_equal(config_load(&config, "/nonexistent", &last_error), -ENOENT);
	assert_string_equal(config_error_print(&last_error, text),
			    "/nonexistent: No such file or directory");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_line_may_be_long),
	    cmocka_unit_test(no_length_is_a_bound),
	    cmocka_unit_test(a_long_line_that_is_nothing_is_told_of),
	    cmocka_unit_test(all_lines_that_are_nothing_are_told_of),
	    cmocka_unit_test(the_first_mistake_is_the_caller_s),
	    cmocka_unit_test(only_a_regular_file_is_read),
	};

	bound_time();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
