/* SPDX-License-Identifier: Apache-2.0 */

/* The configuration: defaults, every key, errors in a file, and which files are read. */

#include "tests/daemon/support/config_text.h"
#include "tests/daemon/support/support.h"

#include <sys/mount.h>
#include <sys/stat.h>

static void defaults_are_those_of_the_header(void **state)
{
	struct config config = load_silently("");

	(void)state;
	assert_int_equal(config.default_timeout_ms, 300000);
	assert_int_equal(config.concurrent_hooks, 256);
	assert_int_equal(config.queued_runs_per_user, 1024);
	assert_string_equal(config.default_path,
			    "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin");
	assert_int_equal(config.check_hook_files, 1);
	assert_int_equal(config.kept_runs, 4096);
	assert_int_equal(config.kept_ms, 3600000);
	assert_int_equal(config.kept_bytes, 67108864);
	assert_int_equal(config.connections, 4096);
	assert_int_equal(config.connections_per_user, 2048);
	assert_string_equal(config.metrics_listen, "");
	assert_int_equal(config.metrics_socket_mode, 0600);
	assert_false(config.metrics_socket_gid.is_set);
	assert_int_equal(config.log_target, LOG_TARGET_AUTO);
	assert_int_equal(config.log_level, LOG_INFO);
	assert_false(config.pids_max.is_set || config.memory_max.is_set ||
		     config.cpu_quota_us.is_set || config.default_nice.is_set ||
		     config.default_umask.is_set);
	config_clear(&config);
	assert_null(config.default_path);
}

static void every_key_is_read(void **state)
{
	struct config config = load_silently("[Hooks]\n"
					     "DefaultTimeoutSec=7\n"
					     "ConcurrentHooks = 8\n"
					     "QueuedRunsPerUser=9\n"
					     "DefaultPath=/opt/bin:/bin\n"
					     "# a comment\n"
					     "[Results]\n"
					     "MaxRuns=0\n"
					     "MaxAgeSec=11\n"
					     "MaxBytes=12\n"
					     "; another one\n"
					     "[Connections]\n"
					     "Max=13\n"
					     "MaxPerUser=14\n"
					     "\n"
					     "[Metrics]\n"
					     "Listen=127.0.0.1:15\n"
					     "SocketMode=0640\n"
					     "SocketGroup=16\n"
					     "[Log]\n"
					     "Target=stderr\n"
					     "Level=debug\n");

	(void)state;
	assert_int_equal(config.default_timeout_ms, 7000);
	assert_int_equal(config.concurrent_hooks, 8);
	assert_int_equal(config.queued_runs_per_user, 9);
	assert_string_equal(config.default_path, "/opt/bin:/bin");
	assert_int_equal(config.kept_runs, 0);
	assert_int_equal(config.kept_ms, 11000);
	assert_int_equal(config.kept_bytes, 12);
	assert_int_equal(config.connections, 13);
	assert_int_equal(config.connections_per_user, 14);
	assert_string_equal(config.metrics_listen, "127.0.0.1:15");
	assert_int_equal(config.metrics_socket_mode, 0640);
	assert_int_equal(config.metrics_socket_gid.value, 16);
	assert_int_equal(config.log_target, LOG_TARGET_STDERR);
	assert_int_equal(config.log_level, LOG_DEBUG);
	config_clear(&config);
}

