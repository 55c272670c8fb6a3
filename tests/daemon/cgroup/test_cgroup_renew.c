/* SPDX-License-Identifier: Apache-2.0 */

/* Runs still get cgroups after other programs have removed the directory, or made it unusable. */

#include "tests/daemon/support/support.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>

#include "tests/daemon/support/own_cgroup.h"
#include "tests/daemon/support/run_cgroups.h"

static int try_to_write(const char *directory, const char *file, const char *text)
{
	char path[400];
	cleanup_close int fd = -1;

	snprintf(path, sizeof(path), "%s/%s", directory, file);
	fd = open(path, O_WRONLY | O_CLOEXEC);
	assert_true(fd >= 0);
	return write(fd, text, strlen(text)) < 0 ? -errno : 0;
}

/* The kernel does not make a cgroup threaded that has other controllers. */
static void make_threaded(const char *path)
{
	if (try_to_write(path, "cgroup.type", "threaded") < 0)
		skip("cgroups with controllers cannot be threaded");
}

static void enter(const char *path, pid_t pid)
{
	char text[16];

	snprintf(text, sizeof(text), "%d", pid);
	assert_int_equal(try_to_write(path, "cgroup.procs", text), 0);
}

static void expect_usable(struct cgroup *cgroup)
{
	struct spawn_child child = run_cgroup_spawn(cgroup);

	assert_false(cgroup_release_lost(cgroup, 0));
	end_child(&child);
}

static void expect_notice(void)
{
	char text[CGROUP_NOTICE_SIZE];

	assert_true(cgroup_tree_take_notice(run_cgroups_tree, text));
	assert_non_null(strstr(text, "the cgroups of runs"));
	assert_false(cgroup_tree_take_notice(run_cgroups_tree, text));
}

static void one_that_is_in_order_is_kept(void **state)
{
	struct cgroup *cgroup = run_cgroup_acquire();

	(void)state;
	assert_int_equal(cgroup_fd(cgroup) < 0, 0);
	assert_false(cgroup_release_lost(cgroup, 0));
	expect_usable(cgroup);
	cgroup_release(cgroup);
}

static void remove_all_in(const char *path)
{
	DIR *directory = opendir(path);
	struct dirent *entry;

	assert_non_null(directory);
	while ((entry = readdir(directory)))
		if (entry->d_type == DT_DIR && entry->d_name[0] != '.')
			assert_int_equal(unlinkat(dirfd(directory), entry->d_name, AT_REMOVEDIR),
					 0);
	closedir(directory);
}

static void those_that_were_removed_are_made_again(void **state)
{
	struct cgroup *cgroup = run_cgroup_acquire();
	char runs[300];

	(void)state;
	snprintf(runs, sizeof(runs), "%s/runs", run_cgroups_root);
	remove_all_in(runs);
	assert_true(cgroup_fd(cgroup) < 0);
	assert_true(cgroup_release_lost(cgroup, 0));
	cgroup = run_cgroup_acquire();
	expect_usable(cgroup);
	cgroup_release(cgroup);
	run_cgroups_wait();
}

static void make_again(const char *path)
{
	assert_int_equal(rmdir(path), 0);
	assert_int_equal(mkdir(path, 0755), 0);
}

/* No process can be cloned into the one that is open, though a sound one has its name. */
static void one_with_the_name_of_another_is_lost(void **state)
{
	struct cgroup *cgroup = run_cgroup_acquire();
	char path[256];

	(void)state;
	assert_true(cgroup_fd(cgroup) >= 0);
	run_cgroup_path(cgroup, path);
	make_again(path);
	assert_true(cgroup_release_lost(cgroup, 0));
	cgroup = run_cgroup_acquire();
	expect_usable(cgroup);
	cgroup_release(cgroup);
	run_cgroups_wait();
	assert_false(run_cgroup_exists(path));
}

