/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The spool: hookd-oci-hook leaves poststop hooks while there is no hookd, and the next one runs
 * them, each once and in order, before it answers anybody.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <sys/xattr.h>
#include <time.h>
#include <unistd.h>

#include "tests/integration/harness/check.h"
#include "tests/integration/harness/files.h"

#define MARK	  "trusted.hookd.spool"
#define FILES_MAX 1024
#define BYTES_MAX (64 * 1024 * 1024)

/* ---- hookd ---- */

/* The descriptors of a hookd that runs hooks at its start are not those of one at rest. */
static void start(struct harness *harness, const char *config)
{
	int fds = harness->fds_at_start;
	char argument[128];

	snprintf(argument, sizeof(argument), "--state-dir=%s/state", harness->directory);
	harness_start(harness, &(struct start){.config = config, .arguments = {argument}});
	if (fds > 0)
		harness->fds_at_start = fds;
}

/* A hookd that has been there, so that there is a spool with its namespaces. */
static void prepare(struct harness *harness)
{
	start(harness, NULL);
	harness_stop(harness);
}

/* ---- the shim ---- */

static char *option_of(const char *format, const char *value)
{
	char *option;

	assert_true(asprintf(&option, format, value) > 0);
	return option;
}

static void exec_shim(const struct harness *harness, const char *container, char *const verbs[])
{
	char state[256],
	    *argv[24] = {(char *)SHIM, (char *)"--stage=poststop", (char *)"--if-down=spool"};
	int count = 3;

	snprintf(state, sizeof(state), "{\"id\":\"%s\",\"status\":\"stopped\",\"bundle\":\"/x\"}",
		 container);
	harness_write_file(harness, "state.json", state);
	dup2(open(harness_path(harness, "state.json"), O_RDONLY | O_CLOEXEC), STDIN_FILENO);
	dup2(open(harness_path(harness, "said"), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600),
	     STDERR_FILENO);
	argv[count++] = option_of("--address=unix:%s", harness->socket);
	argv[count++] = option_of("--hook=%s", harness->hook);
	argv[count++] = (char *)"--";
	while (*verbs)
		argv[count++] = *verbs++;
	execv(SHIM, argv);
	_exit(99);
}

/* Returns its exit status; what it said is in the file "said". */
static int run_shim_in(const struct harness *harness, int unshared, const char *container,
		       char *const verbs[])
{
	pid_t child = fork();
	int status;

	if (child == 0) {
		if (unshared && unshare(unshared) < 0)
			_exit(98);
		exec_shim(harness, container, verbs);
	}
	assert_true(child > 0);
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_true(WIFEXITED(status));
	return WEXITSTATUS(status);
}

#define VERBS(...) ((char *const[]){__VA_ARGS__, NULL})

static void expect_said(const struct harness *harness, const char *text)
{
	char *said = harness_read_file(harness, "said", NULL);

	assert_non_null(said);
	if (!strstr(said, text))
		fail_msg("the shim did not say \"%s\" but: %s", text, said);
	free(said);
}

/* A hook that adds the line `mark` to the file "log". */
static void mark_later(const struct harness *harness, const char *container, const char *mark)
{
	char *log = option_of("%s/log", harness->directory);

	assert_int_equal(
	    run_shim_in(harness, 0, container, VERBS((char *)"mark", log, (char *)mark)), 0);
	expect_said(harness, "for the next hookd");
	free(log);
}

/* The same where the hook is run by the shim. */
static void mark_here(const struct harness *harness, int unshared, const char *why)
{
	char *log = option_of("%s/log", harness->directory);
	size_t before = harness_count_lines(harness, "log");

	assert_int_equal(
	    run_shim_in(harness, unshared, "box", VERBS((char *)"mark", log, (char *)"here")), 0);
	expect_said(harness, why);
	assert_int_equal(harness_count_lines(harness, "log"), before + 1);
	free(log);
}

static void expect_log(const struct harness *harness, const char *text)
{
	char *log = harness_read_file(harness, "log", NULL);

	assert_non_null(log);
	assert_string_equal(log, text);
	free(log);
}

/* ---- the spool ---- */