static void limits_of_runs_are_as_systemd_has_them(void **state)
{
	static const struct {
		const char *text;
		uint64_t pids, memory, cpu_us;
	} rows[] = {
	    {"PidsMax=1\nMemoryMax=1\nCPUQuota=1%", 1, 1, 1000},
	    {"PidsMax=64\nMemoryMax=4K\nCPUQuota=20%", 64, 4096, 20000},
	    {"PidsMax=4194304\nMemoryMax=512M\nCPUQuota=12.5%", 4194304, 536870912, 12500},
	    {"PidsMax=5\nMemoryMax=3G\nCPUQuota=1.05%", 5, 3221225472, 1050},
	    {"PidsMax=5\nMemoryMax=2T\nCPUQuota=999999.99%", 5, 2199023255552, 999999990},
	    {"PidsMax=5\nMemoryMax=9223372036854775807\nCPUQuota=100%", 5, INT64_MAX, 100000},
	};

	(void)state;
	for (size_t i = 0; i < ELEMENTS(rows); i++) {
		char text[200];
		struct config config;

		snprintf(text, sizeof(text), "[Hooks]\n%s\n", rows[i].text);
		config = load_silently(text);
		assert_true(config.pids_max.is_set && config.pids_max.value == rows[i].pids);
		assert_true(config.memory_max.is_set && config.memory_max.value == rows[i].memory);
		assert_true(config.cpu_quota_us.is_set &&
			    config.cpu_quota_us.value == rows[i].cpu_us);
		config_clear(&config);
	}
}

static const char *const edges[] = {"2147483648", "4294967296",		 "9223372036",
				    "9223372037", "9223372036854775807", "18446744073709551615"};

/* For each key: a value above the maximum, the maximum, and what the error message says. */
static void timeouts_have_a_bound(void **state)
{
	struct config config = load_silently("[Hooks]\nDefaultTimeoutSec=2147483647\n");

	(void)state;
	assert_int_equal(config.default_timeout_ms, 2147483647000);
	config_clear(&config);
	for (size_t i = 0; i < ELEMENTS(edges); i++) {
		const char *value = edges[i];
		char text[128], path[32], expected[160], *log;

		snprintf(text, sizeof(text), "[Hooks]\nDefaultTimeoutSec=%s\n", value);
		snprintf(expected, sizeof(expected),
			 ":2:19: DefaultTimeoutSec: '%s' is invalid: it takes seconds, from 0 to "
			 "2147483647\n",
			 value);
		assert_int_equal(load(text, &config, path, &log), -EINVAL);
		assert_non_null(strstr(log, expected));
		free(log);
	}
}

static void ages_have_a_bound(void **state)
{
	struct config config = load_silently("[Results]\nMaxAgeSec=9223372036854775\n");
	char path[32], *log;

	(void)state;
	assert_int_equal(config.kept_ms, 9223372036854775000);
	config_clear(&config);
	for (size_t i = 0; i < 4; i++) {
		char text[128];

		snprintf(text, sizeof(text), "[Results]\nMaxAgeSec=%s\n", edges[i]);
		config = load_silently(text);
		assert_int_equal(config.kept_ms, strtoull(edges[i], NULL, 10) * 1000);
		config_clear(&config);
	}
	assert_int_equal(load("[Results]\nMaxAgeSec=9223372036854776\n", &config, path, &log),
			 -EINVAL);
	assert_non_null(strstr(log, ":2:11: MaxAgeSec: '9223372036854776' is invalid: it takes "
				    "seconds, from 0 to 9223372036854775\n"));
	free(log);
}

static void infinity_takes_an_earlier_limit_away(void **state)
{
	struct config config = load_silently("[Hooks]\nPidsMax=5\nMemoryMax=5\nCPUQuota=5%\n"
					     "PidsMax=infinity\nMemoryMax=infinity\n"
					     "CPUQuota=infinity\n");

	(void)state;
	assert_false(config.pids_max.is_set || config.memory_max.is_set ||
		     config.cpu_quota_us.is_set);
	config_clear(&config);
}

static void nice_and_umask_of_hooks(void **state)
{
	struct config config = load_silently("[Hooks]\nNice=-20\nUMask=0\n");

	(void)state;
	assert_true(config.default_nice.is_set && config.default_nice.value == -20);
	assert_true(config.default_umask.is_set && config.default_umask.value == 0);
	config_clear(&config);
	config = load_silently("[Hooks]\nNice=19\nUMask=0027\n");
	assert_int_equal(config.default_nice.value, 19);
	assert_int_equal(config.default_umask.value, 027);
	config_clear(&config);
}

