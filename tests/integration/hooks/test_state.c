/* SPDX-License-Identifier: Apache-2.0 */
/* The state directory: its owner and mode, its lock, and files in it that cannot be used. */
#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/integration/harness/check.h"

#define OTHER_USER 4242

static const char *option(const struct harness *harness)
{
	static char argument[128];

	snprintf(argument, sizeof(argument), "--state-dir=%s/state", harness->directory);
	return argument;
}

static void start(struct harness *harness)
{
	harness_start(harness, &(struct start){.arguments = {option(harness)}});
}

static void make_state(const struct harness *harness)
{
	assert_int_equal(mkdir(harness_path(harness, "state"), 0700), 0);
}

static void expect_no_start(struct harness *harness, const char *said)
{
	hp_buf_clear(&harness->said);
	assert_int_equal(harness_run_once(harness, &(struct start){.arguments = {option(harness)}}),
			 1);
	hp_buf_append(&harness->said, "", 1);
	if (!strstr(harness->said.data, said))
		fail_msg("hookd did not say \"%s\" but: %s", said, harness->said.data);
	assert_int_equal(access(harness->socket, F_OK), -1);
}

static unsigned int mode_of(const struct harness *harness, const char *name)
{
	struct stat st;

	assert_int_equal(lstat(harness_path(harness, name), &st), 0);
	return st.st_mode & 07777;
}

static void only_hookd_can_read_its_state(void **state)
{
	struct harness *harness = *state;
	struct client *client;
	struct dirent *entry;
	char name[300];
	DIR *directory;
	int count = 0;

	start(harness);
	client = client_open(harness);
	run(client, .hooks = {HOOK("'exit','0'")});
	assert_int_equal(mode_of(harness, "state"), 0700);
	directory = opendir(harness_path(harness, "state"));
	assert_non_null(directory);
	while ((entry = readdir(directory))) {
		if (entry->d_name[0] == '.')
			continue;
		snprintf(name, sizeof(name), "state/%s", entry->d_name);
		assert_int_equal(mode_of(harness, name) & 077, 0);
		count++;
	}
	closedir(directory);
	assert_true(count >= 3);
}

/* As an earlier hookd made it. */
static void a_file_that_others_can_read_is_closed_to_them(void **state)
{
	struct harness *harness = *state;

	start(harness);
	harness_stop(harness);
	assert_int_equal(chmod(harness_path(harness, "state/holdings.db"), 0644), 0);
	start(harness);
	assert_int_equal(mode_of(harness, "state/holdings.db"), 0600);
	assert_int_equal(access(harness_path(harness, "state/holdings.db.bad"), F_OK), -1);
}

static void directories_that_cannot_be_used(void **state)
{
	struct harness *harness = *state;
	const char *path = harness_path(harness, "state");

	harness_needs_root();
	assert_int_equal(mkdir(path, 0700), 0);
	assert_int_equal(chmod(path, 0770), 0);
	expect_no_start(harness, "/state has mode 0770: nobody but its owner may write to it");
	assert_int_equal(chmod(path, 0707), 0);
	expect_no_start(harness, "/state has mode 0707");
	assert_int_equal(chmod(path, 0700), 0);
	assert_int_equal(chown(path, OTHER_USER, 0), 0);
	expect_no_start(harness, "/state belongs to uid 4242, not to uid 0");
	assert_int_equal(rmdir(path), 0);
	harness_write_file(harness, "state", "");
	expect_no_start(harness, "/state cannot be opened: Not a directory");
	assert_int_equal(unlink(path), 0);
	assert_int_equal(symlink("/tmp", path), 0);
	expect_no_start(harness, "/state cannot be opened: ");
}

static void a_directory_that_cannot_be_made(void **state)
{
	struct harness *harness = *state;
	const struct start nowhere = {.arguments = {"--state-dir=/nonexistent/state"}};

	assert_int_equal(harness_run_once(harness, &nowhere), 1);
	hp_buf_append(&harness->said, "", 1);
	assert_non_null(
	    strstr(harness->said.data,
		   "the state directory /nonexistent/state cannot be created: No such"));
}

/* ---- locks ---- */

static int lock_file(const struct harness *harness, const char *name, struct flock lock)
{
	int fd = open(harness_path(harness, name), O_RDWR | O_CREAT | O_CLOEXEC, 0600);

	assert_true(fd >= 0);
	assert_int_equal(fcntl(fd, F_SETLK, &lock), 0);
	return fd;
}

/* As hookd names a process. */
static const char *with_own_pid(const char *text)
{
	static char said[128];
	char name[16] = "";

	assert_int_equal(prctl(PR_GET_NAME, name), 0);
	snprintf(said, sizeof(said), "%s %s, pid %d", text, name, getpid());
	return said;
}

