/* SPDX-License-Identifier: Apache-2.0 */

/* The pool of run cgroups, on the cgroup2 of the machine, in a directory of the test's own. */

#include "tests/daemon/support.h"

#include <dirent.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "daemon/apply/cgroup.h"
#include "daemon/run/spawn.h"
#include "tests/daemon/own_cgroup.h"

static char root[256];
static struct event_base *base;
static struct cgroup_tree *tree;
static struct spawner *spawner;

static int set_up(void **state)
{
	const char *reason = "";

	(void)state;
	base = loop_new();
	if (spawner_new(&spawner) < 0 || !own_cgroup_make(root, sizeof(root)))
		return -1;
	return cgroup_tree_new(base, root, &tree, &reason);
}

static int tear_down(void **state)
{
	(void)state;
	tree = cgroup_tree_free(tree);
	spawner = spawner_free(spawner);
	own_cgroup_remove(root);
	event_base_free(base);
	return 0;
}

static struct cgroup *acquire(void)
{
	struct cgroup *cgroup;

	assert_int_equal(cgroup_acquire(tree, &cgroup), 0);
	return cgroup;
}

/* Where it is, as it says itself. */
static void path_of(struct cgroup *cgroup, char path[static 256])
{
	char link[32];
	ssize_t length;

	snprintf(link, sizeof(link), "/proc/self/fd/%d", cgroup_fd(cgroup));
	length = readlink(link, path, 255);
	assert_true(length > 0);
	path[length] = '\0';
}

static size_t count_run_cgroups(void)
{
	char path[300];
	struct dirent *entry;
	size_t count = 0;
	DIR *directory;

	snprintf(path, sizeof(path), "%s/runs", root);
	directory = opendir(path);
	assert_non_null(directory);
	while ((entry = readdir(directory)))
		count += entry->d_type == DT_DIR && entry->d_name[0] != '.';
	closedir(directory);
	return count;
}

/* Spawned into it as hooks are; it waits for ever. */
static struct spawn_child spawn_into(struct cgroup *cgroup)
{
	static char *const argv[] = {(char *)"sleep", (char *)"1000", NULL};
	static char *const envp[] = {NULL};
	struct spawn_spec spec = {
	    .path = "/bin/sleep",
	    .program = -1,
	    .argv = argv,
	    .envp = envp,
	    .cgroup = cgroup_fd(cgroup),
	};
	struct spawn_child child;

	assert_true(spec.cgroup >= 0);
	assert_int_equal(spawner_start(spawner, &spec, &child), 0);
	cgroup_rest(cgroup);
	return child;
}

/* Waits for the end, for 5 s at most, and reaps. */
static void expect_killed(struct spawn_child *child)
{
	struct pollfd exit = {.fd = child->pidfd, .events = POLLIN};
	siginfo_t info = {0};

	assert_int_equal(poll(&exit, 1, 5000), 1);
	assert_int_equal(waitid(P_PIDFD, (id_t)child->pidfd, &info, WEXITED), 0);
	assert_int_equal(info.si_code, CLD_KILLED);
	close(child->pidfd);
}

static void end(struct spawn_child *child)
{
	kill(child->pid, SIGKILL);
	expect_killed(child);
}

static bool exists(const char *path)
{
	return access(path, F_OK) == 0;
}

/* ---- the pool ---- */

static void a_released_one_is_used_again(void **state)
{
	struct cgroup *cgroup = acquire(), *other;
	char first[256], second[256];

	(void)state;
	path_of(cgroup, first);
	assert_memory_equal(first, root, strlen(root));
	other = acquire();
	path_of(other, second);
	assert_string_not_equal(first, second);
	cgroup_release(cgroup);
	cgroup = acquire();
	path_of(cgroup, second);
	assert_string_equal(first, second);
	cgroup_release(cgroup);
	cgroup_release(other);
	cgroup_release(NULL);
}

static void one_that_had_a_process_is_used_again(void **state)
{
	struct cgroup *cgroup = acquire();
	char first[256], second[256];
	struct spawn_child child = spawn_into(cgroup);

	(void)state;
	path_of(cgroup, first);
	end(&child);
	cgroup_release(cgroup);
	cgroup = acquire();
	path_of(cgroup, second);
	assert_string_equal(first, second);
	cgroup_release(cgroup);
}

