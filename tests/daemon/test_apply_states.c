/* SPDX-License-Identifier: Apache-2.0 */

/*
 * apply/: what Apply, Update, Release and the end of the process do to one holding while another of
 * them waits for systemd. systemd is a fake that answers when the test says so, and the cgroups are
 * directories, so that each event comes in the order that the test is about.
 */

#include <fcntl.h>
#include <ftw.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "daemon/apply/apply.h"
#include "daemon/apply/cgroup_path.h"
#include "daemon/base/file.h"
#include "tests/daemon/fake_scopes.h"
#include "tests/daemon/support.h"

static char mount_directory[32], cgroup_directory[600];
static pid_t victim;
static int victim_fd;
static struct event_base *base;
static struct applier *applier;
static bool has_reported_end;

/* What a call has answered. */
struct answer {
	bool is_there;
	int r;
	struct hp_err err;
};

static void on_report(const char *container, const char *what, void *userdata)
{
	(void)container, (void)userdata;
	has_reported_end |= strcmp(what, "its process has ended") == 0;
}

/* ---- the tree ---- */

static void make_file(const char *directory, const char *name, const char *text)
{
	char path[700];
	FILE *file;

	snprintf(path, sizeof(path), "%s/%s", directory, name);
	file = fopen(path, "we");
	assert_non_null(file);
	assert_true(fputs(text, file) >= 0);
	fclose(file);
}

static void remove_file(const char *name)
{
	char path[700];

	snprintf(path, sizeof(path), "%s/%s", cgroup_directory, name);
	assert_int_equal(unlink(path), 0);
}

/* Where the process really is, so that it is found there: systemd has moved it, one may think. */
static void make_tree(void)
{
	char text[512], *path = cgroup_directory, *at;
	size_t length;
	const char *own;
	ssize_t r;

	snprintf(path, sizeof(cgroup_directory), "/proc/%d/cgroup", victim);
	r = file_read_at(AT_FDCWD, path, text, sizeof(text));
	assert_true(r > 0);
	own = cgroup_path_find(text, &length);
	assert_non_null(own);
	snprintf(path, sizeof(cgroup_directory), "%s%.*s", mount_directory, (int)length, own);
	for (at = path + strlen(mount_directory) + 1; (at = strchr(at, '/')); *at++ = '/') {
		*at = '\0';
		(void)mkdir(path, 0755);
	}
	(void)mkdir(path, 0755);
	make_file(path, "pids.max", "max\n");
	make_file(path, "cgroup.procs", "");
	make_file(path, "cgroup.events", "populated 0\nfrozen 0\n");
}

/* None of hookd's children, whom hookd refuses: its parent has ended. */
static pid_t start_stranger(void)
{
	int told[2];
	pid_t parent, pid = -1;

	assert_int_equal(pipe(told), 0);
	parent = fork();
	if (parent == 0) {
		pid = fork();
		if (pid == 0) {
			alarm(60);
			pause();
			_exit(0);
		}
		_exit(write(told[1], &pid, sizeof(pid)) == sizeof(pid) ? 0 : 1);
	}
	assert_int_equal(waitpid(parent, NULL, 0), parent);
	assert_int_equal(read(told[0], &pid, sizeof(pid)), sizeof(pid));
	close(told[0]);
	close(told[1]);
	return pid;
}

static int begin(void **state)
{
	struct holdings *holdings;
	bool is_set_aside;

	(void)state;
	fake_scopes_begin();
	temporary_directory(mount_directory);
	victim = start_stranger();
	victim_fd = (int)syscall(SYS_pidfd_open, victim, 0);
	make_tree();
	base = loop_new();
	assert_int_equal(holdings_open(NULL, &holdings, &is_set_aside), 0);
	assert_int_equal(applier_new(base, holdings, NULL, NULL, NULL,
				     open(mount_directory, O_PATH | O_DIRECTORY | O_CLOEXEC),
				     on_report, NULL, &applier),
			 0);
	return 0;
}

static void end_victim(void)
{
	if (victim <= 0)
		return;
	kill(victim, SIGKILL);
	victim = -1;
}

static int remove_one(const char *path, const struct stat *status, int kind, struct FTW *place)
{
	(void)status, (void)kind, (void)place;
	return remove(path);
}

static int end(void **state)
{
	(void)state;
	applier_free(applier);
	event_base_free(base);
	end_victim();
	close(victim_fd);
	return nftw(mount_directory, remove_one, 8, FTW_DEPTH | FTW_PHYS);
}

/* ---- calls ---- */

static struct hp_resources resources = {.pids_limit = {true, 50}};
static char scope_path[] = ":hookd:box";
static const struct hp_settings settings = {.cgroups_path = scope_path, .resources = &resources};

static void on_done(int r, struct holding *holding, const struct hp_err *err, void *userdata)
{
	struct answer *answer = userdata;

	assert_false(answer->is_there);
	assert_true(r < 0 || holding);
	*answer = (struct answer){true, r, *err};
}

static void on_released(int r, const struct hp_err *err, void *userdata)
{
	on_done(r, (struct holding *)err, err, userdata);
}

