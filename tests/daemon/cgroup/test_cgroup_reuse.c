/* SPDX-License-Identifier: Apache-2.0 */

/* Which run cgroups are reused, and that the others are removed. */

#include "tests/daemon/support/support.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/xattr.h>

#include "daemon/cgroup/tree.h"
#include "tests/daemon/support/own_cgroup.h"
#include "tests/daemon/support/run_cgroups.h"

static void one_that_reads_as_new_is_used_again(void **state)
{
	struct cgroup *cgroup = run_cgroup_acquire();
	char first[256], second[256];
	struct spawn_child child = run_cgroup_spawn(cgroup);

	(void)state;
	run_cgroup_path(cgroup, first);
	end_child(&child);
	cgroup_release(cgroup);
	cgroup = run_cgroup_acquire();
	run_cgroup_path(cgroup, second);
	assert_int_equal(strcmp(first, second) == 0, !run_cgroups_have_controllers());
	cgroup_release(cgroup);
}

/* ---- what a hook has done to its cgroup ---- */

static void write_to(const char *cgroup, const char *file, const char *text)
{
	char *path;
	int fd;

	assert_true(asprintf(&path, "%s/%s", cgroup, file) > 0);
	fd = open(path, O_WRONLY | O_CLOEXEC);
	assert_true(fd >= 0);
	free(path);
	assert_int_equal(write(fd, text, strlen(text)), strlen(text));
	close(fd);
}

static void set_depth(const char *path)
{
	write_to(path, "cgroup.max.depth", "7");
}

static void set_descendants(const char *path)
{
	write_to(path, "cgroup.max.descendants", "0");
}

static void freeze(const char *path)
{
	write_to(path, "cgroup.freeze", "1");
}

static void become_threaded(const char *path)
{
	/* The kernel does not make a cgroup threaded that has other controllers. */
	if (!run_cgroups_have_controllers())
		write_to(path, "cgroup.type", "threaded");
}

static void kill_nobody(const char *path)
{
	write_to(path, "cgroup.kill", "1");
}

static void make_below(const char *path)
{
	char below[300];

	snprintf(below, sizeof(below), "%s/below", path);
	assert_int_equal(mkdir(below, 0755), 0);
	strcat(below, "/deeper");
	assert_int_equal(mkdir(below, 0755), 0);
}

static void give_to_another(const char *path)
{
	assert_int_equal(chown(path, 65534, 65534), 0);
}

static void open_a_file_to_all(const char *path)
{
	char file[300];

	snprintf(file, sizeof(file), "%s/cgroup.procs", path);
	assert_int_equal(chmod(file, 0666), 0);
}

static void set_attribute(const char *path)
{
	assert_int_equal(setxattr(path, "user.delegate", "1", 1, 0), 0);
}

/* As a program that attaches a BPF program does. */
static void open_directory(const char *path)
{
	int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	assert_true(fd >= 0);
	close(fd);
}

static void make_again(const char *path)
{
	assert_int_equal(rmdir(path), 0);
	assert_int_equal(mkdir(path, 0755), 0);
}

static void one_that_a_hook_has_changed_is_removed(void **state)
{
	static void (*const changes[])(const char *path) = {
	    set_depth,	   set_descendants, freeze,	     become_threaded,
	    kill_nobody,   make_below,	    give_to_another, open_a_file_to_all,
	    set_attribute, open_directory,  make_again,
	};

	(void)state;
	for (size_t i = 0; i < ELEMENTS(changes); i++) {
		struct cgroup *cgroup = run_cgroup_acquire(), *others[40];
		char path[256], other[256];

		run_cgroup_path(cgroup, path);
		cgroup_rest(cgroup);
		changes[i](path);
		cgroup_release(cgroup);
		for (size_t j = 0; j < ELEMENTS(others); j++) {
			others[j] = run_cgroup_acquire();
			run_cgroup_path(others[j], other);
			cgroup_rest(others[j]);
			assert_string_not_equal(path, other);
		}
		for (size_t j = 0; j < ELEMENTS(others); j++)
			cgroup_release(others[j]);
		run_cgroups_wait();
		assert_false(run_cgroup_exists(path));
	}
}

/* What has its name then is not what hookd has made: it may be frozen, or have limits. */
static void one_that_is_made_again_while_it_is_idle_is_removed(void **state)
{
	struct cgroup *cgroup = run_cgroup_acquire(), *others[40];
	char path[256], other[256];

	(void)state;
	run_cgroup_path(cgroup, path);
	cgroup_release(cgroup);
	make_again(path);
	for (size_t i = 0; i < ELEMENTS(others); i++) {
		others[i] = run_cgroup_acquire();
		run_cgroup_path(others[i], other);
		cgroup_rest(others[i]);
		assert_string_not_equal(path, other);
	}
	for (size_t i = 0; i < ELEMENTS(others); i++)
		cgroup_release(others[i]);
	run_cgroups_wait();
	assert_false(run_cgroup_exists(path));
}