static void all_in_use_are_different(void **state)
{
	struct cgroup *cgroups[100];
	struct stat st[100];

	(void)state;
	for (size_t i = 0; i < ELEMENTS(cgroups); i++) {
		cgroups[i] = acquire();
		assert_int_equal(fstat(cgroup_fd(cgroups[i]), &st[i]), 0);
		for (size_t j = 0; j < i; j++)
			assert_int_not_equal(st[i].st_ino, st[j].st_ino);
		cgroup_rest(cgroups[i]);
	}
	assert_in_range(count_run_cgroups(), 100, 110);
	for (size_t i = 0; i < ELEMENTS(cgroups); i++)
		cgroup_release(cgroups[i]);
	assert_in_range(count_run_cgroups(), 1, 64);
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
		cgroups[i] = acquire();
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
	struct cgroup *cgroup = acquire();
	struct spawn_child child = spawn_into(cgroup);
	char path[300], *members, pid[16];

	(void)state;
	path_of(cgroup, path);
	strcat(path, "/cgroup.procs");
	members = read_whole(path, NULL);
	snprintf(pid, sizeof(pid), "%d\n", child.pid);
	assert_string_equal(members, pid);
	free(members);
	assert_true(cgroup_has_others(cgroup, child.pid + 1));
	assert_false(cgroup_has_others(cgroup, child.pid));
	end(&child);
	assert_false(cgroup_has_others(cgroup, 1));
	cgroup_release(cgroup);
}

static void others_are_told_apart_from_the_dead_one(void **state)
{
	struct cgroup *cgroup = acquire();
	struct spawn_child first = spawn_into(cgroup), second = spawn_into(cgroup);

	(void)state;
	assert_true(cgroup_has_others(cgroup, first.pid));
	end(&first);
	assert_true(cgroup_has_others(cgroup, first.pid));
	end(&second);
	assert_false(cgroup_has_others(cgroup, first.pid));
	cgroup_release(cgroup);
}

static void a_kill_ends_all_and_the_cgroup_is_spent(void **state)
{
	struct cgroup *cgroup = acquire();
	struct spawn_child first = spawn_into(cgroup), second = spawn_into(cgroup);
	char path[256], other[256];

	(void)state;
	path_of(cgroup, path);
	assert_int_equal(cgroup_kill(cgroup), 0);
	expect_killed(&first);
	expect_killed(&second);
	assert_false(cgroup_has_others(cgroup, first.pid));
	cgroup_release(cgroup);
	assert_false(exists(path));
	cgroup = acquire();
	path_of(cgroup, other);
	assert_string_not_equal(path, other);
	cgroup_release(cgroup);
}

/* Processes that a hook left behind live on; nobody else may get their cgroup meanwhile. */
static void one_that_is_still_populated_is_left_alone(void **state)
{
	struct cgroup *cgroup = acquire(), *others[80];
	struct spawn_child child = spawn_into(cgroup);
	char path[256], other[256];
	bool is_back = false;

	(void)state;
	path_of(cgroup, path);
	cgroup_release(cgroup);
	for (size_t i = 0; i < ELEMENTS(others); i++) {
		others[i] = acquire();
		path_of(others[i], other);
		cgroup_rest(others[i]);
		assert_string_not_equal(path, other);
	}
	for (size_t i = 0; i < ELEMENTS(others); i++)
		cgroup_release(others[i]);
	assert_false(process_state(child.pid) == 0);
	end(&child);
	/* It is looked at again by a timer: afterwards it is idle, or gone where the pool is full.
	 */
	wait_for(base, event_base_get_num_events(base, EVENT_BASE_COUNT_ADDED) == 0);
	for (size_t i = 0; i < 64; i++) {
		others[i] = acquire();
		path_of(others[i], other);
		is_back |= strcmp(path, other) == 0;
	}
	assert_true(is_back || !exists(path));
	for (size_t i = 0; i < 64; i++)
		cgroup_release(others[i]);
}

