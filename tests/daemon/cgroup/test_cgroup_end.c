/* SPDX-License-Identifier: Apache-2.0 */

/* The end of the pool of run cgroups while killed processes still exist in the kernel. */

#include <fcntl.h>
#include <signal.h>
#include <sys/wait.h>

#include "daemon/cgroup/cgroup.h"
#include "tests/daemon/support/own_cgroup.h"
#include "tests/daemon/support/support.h"

#define WAIT_MS_MAX 2500 /* for all cgroups together; one after the other would take 1 s each */

/*
 * A process that the kill has not ended. A process that is stuck in the kernel cannot be made on
 * every machine; this one moves into the cgroup after the kill.
 */
static pid_t add_one_that_stays(struct cgroup *cgroup)
{
	pid_t pid = fork();
	int fd;

	if (pid == 0) {
		alarm(30);
		for (;;)
			pause();
	}
	assert_true(pid > 0);
	fd = openat(cgroup_fd(cgroup), "cgroup.procs", O_WRONLY | O_CLOEXEC);
	assert_true(fd >= 0);
	assert_true(dprintf(fd, "%d", pid) > 0);
	close(fd);
	return pid;
}

static void all_are_waited_for_together(void **state)
{
	struct event_base *base = loop_new();
	struct cgroup_tree *tree;
	struct cgroup *cgroup;
	const char *reason;
	char root[256];
	pid_t pids[4];
	int64_t start_ns;

	(void)state;
	if (geteuid() != 0 || !own_cgroup_make(root, sizeof(root)))
		skip("needs root and a cgroup2 to write to");
	assert_int_equal(cgroup_tree_new(base, root, &tree, &reason), 0);
	for (size_t i = 0; i < ELEMENTS(pids); i++) {
		assert_int_equal(cgroup_acquire(tree, &cgroup), 0);
		assert_int_equal(cgroup_kill(cgroup), 0);
		pids[i] = add_one_that_stays(cgroup);
		cgroup_release(cgroup);
	}
	start_ns = clock_ns(CLOCK_MONOTONIC);
	cgroup_tree_free(tree);
	assert_in_range((clock_ns(CLOCK_MONOTONIC) - start_ns) / 1000000, 0, WAIT_MS_MAX);
	for (size_t i = 0; i < ELEMENTS(pids); i++) {
		kill(pids[i], SIGKILL);
		assert_int_equal(waitpid(pids[i], NULL, 0), pids[i]);
	}
	own_cgroup_remove(root);
	event_base_free(base);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(all_are_waited_for_together),
	};

	bound_time();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