/* More than one call removes, and a process in one of them. */
static void cgroups_that_a_hook_has_made_are_removed(void **state)
{
	struct cgroup *cgroup = run_cgroup_acquire();
	struct spawn_child child = run_cgroup_spawn(cgroup);
	char path[256], below[300], pid[16];

	(void)state;
	run_cgroup_path(cgroup, path);
	for (int i = 0; i < 150; i++) {
		snprintf(below, sizeof(below), "%s/%d", path, i);
		assert_int_equal(mkdir(below, 0755), 0);
	}
	snprintf(pid, sizeof(pid), "%d", child.pid);
	write_to(below, "cgroup.procs", pid);
	cgroup_release(cgroup);
	assert_int_equal(event_base_loop(run_cgroups_base, EVLOOP_NONBLOCK), 0);
	assert_true(run_cgroup_exists(below));
	end_child(&child);
	run_cgroups_wait();
	assert_false(run_cgroup_exists(path));
}

/* Any controller that is available here; another program has enabled it. */
static void with_controllers_none_is_used_again(void **state)
{
	char path[300], *controllers, *controller, text[64], first[256], second[256];
	struct cgroup *cgroup;

	(void)state;
	snprintf(path, sizeof(path), "%s/cgroup.controllers", run_cgroups_root);
	controllers = read_whole(path, NULL);
	controller = strtok(controllers, " \n");
	if (!controller)
		skip("the cgroup has no controllers");
	snprintf(text, sizeof(text), "+%s", controller);
	write_to(run_cgroups_root, "cgroup.subtree_control", text);
	snprintf(path, sizeof(path), "%s/runs", run_cgroups_root);
	write_to(path, "cgroup.subtree_control", text);
	free(controllers);
	cgroup = run_cgroup_acquire();
	run_cgroup_path(cgroup, first);
	cgroup_release(cgroup);
	run_cgroups_wait();
	assert_false(run_cgroup_exists(first));
	cgroup = run_cgroup_acquire();
	run_cgroup_path(cgroup, second);
	assert_string_not_equal(first, second);
	cgroup_release(cgroup);
}

static void they_are_made_ahead(void **state)
{
	struct cgroup *cgroups[5];
	size_t before = run_cgroups_count();

	(void)state;
	for (size_t i = 0; i < ELEMENTS(cgroups); i++)
		cgroups[i] = run_cgroup_acquire();
	assert_int_equal(run_cgroups_count(), before);
	run_cgroups_wait();
	assert_int_equal(run_cgroups_count(), before + ELEMENTS(cgroups));
	for (size_t i = 0; i < ELEMENTS(cgroups); i++)
		cgroup_release(cgroups[i]);
}

static void end_period(void)
{
	event_active(run_cgroups_tree->trim, EV_TIMEOUT, 0);
	for (int i = 0; i < 200; i++)
		event_base_loop(run_cgroups_base, EVLOOP_NONBLOCK);
}

/* As many as were in use at once are kept for the next ones, and removed when nobody needs them. */
static void many_are_kept_while_they_are_needed(void **state)
{
	enum { MANY = 150 };
	struct cgroup *cgroups[MANY];
	size_t before = run_cgroups_count();

	(void)state;
	for (int round = 0; round < 2; round++) {
		for (size_t i = 0; i < MANY; i++) {
			cgroups[i] = run_cgroup_acquire();
			cgroup_rest(cgroups[i]);
		}
		for (size_t i = 0; i < MANY; i++)
			cgroup_release(cgroups[i]);
		end_period();
		assert_int_equal(run_cgroups_count() >= MANY, !run_cgroups_have_controllers());
	}
	end_period();
	assert_in_range(run_cgroups_count(), before, MANY / 2);
}

#define REUSE_TEST(function)                                                                       \
	cmocka_unit_test_setup_teardown(function, run_cgroups_set_up, run_cgroups_tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    REUSE_TEST(one_that_reads_as_new_is_used_again),
	    REUSE_TEST(one_that_a_hook_has_changed_is_removed),
	    REUSE_TEST(one_that_is_made_again_while_it_is_idle_is_removed),
	    REUSE_TEST(cgroups_that_a_hook_has_made_are_removed),
	    REUSE_TEST(with_controllers_none_is_used_again),
	    REUSE_TEST(they_are_made_ahead),
	    REUSE_TEST(many_are_kept_while_they_are_needed),
	};

	bound_time();
	if (!own_cgroup_make(run_cgroups_root, sizeof(run_cgroups_root)))
		return skip_group(tests, "no cgroup2 to write to");
	own_cgroup_remove(run_cgroups_root);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
