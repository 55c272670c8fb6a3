/* SPDX-License-Identifier: Apache-2.0 */

/*
 * apply/apply on a real cgroup2: Apply refuses paths in the cgroups of hookd's hooks. Each test
 * runs in a child that acts as hookd, in a mount namespace with only cgroup2 and without systemd.
 * The process of the request is not its child.
 */

#include <sched.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <sys/xattr.h>

#include "daemon/apply/apply.h"
#include "daemon/cgroup/path.h"
#include "tests/daemon/support/own_cgroup.h"
#include "tests/daemon/support/support.h"

static char own[256];	   /* the test's cgroup, in the root cgroup */
static const char *name;   /* its name, after a slash */
static char moved_own[64]; /* its path in the child's mount namespace */
static pid_t victim;

static int set_up(void **state)
{
	(void)state;
	if (geteuid() != 0 || !own_cgroup_make(own, sizeof(own)))
		return 0;
	name = strrchr(own, '/');
	snprintf(moved_own, sizeof(moved_own), "/sys/fs/cgroup%s", name);
	victim = fork();
	if (victim == 0) {
		alarm(60);
		pause();
		_exit(0);
	}
	return victim < 0 ? -1 : 0;
}

static int tear_down(void **state)
{
	(void)state;
	if (!own[0])
		return 0;
	kill(victim, SIGKILL);
	waitpid(victim, NULL, 0);
	own_cgroup_remove(own);
	own[0] = '\0';
	return 0;
}

/* ---- the child that acts as hookd ---- */

struct answer {
	bool is_there;
	int r;
	struct hp_err err;
};

struct world {
	struct event_base *base;
	struct cgroup_tree *tree;
	struct applier *applier;
	int containers;
};

static void on_done(int r, struct holding *holding, const struct hp_err *err, void *userdata)
{
	struct answer *answer = userdata;

	(void)holding;
	*answer = (struct answer){true, r, *err};
}

static void ignore_report(const char *container, const char *what, void *userdata)
{
	(void)container;
	(void)what;
	(void)userdata;
}

static bool own_machine(void)
{
	return own_mounts() && umount2("/sys/fs/cgroup", MNT_DETACH) == 0 &&
	       mount("none", "/sys/fs/cgroup", "cgroup2", 0, NULL) == 0 &&
	       mount("none", "/run", "tmpfs", 0, NULL) == 0;
}

static bool world_begin(struct world *world, const char *root)
{
	struct holdings *holdings;
	const char *reason = "";
	bool is_set_aside;

	*world = (struct world){.base = loop_new()};
	if (!world->base || cgroup_tree_new(world->base, root, &world->tree, &reason) < 0) {
		fprintf(stderr, "no tree: %s\n", reason);
		return false;
	}
	return holdings_open(NULL, &holdings, &is_set_aside) == 0 &&
	       applier_new(world->base, holdings, NULL, NULL, world->tree, cgroup_path_open_mount(),
			   ignore_report, NULL, &world->applier) == 0;
}

static void world_end(struct world *world)
{
	applier_free(world->applier);
	cgroup_tree_free(world->tree);
	event_base_free(world->base);
}

/* Apply with OWN/path. With the driver named, a path with colons is not taken for a unit. */
static struct answer apply(struct world *world, const char *path)
{
	char cgroups_path[512], container[32];
	struct hp_settings settings = {.cgroups_path = cgroups_path};
	cleanup_close int pidfd = (int)syscall(SYS_pidfd_open, victim, 0);
	struct apply_request request = {
	    .container = container,
	    .pid = victim,
	    .pidfd = pidfd,
	    .settings = &settings,
	    .driver = CGROUP_DRIVER_CGROUPFS,
	};
	struct answer answer = {0};

	snprintf(cgroups_path, sizeof(cgroups_path), "%s%s", name, path);
	snprintf(container, sizeof(container), "c%d", ++world->containers);
	applier_apply(world->applier, &request, on_done, &answer);
	return answer;
}

static bool is_refused(struct world *world, const char *path, const char *reason)
{
	struct answer answer = apply(world, path);
	bool is_right =
	    answer.is_there && answer.r == -EPERM && answer.err.code == HP_ERR_SETTING_FAILED &&
	    strcmp(answer.err.path, "linux.cgroupsPath") == 0 && strstr(answer.err.reason, reason);

	if (!is_right)
		fprintf(stderr, "%s: %d %s %s\n", path, answer.r, answer.err.path,
			answer.err.reason);
	return is_right;
}

static bool is_taken(struct world *world, const char *path)
{
	struct answer answer = apply(world, path);

	if (answer.r < 0)
		fprintf(stderr, "%s: %d %s\n", path, answer.r, answer.err.reason);
	return answer.is_there && answer.r == 0;
}

static bool make_directory(const char *below, char path[static 512])
{
	snprintf(path, 512, "%s%s", moved_own, below);
	return mkdir(path, 0755) == 0;
}

static bool enter(const char *directory)
{
	char path[600];
	FILE *file;

	snprintf(path, sizeof(path), "%s/cgroup.procs", directory);
	file = fopen(path, "we");
	return file && fputs("0", file) >= 0 && fclose(file) == 0;
}

/* ---- tests ---- */

