/* SPDX-License-Identifier: Apache-2.0 */

/* Two hookds with one configured directory: they must not kill each other's hooks. Fault 46. */

#include <errno.h>

#include "daemon/base/pidfd.h"
#include "tests/daemon/support/own_cgroup.h"
#include "tests/daemon/support/run_cgroups.h"
#include "tests/daemon/support/support.h"

static int make_another(void)
{
	const char *reason = "";
	struct cgroup_tree *tree = NULL;
	int r = cgroup_tree_new(run_cgroups_base, run_cgroups_root, &tree, &reason);

	cgroup_tree_free(tree);
	if (r < 0)
		assert_string_equal(reason, "another hookd uses the cgroup root");
	return r;
}

static void a_directory_that_another_hookd_uses_is_refused(void **state)
{
	(void)state;
	assert_int_equal(make_another(), -EBUSY);
	run_cgroups_tree = cgroup_tree_free(run_cgroups_tree);
	assert_int_equal(make_another(), 0);
}

/* The hookd has ended, and one with another state directory has taken the directory. */
static void hooks_of_a_live_runner_of_another_hookd_stay(void **state)
{
	int part = cgroup_tree_make_part(run_cgroups_tree, "runner-0");
	struct cgroup_tree *tree;
	struct spawn_child child;
	struct cgroup *cgroup;
	const char *reason;

	(void)state;
	assert_true(part >= 0);
	assert_int_equal(cgroup_tree_new_part(run_cgroups_base, part, &tree, &reason), 0);
	assert_int_equal(cgroup_acquire(tree, &cgroup), 0);
	child = run_cgroup_spawn(cgroup);
	cgroup_parts_remove(cgroup_tree_base(run_cgroups_tree), NULL, 0);
	assert_true(pidfd_is_alive(child.pidfd));
	assert_int_equal(cgroup_tree_make_part(run_cgroups_tree, "runner-0"), -EBUSY);
	assert_true(pidfd_is_alive(child.pidfd));
	close(part); /* as when the runner ends */
	/* The child may hold it too until its exec. */
	while (pidfd_is_alive(child.pidfd))
		cgroup_parts_remove(cgroup_tree_base(run_cgroups_tree), NULL, 0);
	expect_killed(&child);
	cgroup_release(cgroup);
	cgroup_tree_free(tree);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(a_directory_that_another_hookd_uses_is_refused,
					    run_cgroups_set_up, run_cgroups_tear_down),
	    cmocka_unit_test_setup_teardown(hooks_of_a_live_runner_of_another_hookd_stay,
					    run_cgroups_set_up, run_cgroups_tear_down),
	};

	bound_time();
	if (!own_cgroup_make(run_cgroups_root, sizeof(run_cgroups_root)))
		return skip_group(tests, "no cgroup2 to write to");
	own_cgroup_remove(run_cgroups_root);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