static void a_killed_one_is_removed_once_it_is_empty(void **state)
{
	struct cgroup *cgroup = acquire();
	struct spawn_child child = spawn_into(cgroup);
	char path[256];

	(void)state;
	path_of(cgroup, path);
	/* Released while the kill is still at work, as a run does that was cancelled. */
	assert_int_equal(cgroup_kill(cgroup), 0);
	cgroup_release(cgroup);
	expect_killed(&child);
	wait_for(base, event_base_get_num_events(base, EVENT_BASE_COUNT_ADDED) == 0);
	assert_false(exists(path));
}

static void without_memory_controller_oom_is_not_known(void **state)
{
	struct cgroup *cgroup = acquire();
	char path[300];
	int expected;

	(void)state;
	path_of(cgroup, path);
	strcat(path, "/memory.events");
	expected = exists(path) ? 0 : -1;
	assert_int_equal(cgroup_was_oom_killed(cgroup), expected);
	cgroup_release(cgroup);
}

/* ---- limits ---- */

/* What every cgroup2 has, with or without controllers. */
static char depth_file[] = "cgroup.max.depth", three[] = "3", five[] = "5";
static struct hp_unified depth_of_three = {depth_file, three}, depth_of_five = {depth_file, five};
static const struct hp_resources limited = {.unified = &depth_of_three, .unified_count = 1};
static const struct hp_resources defaults = {.unified = &depth_of_five, .unified_count = 1};

static void expect_depth(struct cgroup *cgroup, const char *expected)
{
	char path[300], *text;

	path_of(cgroup, path);
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
		struct cgroup *cgroup = acquire();
		struct hp_err err = {0};
		char path[256];

		path_of(cgroup, path);
		if (cgroup_limit(cgroup, &resources[i], &err) < 0)
			fail_msg("%s: %s", err.path, err.reason);
		expect_depth(cgroup, i == 0 ? "3\n" : "max\n");
		cgroup_release(cgroup);
		assert_false(exists(path));
	}
}

static void no_limits_cost_no_cgroup(void **state)
{
	struct cgroup *cgroup = acquire();
	char first[256], second[256];
	struct hp_err err;

	(void)state;
	path_of(cgroup, first);
	assert_int_equal(cgroup_limit(cgroup, &(struct hp_resources){0}, &err), 0);
	cgroup_release(cgroup);
	cgroup = acquire();
	path_of(cgroup, second);
	assert_string_equal(first, second);
	cgroup_release(cgroup);
}

static void limits_that_cannot_be_are_named(void **state)
{
	static const struct hp_resources swappiness = {.memory.swappiness = {true, 0}};
	static const struct hp_resources frozen = {.freezer = HP_FREEZER_FROZEN};
	struct cgroup *cgroup = acquire();
	struct hp_err err = {0};

	(void)state;
	assert_int_equal(cgroup_limit(cgroup, &swappiness, &err), -EOPNOTSUPP);
	assert_string_equal(err.path, "memory.swappiness");
	assert_int_equal(cgroup_limit(cgroup, &frozen, &err), -EINVAL);
	assert_string_equal(err.path, "freezer");
	cgroup_release(cgroup);
}

/* One of a controller's that no kernel has. */
static void a_file_that_is_not_there_is_named(void **state)
{
	static char file[] = "nonsense.max";
	struct hp_unified unified = {file, five};
	struct hp_resources resources = {.unified = &unified, .unified_count = 1};
	struct cgroup *cgroup = acquire();
	struct hp_err err = {0};

	(void)state;
	assert_int_equal(cgroup_limit(cgroup, &resources, &err), -EOPNOTSUPP);
	assert_string_equal(err.path, "unified.nonsense.max");
	assert_string_equal(err.reason, "the cgroup has no nonsense controller");
	cgroup_release(cgroup);
}