static void ignore_removed(const char *name, void *userdata)
{
	(void)name, (void)userdata;
}

static void apply(struct answer *answer)
{
	const struct apply_request request = {
	    .container = "box",
	    .pid = victim,
	    .pidfd = victim_fd,
	    .settings = &settings,
	    .driver = CGROUP_DRIVER_SYSTEMD,
	};

	*answer = (struct answer){0};
	applier_apply(applier, &request, on_done, answer);
}

static void update(struct answer *answer)
{
	*answer = (struct answer){0};
	applier_update(applier, "box", &settings, on_done, answer);
}

static void release(struct answer *answer)
{
	*answer = (struct answer){0};
	applier_release(applier, "box", ignore_removed, on_released, answer);
}

static void expect(const struct answer *answer, int r, enum hp_err_code code)
{
	assert_true(answer->is_there);
	assert_int_equal(answer->r, r);
	if (r < 0)
		assert_int_equal(answer->err.code, code);
}

static void expect_busy(const struct answer *answer)
{
	expect(answer, -EBUSY, HP_ERR_CONTAINER_BUSY);
	assert_string_equal(answer->err.path, "box");
}

static bool is_held(void)
{
	return holdings_find(applier_holdings(applier), "box") != NULL;
}

static void apply_whole(void)
{
	struct answer answer;

	apply(&answer);
	assert_int_equal(fake_scopes_waiting(), FAKE_START);
	fake_scopes_answer(0, "");
	expect(&answer, 0, HP_ERR_NONE);
}

/* The loop, until its process's end has been seen. */
static void let_the_end_be_seen(void)
{
	has_reported_end = false;
	end_victim();
	wait_for(base, has_reported_end);
}

/* ---- one at a time ---- */

static void while_an_apply_waits_all_others_are_busy(void **state)
{
	struct answer first, second;

	(void)state;
	apply(&first);
	assert_int_equal(fake_scopes_waiting(), FAKE_START);
	apply(&second);
	expect_busy(&second);
	update(&second);
	expect_busy(&second);
	release(&second);
	expect_busy(&second);
	fake_scopes_answer(0, "");
	expect(&first, 0, HP_ERR_NONE);
	assert_true(is_held());
	apply(&second);
	expect(&second, -EEXIST, HP_ERR_SETTING_FAILED);
}

static void while_an_update_waits_all_others_are_busy(void **state)
{
	struct answer first, second;

	(void)state;
	apply_whole();
	update(&first);
	assert_int_equal(fake_scopes_waiting(), FAKE_READ);
	fake_scopes_answer(0, "");
	assert_int_equal(fake_scopes_waiting(), FAKE_SET);
	apply(&second);
	expect_busy(&second);
	update(&second);
	expect_busy(&second);
	release(&second);
	expect_busy(&second);
	fake_scopes_answer(0, "");
	expect(&first, 0, HP_ERR_NONE);
}

static void release_is_told_when_systemd_has_done_it(void **state)
{
	struct answer first, second;

	(void)state;
	apply_whole();
	release(&first);
	assert_false(first.is_there);
	assert_int_equal(fake_scopes_waiting(), FAKE_STOP);
	apply(&second);
	expect_busy(&second);
	release(&second);
	expect_busy(&second);
	fake_scopes_answer(0, "");
	expect(&first, 0, HP_ERR_NONE);
	assert_false(is_held());
	release(&second);
	expect(&second, -ENOENT, HP_ERR_NO_SUCH_CONTAINER);
}

/* ---- the process ends meanwhile ---- */

static void process_ends_while_an_update_waits(void **state)
{
	struct answer answer;

	(void)state;
	apply_whole();
	update(&answer);
	let_the_end_be_seen();
	assert_true(is_held());
	fake_scopes_answer(0, "");
	assert_true(is_held());
	assert_int_equal(fake_scopes_waiting(), FAKE_SET);
	fake_scopes_answer(0, "");
	expect(&answer, 0, HP_ERR_NONE);
	/* And now it is removed. */
	assert_int_equal(fake_scopes_waiting(), FAKE_STOP);
	fake_scopes_answer(0, "");
	assert_false(is_held());
}

static void process_ends_while_an_apply_waits(void **state)
{
	struct answer answer;

	(void)state;
	apply(&answer);
	end_victim();
	fake_scopes_answer(-EIO, "gone");
	assert_int_equal(fake_scopes_waiting(), FAKE_STOP);
	fake_scopes_answer(0, "");
	assert_true(answer.is_there);
	assert_true(answer.r < 0);
	assert_false(is_held());
}

static void process_ends_while_a_release_waits(void **state)
{
	struct answer answer;

	(void)state;
	apply_whole();
	release(&answer);
	let_the_end_be_seen();
	assert_int_equal(fake_scopes_waiting(), FAKE_STOP);
	fake_scopes_answer(0, "");
	expect(&answer, 0, HP_ERR_NONE);
	assert_false(is_held());
	assert_int_equal(fake_scopes_stops(), 1);
}