static const char *spool_path(const struct harness *harness, const char *name)
{
	char path[300];

	snprintf(path, sizeof(path), "state/spool/%s", name);
	return harness_path(harness, path);
}

/* Files of that ending; NULL: requests. The last one's name is in `ret_name`, if that is set. */
static size_t count_files(const struct harness *harness, const char *ending, char ret_name[256])
{
	DIR *directory = opendir(harness_path(harness, "state/spool"));
	const struct dirent *entry;
	size_t count = 0;

	assert_non_null(directory);
	while ((entry = readdir(directory))) {
		const char *dot = strchr(entry->d_name, '.');

		if (strcmp(entry->d_name, "view") == 0 || dot == entry->d_name)
			continue;
		if (ending ? !dot || strcmp(dot, ending) != 0 : dot != NULL)
			continue;
		count++;
		if (ret_name)
			snprintf(ret_name, 256, "%s", entry->d_name);
	}
	closedir(directory);
	return count;
}

/* The bytes of the only request. */
static char *read_request(const struct harness *harness, size_t *ret_length)
{
	char name[256];

	assert_int_equal(count_files(harness, NULL, name), 1);
	return file_read(spool_path(harness, name), ret_length);
}

/* "000...0N-id": sorts before all that the shim has left. */
static const char *name_of(int number)
{
	static char name[64];

	snprintf(name, sizeof(name), "%020d-id", number);
	return name;
}

static void put_unmarked(const struct harness *harness, const char *name, const char *bytes,
			 size_t length)
{
	int fd = open(spool_path(harness, name), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, bytes, length), length);
	close(fd);
}

static void put(const struct harness *harness, const char *name, const char *bytes, size_t length)
{
	put_unmarked(harness, name, bytes, length);
	if (geteuid() == 0)
		assert_int_equal(setxattr(spool_path(harness, name), MARK, "", 0, 0), 0);
}

/* The bytes of a request, whose file is removed. */
static char *make_request(struct harness *harness, size_t *ret_length)
{
	char name[256], *bytes;

	prepare(harness);
	mark_later(harness, "box", "left");
	bytes = read_request(harness, ret_length);
	assert_int_equal(count_files(harness, NULL, name), 1);
	assert_int_equal(unlink(spool_path(harness, name)), 0);
	return bytes;
}

/* ---- tests ---- */

static void left_hooks_run_once_in_order_at_the_next_start(void **state)
{
	struct harness *harness = *state;
	struct client *client;

	prepare(harness);
	for (int i = 0; i < 5; i++)
		mark_later(harness, "box", (const char *[]){"1", "2", "3", "4", "5"}[i]);
	assert_int_equal(count_files(harness, NULL, NULL), 5);
	assert_int_equal(harness_count_lines(harness, "log"), 0);
	start(harness, NULL);
	client = client_open(harness);
	client_call(client, "{'method':'io.hookd.status.List'}");
	check_count(client, "runs", 5);
	check_string(client, "runs[0].stage", "poststop");
	check_int(client, "runs[0].uid", geteuid());
	await_true(harness_count_lines(harness, "log") == 5, "all of them run");
	expect_log(harness, "1\n2\n3\n4\n5\n");
	await_true(count_files(harness, NULL, NULL) == 0, "the files are removed");
	harness_stop(harness);
	start(harness, NULL);
	assert_int_equal(status_number(harness, "running"), 0);
	assert_int_equal(harness_count_lines(harness, "log"), 5);
}

static void later_requests_are_queued_behind(void **state)
{
	struct harness *harness = *state;
	int started = fifo_open(harness, "started"), go = fifo_open(harness, "go");
	struct client *client;

	prepare(harness);
	assert_int_equal(
	    run_shim_in(harness, 0, "box",
			VERBS((char *)"tell", option_of("%s/started", harness->directory),
			      (char *)"await", option_of("%s/go", harness->directory),
			      (char *)"mark", option_of("%s/log", harness->directory),
			      (char *)"left")),
	    0);
	start(harness, NULL);
	client = client_open(harness);
	begin_run(client, .hooks = {HOOK("'mark','@DIR@/log','asked'")});
	fifo_await(started);
	await_true(status_number(harness, "queued") == 1, "the later one waits");
	fifo_release(go);
	client_receive(client);
	check_success(client);
	expect_log(harness, "left\nasked\n");
}

