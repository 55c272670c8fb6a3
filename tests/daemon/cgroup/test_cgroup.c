/* SPDX-License-Identifier: Apache-2.0 */

/* The pool of run cgroups, on the cgroup2 of the machine, in a directory of the test's own. */

#include "tests/daemon/support/support.h"

#include <dirent.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "tests/daemon/support/own_cgroup.h"
#include "tests/daemon/support/run_cgroups.h"

/* ---- the pool ---- */

static void a_released_one_is_used_again(void **state)
{
	struct cgroup *cgroup = run_cgroup_acquire(), *other;
	char first[256], second[256];

	(void)state;
	run_cgroup_path(cgroup, first);
	assert_memory_equal(first, run_cgroups_root, strlen(run_cgroups_root));
	other = run_cgroup_acquire();
	run_cgroup_path(other, second);
	assert_string_not_equal(first, second);
	cgroup_release(cgroup);
	cgroup = run_cgroup_acquire();
	run_cgroup_path(cgroup, second);
	assert_int_equal(strcmp(first, second) == 0, !run_cgroups_have_controllers());
	cgroup_release(cgroup);
	cgroup_release(other);
	cgroup_release(NULL);
}

static void all_in_use_are_different(void **state)
{
	struct cgroup *cgroups[100];
	struct stat st[100];

	(void)state;
	for (size_t i = 0; i < ELEMENTS(cgroups); i++) {
		cgroups[i] = run_cgroup_acquire();
		assert_int_equal(fstat(cgroup_fd(cgroups[i]), &st[i]), 0);
		for (size_t j = 0; j < i; j++)
			assert_int_not_equal(st[i].st_ino, st[j].st_ino);
		cgroup_rest(cgroups[i]);
	}
	assert_in_range(run_cgroups_count(), 100, 110);
	for (size_t i = 0; i < ELEMENTS(cgroups); i++)
		cgroup_release(cgroups[i]);
	run_cgroups_wait();
	assert_in_range(run_cgroups_count(), 1, 64);
}

static size_t count_fds(void)
{
	DIR *directory = opendir("/proc/self/fd");
	size_t count = 0;

	assert_non_null(directory);
	while (readdir(directory))
		count++;
	closedir(directory);
	return count;
}

static void many_in_use_do_not_hold_descriptors(void **state)
{
	enum { COUNT = 300 };
	static struct cgroup *cgroups[COUNT];
	size_t before = count_fds();

	(void)state;
	for (int i = 0; i < COUNT; i++)
		cgroups[i] = run_cgroup_acquire();
	for (int i = 0; i < COUNT; i++) {
		assert_true(cgroup_fd(cgroups[i]) >= 0);
		cgroup_rest(cgroups[i]);
	}
	assert_in_range(count_fds(), 1, before);
	for (int i = 0; i < COUNT; i++)
		cgroup_release(cgroups[i]);
}

/* ---- processes in it ---- */

static void a_process_is_in_it_and_seen(void **state)
{
	struct cgroup *cgroup = run_cgroup_acquire();
	struct spawn_child child = run_cgroup_spawn(cgroup);
	char path[300], *members, pid[16];

	(void)state;
	run_cgroup_path(cgroup, path);
	strcat(path, "/cgroup.procs");
	members = read_whole(path, NULL);
	snprintf(pid, sizeof(pid), "%d\n", child.pid);
	assert_string_equal(members, pid);
	free(members);
	assert_true(cgroup_has_others(cgroup, child.pid + 1));
	assert_false(cgroup_has_others(cgroup, child.pid));
	end_child(&child);
	assert_false(cgroup_has_others(cgroup, 1));
	cgroup_release(cgroup);
}

static void others_are_told_apart_from_the_dead_one(void **state)
{
	struct cgroup *cgroup = run_cgroup_acquire();
	struct spawn_child first = run_cgroup_spawn(cgroup), second = run_cgroup_spawn(cgroup);

	(void)state;
	assert_true(cgroup_has_others(cgroup, first.pid));
	end_child(&first);
	assert_true(cgroup_has_others(cgroup, first.pid));
	end_child(&second);
	assert_false(cgroup_has_others(cgroup, first.pid));
	cgroup_release(cgroup);
}

/* As a hook does that makes a cgroup in its own. */
static void so_are_those_in_a_cgroup_in_it(void **state)
{
	struct cgroup *cgroup = run_cgroup_acquire();
	struct spawn_child first = run_cgroup_spawn(cgroup), second = run_cgroup_spawn(cgroup);
	const struct spawn_child *children[] = {&first, &second};
	char path[300], file[340];

	(void)state;
	run_cgroup_path(cgroup, path);
	strcat(path, "/a");
	assert_int_equal(mkdir(path, 0755), 0);
	snprintf(file, sizeof(file), "%s/cgroup.procs", path);
	for (size_t i = 0; i < ELEMENTS(children); i++) {
		FILE *procs = fopen(file, "w");

		assert_non_null(procs);
		assert_true(fprintf(procs, "%d", children[i]->pid) > 0);
		assert_int_equal(fclose(procs), 0);
	}
	assert_true(cgroup_has_others(cgroup, first.pid));
	end_child(&second);
	assert_false(cgroup_has_others(cgroup, first.pid));
	end_child(&first);
	cgroup_release(cgroup);
}

