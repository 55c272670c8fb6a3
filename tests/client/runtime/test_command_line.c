/* SPDX-License-Identifier: Apache-2.0 */

/* The command, its bundle and hookd-runtime's own options are found, and all else is kept. */

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "client/runtime/command_line.h"
#include "tests/group/group.h"

#define ELEMENTS(array) (sizeof(array) / sizeof((array)[0]))
#define WORDS_MAX	20

struct row {
	const char *words[WORDS_MAX]; /* behind the name of the program */
	bool starts_container;
	const char *bundle, *config;
	const char *unclear;
};

static const struct row rows[] = {
    /* the commands */
    {{"create", "c1"}, true, NULL, NULL},
    {{"run", "c1"}, true, NULL, NULL},
    {{"restore", "c1"}, true, NULL, NULL},
    {{"start", "c1"}, false, NULL, NULL},
    {{"exec", "c1", "create"}, false, NULL, NULL},
    {{"state", "run"}, false, NULL, NULL},
    {{"delete", "--force", "create"}, false, NULL, NULL},
    {{"kill", "c1", "KILL"}, false, NULL, NULL},
    {{"checkpoint", "create"}, false, NULL, NULL},
    {{"something-new", "create"}, false, NULL, NULL},
    {{NULL}, false, NULL, NULL},
    {{""}, false, NULL, NULL},
    {{"-"}, false, NULL, NULL},

    /* global options, whose values are no commands */
    {{"--root", "/r", "create", "c1"}, true, NULL, NULL},
    {{"--root=/r", "create", "c1"}, true, NULL, NULL},
    {{"-root", "/r", "create", "c1"}, true, NULL, NULL},
    {{"--root", "create", "state", "c1"}, false, NULL, NULL},
    {{"--log", "run", "--log-format", "json", "kill", "c1"}, false, NULL, NULL},
    {{"--log-level", "debug", "--criu", "c", "--rootless", "auto", "run", "c1"}, true, NULL, NULL},
    {{"--cgroup-manager", "disabled", "run", "c1"}, true, NULL, NULL},
    {{"--debug", "--systemd-cgroup", "create", "c1"}, true, NULL, NULL},
    {{"--systemd-cgroup", "--root", "/run/runc", "--log", "/l", "--log-format", "json", "create",
      "--bundle", "/b", "--pid-file", "/p", "c1"},
     true,
     "/b",
     NULL},
    {{"--version"}, false, NULL, NULL},
    {{"--root"}, false, NULL, NULL},
    {{"--", "create", "c1"}, true, NULL, NULL},
    {{"--debug", "--"}, false, NULL, NULL},

    /* options that are not known, with and without a value */
    {{"--new", "value", "create", "c1"}, true, NULL, NULL, "--new"},
    {{"--new=value", "create", "c1"}, true, NULL, NULL},
    {{"--new", "create", "c1"}, true, NULL, NULL, "--new"},
    {{"-n", "create", "c1"}, true, NULL, NULL, "-n"},
    {{"--new", "state", "create"}, false, NULL, NULL, "--new"},
    {{"--new=x", "odd", "create"}, false, NULL, NULL},

    /* the bundle */
    {{"create", "--bundle", "/b", "c1"}, true, "/b", NULL},
    {{"create", "--bundle=/b", "c1"}, true, "/b", NULL},
    {{"create", "-bundle=/b", "c1"}, true, "/b", NULL},
    {{"create", "-bundle", "/b", "c1"}, true, "/b", NULL},
    {{"create", "-b", "/b", "c1"}, true, "/b", NULL},
    {{"create", "-b=/b", "c1"}, true, "/b", NULL},
    {{"create", "-b/b", "c1"}, true, "/b", NULL},
    {{"create", "c1", "--bundle", "/b"}, true, "/b", NULL},
    {{"create", "--bundle", "/a", "--bundle", "/b", "c1"}, true, "/b", NULL},
    {{"create", "--bundle=", "c1"}, true, NULL, NULL},
    {{"create", "--bundle", "", "c1"}, true, NULL, NULL},
    {{"create", "-b", "", "c1"}, true, NULL, NULL},
    {{"create", "--bundle"}, true, NULL, NULL, "--bundle"},
    {{"create", "--bundles", "/b"}, true, NULL, NULL, "--bundles"},
    {{"create", "--pid-file", "--bundle=/b", "c1"}, true, NULL, NULL},
    {{"create", "--pid-file", "--bundle", "/b", "c1"}, true, NULL, NULL},
    {{"create", "--", "--bundle", "/b"}, true, NULL, NULL},
    {{"exec", "--bundle", "/b"}, false, NULL, NULL},
    {{"--bundle", "/b", "create", "c1"}, true, NULL, NULL, "--bundle"},

    /* crun's other name for the config */
    {{"run", "--config", "f.json", "c1"}, true, NULL, "f.json"},
    {{"run", "-f", "/f.json", "-b", "/b", "c1"}, true, "/b", "/f.json"},
    {{"run", "--config=/f.json", "c1"}, true, NULL, "/f.json"},
    {{"run", "--config=f.json", "--bundle=/b", "c1"}, true, "/b", "f.json", "--config"},
    {{"run", "--config=config.json", "--bundle=/b", "c1"}, true, "/b", "config.json"},

    /* beginnings of names, and letters in one word, as crun takes them */
    {{"run", "--bun", "/b", "c1"}, true, "/b", NULL},
    {{"run", "--bundl=/b", "c1"}, true, "/b", NULL},
    {{"run", "--b=/b", "c1"}, true, "/b", NULL},
    {{"run", "-db", "/b", "c1"}, true, "/b", NULL},
    {{"run", "-db/b", "c1"}, true, "/b", NULL},
    {{"run", "-dfx.json", "c1"}, true, NULL, "x.json"},
    {{"run", "--conf", "/f.json", "c1"}, true, NULL, "/f.json"},
    {{"run", "--no-p", "--det", "--pid", "/p", "-b", "/b", "c1"}, true, "/b", NULL},
    {{"--roo", "create", "state", "c1"}, false, NULL, NULL},
    {{"--roo", "create", "run", "-b", "/b", "c1"}, true, "/b", NULL},
    {{"--sys", "create", "-b", "/b", "c1"}, true, "/b", NULL},
    {{"-r", "/r", "-s", "create", "c1"}, true, NULL, NULL},
    {{"-sr", "/r", "create", "c1"}, true, NULL, NULL},

    /* what is not known, or may be one or the other */
    {{"run", "--con", "x", "c1"}, true, NULL, NULL, "--con"},
    {{"run", "--new", "c1"}, true, NULL, NULL, "--new"},
    {{"run", "--new=1", "-b", "/b", "c1"}, true, "/b", NULL, "--new=1"},
    {{"run", "-x", "c1"}, true, NULL, NULL, "-x"},
    {{"run", "-dx", "c1"}, true, NULL, NULL, "-dx"},
    {{"run", "--=x", "c1"}, true, NULL, NULL, "--=x"},
    {{"run", "c1", "--new"}, true, NULL, NULL, "--new"},
    {{"run", "--", "c1", "--new"}, true, NULL, NULL},
    {{"exec", "--new", "c1", "create"}, false, NULL, NULL},

    /* what the runtime ends with a text, and starts nothing */
    {{"run", "--help"}, false, NULL, NULL},
    {{"run", "-h", "c1"}, false, NULL, NULL},
    {{"create", "-?"}, false, NULL, NULL},
    {{"--version", "create", "c1"}, false, NULL, NULL},

    /* all options of runc and of crun */
    {{"create", "--console-socket", "-b", "--pidfd-socket", "-b", "--pid-file", "-b",
      "--preserve-fds", "3", "--no-pivot", "--no-new-keyring", "-b", "/b", "c1"},
     true,
     "/b",
     NULL},
    {{"run", "--detach", "--keep", "--no-subreaper", "--detach=true", "-d", "c1"},
     true,
     NULL,
     NULL},
    {{"restore", "--image-path", "-b", "--work-path", "-b", "--manage-cgroups-mode", "-b",
      "--empty-ns", "-b", "--lsm-profile", "-b", "--lsm-mount-context", "-b", "c1"},
     true,
     NULL,
     NULL},
    {{"restore", "--tcp-established", "--ext-unix-sk", "--shell-job", "--file-locks",
      "--auto-dedup", "--lazy-pages", "c1"},
     true,
     NULL,
     NULL},
};

