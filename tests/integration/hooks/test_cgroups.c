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
#include "tests/integration/harness/files.h"
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

/* ---- the directories above are removed ---- */

/* rmdir(2) works, since an idle hookd has no process in them. */
static void remove_whole(const char *path)
{
	await_true((files_remove(path), access(path, F_OK) < 0), "the cgroups are removed");
}

static void await_warning(struct harness *harness, const char *directory)
{
	char text[500];

	snprintf(text, sizeof(text), "another program has removed %s", directory);
	harness_await_log(harness, text);
}

static void removed_directories_of_hookd_are_made_again(void **state)
{
	struct harness *harness = *state;
	char part[400];

	harness_needs_cgroups(harness);
	expect_runs(harness);
	remove_whole(harness->cgroup);
	expect_runs(harness);
	snprintf(part, sizeof(part), "%s%s", harness->cgroup,
		 harness_has_runners() ? "/runner-0" : "");
	await_warning(harness, part);
	assert_int_equal(access(part, F_OK), 0);
}

/* hookd finds the processes of a killed runner's hooks by its directory, which is another now. */
static void hooks_in_a_directory_made_again_end_with_their_runner(void **state)
{
	struct harness *harness = *state;
	int started = fifo_open(harness, "started");
	pid_t runner = harness->runner;
	struct client *client;

	harness_needs_cgroups(harness);
	if (!harness_has_runners())
		skip("is about runners");
	remove_whole(harness->cgroup);
	client = client_open(harness);
	begin_run(client, .hooks = {HOOK(
			      "'foreground','foreground','tell','@DIR@/started','sleep','60000'")});
	fifo_await(started);
	assert_int_equal(probe_count_processes(harness->directory), 3);
	assert_int_equal(kill(runner, SIGKILL), 0);
	client_receive(client);
	check_outcome(client, "lost");
	/* At once: a second after its start hookd looks for orphans in its directory anyway. */
	assert_int_equal(probe_count_processes(harness->directory), 0);
	expect_runs(harness);
	await_true((harness->runner = probe_find_runner(harness->directory)) > 0 &&
		       harness->runner != runner,
		   "another runner");
	harness->leaves_children = true; /* descriptors are those of another runner */
}

/* Another hookd removes what a killed one has left, but not what a runner lives in. */
static void another_hookd_leaves_those_of_a_live_runner(void **state)
{
	struct harness *harness = *state, *other;
	struct stat before, after;
	char part[400];
	void *prepared;

	harness_needs_cgroups(harness);
	if (!harness_has_runners())
		skip("is about runners");
	expect_runs(harness);
	snprintf(part, sizeof(part), "%s/runner-0", harness->cgroup);
	assert_int_equal(stat(part, &before), 0);
	harness_crash(harness);
	assert_int_equal(harness_begin(&prepared), 0);
	other = prepared;
	expect_runs(other);
	assert_int_equal(stat(part, &after), 0);
	assert_true(before.st_ino == after.st_ino);
	harness_start(harness, NULL);
	expect_runs(harness);
	assert_int_equal(harness_end(&prepared), 0);
	expect_runs(harness);
	assert_int_equal(stat(part, &after), 0);
	assert_true(before.st_ino == after.st_ino);
}

static void write_to(const char *directory, const char *file, const char *text)
{
	int fd = open(directory, O_PATH | O_CLOEXEC);

	assert_true(fd >= 0);
	assert_true(write_in(fd, ".", file, text));
	close(fd);
}

/* Nothing is wrong with the hook: the caller may try again. */
static void a_run_is_refused_while_they_cannot_be_made(void **state)
{
	struct harness *harness = *state;
	char above[400], root[420], argument[450];
	struct client *client;

	harness_needs_cgroups(harness);
	snprintf(above, sizeof(above), "%.*s/hookd-test-%d",
		 (int)(strrchr(harness->cgroup, '/') - harness->cgroup), harness->cgroup, getpid());
	snprintf(root, sizeof(root), "%s/root", above);
	snprintf(argument, sizeof(argument), "--cgroup-root=%s", root);
	assert_int_equal(mkdir(above, 0755), 0);
	assert_int_equal(mkdir(root, 0755), 0);
	harness_stop(harness);
	harness_start(harness, &(struct start){.arguments = {argument}});
	expect_runs(harness);
	remove_whole(root);
	write_to(above, "cgroup.max.descendants", "0");
	client = client_open(harness);
	run(client, .hooks = {HOOK("'mark','@DIR@/log','x'")});
	check_error(client, "io.hookd.hooks.Busy");
	check_part(client, "reason", root);
	assert_int_equal(access(harness_path(harness, "log"), F_OK), -1);
	write_to(above, "cgroup.max.descendants", "max");
	expect_runs(harness);
	await_warning(harness, root);
	harness_stop(harness);
	remove_whole(above);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
	    TEST(cgroups_that_were_removed_are_made_again),
	    TEST(a_removed_parent_directory_is_made_again),
	    TEST(a_threaded_cgroup_does_not_stop_other_hooks),
	    TEST(removed_directories_of_hookd_are_made_again),
	    TEST(hooks_in_a_directory_made_again_end_with_their_runner),
	    TEST(another_hookd_leaves_those_of_a_live_runner),
	    TEST(a_run_is_refused_while_they_cannot_be_made),
	};

	harness_read_arguments(argc, argv);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
