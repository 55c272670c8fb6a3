/* SPDX-License-Identifier: Apache-2.0 */
/* Hooks still run after another program has changed or removed the cgroups of runs. */
#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/integration/harness/check.h"
#include "tests/integration/harness/probe.h"

#define RUNS 12 /* more than the cgroups that hookd keeps ready */

static void open_runs(const struct harness *harness, DIR **ret_directory)
{
	char path[400];

	harness_needs_cgroups(harness);
	snprintf(path, sizeof(path), "%s/runs", harness->cgroup);
	*ret_directory = opendir(path);
	assert_non_null(*ret_directory);
}

static bool write_in(int directory, const char *cgroup, const char *file, const char *text)
{
	char path[400];
	bool is_written;
	int fd;

	snprintf(path, sizeof(path), "%s/%s", cgroup, file);
	fd = openat(directory, path, O_WRONLY | O_CLOEXEC);
	assert_true(fd >= 0);
	is_written = write(fd, text, strlen(text)) == (ssize_t)strlen(text);
	close(fd);
	return is_written;
}

static void expect_runs(struct harness *harness)
{
	struct client *client = client_open(harness);

	for (int i = 0; i < RUNS; i++) {
		run(client, .hooks = {HOOK("'exit','0'"), HOOK("'exit','0'")});
		check_success(client);
	}
}

static void remove_cgroups(struct harness *harness, bool and_their_directory)
{
	struct dirent *entry;
	DIR *directory;

	open_runs(harness, &directory);
	expect_runs(harness);
	while ((entry = readdir(directory)))
		if (entry->d_type == DT_DIR && entry->d_name[0] != '.')
			(void)unlinkat(dirfd(directory), entry->d_name, AT_REMOVEDIR);
	if (and_their_directory) {
		char path[400];

		snprintf(path, sizeof(path), "%s/runs", harness->cgroup);
		assert_int_equal(rmdir(path), 0);
	}
	closedir(directory);
	expect_runs(harness);
}

static void cgroups_that_were_removed_are_made_again(void **state)
{
	remove_cgroups(*state, false);
}

static void a_removed_parent_directory_is_made_again(void **state)
{
	remove_cgroups(*state, true);
}

static void a_threaded_cgroup_does_not_stop_other_hooks(void **state)
{
	struct harness *harness = *state;
	char pid_text[16], cgroup[] = "threaded";
	DIR *directory;
	pid_t pid;

	open_runs(harness, &directory);
	assert_int_equal(mkdirat(dirfd(directory), cgroup, 0755), 0);
	if (!write_in(dirfd(directory), cgroup, "cgroup.type", "threaded")) {
		unlinkat(dirfd(directory), cgroup, AT_REMOVEDIR);
		closedir(directory);
		skip("cgroups with controllers cannot be threaded");
	}
	pid = fork();
	if (pid == 0) {
		alarm(60);
		for (;;)
			pause();
	}
	assert_true(pid > 0);
	snprintf(pid_text, sizeof(pid_text), "%d", pid);
	assert_true(write_in(dirfd(directory), cgroup, "cgroup.procs", pid_text));
	expect_runs(harness);
	kill(pid, SIGKILL);
	assert_int_equal(waitpid(pid, NULL, 0), pid);
	await_true(unlinkat(dirfd(directory), cgroup, AT_REMOVEDIR) == 0, "it is empty");
	closedir(directory);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
	    TEST(cgroups_that_were_removed_are_made_again),
	    TEST(a_removed_parent_directory_is_made_again),
	    TEST(a_threaded_cgroup_does_not_stop_other_hooks),
	};

	harness_read_arguments(argc, argv);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
