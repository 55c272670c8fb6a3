/* SPDX-License-Identifier: Apache-2.0 */
/* Runs single hooks for the tests of daemon/proc, and cleans up what they leave. */
#include "tests/daemon/support/hooks.h"

#include <sys/wait.h>

#include "tests/daemon/support/own_cgroup.h"

struct event_base *base;
struct procs procs;
struct cgroup_tree *tree;
char test_directory[32];

static char root[256];

int proc_set_up(void **state)
{
	const char *reason;

	(void)state;
	base = loop_new();
	temporary_directory(test_directory);
	if (!tree && own_cgroup_make(root, sizeof(root)))
		assert_int_equal(cgroup_tree_new(base, root, &tree, &reason), 0);
	return procs_init(&procs, base);
}

int proc_tear_down(void **state)
{
	(void)state;
	wait_for(base, TAILQ_EMPTY(&procs.abandoned));
	procs_clear(&procs);
	if (tree) {
		tree = cgroup_tree_free(tree);
		own_cgroup_remove(root);
	}
	event_base_free(base);
	rmdir(test_directory);
	return waitpid(-1, NULL, WNOHANG) == -1 && errno == ECHILD ? 0 : -1;
}

void hook_on_done(struct proc *proc, void *userdata)
{
	struct hook *hook = userdata;

	assert_ptr_equal(proc, hook->proc);
	hook->took_ms = (clock_ns(CLOCK_MONOTONIC) - hook->started_ns) / 1000000;
	proc_take_result(proc, &hook->result);
	hook->proc = proc_free(proc);
	hook->done_count++;
}

void hook_on_output(struct proc *proc, const struct hook_output *output, void *userdata)
{
	struct hook *hook = userdata;

	assert_ptr_equal(proc, hook->proc);
	strncat(hook->heard[output->stream - 1], output->bytes, output->length);
}

int hook_start(struct hook *hook, const char *script)
{
	static char *const envp[] = {(char *)"PATH=/usr/bin:/bin", NULL};
	char *const argv[] = {(char *)"sh", (char *)"-c", (char *)script, NULL};
	static char *kept[4];
	struct spawn_failure failure;
	int r;

	memcpy(kept, argv, sizeof(kept));
	if (!hook->spec.path)
		hook->spec.path = "/bin/sh";
	hook->spec.argv = kept;
	hook->spec.envp = envp;
	if (!hook->spec.soft_dir)
		hook->spec.soft_dir = test_directory;
	if (!hook->spec.state) {
		hook->spec.state = "{}";
		hook->spec.state_length = 2;
	}
	if (!hook->spec.target.container.pid)
		hook->spec.target = HOOK_TARGET_NONE;
	hook->started_ns = clock_ns(CLOCK_MONOTONIC);
	r = proc_start(&procs, &hook->spec, hook_on_done, hook, &hook->proc, &failure);
	if (r < 0)
		proc_describe_failure(&failure, &hook->result);
	return r;
}

void hook_run(struct hook *hook, const char *script)
{
	assert_int_equal(hook_start(hook, script), 0);
	assert_int_equal(hook->done_count, 0);
	wait_for(base, hook->done_count > 0);
	event_base_loop(base, EVLOOP_NONBLOCK);
	assert_int_equal(hook->done_count, 1);
}

void expect_stream(const struct hook *hook, int stream, const char *expected)
{
	const struct hp_output *output = &hook->result.output[stream - 1];

	assert_int_equal(output->total, strlen(expected));
	assert_int_equal(output->length, strlen(expected));
	assert_memory_equal(output->bytes, expected, strlen(expected));
}

void hook_clear(struct hook *hook)
{
	hp_hook_result_clear(&hook->result);
	*hook = (struct hook){0};
}