static int in_a_root_that_was_named(void *userdata)
{
	struct world world;
	char path[512];

	(void)userdata;
	CHECK(own_machine() && make_directory("/a", path) && make_directory("/a/tree", path));
	CHECK(world_begin(&world, path));
	CHECK(is_refused(&world, "/a/tree/runs/1", "hookd's own"));
	CHECK(is_refused(&world, "/a/tree/runs/1/deeper", "hookd's own"));
	CHECK(is_refused(&world, "/a/tree/runs/new", "hookd's own"));
	CHECK(is_refused(&world, "/a/tree/runs", "hookd's own"));
	CHECK(is_refused(&world, "/a/tree/new", "hookd's own"));
	CHECK(is_refused(&world, "/a/tree", "hookd's own"));
	CHECK(is_refused(&world, "/a", "contains hookd's hooks"));
	CHECK(is_refused(&world, "", "contains hookd's hooks"));
	CHECK(is_taken(&world, "/a/tree2"));
	CHECK(is_taken(&world, "/b/runs/1"));
	world_end(&world);
	return 0;
}

/* In a cgroup namespace the cgroup of hooks can be the root of the mount: all paths are in it. */
static int in_the_whole_mount(void *userdata)
{
	struct world world;
	char path[512];

	(void)userdata;
	CHECK(own_machine() && make_directory("/start", path) && enter(path));
	CHECK(unshare(CLONE_NEWCGROUP) == 0 && umount2("/sys/fs/cgroup", MNT_DETACH) == 0);
	CHECK(mount("none", "/sys/fs/cgroup", "cgroup2", 0, NULL) == 0);
	CHECK(world_begin(&world, "/sys/fs/cgroup"));
	name = "";
	CHECK(is_refused(&world, "/runs/1", "hookd's own"));
	CHECK(is_refused(&world, "/runs", "hookd's own"));
	CHECK(is_taken(&world, "/box"));
	world_end(&world);
	return 0;
}

static int beside_where_it_was_started(void *userdata)
{
	char path[512], below[64];
	struct world world;

	(void)userdata;
	CHECK(own_machine() && make_directory("/start", path) && enter(path));
	CHECK(world_begin(&world, NULL));
	snprintf(below, sizeof(below), "/start/hookd-%d/runs/1", getpid());
	CHECK(is_refused(&world, below, "hookd's own"));
	snprintf(below, sizeof(below), "/start/hookd-%d", getpid());
	CHECK(is_refused(&world, below, "hookd's own"));
	CHECK(is_taken(&world, "/box"));
	world_end(&world);
	return 0;
}

static int in_a_unit_of_its_own(void *userdata)
{
	struct world world;
	char path[512];

	(void)userdata;
	CHECK(own_machine() && make_directory("/unit", path));
	CHECK(setxattr(path, "user.delegate", "1", 1, 0) == 0 && enter(path));
	CHECK(world_begin(&world, NULL));
	CHECK(is_refused(&world, "/unit/runs/1", "hookd's own"));
	CHECK(is_refused(&world, "/unit/daemon/below", "hookd's own"));
	CHECK(is_refused(&world, "/unit/daemon", "hookd's own"));
	CHECK(is_refused(&world, "/unit/box", "hookd's own"));
	CHECK(is_taken(&world, "/box"));
	world_end(&world);
	return 0;
}

/* Processes outside its pid namespace have no pid there. */
static int start_another(void *userdata)
{
	struct world world;
	pid_t pid;
	int status;

	(void)userdata;
	CHECK(unshare(CLONE_NEWPID) == 0);
	pid = fork();
	if (pid == 0) {
		bool has_begun = world_begin(&world, NULL);

		if (has_begun)
			world_end(&world);
		_exit(!has_begun);
	}
	CHECK(waitpid(pid, &status, 0) == pid && WIFEXITED(status) && WEXITSTATUS(status) == 0);
	return 0;
}

static int beside_one_of_another_pid_namespace(void *userdata)
{
	char path[512], kept[560], orphan[560];
	struct world world;

	(void)userdata;
	CHECK(own_machine() && make_directory("/start", path) && enter(path));
	CHECK(world_begin(&world, NULL));
	snprintf(kept, sizeof(kept), "%s/hookd-%d/runs", path, getpid());
	snprintf(orphan, sizeof(orphan), "%s/hookd-999999999", path);
	CHECK(access(kept, F_OK) == 0 && mkdir(orphan, 0755) == 0);
	CHECK(in_child(start_another, NULL) == 0);
	CHECK(access(kept, F_OK) == 0 && access(orphan, F_OK) < 0);
	world_end(&world);
	return 0;
}

static void run_as_hookd(int (*function)(void *userdata))
{
	if (!own[0])
		skip("no cgroup2 to write to");
	assert_int_equal(in_child(function, NULL), 0);
}

static void no_path_leads_into_a_root_that_was_named(void **state)
{
	(void)state;
	run_as_hookd(in_a_root_that_was_named);
}

static void no_path_leads_into_runs_right_below_the_mount(void **state)
{
	(void)state;
	run_as_hookd(in_the_whole_mount);
}

static void no_path_leads_into_a_tree_beside_hookd(void **state)
{
	(void)state;
	run_as_hookd(beside_where_it_was_started);
}

static void no_path_leads_into_hookds_unit(void **state)
{
	(void)state;
	run_as_hookd(in_a_unit_of_its_own);
}

static void a_hookd_of_another_pid_namespace_leaves_this_one_s_cgroups(void **state)
{
	(void)state;
	run_as_hookd(beside_one_of_another_pid_namespace);
}

int main(void)
{
#define TEST(function) cmocka_unit_test_setup_teardown(function, set_up, tear_down)
	const struct CMUnitTest tests[] = {
	    TEST(no_path_leads_into_a_root_that_was_named),
	    TEST(no_path_leads_into_runs_right_below_the_mount),
	    TEST(no_path_leads_into_a_tree_beside_hookd),
	    TEST(no_path_leads_into_hookds_unit),
	    TEST(a_hookd_of_another_pid_namespace_leaves_this_one_s_cgroups),
	};

	bound_time();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
