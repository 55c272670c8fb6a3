/* SPDX-License-Identifier: Apache-2.0 */

/*
 * cgroup/path on a real cgroup2: which directories are refused, because they are systemd's or
 * because hookd or init is in them. Each test runs in a child with a mount namespace in which
 * systemd seems to run.
 */

#include <fcntl.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/xattr.h>

#include "daemon/cgroup/path.h"
#include "tests/daemon/support/own_cgroup.h"
#include "tests/daemon/support/support.h"

static char own[256]; /* a directory of the test's own, right below the mount */
static int mount_fd;

static int set_up(void **state)
{
	char mount[256];

	(void)state;
	if (geteuid() != 0 || !own_cgroup_make(own, sizeof(own)))
		return 0;
	snprintf(mount, sizeof(mount), "%.*s", (int)(strrchr(own, '/') - own), own);
	mount_fd = open(mount, O_PATH | O_DIRECTORY | O_CLOEXEC);
	return mount_fd < 0 ? -1 : 0;
}

static int tear_down(void **state)
{
	(void)state;
	if (own[0])
		own_cgroup_remove(own);
	close_fd(&mount_fd);
	own[0] = '\0';
	return 0;
}

static bool pretend_systemd(void)
{
	return own_mounts() && mount("none", "/run", "tmpfs", 0, NULL) == 0 &&
	       mkdir("/run/systemd", 0755) == 0 && mkdir("/run/systemd/system", 0755) == 0;
}

static bool make_directory(const char *name, bool is_delegated)
{
	char path[512];

	snprintf(path, sizeof(path), "%s/%s", own, name);
	return mkdir(path, 0755) == 0 &&
	       (!is_delegated || setxattr(path, "user.delegate", "1", 1, 0) == 0);
}

static bool is_there(const char *name)
{
	char path[512];

	snprintf(path, sizeof(path), "%s/%s", own, name);
	return access(path, F_OK) == 0;
}

static int note_making(const char *path, void *userdata)
{
	(void)path;
	(*(int *)userdata)++;
	return 0;
}

/* OWN/NAME, or OWN itself where the name is "". What was made is removed again. */
static int make(const char *name, int *ret_made, struct hp_err *err)
{
	struct undo undo = STAILQ_HEAD_INITIALIZER(undo);
	char path[CGROUP_PATH_SIZE];
	int fd = -1, r;

	*ret_made = 0;
	snprintf(path, sizeof(path), "%s%s%s", strrchr(own, '/'), name[0] ? "/" : "", name);
	r = cgroup_path_make(mount_fd, path, note_making, ret_made, &undo, &fd, err);
	(void)undo_all(&undo, NULL, 0);
	close_fd(&fd);
	return r;
}

/* ---- systemd's ---- */

static int units(void *userdata)
{
	static const char *const theirs[] = {"init.scope", "a.slice", "b.service",
					     "c.socket",   "d.mount", "e.swap"};
	struct hp_err err;
	int made;

	(void)userdata;
	CHECK(pretend_systemd());
	for (size_t i = 0; i < ELEMENTS(theirs); i++) {
		CHECK(make(theirs[i], &made, &err) == -EPERM && made == 0);
		CHECK(strstr(err.reason, "only systemd may make it"));
		CHECK(make_directory(theirs[i], false));
		CHECK(make(theirs[i], &made, &err) == -EPERM && made == 0);
		CHECK(strstr(err.reason, theirs[i]));
		CHECK(strstr(err.reason, "has not delegated it"));
		CHECK(is_there(theirs[i]));
	}
	CHECK(make("a.slice/box", &made, &err) == -EPERM && made == 0);
	CHECK(make("new.slice/box", &made, &err) == -EPERM && made == 0);
	CHECK(!is_there("new.slice"));
	return 0;
}