static void later_values_win(void **state)
{
	struct config config = load_silently("[Hooks]\nDefaultPath=/a\nConcurrentHooks=1\n"
					     "[Log]\nLevel=error\n"
					     "[Hooks]\nDefaultPath=/b\nConcurrentHooks=2\n");

	(void)state;
	assert_string_equal(config.default_path, "/b");
	assert_int_equal(config.concurrent_hooks, 2);
	assert_int_equal(config.log_level, LOG_ERR);
	config_clear(&config);
}

static const char *const bad_lines[] = {
    "[Hooks]\nDefaultTimeoutSec=",
    "[Hooks]\nDefaultTimeoutSec=-1",
    "[Hooks]\nDefaultTimeoutSec=1s",
    "[Hooks]\nDefaultTimeoutSec=0x10",
    "[Hooks]\nDefaultTimeoutSec=18446744073709551616",
    "[Hooks]\nDefaultTimeoutSec=9223372036854775807",
    "[Hooks]\nConcurrentHooks=0",
    "[Hooks]\nConcurrentHooks=+4",
    "[Hooks]\nQueuedRunsPerUser=0",
    "[Hooks]\nPidsMax=0",
    "[Hooks]\nPidsMax=",
    "[Hooks]\nPidsMax=5K",
    "[Hooks]\nMemoryMax=0",
    "[Hooks]\nMemoryMax=5k",
    "[Hooks]\nMemoryMax=5MB",
    "[Hooks]\nMemoryMax=-1",
    "[Hooks]\nMemoryMax=K",
    "[Hooks]\nMemoryMax=9223372036854775808",
    "[Hooks]\nMemoryMax=18014398509481985K",
    "[Hooks]\nCPUQuota=50",
    "[Hooks]\nCPUQuota=%",
    "[Hooks]\nCPUQuota=0.99%",
    "[Hooks]\nCPUQuota=5.%",
    "[Hooks]\nCPUQuota=5.123%",
    "[Hooks]\nCPUQuota=5%%",
    "[Hooks]\nCPUQuota=-5%",
    "[Hooks]\nCPUQuota=1000000%",
    "[Hooks]\nNice=20",
    "[Hooks]\nNice=-21",
    "[Hooks]\nNice=infinity",
    "[Hooks]\nNice=",
    "[Hooks]\nUMask=8",
    "[Hooks]\nUMask=01000",
    "[Hooks]\nUMask=infinity",
    "[Results]\nMaxRuns=many",
    "[Results]\nMaxAgeSec=1.5",
    "[Results]\nMaxBytes=64M",
    "[Connections]\nMax=0",
    "[Connections]\nMaxPerUser=0",
    "[Log]\nTarget=syslog",
    "[Log]\nLevel=Debug",
    "[Log]\nLevel=6",
};

static void bad_values_name_file_and_line(void **state)
{
	(void)state;
	for (size_t i = 0; i < ELEMENTS(bad_lines); i++) {
		char text[128], path[32], expected[64], *log;
		struct config config = {.concurrent_hooks = 4711};

		snprintf(text, sizeof(text), "# first\n\n%s\n[Log]\n", bad_lines[i]);
		assert_int_equal(load(text, &config, path, &log), -EINVAL);
		assert_int_equal(config.concurrent_hooks, 4711);
		snprintf(expected, sizeof(expected), "%s:4:", path);
		if (!strstr(log, expected))
			fail_msg("%s: no \"%s\" in \"%s\"", bad_lines[i], expected, log);
		free(log);
	}
}

/* All errors of a file are logged, not only the first, so that an operator can fix them at once. */
static void all_bad_values_are_told_of(void **state)
{
	struct config config;
	char path[32], *log;

	(void)state;
	assert_int_equal(
	    load("[Hooks]\nConcurrentHooks=x\nQueuedRunsPerUser=y\n", &config, path, &log),
	    -EINVAL);
	assert_non_null(strstr(log, ":2:17: ConcurrentHooks: 'x' is invalid"));
	assert_non_null(strstr(log, ":3:19: QueuedRunsPerUser: 'y' is invalid"));
	free(log);
}