static void so_is_one_that_the_kernel_does_not_find(void **state)
{
	static const int errors[] = {ENODEV, ENOENT};

	(void)state;
	for (size_t i = 0; i < ELEMENTS(errors); i++)
		assert_true(cgroup_release_lost(run_cgroup_acquire(), errors[i]));
	assert_false(cgroup_tree_take_notice(run_cgroups_tree, (char[CGROUP_NOTICE_SIZE]){0}));
}

static void so_is_their_directory(void **state)
{
	struct cgroup *cgroup = run_cgroup_acquire(), *others[20];
	char runs[300];

	(void)state;
	snprintf(runs, sizeof(runs), "%s/runs", run_cgroups_root);
	remove_all_in(runs);
	assert_int_equal(rmdir(runs), 0);
	for (size_t i = 0; i < ELEMENTS(others); i++) {
		others[i] = run_cgroup_acquire();
		while (cgroup_fd(others[i]) < 0) {
			assert_true(cgroup_release_lost(others[i], 0));
			others[i] = run_cgroup_acquire();
		}
		expect_usable(others[i]);
	}
	expect_notice();
	/* A cgroup in the old directory, whose name the new one has. */
	cgroup_release(cgroup);
	for (size_t i = 0; i < ELEMENTS(others); i++)
		cgroup_release(others[i]);
	run_cgroups_wait();
	assert_true(run_cgroup_exists(runs));
}

/* hookd's own directory too: an idle one has no process in it. */
static void so_is_the_directory_above(void **state)
{
	const char *reason;
	struct cgroup *cgroup = run_cgroup_acquire();
	struct cgroup_tree *other;
	char text[CGROUP_NOTICE_SIZE];

	(void)state;
	own_cgroup_remove(run_cgroups_root);
	assert_false(run_cgroup_exists(run_cgroups_root));
	assert_true(cgroup_fd(cgroup) < 0);
	assert_true(cgroup_release_lost(cgroup, 0));
	cgroup = run_cgroup_acquire();
	expect_usable(cgroup);
	assert_true(cgroup_tree_take_notice(run_cgroups_tree, text));
	assert_non_null(strstr(text, run_cgroups_root));
	/* The new one is locked as the old one was. */
	assert_int_equal(cgroup_tree_new(run_cgroups_base, run_cgroups_root, &other, &reason),
			 -EBUSY);
	cgroup_release(cgroup);
	run_cgroups_wait();
}

static void on_renewed(void *userdata)
{
	++*(int *)userdata;
}

/* Its process holds the lock of the new one, so no other hookd removes that. */
static void so_is_the_directory_of_a_part(void **state)
{
	int directory = cgroup_tree_make_part(run_cgroups_tree, "runner-0"), renewed = 0;
	struct cgroup_tree *part;
	struct cgroup *cgroup;
	const char *reason;

	(void)state;
	assert_true(directory >= 0);
	assert_int_equal(cgroup_tree_new_part(run_cgroups_base, directory, &part, &reason), 0);
	cgroup_tree_on_renewed(part, on_renewed, &renewed);
	own_cgroup_remove(run_cgroups_root);
	assert_int_equal(cgroup_acquire(part, &cgroup), 0);
	assert_int_equal(renewed, 1);
	expect_usable(cgroup);
	assert_int_equal(cgroup_tree_repair(run_cgroups_tree), 0);
	cgroup_release(cgroup);
	cgroup_parts_remove(cgroup_tree_base(run_cgroups_tree), NULL, 0);
	assert_int_equal(cgroup_tree_make_part(run_cgroups_tree, "runner-0"), -EBUSY);
	assert_int_equal(cgroup_acquire(part, &cgroup), 0);
	expect_usable(cgroup);
	cgroup_release(cgroup);
	assert_int_equal(renewed, 1);
	close(directory);
	cgroup_tree_free(part);
}

/* The process of the old one has ended; that of the new one has not made a cgroup yet. */
static void a_new_part_is_not_removed_as_the_old_one(void **state)
{
	int old = cgroup_tree_make_part(run_cgroups_tree, "runner-0"), part;
	char path[300];

	(void)state;
	assert_true(old >= 0);
	snprintf(path, sizeof(path), "%s/runner-0", run_cgroups_root);
	assert_int_equal(rmdir(path), 0);
	part = cgroup_tree_make_part(run_cgroups_tree, "runner-0");
	assert_true(part >= 0);
	cgroup_part_remove(old, "runner-0", true);
	assert_true(run_cgroup_exists(path));
	close(old);
	close(part);
}