/* A user may have two runs: the others wait, and none is lost. */
static void what_cannot_be_run_now_is_run_later(void **state)
{
	struct harness *harness = *state;

	prepare(harness);
	for (int i = 0; i < 5; i++)
		mark_later(harness, "box", (const char *[]){"1", "2", "3", "4", "5"}[i]);
	start(harness, "[Hooks]\nQueuedRunsPerUser=2\n");
	await_true(harness_count_lines(harness, "log") == 5, "all of them run");
	expect_log(harness, "1\n2\n3\n4\n5\n");
	await_true(count_files(harness, NULL, NULL) == 0, "the files are removed");
}

/* Its run is in the records of a hookd that died before it could remove the file. */
static void known_request_is_not_run_again(void **state)
{
	struct harness *harness = *state;
	size_t length;
	char *bytes;

	prepare(harness);
	mark_later(harness, "box", "once");
	bytes = read_request(harness, &length);
	start(harness, NULL);
	await_true(count_files(harness, NULL, NULL) == 0, "it runs");
	await_true(status_number(harness, "running") == 0, "it ends");
	harness_stop(harness);
	put(harness, name_of(1), bytes, length);
	start(harness, NULL);
	assert_int_equal(count_files(harness, NULL, NULL), 0);
	assert_int_equal(count_files(harness, ".refused", NULL), 0);
	assert_int_equal(status_number(harness, "running"), 0);
	expect_log(harness, "once\n");
	free(bytes);
}

/* By a shim that has found hookd draining, or not there, a moment before. */
static void what_is_left_while_hookd_runs_is_run(void **state)
{
	struct harness *harness = *state;
	size_t length;
	char *bytes = make_request(harness, &length);

	start(harness, NULL);
	put(harness, name_of(1), bytes, length);
	await_true(harness_count_lines(harness, "log") == 1, "it runs");
	await_true(count_files(harness, NULL, NULL) == 0, "the file is removed");
	free(bytes);
}

static int lowest_free_fd(pid_t pid)
{
	struct stat st;
	char path[64];

	for (int fd = 0;; fd++) {
		snprintf(path, sizeof(path), "/proc/%d/fd/%d", pid, fd);
		if (lstat(path, &st) < 0)
			return fd;
	}
}

/* Its runner has descriptors for a connection, and too few for a hook. The second one of the
 * container waits for the first. */
static void what_was_turned_away_is_run_later_in_order(void **state)
{
	struct harness *harness = *state;
	struct rlimit usual, low;
	pid_t runner;

	if (!harness_has_runners())
		skip("is about a runner that lacks descriptors");
	start(harness, NULL);
	runner = harness->runner;
	harness_crash(harness);
	assert_int_equal(prlimit(runner, RLIMIT_NOFILE, NULL, &usual), 0);
	low = (struct rlimit){(rlim_t)lowest_free_fd(runner) + 4, usual.rlim_max};
	for (int i = 0; i < 3; i++)
		mark_later(harness, i == 1 ? "other" : "box", (const char *[]){"1", "2", "3"}[i]);
	assert_int_equal(prlimit(runner, RLIMIT_NOFILE, &low, NULL), 0);
	start(harness, NULL);
	harness_await_log(harness, "the one before it was not run");
	await_true(status_number(harness, "running") + status_number(harness, "queued") == 0,
		   "all are turned away");
	assert_int_equal(harness_count_lines(harness, "log"), 0);
	assert_int_equal(count_files(harness, NULL, NULL), 3);
	assert_int_equal(prlimit(runner, RLIMIT_NOFILE, &usual, NULL), 0);
	await_true(harness_count_lines(harness, "log") == 3, "they run at the next look");
	await_true(count_files(harness, NULL, NULL) == 0, "the files are removed");
}

/* ---- where the shim runs the hooks itself ---- */