/* It must not be taken for empty then: a kill would reach the processes. */
static void without_descriptors_there_may_be_others(void **state)
{
	struct cgroup *cgroup = run_cgroup_acquire();
	struct spawn_child child = run_cgroup_spawn(cgroup);
	struct rlimit before, none;
	bool has_others, is_populated;

	(void)state;
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
	none = before;
	none.rlim_cur = 0;
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &none), 0);
	has_others = cgroup_has_others(cgroup, child.pid);
	is_populated = cgroup_tree_is_populated(run_cgroups_tree);
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
	assert_true(has_others);
	assert_true(is_populated);
	assert_false(cgroup_has_others(cgroup, child.pid));
	end_child(&child);
	cgroup_release(cgroup);
}

static void a_kill_ends_all_and_the_cgroup_is_spent(void **state)
{
	struct cgroup *cgroup = run_cgroup_acquire();
	struct spawn_child first = run_cgroup_spawn(cgroup), second = run_cgroup_spawn(cgroup);
	char path[256], other[256];

	(void)state;
	run_cgroup_path(cgroup, path);
	assert_int_equal(cgroup_kill(cgroup), 0);
	expect_killed(&first);
	expect_killed(&second);
	assert_false(cgroup_has_others(cgroup, first.pid));
	cgroup_release(cgroup);
	run_cgroups_wait();
	assert_false(run_cgroup_exists(path));
	cgroup = run_cgroup_acquire();
	run_cgroup_path(cgroup, other);
	assert_string_not_equal(path, other);
	cgroup_release(cgroup);
}

/* Processes that a hook has left live on; their cgroup is not reused meanwhile. */
static void one_that_is_still_populated_is_left_alone(void **state)
{
	struct cgroup *cgroup = run_cgroup_acquire(), *others[80];
	struct spawn_child child = run_cgroup_spawn(cgroup);
	char path[256], other[256];

	(void)state;
	run_cgroup_path(cgroup, path);
	cgroup_release(cgroup);
	for (size_t i = 0; i < ELEMENTS(others); i++) {
		others[i] = run_cgroup_acquire();
		run_cgroup_path(others[i], other);
		cgroup_rest(others[i]);
		assert_string_not_equal(path, other);
	}
	for (size_t i = 0; i < ELEMENTS(others); i++)
		cgroup_release(others[i]);
	assert_false(process_state(child.pid) == 0);
	end_child(&child);
	/* A timer checks it again. */
	run_cgroups_wait();
	assert_false(run_cgroup_exists(path));
}

static void a_killed_one_is_removed_once_it_is_empty(void **state)
{
	struct cgroup *cgroup = run_cgroup_acquire();
	struct spawn_child child = run_cgroup_spawn(cgroup);
	char path[256];

	(void)state;
	run_cgroup_path(cgroup, path);
	/* Released before the kill has taken effect, as for a run that was cancelled. */
	assert_int_equal(cgroup_kill(cgroup), 0);
	cgroup_release(cgroup);
	expect_killed(&child);
	wait_for(run_cgroups_base,
		 event_base_get_num_events(run_cgroups_base, EVENT_BASE_COUNT_ADDED) == 0);
	assert_false(run_cgroup_exists(path));
}

static void without_memory_controller_oom_is_not_known(void **state)
{
	struct cgroup *cgroup = run_cgroup_acquire();
	char path[300];
	int expected;

	(void)state;
	run_cgroup_path(cgroup, path);
	strcat(path, "/memory.events");
	expected = run_cgroup_exists(path) ? 0 : -1;
	assert_int_equal(cgroup_was_oom_killed(cgroup), expected);
	cgroup_release(cgroup);
}

/* ---- limits ---- */

/* These files exist in every cgroup2, with or without controllers. */
static char depth_file[] = "cgroup.max.depth", three[] = "3", five[] = "5";
static struct hp_unified depth_of_three = {depth_file, three}, depth_of_five = {depth_file, five};
static const struct hp_resources limited = {.unified = &depth_of_three, .unified_count = 1};
static const struct hp_resources defaults = {.unified = &depth_of_five, .unified_count = 1};