static void unknown_keys_only_warn(void **state)
{
	struct config config;
	char path[32], expected[128], *log;

	(void)state;
	assert_int_equal(load("[Hooks]\nColour=red\nConcurrentHooks=5\n[Log]\nMaxRuns=1\n"
			      "[hooks]\nConcurrentHooks=6\n",
			      &config, path, &log),
			 0);
	assert_int_equal(config.concurrent_hooks, 5);
	assert_int_equal(config.kept_runs, 4096);
	snprintf(expected, sizeof(expected), "%s:2:1: unknown key Colour in section [Hooks]", path);
	assert_non_null(strstr(log, expected));
	assert_non_null(strstr(log, ":5:1: unknown key MaxRuns in section [Log]"));
	assert_non_null(strstr(log, ":7:1: unknown key ConcurrentHooks in section [hooks]"));
	free(log);
	config_clear(&config);
}

static void what_is_neither_section_nor_key_has_a_line(void **state)
{
	struct config config;
	char path[32], expected[128], *log;

	(void)state;
	assert_int_equal(load("[Hooks]\nConcurrentHooks=5\nnonsense\n", &config, path, &log),
			 -EINVAL);
	snprintf(expected, sizeof(expected), "%s:3:1: ", path);
	assert_non_null(strstr(log, expected));
	free(log);
}

/* With an error nothing of the configuration is used, and the line of the error is logged. */
static void expect_path_or_error(const char *text, const char *value)
{
	struct config config;
	char path[32], *log, *logged_path;
	bool is_read, is_right;

	is_read = load(text, &config, path, &log) == 0;
	logged_path = strstr(log, path);
	is_right = is_read ? strcmp(config.default_path, value) == 0 : logged_path != NULL;
	free(log);
	if (!is_right)
		print_error("%s: \"%s\"\n", is_read ? "read" : "refused without a word",
			    is_read ? config.default_path : "");
	if (is_read)
		config_clear(&config);
	assert_true(is_right);
}

static void a_long_value_is_not_cut_in_silence(void **state)
{
	char text[4096], value[2048] = "/bin";

	(void)state;
	while (strlen(value) < 1500)
		strcat(value, ":/opt/a/folder/with/programs");
	snprintf(text, sizeof(text), "[Hooks]\nDefaultPath=%s\n", value);
	expect_path_or_error(text, value);
}

static void a_long_comment_is_a_comment(void **state)
{
	struct config config;
	char text[1024] = "[Hooks]\n# ", path[32], *log;

	(void)state;
	while (strlen(text) < 500)
		strcat(text, "why this is so and not otherwise ");
	strcat(text, "\nConcurrentHooks=5\n");
	assert_int_equal(load(text, &config, path, &log), 0);
	free(log);
	assert_int_equal(config.concurrent_hooks, 5);
	config_clear(&config);
}

static void an_indented_key_is_no_value_of_another(void **state)
{
	(void)state;
	expect_path_or_error("[Hooks]\nDefaultPath=/bin\n\tConcurrentHooks=5\n", "/bin");
}

static void a_missing_file_is_told_apart(void **state)
{
	struct config config = {.concurrent_hooks = 4711};

	(void)state;
	assert_int_equal(config_load(&config, "/nonexistent/hookd.conf", &last_error), -ENOENT);
	assert_int_equal(config.concurrent_hooks, 4711);
}

/*
 * config.h: every problem is logged, except a missing file: only the caller knows whether that is
 * an error.
 */
static void a_file_that_cannot_be_read_is_logged(void **state)
{
	static const char *const files[] = {"/", "/dev/null/hookd.conf", "/proc/self/mem"};
	struct config config = {0};

	(void)state;
	log_set_level(LOG_INFO);
	for (size_t i = 0; i < ELEMENTS(files); i++) {
		struct grab grab;
		char *log;
		int r;

		grab_stderr(&grab);
		r = config_load(&config, files[i], &last_error);
		log = grab_end(&grab);
		if (r == 0)
			config_clear(&config);
		if (r >= 0 || !strstr(log, files[i]))
			fail_msg("%s: returned %d, logged \"%s\"", files[i], r, log);
		free(log);
	}
}