static void shim_in_other_namespaces_runs_them_here(void **state)
{
	struct harness *harness = *state;

	harness_needs_root();
	prepare(harness);
	mark_here(harness, CLONE_NEWNS, "the namespaces or the root directory are not those");
	mark_here(harness, CLONE_NEWUTS, "the namespaces or the root directory are not those");
	assert_int_equal(count_files(harness, NULL, NULL), 0);
}

static void shim_without_a_spool_runs_them_here(void **state)
{
	struct harness *harness = *state;

	mark_here(harness, 0, "it cannot be opened");
	assert_int_equal(mkdir(harness_path(harness, "state"), 0700), 0);
	assert_int_equal(mkdir(harness_path(harness, "elsewhere"), 0700), 0);
	assert_int_equal(symlink("../elsewhere", harness_path(harness, "state/spool")), 0);
	mark_here(harness, 0, "it cannot be opened");
}

static void shim_does_not_use_a_directory_of_others(void **state)
{
	struct harness *harness = *state;

	prepare(harness);
	assert_int_equal(chmod(harness_path(harness, "state/spool"), 0770), 0);
	mark_here(harness, 0, "has mode 0770");
	assert_int_equal(chmod(harness_path(harness, "state/spool"), 0700), 0);
	if (geteuid() != 0)
		return;
	assert_int_equal(chown(harness_path(harness, "state/spool"), 4242, 0), 0);
	mark_here(harness, 0, "belongs to uid 4242");
}

static void shim_finds_the_spool_full(void **state)
{
	struct harness *harness = *state;
	char name[64];

	prepare(harness);
	put_unmarked(harness, "large.refused", "", 0);
	assert_int_equal(truncate(spool_path(harness, "large.refused"), BYTES_MAX - 1000), 0);
	mark_here(harness, 0, "it is full");
	assert_int_equal(unlink(spool_path(harness, "large.refused")), 0);
	/* With the file of hookd's namespaces there is room for one more. */
	for (int i = 0; i < FILES_MAX - 2; i++) {
		snprintf(name, sizeof(name), "%d.refused", i);
		put_unmarked(harness, name, "", 0);
	}
	mark_later(harness, "box", "last");
	mark_here(harness, 0, "it is full");
	assert_int_equal(count_files(harness, NULL, NULL), 1);
}

/* ---- files that nobody may run ---- */

/* hookd starts and says why, and what it has set aside is not run. */
static void expect_refusal(struct harness *harness, const char *name, const char *why)
{
	char argument[128], aside[96];

	snprintf(argument, sizeof(argument), "--state-dir=%s/state", harness->directory);
	harness_start(harness, &(struct start){.arguments = {argument}, .says = why});
	assert_int_equal(count_files(harness, NULL, NULL), 0);
	snprintf(aside, sizeof(aside), "%s.refused", name);
	assert_int_equal(count_files(harness, ".refused", NULL), 1);
	assert_int_equal(harness_count_lines(harness, "log"), 0);
	harness_stop(harness);
	files_remove(spool_path(harness, aside));
	(void)unlink(spool_path(harness, aside));
	assert_int_equal(count_files(harness, ".refused", NULL), 0);
}

static void files_of_other_kinds_are_refused(void **state)
{
	struct harness *harness = *state;
	const char *name = name_of(1);
	size_t length;
	char *bytes = make_request(harness, &length);
	char outside[256];

	snprintf(outside, sizeof(outside), "%s/outside", harness->directory);
	harness_write_file(harness, "outside", bytes);
	assert_int_equal(symlink(outside, spool_path(harness, name)), 0);
	expect_refusal(harness, name, "it cannot be opened");
	assert_int_equal(mkfifo(spool_path(harness, name), 0600), 0);
	expect_refusal(harness, name, "it is not a regular file");
	assert_int_equal(mkdir(spool_path(harness, name), 0700), 0);
	expect_refusal(harness, name, "it is not a regular file");
	put(harness, name, bytes, length);
	(void)unlink(outside);
	assert_int_equal(link(spool_path(harness, name), outside), 0);
	expect_refusal(harness, name, "it has another hard link");
	put(harness, "junk", bytes, length);
	expect_refusal(harness, "junk", "it does not have the name of a request");
	put(harness, name, bytes, length);
	assert_int_equal(chmod(spool_path(harness, name), 0660), 0);
	expect_refusal(harness, name, "others may write to it: mode 0660");
	free(bytes);
}