static void expect_depth(struct cgroup *cgroup, const char *expected)
{
	char path[300], *text;

	run_cgroup_path(cgroup, path);
	strcat(path, "/cgroup.max.depth");
	text = read_whole(path, NULL);
	assert_string_equal(text, expected);
	free(text);
}

static void one_with_limits_is_removed_afterwards(void **state)
{
	static struct hp_device_rule rule = {false, 'c', 1, 11, HP_DEVICE_READ};
	static const struct hp_resources resources[] = {
	    {.unified = &depth_of_three, .unified_count = 1},
	    {.devices = &rule, .device_count = 1},
	};

	(void)state;
	for (size_t i = 0; i < ELEMENTS(resources); i++) {
		struct cgroup *cgroup = run_cgroup_acquire();
		struct hp_err err = {0};
		char path[256];

		run_cgroup_path(cgroup, path);
		if (cgroup_limit(cgroup, &resources[i], &err) < 0)
			fail_msg("%s: %s", err.path, err.reason);
		expect_depth(cgroup, i == 0 ? "3\n" : "max\n");
		cgroup_release(cgroup);
		run_cgroups_wait();
		assert_false(run_cgroup_exists(path));
	}
}

static void no_limits_cost_no_cgroup(void **state)
{
	struct cgroup *cgroup = run_cgroup_acquire();
	char first[256], second[256];
	struct hp_err err;

	(void)state;
	run_cgroup_path(cgroup, first);
	assert_int_equal(cgroup_limit(cgroup, &(struct hp_resources){0}, &err), 0);
	cgroup_release(cgroup);
	cgroup = run_cgroup_acquire();
	run_cgroup_path(cgroup, second);
	assert_int_equal(strcmp(first, second) == 0, !run_cgroups_have_controllers());
	cgroup_release(cgroup);
}

static void limits_that_cannot_be_are_named(void **state)
{
	static const struct hp_resources swappiness = {.memory.swappiness = {true, 0}};
	static const struct hp_resources frozen = {.freezer = HP_FREEZER_FROZEN};
	struct cgroup *cgroup = run_cgroup_acquire();
	struct hp_err err = {0};

	(void)state;
	assert_int_equal(cgroup_limit(cgroup, &swappiness, &err), -EOPNOTSUPP);
	assert_string_equal(err.path, "memory.swappiness");
	assert_int_equal(cgroup_limit(cgroup, &frozen, &err), -EINVAL);
	assert_string_equal(err.path, "freezer");
	cgroup_release(cgroup);
}

/* A file of a controller that no kernel has. */
static void a_file_that_is_not_there_is_named(void **state)
{
	static char file[] = "nonsense.max";
	struct hp_unified unified = {file, five};
	struct hp_resources resources = {.unified = &unified, .unified_count = 1};
	struct cgroup *cgroup = run_cgroup_acquire();
	struct hp_err err = {0};

	(void)state;
	assert_int_equal(cgroup_limit(cgroup, &resources, &err), -EOPNOTSUPP);
	assert_string_equal(err.path, "unified.nonsense.max");
	assert_string_equal(err.reason, "the cgroup has no nonsense controller");
	cgroup_release(cgroup);
}

static void defaults_are_in_every_cgroup(void **state)
{
	struct cgroup *before = run_cgroup_acquire(), *after[10];
	struct hp_err err;
	char path[256];

	(void)state;
	run_cgroup_path(before, path);
	assert_int_equal(cgroup_tree_set_defaults(run_cgroups_tree, &defaults, NULL, NULL), 0);
	for (size_t i = 0; i < ELEMENTS(after); i++) {
		after[i] = run_cgroup_acquire();
		expect_depth(after[i], "5\n");
	}
	/* In use the whole time; other runs do not get limits that it does not have. */
	expect_depth(before, "max\n");
	cgroup_release(before);
	run_cgroups_wait();
	assert_false(run_cgroup_exists(path));
	/* The limits of a run override them. */
	assert_int_equal(cgroup_limit(after[0], &limited, &err), 0);
	expect_depth(after[0], "3\n");
	for (size_t i = 0; i < ELEMENTS(after); i++)
		cgroup_release(after[i]);
}

static void defaults_can_be_taken_away(void **state)
{
	struct cgroup *cgroup;

	(void)state;
	assert_int_equal(cgroup_tree_set_defaults(run_cgroups_tree, &defaults, NULL, NULL), 0);
	assert_int_equal(
	    cgroup_tree_set_defaults(run_cgroups_tree, &(struct hp_resources){0}, NULL, NULL), 0);
	cgroup = run_cgroup_acquire();
	expect_depth(cgroup, "max\n");
	cgroup_release(cgroup);
}

static void add_path(const struct hp_err *err, void *userdata)
{
	char *paths = userdata;

	strcat(strcat(paths, err->path), " ");
}