static void test_the_bundle_is_found(void **state)
{
	(void)state;
	for (size_t i = 0; i < ELEMENTS(rows); i++) {
		char *argv[WORDS_MAX + 2] = {(char *)"hookd-runtime"};
		struct command_line line;
		const char *wrong = NULL;
		size_t count = 1;

		for (; rows[i].words[count - 1] != NULL; count++)
			argv[count] = (char *)rows[i].words[count - 1];
		assert_int_equal(command_line_read(argv, &line, &wrong), 0);
		if (line.starts_container != rows[i].starts_container)
			fail_msg("row %zu: %s", i, rows[i].words[0]);
		if ((line.bundle == NULL) != (rows[i].bundle == NULL) ||
		    (line.bundle != NULL && strcmp(line.bundle, rows[i].bundle) != 0))
			fail_msg("row %zu: the bundle is %s", i, line.bundle);
		if ((line.config == NULL) != (rows[i].config == NULL) ||
		    (line.config != NULL && strcmp(line.config, rows[i].config) != 0))
			fail_msg("row %zu: the config is %s", i, line.config);
		if ((line.unclear == NULL) != (rows[i].unclear == NULL) ||
		    (line.unclear != NULL && strcmp(line.unclear, rows[i].unclear) != 0))
			fail_msg("row %zu: unclear is %s", i, line.unclear);
		for (size_t word = 1; word < count; word++)
			assert_ptr_equal(line.arguments[word], argv[word]);
		assert_null(line.arguments[count]);
		free(line.arguments);
	}
}