static void words_of_the_log(void **state)
{
	uint64_t value = 4711;

	(void)state;
	assert_int_equal(config_parse_log_target("", &value), -EINVAL);
	assert_int_equal(config_parse_log_level("warn", &value), -EINVAL);
	assert_int_equal(value, 4711);
	assert_int_equal(config_parse_log_target("journal", &value), 0);
	assert_int_equal(value, LOG_TARGET_JOURNAL);
	assert_int_equal(config_parse_log_target("auto", &value), 0);
	assert_int_equal(value, LOG_TARGET_AUTO);
	assert_int_equal(config_parse_log_level("error", &value), 0);
	assert_int_equal(value, LOG_ERR);
	assert_int_equal(config_parse_log_level("warning", &value), 0);
	assert_int_equal(value, LOG_WARNING);
	assert_int_equal(config_parse_log_level("info", &value), 0);
	assert_int_equal(value, LOG_INFO);
}

/* ---- the three folders, in mounts of the child's own ---- */

static bool put(const char *path, const char *text)
{
	FILE *file = fopen(path, "w");
	bool is_written = file && fputs(text, file) >= 0;

	return file && fclose(file) == 0 && is_written;
}

static bool make_folders(void)
{
	static const char *const mounts[] = {"/etc", "/run", "/usr/lib"};
	char path[64];

	if (!own_mounts())
		return false;
	for (size_t i = 0; i < ELEMENTS(mounts); i++) {
		if (mount("none", mounts[i], "tmpfs", 0, NULL) < 0)
			return false;
		snprintf(path, sizeof(path), "%s/hookd", mounts[i]);
		if (mkdir(path, 0755) < 0)
			return false;
		snprintf(path, sizeof(path), "%s/hookd/hookd.conf.d", mounts[i]);
		if (mkdir(path, 0755) < 0)
			return false;
	}
	return true;
}

static int first_main_file_counts(void *userdata)
{
	struct config config;

	(void)userdata;
	CHECK(make_folders());
	CHECK(config_load(&config, NULL, &last_error) == 0 && config.concurrent_hooks == 256);
	config_clear(&config);
	CHECK(put("/usr/lib/hookd/hookd.conf", "[Hooks]\nConcurrentHooks=1\nQueuedRunsPerUser=1"));
	CHECK(config_load(&config, NULL, &last_error) == 0 && config.concurrent_hooks == 1);
	config_clear(&config);
	CHECK(put("/run/hookd/hookd.conf", "[Hooks]\nConcurrentHooks=2"));
	CHECK(config_load(&config, NULL, &last_error) == 0 && config.concurrent_hooks == 2);
	CHECK(config.queued_runs_per_user == 1024);
	config_clear(&config);
	CHECK(put("/etc/hookd/hookd.conf", "[Hooks]\nConcurrentHooks=3"));
	CHECK(config_load(&config, NULL, &last_error) == 0 && config.concurrent_hooks == 3);
	config_clear(&config);
	return 0;
}

static int drop_ins_are_read_by_name(void *userdata)
{
	struct config config;

	(void)userdata;
	CHECK(make_folders());
	CHECK(put("/etc/hookd/hookd.conf", "[Hooks]\nConcurrentHooks=3"));
	CHECK(put("/usr/lib/hookd/hookd.conf.d/50.conf", "[Hooks]\nConcurrentHooks=50"));
	CHECK(put("/etc/hookd/hookd.conf.d/40.conf", "[Hooks]\nConcurrentHooks=40\n"
						     "QueuedRunsPerUser=40\n"));
	CHECK(put("/run/hookd/hookd.conf.d/45.conf", "[Hooks]\nQueuedRunsPerUser=45\n"));
	CHECK(put("/etc/hookd/hookd.conf.d/99.confx", "[Hooks]\nConcurrentHooks=99"));
	CHECK(put("/etc/hookd/hookd.conf.d/.60.conf", "[Hooks]\nConcurrentHooks=60"));
	CHECK(config_load(&config, NULL, &last_error) == 0);
	CHECK(config.concurrent_hooks == 50 && config.queued_runs_per_user == 45);
	config_clear(&config);
	CHECK(config_load(&config, "/etc/hookd/hookd.conf", &last_error) == 0 &&
	      config.concurrent_hooks == 3);
	config_clear(&config);
	return 0;
}

