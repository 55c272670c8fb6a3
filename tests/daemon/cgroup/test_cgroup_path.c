/* SPDX-License-Identifier: Apache-2.0 */

/*
 * cgroup/path and cgroup/scope: which texts of linux.cgroupsPath are valid, and the path that they
 * give.
 */

#include <fcntl.h>
#include <sys/stat.h>

#include "daemon/cgroup/path.h"
#include "daemon/cgroup/scope.h"
#include "tests/daemon/support/support.h"

static void paths_that_are_some(void **state)
{
	static const char *const paths[][2] = {
	    {"/box", "/box"},	    {"box", "/box"},
	    {"/a/b/c", "/a/b/c"},   {"a/b.slice/c-d_e:f@g", "/a/b.slice/c-d_e:f@g"},
	    {"/...", "/..."},	    {"/memoryx", "/memoryx"},
	    {"//box", "/box"},	    {"/a//b/", "/a/b"},
	    {"/a b/c*", "/a b/c*"}, {"/\303\244", "/\303\244"},
	};
	char path[CGROUP_PATH_SIZE];
	struct hp_err err;

	(void)state;
	for (size_t i = 0; i < ELEMENTS(paths); i++) {
		assert_int_equal(cgroup_path_read(paths[i][0], path, &err), 0);
		assert_string_equal(path, paths[i][1]);
	}
}

/* Paths that lead out of the mount, to a file of the kernel, or are not printable. */
static void paths_that_are_none(void **state)
{
	static const char *const paths[] = {
	    "",	      "/",     "//",	"/a/../b",	 "..",	      "/.",
	    "/a/./b", "/a\tb", "/a\nb", "/cgroup.procs", "/a/pids.x", "/a/memory.events",
	    "/a\177",
	};
	char path[CGROUP_PATH_SIZE] = "as it was", long_path[CGROUP_PATH_SIZE + 8];
	struct hp_err err;

	(void)state;
	for (size_t i = 0; i < ELEMENTS(paths); i++)
		assert_int_equal(cgroup_path_read(paths[i], path, &err), -EINVAL);
	memset(long_path, 'a', sizeof(long_path) - 1);
	long_path[sizeof(long_path) - 1] = '\0';
	assert_int_equal(cgroup_path_read(long_path, path, &err), -EINVAL);
	assert_string_equal(path, "as it was");
}

static void scopes_that_are_some(void **state)
{
	static const char *const names[][3] = {
	    {"system.slice:hookd:box", "hookd-box.scope", "system.slice"},
	    {":runc:1234", "runc-1234.scope", "system.slice"},
	    {"a-b.slice::box", "box.scope", "a-b.slice"},
	};
	struct scope_name name;
	struct hp_err err;

	(void)state;
	for (size_t i = 0; i < ELEMENTS(names); i++) {
		assert_int_equal(scope_name_read(names[i][0], &name, &err), 0);
		assert_string_equal(name.unit, names[i][1]);
		assert_string_equal(name.slice, names[i][2]);
	}
}

static void scopes_that_are_none(void **state)
{
	static const char *const names[] = {
	    "",
	    "box",
	    "a:b",
	    "a:b:c:d",
	    "a.slice:b:",
	    "a.slice:b:c/d",
	    "a.slice:b:c.slice",
	    "a.service:b:c",
	    "../x:a:b",
	    "a.slice:b c:d",
	};
	struct scope_name name;
	struct hp_err err;
	char *long_name;

	(void)state;
	for (size_t i = 0; i < ELEMENTS(names); i++)
		assert_int_equal(scope_name_read(names[i], &name, &err), -EINVAL);
	assert_true(asprintf(&long_name, ":a:%0300d", 0) > 0);
	assert_int_equal(scope_name_read(long_name, &name, &err), -EINVAL);
	free(long_name);
}

/* systemd removes an empty scope at any time, also while it is open here. */
static void one_that_was_removed_meanwhile_is_empty(void **state)
{
	char directory[32], path[64];
	int mount_fd;

	(void)state;
	temporary_directory(directory);
	mount_fd = open(directory, O_PATH | O_DIRECTORY | O_CLOEXEC);
	for (int i = 0; i < 2; i++) {
		snprintf(path, sizeof(path), "%s/%s", directory, i ? "to" : "from");
		assert_int_equal(mkdir(path, 0755), 0);
	}
	/* The files of a cgroup are removed before its directory. */
	assert_int_equal(cgroup_path_empty(mount_fd, "/from", "/to", 10), 0);
	assert_int_equal(unlinkat(mount_fd, "from", AT_REMOVEDIR), 0);
	assert_int_equal(cgroup_path_empty(mount_fd, "/from", "/to", 10), 0);
	assert_int_equal(unlinkat(mount_fd, "to", AT_REMOVEDIR), 0);
	assert_int_equal(rmdir(directory), 0);
	close(mount_fd);
}

/* The pid of a process that has exited may be reused. */
static void only_the_process_that_was_moved_is_put_back(void **state)
{
	struct target self;
	char directory[32], path[64], own[CGROUP_PATH_SIZE], *text;
	int mount_fd, to;

	(void)state;
	temporary_directory(directory);
	mount_fd = open(directory, O_PATH | O_DIRECTORY | O_CLOEXEC);
	snprintf(path, sizeof(path), "%s/to", directory);
	assert_int_equal(mkdir(path, 0755), 0);
	snprintf(path, sizeof(path), "%s/to/cgroup.procs", directory);
	to = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0644);
	assert_true(to >= 0);
	assert_int_equal(target_open(getpid(), &self), 0);
	assert_int_equal(cgroup_path_of(&self, own), 0);
	assert_int_equal(
	    cgroup_path_put_back(mount_fd, getpid(), target_start_time(&self) + 1, own, "/to"), 0);
	text = read_whole(path, NULL);
	assert_string_equal(text, "");
	free(text);
	assert_int_equal(
	    cgroup_path_put_back(mount_fd, getpid(), target_start_time(&self), own, "/to"), 0);
	text = read_whole(path, NULL);
	assert_int_equal(atoi(text), getpid());
	free(text);
	target_close(&self);
	close(to);
	assert_int_equal(unlink(path), 0);
	assert_int_equal(unlinkat(mount_fd, "to", AT_REMOVEDIR), 0);
	assert_int_equal(rmdir(directory), 0);
	close(mount_fd);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(paths_that_are_some),
	    cmocka_unit_test(paths_that_are_none),
	    cmocka_unit_test(scopes_that_are_some),
	    cmocka_unit_test(scopes_that_are_none),
	    cmocka_unit_test(only_the_process_that_was_moved_is_put_back),
	    cmocka_unit_test(one_that_was_removed_meanwhile_is_empty),
	};

	bound_time();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