static int others(void *userdata)
{
	struct hp_err err;
	int made;

	(void)userdata;
	CHECK(pretend_systemd());
	CHECK(make_directory("given.service", true));
	CHECK(make("given.service", &made, &err) == 0 && made == 0);
	CHECK(make("given.service/box", &made, &err) == 0 && made == 1);
	CHECK(make("box", &made, &err) == 0 && made == 1);
	CHECK(make("a.target/b.timer", &made, &err) == 0 && made == 2);
	return 0;
}

static int without_systemd(void *userdata)
{
	struct hp_err err;
	int made;

	(void)userdata;
	CHECK(own_mounts() && mount("none", "/run", "tmpfs", 0, NULL) == 0);
	CHECK(make("x.slice/y.scope", &made, &err) == 0 && made == 2);
	return 0;
}

static void in_own_cgroup(int (*function)(void *userdata))
{
	if (!own[0])
		skip("no cgroup2 to write to");
	assert_int_equal(in_child(function, NULL), 0);
}

static void units_that_are_not_delegated_are_left_to_systemd(void **state)
{
	(void)state;
	in_own_cgroup(units);
}

static void all_others_are_made(void **state)
{
	(void)state;
	in_own_cgroup(others);
}

static void without_systemd_a_name_is_a_name(void **state)
{
	(void)state;
	in_own_cgroup(without_systemd);
}

/* ---- hookd's and init's ---- */

static bool enter(const char *name)
{
	char path[512];
	int fd;
	bool is_in;

	snprintf(path, sizeof(path), "%s/%s/cgroup.procs", own, name);
	fd = open(path, O_WRONLY | O_CLOEXEC);
	is_in = fd >= 0 && write(fd, "0", 1) == 1;
	close_fd(&fd);
	return is_in;
}

static int around_hookd(void *userdata)
{
	struct hp_err err;
	int made;

	(void)userdata;
	CHECK(make_directory("daemon", false) && enter("daemon"));
	CHECK(make("daemon", &made, &err) == -EPERM && made == 0);
	CHECK(strstr(err.reason, "contains hookd itself"));
	CHECK(make("", &made, &err) == -EPERM && made == 0);
	CHECK(strstr(err.reason, "contains hookd itself"));
	CHECK(make("dae", &made, &err) == 0 && made == 1);
	CHECK(make("daemon2", &made, &err) == 0 && made == 1);
	return 0;
}

static int beside_init(void *userdata)
{
	struct hp_err err;
	int made;

	(void)userdata;
	CHECK(enter("hookd"));
	CHECK(make("init", &made, &err) == -EPERM && made == 0);
	CHECK(strstr(err.reason, "contains the init process"));
	CHECK(make("", &made, &err) == -EPERM && made == 0);
	CHECK(make("box", &made, &err) == 0 && made == 1);
	return 0;
}

static int be_init(void *userdata)
{
	(void)userdata;
	CHECK(getpid() == 1);
	CHECK(own_mounts() && mount("proc", "/proc", "proc", 0, NULL) == 0);
	CHECK(make_directory("init", false) && enter("init"));
	CHECK(make_directory("hookd", false));
	return in_child(beside_init, NULL);
}

/* In a pid namespace with an init process that can be moved. */
static int around_init(void *userdata)
{
	(void)userdata;
	CHECK(unshare(CLONE_NEWPID) == 0);
	return in_child(be_init, NULL);
}

static void no_cgroup_with_hookd_in_it_is_a_target(void **state)
{
	(void)state;
	in_own_cgroup(around_hookd);
}

static void no_cgroup_with_init_in_it_is_a_target(void **state)
{
	(void)state;
	in_own_cgroup(around_init);
}

int main(void)
{
#define TEST(function) cmocka_unit_test_setup_teardown(function, set_up, tear_down)
	const struct CMUnitTest tests[] = {
	    TEST(units_that_are_not_delegated_are_left_to_systemd),
	    TEST(all_others_are_made),
	    TEST(without_systemd_a_name_is_a_name),
	    TEST(no_cgroup_with_hookd_in_it_is_a_target),
	    TEST(no_cgroup_with_init_in_it_is_a_target),
	};

	bound_time();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