static void files_of_other_users_are_refused(void **state)
{
	struct harness *harness = *state;
	const char *name = name_of(1);
	size_t length;
	char *bytes;

	harness_needs_root();
	bytes = make_request(harness, &length);
	put(harness, name, bytes, length);
	assert_int_equal(chown(spool_path(harness, name), 4242, 4242), 0);
	expect_refusal(harness, name, "it belongs to uid 4242");
	/* A uid 0 without capabilities cannot set the attribute. */
	put_unmarked(harness, name, bytes, length);
	expect_refusal(harness, name, "uid 0 without CAP_SYS_ADMIN");
	free(bytes);
}

/* Writes `with` over the text `what` of a copy, which must be as long. */
static void put_changed(const struct harness *harness, const char *bytes, size_t length,
			const char *what, const char *with)
{
	char *copy = malloc(length), *found;

	assert_non_null(copy);
	assert_int_equal(strlen(what), strlen(with));
	memcpy(copy, bytes, length);
	found = memmem(copy, length, what, strlen(what));
	assert_non_null(found);
	memcpy(found, with, strlen(with));
	put(harness, name_of(1), copy, length);
	free(copy);
}

static void damaged_files_are_refused(void **state)
{
	struct harness *harness = *state;
	const char *name = name_of(1), *why = "is not a whole request";
	size_t length;
	char *bytes = make_request(harness, &length);

	put(harness, name, "", 0);
	expect_refusal(harness, name, why);
	put(harness, name, bytes, length - 1);
	expect_refusal(harness, name, why);
	put(harness, name, bytes, strcspn(bytes, "\n") + 1);
	expect_refusal(harness, name, why);
	put_changed(harness, bytes, length, "hookd-spool 1", "hookd-spool 2");
	expect_refusal(harness, name, why);
	put_changed(harness, bytes, length, "\"parameters\":{", "\"parameters\":[");
	expect_refusal(harness, name, "not run: ");
	put_changed(harness, bytes, length, "\"stage\":\"poststop\"", "\"stage\":\"prestart\"");
	expect_refusal(harness, name, "not run: ");
	put(harness, name, bytes, length);
	assert_int_equal(truncate(spool_path(harness, name), 5 * 1024 * 1024), 0);
	expect_refusal(harness, name, "it is too large");
	free(bytes);
}

/* Puts a copy that was left at that time. */
static void put_left_at(const struct harness *harness, const char *bytes, size_t length,
			int64_t left_ns)
{
	char *copy = malloc(length + 32);
	const char *rest = strchr(bytes + strlen("hookd-spool 1 "), ' ');
	int head;

	assert_non_null(copy);
	head = sprintf(copy, "hookd-spool 1 %lld", (long long)left_ns);
	memcpy(copy + head, rest, length - (size_t)(rest - bytes));
	put(harness, name_of(1), copy, (size_t)head + length - (size_t)(rest - bytes));
	free(copy);
}

static void old_requests_are_told_and_not_run(void **state)
{
	struct harness *harness = *state;
	const char *name = name_of(1);
	char *bytes, boot_id[40] = "", other[40];
	struct timespec now;
	int64_t now_ns;
	size_t length;

	bytes = make_request(harness, &length);
	clock_gettime(CLOCK_BOOTTIME, &now);
	now_ns = now.tv_sec * 1000000000ll + now.tv_nsec;
	put_left_at(harness, bytes, length, now_ns + 3600 * 1000000000ll);
	expect_refusal(harness, name, "container box: it was left in the future");
	if (now.tv_sec > 86400 + 60) {
		put_left_at(harness, bytes, length, now_ns - 86401 * 1000000000ll);
		expect_refusal(harness, name, "container box: it was left 8640");
	}
	memcpy(boot_id, strchr(bytes + strlen("hookd-spool 1 "), ' ') + 1, 36);
	memcpy(other, boot_id, sizeof(other));
	other[0] = other[0] == '0' ? '1' : '0';
	put_changed(harness, bytes, length, boot_id, other);
	expect_refusal(harness, name, "container box: it was left before the last boot");
	put_changed(harness, bytes, length, "mnt:[4", "mnt:[5");
	expect_refusal(harness, name, "container box: it was left in other namespaces");
	free(bytes);
}