/* The groups that are recorded there may belong to its runs. */
static void one_hookd_at_a_time(void **state)
{
	static const char groups[] = "no boot\nc1\n";
	struct harness *harness = *state;
	size_t length;
	char *text;
	int fd;

	make_state(harness);
	harness_write_file(harness, "state/resctrl-groups", groups);
	fd = lock_file(harness, "state/lock",
		       (struct flock){.l_type = F_WRLCK, .l_whence = SEEK_SET});
	expect_no_start(harness, with_own_pid("/state is in use by"));
	text = harness_read_file(harness, "state/resctrl-groups", &length);
	assert_string_equal(text, groups);
	free(text);
	close(fd);
	start(harness);
}

/* A lock of a reader (SQLite: os.h, SHARED_FIRST) does not make hookd drop its holdings. */
static void a_lock_of_a_reader_is_logged(void **state)
{
	struct harness *harness = *state;
	int fd;

	start(harness);
	harness_stop(harness);
	fd = lock_file(
	    harness, "state/holdings.db",
	    (struct flock){
		.l_type = F_RDLCK, .l_whence = SEEK_SET, .l_start = 0x40000002, .l_len = 510});
	expect_no_start(harness, with_own_pid("/state/holdings.db is locked by"));
	close(fd);
	start(harness);
	assert_int_equal(access(harness_path(harness, "state/holdings.db.bad"), F_OK), -1);
}

/* ---- files that cannot be used ---- */

static const struct {
	const char *name, *aside;
} files[] = {
    {"state/holdings.db", "state/holdings.db.bad"},
    {"state/holdings.db-journal", "state/holdings.db-journal.bad"},
    {"state/runs", "state/runs.bad"},
    {"state/resctrl-groups", "state/resctrl-groups.bad"},
    {"state/lock", "state/lock.bad"},
};

static void start_and_expect_aside(struct harness *harness, const char *aside)
{
	harness_start(harness, &(struct start){.arguments = {option(harness)}});
	if (access(harness_path(harness, aside), F_OK) < 0)
		fail_msg("there is no %s", aside);
	client_expect_alive(client_open(harness));
	harness_stop(harness);
}

/* Opening a FIFO blocks until its other end is open. */
static void fifos_keep_no_hookd_from_starting(void **state)
{
	struct harness *harness = *state;

	start(harness);
	harness_stop(harness);
	for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
		(void)unlink(harness_path(harness, files[i].name));
		assert_int_equal(mkfifo(harness_path(harness, files[i].name), 0600), 0);
		start_and_expect_aside(harness, files[i].aside);
	}
}

static void directories_keep_no_hookd_from_starting(void **state)
{
	struct harness *harness = *state;

	start(harness);
	harness_stop(harness);
	for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
		(void)unlink(harness_path(harness, files[i].name));
		assert_int_equal(mkdir(harness_path(harness, files[i].name), 0700), 0);
		start_and_expect_aside(harness, files[i].aside);
	}
}

/* Nor is anything written through them. */
static void links_are_not_followed(void **state)
{
	struct harness *harness = *state;

	harness_write_file(harness, "target", "precious");
	start(harness);
	harness_stop(harness);
	for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
		size_t length;
		char *text;

		(void)unlink(harness_path(harness, files[i].name));
		assert_int_equal(
		    symlink(harness_path(harness, "target"), harness_path(harness, files[i].name)),
		    0);
		start_and_expect_aside(harness, files[i].aside);
		text = harness_read_file(harness, "target", &length);
		assert_string_equal(text, "precious");
		free(text);
	}
}

static void an_emptied_file_of_holdings_is_logged(void **state)
{
	struct harness *harness = *state;

	start(harness);
	harness_stop(harness);
	harness_write_file(harness, "state/holdings.db", "");
	harness_start(harness, &(struct start){.arguments = {option(harness)}});
	harness_stop(harness);
	assert_int_equal(access(harness_path(harness, "state/holdings.db.bad"), F_OK), 0);
	harness_write_file(harness, "state/holdings.db", "");
	start(harness);
	assert_int_equal(access(harness_path(harness, "state/holdings.db.bad.1"), F_OK), 0);
}

static void a_journal_without_its_file_is_logged(void **state)
{
	struct harness *harness = *state;

	start(harness);
	harness_stop(harness);
	assert_int_equal(unlink(harness_path(harness, "state/holdings.db")), 0);
	harness_start(harness, &(struct start){.arguments = {option(harness)},
					       .says = "holdings.db is damaged, empty, missing"});
	assert_int_equal(access(harness_path(harness, "state/holdings.db-journal.bad"), F_OK), 0);
}

/* ---- a full disk ---- */

#define SMALL "size=128k,mode=700"

static void mount_state(const struct harness *harness)
{
	harness_needs_root();
	make_state(harness);
	assert_int_equal(mount("tmpfs", harness_path(harness, "state"), "tmpfs", 0, SMALL), 0);
}

static void fill_state(const struct harness *harness)
{
	static const char bytes[4096];
	int fd = open(harness_path(harness, "state/filler"), O_WRONLY | O_CREAT | O_CLOEXEC, 0600);

	assert_true(fd >= 0);
	while (write(fd, bytes, sizeof(bytes)) > 0)
		continue;
	close(fd);
}