static void defaults_that_cannot_be_kept_are_left_out(void **state)
{
	static char file[] = "nonsense.max", lines[] = "x", nothing[] = "cgroup.max.descendants";
	struct hp_unified unified[] = {{file, five}, {depth_file, five}, {nothing, lines}};
	struct hp_resources resources = {.unified = unified, .unified_count = 3};
	char paths[512] = "";
	struct cgroup *cgroup;

	(void)state;
	assert_int_equal(cgroup_tree_set_defaults(run_cgroups_tree, &resources, add_path, paths),
			 -EOPNOTSUPP);
	assert_string_equal(paths, "unified.nonsense.max unified.cgroup.max.descendants ");
	cgroup = run_cgroup_acquire();
	expect_depth(cgroup, "5\n");
	cgroup_release(cgroup);
}

/* ---- the run_cgroups_tree ---- */

static void the_end_removes_what_is_empty(void **state)
{
	char runs[300];

	(void)state;
	cgroup_release(run_cgroup_acquire());
	assert_in_range(run_cgroups_count(), 1, 64);
	run_cgroups_tree = cgroup_tree_free(run_cgroups_tree);
	snprintf(runs, sizeof(runs), "%s/runs", run_cgroups_root);
	assert_false(run_cgroup_exists(runs));
}

static void a_new_daemon_clears_what_an_old_one_left(void **state)
{
	const char *reason;
	struct cgroup *populated = run_cgroup_acquire();
	struct spawn_child child = run_cgroup_spawn(populated);
	char old[300], busy[256];

	(void)state;
	run_cgroup_path(populated, busy);
	cgroup_release(populated);
	run_cgroups_tree = cgroup_tree_free(run_cgroups_tree);
	snprintf(old, sizeof(old), "%s/runs/4711", run_cgroups_root);
	assert_int_equal(mkdir(old, 0755), 0);
	assert_int_equal(
	    cgroup_tree_new(run_cgroups_base, run_cgroups_root, &run_cgroups_tree, &reason), 0);
	assert_false(run_cgroup_exists(old));
	assert_true(run_cgroup_exists(busy));
	assert_int_not_equal(process_state(child.pid), 0);
	end_child(&child);
}

static void other_places_are_refused_with_a_reason(void **state)
{
	static const char *const roots[] = {"/nonexistent", "/tmp", "/proc/self/fd", "/dev/null"};

	(void)state;
	for (size_t i = 0; i < ELEMENTS(roots); i++) {
		struct cgroup_tree *other = (struct cgroup_tree *)&run_cgroups_root;
		const char *reason = NULL;

		assert_true(cgroup_tree_new(run_cgroups_base, roots[i], &other, &reason) < 0);
		assert_ptr_equal(other, &run_cgroups_root);
		assert_non_null(reason);
	}
	assert_int_equal(access("/tmp/runs", F_OK), -1);
}

#define CGROUP_TEST(function)                                                                      \
	cmocka_unit_test_setup_teardown(function, run_cgroups_set_up, run_cgroups_tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    CGROUP_TEST(a_released_one_is_used_again),
	    CGROUP_TEST(all_in_use_are_different),
	    CGROUP_TEST(many_in_use_do_not_hold_descriptors),
	    CGROUP_TEST(a_process_is_in_it_and_seen),
	    CGROUP_TEST(others_are_told_apart_from_the_dead_one),
	    CGROUP_TEST(so_are_those_in_a_cgroup_in_it),
	    CGROUP_TEST(without_descriptors_there_may_be_others),
	    CGROUP_TEST(a_kill_ends_all_and_the_cgroup_is_spent),
	    CGROUP_TEST(one_that_is_still_populated_is_left_alone),
	    CGROUP_TEST(a_killed_one_is_removed_once_it_is_empty),
	    CGROUP_TEST(without_memory_controller_oom_is_not_known),
	    CGROUP_TEST(one_with_limits_is_removed_afterwards),
	    CGROUP_TEST(no_limits_cost_no_cgroup),
	    CGROUP_TEST(limits_that_cannot_be_are_named),
	    CGROUP_TEST(a_file_that_is_not_there_is_named),
	    CGROUP_TEST(defaults_are_in_every_cgroup),
	    CGROUP_TEST(defaults_can_be_taken_away),
	    CGROUP_TEST(defaults_that_cannot_be_kept_are_left_out),
	    CGROUP_TEST(the_end_removes_what_is_empty),
	    CGROUP_TEST(a_new_daemon_clears_what_an_old_one_left),
	    CGROUP_TEST(other_places_are_refused_with_a_reason),
	};

	bound_time();
	if (!own_cgroup_make(run_cgroups_root, sizeof(run_cgroups_root)))
		return skip_group(tests, "no cgroup2 to write to");
	own_cgroup_remove(run_cgroups_root);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