/* ---- systemd cannot be reached ---- */

static void failed_release_is_held_on(void **state)
{
	struct answer answer;

	(void)state;
	apply_whole();
	release(&answer);
	fake_scopes_answer(-ECONNRESET, "the connection to systemd was lost");
	expect(&answer, -ECONNRESET, HP_ERR_SETTING_FAILED);
	assert_string_equal(answer.err.step, "cgroup");
	assert_true(is_held());
	release(&answer);
	fake_scopes_answer(0, "");
	expect(&answer, 0, HP_ERR_NONE);
	assert_false(is_held());
}

static void what_cannot_be_removed_is_tried_again(void **state)
{
	(void)state;
	apply_whole();
	fake_scopes_refuse(-ENOTCONN);
	let_the_end_be_seen();
	assert_true(is_held());
	assert_int_equal(fake_scopes_stops(), 1);
	fake_scopes_refuse(0);
	wait_for(base, fake_scopes_waiting() == FAKE_STOP);
	fake_scopes_answer(0, "");
	assert_false(is_held());
}

static void failed_apply_is_told_when_it_is_undone(void **state)
{
	struct answer answer;

	(void)state;
	apply(&answer);
	fake_scopes_answer(-EIO, "systemd's job ended with \"failed\"");
	assert_false(answer.is_there);
	assert_int_equal(fake_scopes_waiting(), FAKE_STOP);
	fake_scopes_answer(0, "");
	expect(&answer, -EIO, HP_ERR_SETTING_FAILED);
	assert_false(is_held());
	apply_whole();
}

static void what_a_failed_apply_leaves_is_said_and_held(void **state)
{
	struct answer answer;

	(void)state;
	apply(&answer);
	fake_scopes_answer(-ECONNRESET, "the connection to systemd was lost");
	fake_scopes_answer(-ECONNRESET, "the connection to systemd was lost");
	expect(&answer, -ECONNRESET, HP_ERR_SETTING_FAILED);
	assert_non_null(strstr(answer.err.reason, "still held: hookd-box.scope"));
	assert_true(is_held());
	wait_for(base, fake_scopes_waiting() == FAKE_STOP);
	fake_scopes_answer(0, "");
	assert_false(is_held());
}

/* ---- an update that fails ---- */

static void what_systemd_was_told_is_put_back(void **state)
{
	struct answer answer;

	(void)state;
	apply_whole();
	remove_file("pids.max");
	update(&answer);
	fake_scopes_answer(0, "");
	fake_scopes_answer(0, "");
	assert_false(answer.is_there);
	assert_int_equal(fake_scopes_waiting(), FAKE_PUT_BACK);
	fake_scopes_answer(0, "");
	assert_true(answer.is_there && answer.r < 0);
	assert_null(strstr(answer.err.reason, "not put back"));
	assert_int_equal(fake_scopes_waiting(), FAKE_NONE);
	assert_true(is_held());
}

static void what_systemd_does_not_take_back_is_said(void **state)
{
	struct answer answer;

	(void)state;
	apply_whole();
	remove_file("pids.max");
	update(&answer);
	fake_scopes_answer(0, "");
	fake_scopes_answer(0, "");
	fake_scopes_answer(-ECONNRESET, "the connection to systemd was lost");
	assert_true(answer.is_there && answer.r < 0);
	assert_non_null(strstr(answer.err.reason,
			       "not put back in systemd: the connection to systemd was lost"));
	assert_true(is_held());
}

/* ---- hookd ends meanwhile ---- */

static void hookd_ends_while_all_of_it_waits(void **state)
{
	struct answer answer;

	(void)state;
	apply(&answer);
	applier_free(applier);
	expect(&answer, -ECANCELED, HP_ERR_SETTING_FAILED);
	applier = NULL;
}

static void hookd_ends_while_a_release_waits(void **state)
{
	struct answer answer;

	(void)state;
	apply_whole();
	release(&answer);
	applier_free(applier);
	expect(&answer, -ECANCELED, HP_ERR_SETTING_FAILED);
	applier = NULL;
}

int main(void)
{
#define TEST(function) cmocka_unit_test_setup_teardown(function, begin, end)
	const struct CMUnitTest tests[] = {
	    TEST(while_an_apply_waits_all_others_are_busy),
	    TEST(while_an_update_waits_all_others_are_busy),
	    TEST(release_is_told_when_systemd_has_done_it),
	    TEST(process_ends_while_an_update_waits),
	    TEST(process_ends_while_an_apply_waits),
	    TEST(process_ends_while_a_release_waits),
	    TEST(failed_release_is_held_on),
	    TEST(what_cannot_be_removed_is_tried_again),
	    TEST(failed_apply_is_told_when_it_is_undone),
	    TEST(what_a_failed_apply_leaves_is_said_and_held),
	    TEST(what_systemd_was_told_is_put_back),
	    TEST(what_systemd_does_not_take_back_is_said),
	    TEST(hookd_ends_while_all_of_it_waits),
	    TEST(hookd_ends_while_a_release_waits),
	};

	bound_time();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