static void empty_state(const struct harness *harness)
{
	assert_int_equal(unlink(harness_path(harness, "state/filler")), 0);
}

static void unmount_state(const struct harness *harness)
{
	assert_int_equal(umount2(harness_path(harness, "state"), MNT_DETACH), 0);
}

/* What could not be begun is not there for the next hookd to report as lost. */
static void holdings_that_could_not_be_begun_leave_no_file(void **state)
{
	struct harness *harness = *state;

	mount_state(harness);
	start(harness); /* makes the file of runs */
	harness_stop(harness);
	assert_int_equal(unlink(harness_path(harness, "state/holdings.db")), 0);
	(void)unlink(harness_path(harness, "state/holdings.db-journal"));
	fill_state(harness);
	expect_no_start(harness, "holdings.db: No space left on device");
	assert_int_equal(access(harness_path(harness, "state/holdings.db"), F_OK), -1);
	empty_state(harness);
	start(harness);
	assert_int_equal(access(harness_path(harness, "state/holdings.db.bad"), F_OK), -1);
	assert_int_equal(access(harness_path(harness, "state/holdings.db-journal.bad"), F_OK), -1);
	harness_stop(harness);
	unmount_state(harness);
}

static pid_t start_process(void)
{
	pid_t pid = fork();

	if (pid == 0) {
		(void)prctl(PR_SET_PDEATHSIG, SIGKILL); /* where the test fails */
		for (;;)
			pause();
	}
	assert_true(pid > 0);
	return pid;
}

static void end_process(pid_t pid)
{
	assert_int_equal(kill(pid, SIGKILL), 0);
	assert_int_equal(waitpid(pid, NULL, 0), pid);
}

static int score_of(pid_t pid)
{
	char path[64];
	int score = 0;
	FILE *file;

	snprintf(path, sizeof(path), "/proc/%d/oom_score_adj", pid);
	file = fopen(path, "re");
	assert_non_null(file);
	assert_int_equal(fscanf(file, "%d", &score), 1);
	fclose(file);
	return score;
}

static void ask(struct client *client, const char *method, int number, pid_t pid)
{
	char text[512], process[32] = "";

	if (pid > 0)
		snprintf(process, sizeof(process), "'pid':%d,", pid);
	snprintf(text, sizeof(text),
		 "{'method':'io.hookd.settings.%s','parameters':{'container':'box-%0200d',%s"
		 "'settings':{'process':{'oomScoreAdj':%d}}}}",
		 method, number, process, pid > 0 ? 77 : 78);
	client_call(client, text);
}

static bool is_held(struct client *client, int number)
{
	char name[256];

	client_call(client, "{'method':'io.hookd.settings.Holdings'}");
	snprintf(name, sizeof(name), "\"box-%0200d\"", number);
	return strstr(client->text, name) != NULL;
}

#define CONTAINERS_MAX 100

/* A container more than fits; the first that does not is told so, and its process is unchanged. */
static void what_cannot_be_recorded_is_not_applied(void **state)
{
	struct harness *harness = *state;
	pid_t pids[CONTAINERS_MAX];
	struct client *client;
	int count = 0;

	mount_state(harness);
	start(harness);
	fill_state(harness);
	client = client_open(harness);
	do {
		assert_true(count < CONTAINERS_MAX);
		pids[count] = start_process();
		ask(client, "Apply", count, pids[count]);
	} while (reply_has(client, "applied") && ++count);
	check_error(client, "io.hookd.settings.SettingFailed");
	check_string(client, "errnoName", "ENOSPC");
	check_string(client, "detail", "cannot write holdings.db: No space left on device");
	assert_int_equal(score_of(pids[count]), score_of(getpid()));
	assert_false(is_held(client, count));
	assert_true(is_held(client, 0));
	empty_state(harness);
	ask(client, "Apply", count, pids[count]);
	check_error(client, "");
	assert_int_equal(score_of(pids[count]), 77);
	while (count >= 0)
		end_process(pids[count--]);
	harness_stop(harness);
	unmount_state(harness);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
	    TEST_PREPARED(only_hookd_can_read_its_state),
	    TEST_PREPARED(a_file_that_others_can_read_is_closed_to_them),
	    TEST_PREPARED(directories_that_cannot_be_used),
	    TEST_PREPARED(a_directory_that_cannot_be_made),
	    TEST_PREPARED(one_hookd_at_a_time),
	    TEST_PREPARED(a_lock_of_a_reader_is_logged),
	    TEST_PREPARED(fifos_keep_no_hookd_from_starting),
	    TEST_PREPARED(directories_keep_no_hookd_from_starting),
	    TEST_PREPARED(links_are_not_followed),
	    TEST_PREPARED(an_emptied_file_of_holdings_is_logged),
	    TEST_PREPARED(a_journal_without_its_file_is_logged),
	    TEST_PREPARED(holdings_that_could_not_be_begun_leave_no_file),
	    TEST_PREPARED(what_cannot_be_recorded_is_not_applied),
	};

	harness_read_arguments(argc, argv);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
