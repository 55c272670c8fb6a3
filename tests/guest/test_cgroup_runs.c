/* SPDX-License-Identifier: Apache-2.0 */

/* Processes that exceed limits, and the limits of cgroups of runs, on a kernel with all
 * controllers. */

#include "tests/guest/fresh_cgroup.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>

#include "daemon/base/file.h"
#include "daemon/cgroup/cgroup.h"
#include "daemon/proc/spawn.h"

/* ---- processes ---- */

static bool join(int cgroup)
{
	return file_write_at(cgroup, "cgroup.procs", "0") == 0;
}

static int fork_as_often_as_possible(void *userdata)
{
	int forks = 0;

	CHECK(join(*(int *)userdata));
	for (; forks < 100; forks++) {
		pid_t pid = fork();

		if (pid < 0)
			break;
		if (pid == 0) {
			prctl(PR_SET_PDEATHSIG, SIGKILL);
			for (;;)
				pause();
		}
	}
	CHECK(errno == EAGAIN);
	return 100 + forks;
}

static void a_fork_bomb_stays_in_its_limit(void **state)
{
	pid_t pid;

	(void)state;
	fresh_expect_applied(&(struct hp_resources){.pids_limit = INT(8)}, NULL);
	assert_int_equal(in_child(fork_as_often_as_possible, &fresh_fd), 100 + 7);
	/* Other processes go on. */
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0)
		_exit(0);
	assert_int_equal(waitpid(pid, NULL, 0), pid);
}

static int fork_once(void *userdata)
{
	pid_t pid;

	CHECK(join(*(int *)userdata));
	pid = fork();
	if (pid == 0)
		_exit(0);
	CHECK(pid < 0 && errno == EAGAIN);
	return 0;
}

static void a_limit_of_0_allows_no_children(void **state)
{
	(void)state;
	fresh_expect_applied(&(struct hp_resources){.pids_limit = INT(0)}, NULL);
	assert_int_equal(in_child(fork_once, &fresh_fd), 0);
}

static int use_memory(void *userdata)
{
	size_t size = 64 * MIB;
	char *memory;

	CHECK(join(*(int *)userdata));
	memory = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	CHECK(memory != MAP_FAILED);
	for (size_t i = 0; i < size; i += 4096)
		((volatile char *)memory)[i] = 1;
	return 0;
}

static void usage_is_checked_before_an_update(void **state)
{
	struct hp_resources resources = {
	    .memory = {.limit = INT(MIB), .check_before_update = {true, true}}};
	struct hp_err err;
	int ready[2];
	char byte;
	pid_t pid;

	(void)state;
	assert_int_equal(pipe(ready), 0);
	pid = fork();
	if (pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		if (use_memory(&fresh_fd) == 0 && write(ready[1], "r", 1) == 1)
			pause();
		_exit(1);
	}
	close(ready[1]);
	assert_int_equal(read(ready[0], &byte, 1), 1);
	close(ready[0]);
	assert_int_equal(fresh_apply(&resources, NULL, &err), -EBUSY);
	assert_string_equal(err.path, "memory.limit");
	fresh_expect_file("memory.max", "max\n");
	resources.memory.limit = INT(256 * MIB);
	fresh_expect_applied(&resources, NULL);
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
}

/* ---- cgroups of runs ---- */

static struct event_base *base;
static struct cgroup_tree *tree;

static int set_up_tree(void **state)
{
	const char *reason;
	char fresh[300];

	if (fresh_set_up(state) < 0)
		return -1;
	snprintf(fresh, sizeof(fresh), "%s/fresh", fresh_root);
	rmdir(fresh);
	base = loop_new();
	return cgroup_tree_new(base, fresh_root, &tree, &reason);
}

static int tear_down_tree(void **state)
{
	tree = cgroup_tree_free(tree);
	event_base_free(base);
	return fresh_tear_down(state);
}

static struct cgroup *acquire(void)
{
	struct cgroup *cgroup;

	assert_int_equal(cgroup_acquire(tree, &cgroup), 0);
	return cgroup;
}