static void defaults_are_in_every_cgroup(void **state)
{
	struct cgroup *before = acquire(), *after[10];
	struct hp_err err;
	char path[256];

	(void)state;
	path_of(before, path);
	assert_int_equal(cgroup_tree_set_defaults(tree, &defaults, &err), 0);
	for (size_t i = 0; i < ELEMENTS(after); i++) {
		after[i] = acquire();
		expect_depth(after[i], "5\n");
	}
	/* In use all the time, and not used by others with what it does not have. */
	expect_depth(before, "max\n");
	cgroup_release(before);
	assert_false(exists(path));
	/* A run's own limits go over them. */
	assert_int_equal(cgroup_limit(after[0], &limited, &err), 0);
	expect_depth(after[0], "3\n");
	for (size_t i = 0; i < ELEMENTS(after); i++)
		cgroup_release(after[i]);
}

static void defaults_can_be_taken_away(void **state)
{
	struct cgroup *cgroup;
	struct hp_err err;

	(void)state;
	assert_int_equal(cgroup_tree_set_defaults(tree, &defaults, &err), 0);
	assert_int_equal(cgroup_tree_set_defaults(tree, &(struct hp_resources){0}, &err), 0);
	cgroup = acquire();
	expect_depth(cgroup, "max\n");
	cgroup_release(cgroup);
}

static void defaults_that_cannot_be_kept_are_left_out(void **state)
{
	static char file[] = "nonsense.max", lines[] = "x", nothing[] = "cgroup.max.descendants";
	struct hp_unified unified[] = {{file, five}, {depth_file, five}, {nothing, lines}};
	struct hp_resources resources = {.unified = unified, .unified_count = 3};
	struct cgroup *cgroup;
	struct hp_err err;

	(void)state;
	assert_int_equal(cgroup_tree_set_defaults(tree, &resources, &err), -EOPNOTSUPP);
	assert_string_equal(err.path, "unified.nonsense.max");
	cgroup = acquire();
	expect_depth(cgroup, "5\n");
	cgroup_release(cgroup);
}

/* ---- the tree ---- */

static void the_end_removes_what_is_empty(void **state)
{
	(void)state;
	cgroup_release(acquire());
	assert_in_range(count_run_cgroups(), 1, 64);
	tree = cgroup_tree_free(tree);
	assert_int_equal(count_run_cgroups(), 0);
}

static void a_new_daemon_clears_what_an_old_one_left(void **state)
{
	const char *reason;
	struct cgroup_tree *second;
	struct cgroup *populated = acquire();
	struct spawn_child child = spawn_into(populated);
	char old[300], busy[256];

	(void)state;
	path_of(populated, busy);
	snprintf(old, sizeof(old), "%s/runs/4711", root);
	assert_int_equal(mkdir(old, 0755), 0);
	assert_int_equal(cgroup_tree_new(base, root, &second, &reason), 0);
	assert_false(exists(old));
	assert_true(exists(busy));
	assert_int_not_equal(process_state(child.pid), 0);
	cgroup_tree_free(second);
	end(&child);
	cgroup_release(populated);
}

static void other_places_are_refused_with_a_reason(void **state)
{
	static const char *const roots[] = {"/nonexistent", "/tmp", "/proc/self/fd", "/dev/null"};

	(void)state;
	for (size_t i = 0; i < ELEMENTS(roots); i++) {
		struct cgroup_tree *other = (struct cgroup_tree *)&root;
		const char *reason = NULL;

		assert_true(cgroup_tree_new(base, roots[i], &other, &reason) < 0);
		assert_ptr_equal(other, &root);
		assert_non_null(reason);
	}
	assert_int_equal(access("/tmp/runs", F_OK), -1);
}

#define CGROUP_TEST(function) cmocka_unit_test_setup_teardown(function, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    CGROUP_TEST(a_released_one_is_used_again),
	    CGROUP_TEST(one_that_had_a_process_is_used_again),
	    CGROUP_TEST(all_in_use_are_different),
	    CGROUP_TEST(many_in_use_do_not_hold_descriptors),
	    CGROUP_TEST(a_process_is_in_it_and_seen),
	    CGROUP_TEST(others_are_told_apart_from_the_dead_one),
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
	if (!own_cgroup_make(root, sizeof(root))) {
		fprintf(stderr, "there is no cgroup2 here to write to: skipped\n");
		return 77;
	}
	own_cgroup_remove(root);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