static void test_own_options_are_taken_out(void **state)
{
	char *argv[] = {(char *)"hookd-runtime",
			(char *)"--hookd-runtime=crun",
			(char *)"--root",
			(char *)"--hookd-runtime=value",
			(char *)"--hookd-address=unix:/s",
			(char *)"--hookd-if-down=run-local",
			(char *)"--hookd-shim=/shim",
			(char *)"create",
			(char *)"--hookd-runtime=kept",
			NULL};
	const char *left[] = {"--root", "--hookd-runtime=value", "create", "--hookd-runtime=kept"};
	struct command_line line;
	const char *wrong = NULL;

	(void)state;
	assert_int_equal(command_line_read(argv, &line, &wrong), 0);
	assert_string_equal(line.settings.program, "crun");
	assert_string_equal(line.settings.address, "unix:/s");
	assert_string_equal(line.settings.if_down, "run-local");
	assert_string_equal(line.settings.shim, "/shim");
	assert_true(line.starts_container);
	for (size_t i = 0; i < ELEMENTS(left); i++)
		assert_string_equal(line.arguments[i + 1], left[i]);
	assert_null(line.arguments[ELEMENTS(left) + 1]);
	free(line.arguments);
}

static void test_wrong_own_options_are_refused(void **state)
{
	static const char *const words[] = {
	    "--hookd-runtime",	      "--hookd-runtime=",
	    "--hookd-runtime=./crun", "--hookd-runtime=/bin/",
	    "--hookd-address=/s",     "--hookd-address=unix:s",
	    "--hookd-if-down=always", "--hookd-shim=oci-hook",
	    "--hookd-new=1",	      "--hookd-new",
	};

	(void)state;
	for (size_t i = 0; i < ELEMENTS(words); i++) {
		char *argv[] = {(char *)"hookd-runtime", (char *)words[i], (char *)"create", NULL};
		struct command_line line;
		const char *wrong = NULL;

		if (command_line_read(argv, &line, &wrong) != -EINVAL)
			fail_msg("%s is taken", words[i]);
		assert_string_equal(wrong, words[i]);
		free(line.arguments);
	}
}

static void test_nothing_at_all(void **state)
{
	char *argv[] = {NULL};
	struct command_line line;
	const char *wrong = NULL;

	(void)state;
	assert_int_equal(command_line_read(argv, &line, &wrong), 0);
	assert_false(line.starts_container);
	assert_null(line.arguments[1]);
	free(line.arguments);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_the_bundle_is_found),
	    cmocka_unit_test(test_own_options_are_taken_out),
	    cmocka_unit_test(test_wrong_own_options_are_refused),
	    cmocka_unit_test(test_nothing_at_all),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