static void limit(struct cgroup *cgroup, const struct hp_resources *resources)
{
	struct hp_err err = {0};

	if (cgroup_limit(cgroup, resources, &err) < 0)
		fail_msg("%s: %s", err.path, err.reason);
}

static void expect_in(struct cgroup *cgroup, const char *file, const char *expected)
{
	char text[256];

	assert_true(file_read_at(cgroup_fd(cgroup), file, text, sizeof(text)) > 0);
	assert_string_equal(text, expected);
}

static void a_memory_hog_is_killed_and_it_is_known(void **state)
{
	struct cgroup *cgroup = acquire(), *other = acquire();
	int cgroup_directory = cgroup_fd(cgroup), other_directory = cgroup_fd(other);

	(void)state;
	limit(cgroup,
	      &(struct hp_resources){.memory = {.limit = INT(16 * MIB), .swap = INT(16 * MIB)}});
	assert_int_equal(cgroup_was_oom_killed(cgroup), 0);
	assert_int_equal(in_child(use_memory, &cgroup_directory), -1);
	assert_int_equal(cgroup_was_oom_killed(cgroup), 1);
	assert_int_equal(cgroup_was_oom_killed(cgroup), 0);
	assert_int_equal(in_child(use_memory, &other_directory), 0);
	assert_int_equal(cgroup_was_oom_killed(other), 0);
	cgroup_release(cgroup);
	cgroup_release(other);
}

static void write_in(const char *directory, const char *file, const char *text)
{
	char path[400];
	int fd;

	snprintf(path, sizeof(path), "%s/%s", directory, file);
	fd = open(path, O_WRONLY | O_CLOEXEC);
	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, strlen(text)), strlen(text));
	close(fd);
}

/* Set by hookd, by the run's first hook, or by an administrator for all runs. */
static void a_limit_of_memory_is_seen_whoever_has_set_it(void **state)
{
	struct cgroup *free = acquire(), *asked = acquire(), *written = acquire();
	char runs[300];

	(void)state;
	assert_false(cgroup_has_own_memory_limit(free));
	limit(asked, &(struct hp_resources){.memory.limit = INT(MIB)});
	assert_true(cgroup_has_own_memory_limit(asked));
	assert_int_equal(file_write_at(cgroup_fd(written), "memory.max", "4096"), 0);
	assert_true(cgroup_has_own_memory_limit(written));
	assert_false(cgroup_has_own_memory_limit(free));
	cgroup_release(written);

	snprintf(runs, sizeof(runs), "%s/runs", fresh_root);
	write_in(runs, "memory.max", "64M");
	/* All hooks of a run have the same cgroup. */
	assert_true(cgroup_has_own_memory_limit(free));
	written = acquire();
	assert_true(cgroup_has_own_memory_limit(written));
	write_in(runs, "memory.max", "max");
	assert_false(cgroup_has_own_memory_limit(free));
	cgroup_release(written);
	written = acquire();
	assert_false(cgroup_has_own_memory_limit(written));
	write_in(fresh_root, "memory.max", "64M");
	cgroup_release(written);
	written = acquire();
	assert_true(cgroup_has_own_memory_limit(written));
	cgroup_release(written);
	cgroup_release(asked);
	cgroup_release(free);
}

/* Whichever step runs out of memory first, the child is killed and not the test. */
static void who_starts_a_process_lives_on_whatever_the_limit(void **state)
{
	static const int64_t limits[] = {0, 4096, 8192, 16384, 65536, 262144, 524288, MIB};
	static char *const argv[] = {(char *)"true", NULL};
	static char big[2][100000];
	char *const envp[] = {big[0], big[1], NULL};
	struct spawner *spawner;

	(void)state;
	memset(big, 'x', sizeof(big));
	big[0][sizeof(big[0]) - 1] = big[1][sizeof(big[1]) - 1] = '\0';
	assert_int_equal(spawner_new(&spawner), 0);
	for (size_t i = 0; i < 2 * ELEMENTS(limits); i++) {
		struct cgroup *cgroup = acquire();
		struct spawn_spec spec = {.path = "/bin/true", .program = -1, .argv = argv};
		struct spawn_child child;
		siginfo_t info;

		limit(cgroup, &(struct hp_resources){.memory.limit = INT(limits[i / 2])});
		spec.envp = i % 2 ? envp : envp + 2;
		spec.cgroup = cgroup_fd(cgroup);
		spec.copies_memory = cgroup_has_own_memory_limit(cgroup);
		assert_int_equal(spawner_start(spawner, &spec, &child), 0);
		assert_int_equal(waitid(P_PIDFD, (id_t)child.pidfd, &info, WEXITED), 0);
		spawner_settle(spawner, &child);
		if (info.si_code != CLD_EXITED || info.si_status != 0)
			assert_int_equal(cgroup_was_oom_killed(cgroup), 1);
		close(child.pidfd);
		cgroup_release(cgroup);
	}
	spawner_free(spawner);
}