/* As a hook does that first moves out of its cgroup, and leaves a process in it. */
static void a_threaded_one_does_not_decide_about_others(void **state)
{
	struct cgroup *threaded = run_cgroup_acquire(), *other = run_cgroup_acquire();
	char path[256], runs[300], other_path[256];
	struct spawn_child stays;

	(void)state;
	run_cgroup_path(threaded, path);
	make_threaded(path);
	assert_true(cgroup_release_lost(other, 0));
	expect_notice();
	other = run_cgroup_acquire();
	stays = run_cgroup_spawn(other);
	run_cgroup_path(other, other_path);
	assert_null(strstr(other_path, "/runs/"));
	enter(path, stays.pid);
	expect_usable(other);
	cgroup_release(other);
	assert_true(cgroup_has_others(threaded, 1));
	assert_int_equal(cgroup_kill(threaded), 0);
	expect_killed(&stays);
	cgroup_release(threaded);
	run_cgroups_wait();
	snprintf(runs, sizeof(runs), "%s/runs", run_cgroups_root);
	assert_false(run_cgroup_exists(runs));
}

/* As many as make hookd use up those that it has made ahead. */
static void take_many(const char *outside)
{
	struct cgroup *cgroups[40];
	char path[256];

	for (size_t i = 0; i < ELEMENTS(cgroups); i++) {
		cgroups[i] = run_cgroup_acquire();
		cgroup_rest(cgroups[i]);
	}
	run_cgroup_path(cgroups[ELEMENTS(cgroups) - 1], path);
	assert_null(strstr(path, outside));
	for (size_t i = 0; i < ELEMENTS(cgroups); i++)
		cgroup_release(cgroups[i]);
}

static void a_limit_of_their_number_does_not_last(void **state)
{
	static const char *const files[] = {"cgroup.max.descendants", "cgroup.max.depth"};

	(void)state;
	for (size_t i = 0; i < ELEMENTS(files); i++) {
		struct cgroup *cgroup = run_cgroup_acquire();
		struct spawn_child child = run_cgroup_spawn(cgroup);
		char path[256], *name;

		run_cgroup_path(cgroup, path);
		name = strrchr(path, '/');
		*name = '\0';
		assert_int_equal(try_to_write(path, files[i], "0"), 0);
		strcat(path, "/");
		take_many(path);
		expect_notice();
		/* What was left in the old directory still counts. */
		cgroup_release(cgroup);
		assert_true(cgroup_tree_is_populated(run_cgroups_tree));
		end_child(&child);
		run_cgroups_wait();
		assert_false(cgroup_tree_is_populated(run_cgroups_tree));
		assert_false(run_cgroup_exists(path));
	}
}

#define RENEW_TEST(function)                                                                       \
	cmocka_unit_test_setup_teardown(function, run_cgroups_set_up, run_cgroups_tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    RENEW_TEST(one_that_is_in_order_is_kept),
	    RENEW_TEST(those_that_were_removed_are_made_again),
	    RENEW_TEST(one_with_the_name_of_another_is_lost),
	    RENEW_TEST(so_is_one_that_the_kernel_does_not_find),
	    RENEW_TEST(so_is_their_directory),
	    RENEW_TEST(so_is_the_directory_above),
	    RENEW_TEST(so_is_the_directory_of_a_part),
	    RENEW_TEST(a_new_part_is_not_removed_as_the_old_one),
	    RENEW_TEST(a_limit_of_their_number_does_not_last),
	    RENEW_TEST(a_threaded_one_does_not_decide_about_others),
	};

	bound_time();
	if (geteuid() != 0 || !own_cgroup_make(run_cgroups_root, sizeof(run_cgroups_root)))
		return skip_group(tests, "needs root and a cgroup2 to write to");
	own_cgroup_remove(run_cgroups_root);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