static int earlier_folders_hide_drop_ins(void *userdata)
{
	struct config config;

	(void)userdata;
	CHECK(make_folders());
	CHECK(put("/usr/lib/hookd/hookd.conf.d/50.conf", "[Hooks]\nConcurrentHooks=50\n"
							 "QueuedRunsPerUser=50\n"));
	CHECK(put("/run/hookd/hookd.conf.d/50.conf", "[Hooks]\nConcurrentHooks=51"));
	CHECK(config_load(&config, NULL, &last_error) == 0 && config.concurrent_hooks == 51);
	CHECK(config.queued_runs_per_user == 1024);
	config_clear(&config);
	CHECK(symlink("/dev/null", "/etc/hookd/hookd.conf.d/50.conf") == 0);
	CHECK(config_load(&config, NULL, &last_error) == 0 && config.concurrent_hooks == 256);
	config_clear(&config);
	CHECK(put("/run/hookd/hookd.conf.d/60.conf", "[Hooks]\nConcurrentHooks=none"));
	CHECK(config_load(&config, NULL, &last_error) == -EINVAL);
	return 0;
}

static void folders(void **state)
{
	(void)state;
	if (geteuid() != 0)
		skip("needs root");
	assert_int_equal(in_child(first_main_file_counts, NULL), 0);
	assert_int_equal(in_child(drop_ins_are_read_by_name, NULL), 0);
	assert_int_equal(in_child(earlier_folders_hide_drop_ins, NULL), 0);
}

static void a_boolean_is_one_of_systemd_s_words(void **state)
{
	static const struct {
		const char *word;
		uint64_t value;
	} words[] = {{"yes", 1}, {"true", 1},  {"on", 1},  {"1", 1},
		     {"no", 0},	 {"false", 0}, {"off", 0}, {"0", 0}};
	struct config config = {0};
	char text[64], path[32], *log;

	(void)state;
	for (size_t i = 0; i < ELEMENTS(words); i++) {
		snprintf(text, sizeof(text), "[Hooks]\nCheckHookFiles=%s\n", words[i].word);
		config = load_silently(text);
		assert_int_equal(config.check_hook_files, words[i].value);
		config_clear(&config);
	}
	assert_int_equal(load("[Hooks]\nCheckHookFiles=never\n", &config, path, &log), -EINVAL);
	assert_non_null(strstr(log, "CheckHookFiles"));
	free(log);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_boolean_is_one_of_systemd_s_words),
	    cmocka_unit_test(defaults_are_those_of_the_header),
	    cmocka_unit_test(every_key_is_read),
	    cmocka_unit_test(limits_of_runs_are_as_systemd_has_them),
	    cmocka_unit_test(timeouts_have_a_bound),
	    cmocka_unit_test(ages_have_a_bound),
	    cmocka_unit_test(infinity_takes_an_earlier_limit_away),
	    cmocka_unit_test(nice_and_umask_of_hooks),
	    cmocka_unit_test(later_values_win),
	    cmocka_unit_test(bad_values_name_file_and_line),
	    cmocka_unit_test(all_bad_values_are_told_of),
	    cmocka_unit_test(unknown_keys_only_warn),
	    cmocka_unit_test(what_is_neither_section_nor_key_has_a_line),
	    cmocka_unit_test(a_long_value_is_not_cut_in_silence),
	    cmocka_unit_test(a_long_comment_is_a_comment),
	    cmocka_unit_test(an_indented_key_is_no_value_of_another),
	    cmocka_unit_test(a_missing_file_is_told_apart),
	    cmocka_unit_test(a_file_that_cannot_be_read_is_logged),
	    cmocka_unit_test(words_of_the_log),
	    cmocka_unit_test(folders),
	};

	bound_time();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