/* They run at full speed. */
static void a_kill_lifts_the_quota_of_the_cpu(void **state)
{
	struct cgroup *cgroup = acquire();

	(void)state;
	limit(cgroup, &(struct hp_resources){.cpu = {.quota = INT(1000), .period = UINT(1000000)}});
	expect_in(cgroup, "cpu.max", "1000 1000000\n");
	assert_int_equal(cgroup_kill(cgroup), 0);
	expect_in(cgroup, "cpu.max", "max 1000000\n");
	cgroup_release(cgroup);
}

static void controllers_come_with_the_first_who_needs_them(void **state)
{
	char cpus[] = "0", two[] = "2MB";
	struct hp_hugepage_limit hugepages = {two, 0};
	struct cgroup *before = acquire(), *cgroup = acquire();

	(void)state;
	limit(cgroup, &(struct hp_resources){.pids_limit = INT(5),
					     .cpu = {.cpus = cpus},
					     .hugepage_limits = &hugepages,
					     .hugepage_limit_count = 1});
	expect_in(cgroup, "pids.max", "5\n");
	expect_in(cgroup, "cpuset.cpus", "0\n");
	expect_in(cgroup, "hugetlb.2MB.max", "0\n");
	expect_in(before, "cpuset.cpus", "\n");
	expect_in(before, "hugetlb.2MB.max", "max\n");
	cgroup_release(cgroup);
	cgroup_release(before);
}

static void defaults_of_the_configuration(void **state)
{
	static const struct hp_resources defaults = {
	    .pids_limit = {true, 64},
	    .memory.limit = {true, 512 * MIB},
	    .cpu = {.quota = {true, 150000}, .period = {true, 100000}},
	};
	struct cgroup *cgroup, *other;

	(void)state;
	assert_int_equal(cgroup_tree_set_defaults(tree, &defaults, NULL, NULL), 0);
	cgroup = acquire();
	expect_in(cgroup, "pids.max", "64\n");
	expect_in(cgroup, "memory.max", "536870912\n");
	expect_in(cgroup, "cpu.max", "150000 100000\n");
	limit(cgroup, &(struct hp_resources){.pids_limit = INT(-1)});
	expect_in(cgroup, "pids.max", "max\n");
	expect_in(cgroup, "memory.max", "536870912\n");
	cgroup_release(cgroup);
	other = acquire();
	expect_in(other, "pids.max", "64\n");
	cgroup_release(other);
}

#define LIMITS_TEST(function)                                                                      \
	cmocka_unit_test_setup_teardown(function, fresh_set_up, fresh_tear_down)
#define TREE_TEST(function) cmocka_unit_test_setup_teardown(function, set_up_tree, tear_down_tree)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    LIMITS_TEST(a_fork_bomb_stays_in_its_limit),
	    LIMITS_TEST(a_limit_of_0_allows_no_children),
	    LIMITS_TEST(usage_is_checked_before_an_update),
	    TREE_TEST(a_memory_hog_is_killed_and_it_is_known),
	    TREE_TEST(a_limit_of_memory_is_seen_whoever_has_set_it),
	    TREE_TEST(who_starts_a_process_lives_on_whatever_the_limit),
	    TREE_TEST(a_kill_lifts_the_quota_of_the_cpu),
	    TREE_TEST(controllers_come_with_the_first_who_needs_them),
	    TREE_TEST(defaults_of_the_configuration),
	};

	bound_time();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