static void hookd_does_not_use_a_directory_of_others(void **state)
{
	struct harness *harness = *state;
	char argument[128];

	prepare(harness);
	mark_later(harness, "box", "never");
	assert_int_equal(chmod(harness_path(harness, "state/spool"), 0770), 0);
	snprintf(argument, sizeof(argument), "--state-dir=%s/state", harness->directory);
	harness_start(harness,
		      &(struct start){.arguments = {argument},
				      .says = "is not used, and what is in it is not run: it has "
					      "mode 0770"});
	assert_int_equal(status_number(harness, "running"), 0);
	assert_int_equal(count_files(harness, NULL, NULL), 1);
	assert_int_equal(harness_count_lines(harness, "log"), 0);
}

/* ---- SIGKILL ---- */

#define ROUNDS 20
#define MARKS  6

static size_t count_lost(struct harness *harness)
{
	struct client *client = client_open(harness);
	size_t count = 0;
	const char *found;

	client_call(client, "{'method':'io.hookd.status.List','parameters':{'outcome':'lost'}}");
	for (found = client->text; (found = strstr(found, "\"outcome\":\"lost\"")); found++)
		count++;
	client_close(client);
	return count;
}

/* At moments from before the first file is read until all have run. */
static void killed_hookd_runs_none_twice(void **state)
{
	static const char *const marks[MARKS] = {"1", "2", "3", "4", "5", "6"};
	struct harness *harness = *state;
	char argument[128], before[64];

	if (!harness_has_runners())
		skip("without runners hooks are killed with hookd");
	prepare(harness);
	snprintf(argument, sizeof(argument), "--state-dir=%s/state", harness->directory);
	for (int round = 0; round < ROUNDS; round++) {
		const struct timespec moment = {.tv_nsec = round * 2000000l};
		size_t lost;

		for (size_t i = 0; i < MARKS; i++)
			mark_later(harness, i % 2 ? "odd" : "even", marks[i]);
		harness_spawn(harness, &(struct start){.arguments = {argument}});
		nanosleep(&moment, NULL);
		harness_crash(harness);
		start(harness, NULL);
		await_true(count_files(harness, NULL, NULL) == 0 &&
			       status_number(harness, "running") == 0 &&
			       status_number(harness, "queued") == 0,
			   "all are done");
		lost = count_lost(harness);
		if (harness_count_lines(harness, "log") + lost != MARKS)
			fail_msg("round %d: %zu hooks have run, %zu were lost", round,
				 harness_count_lines(harness, "log"), lost);
		harness_stop(harness);
		snprintf(before, sizeof(before), "log.%d", round);
		rename(harness_path(harness, "log"), harness_path(harness, before));
		unlink(harness_path(harness, "state/runs"));
	}
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
	    TEST_PREPARED(left_hooks_run_once_in_order_at_the_next_start),
	    TEST_PREPARED(later_requests_are_queued_behind),
	    TEST_PREPARED(what_cannot_be_run_now_is_run_later),
	    TEST_PREPARED(known_request_is_not_run_again),
	    TEST_PREPARED(what_is_left_while_hookd_runs_is_run),
	    TEST_PREPARED(what_was_turned_away_is_run_later_in_order),
	    TEST_PREPARED(shim_in_other_namespaces_runs_them_here),
	    TEST_PREPARED(shim_without_a_spool_runs_them_here),
	    TEST_PREPARED(shim_does_not_use_a_directory_of_others),
	    TEST_PREPARED(shim_finds_the_spool_full),
	    TEST_PREPARED(files_of_other_kinds_are_refused),
	    TEST_PREPARED(files_of_other_users_are_refused),
	    TEST_PREPARED(damaged_files_are_refused),
	    TEST_PREPARED(old_requests_are_told_and_not_run),
	    TEST_PREPARED(hookd_does_not_use_a_directory_of_others),
	    TEST_PREPARED(killed_hookd_runs_none_twice),
	};

	harness_read_arguments(argc, argv);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
