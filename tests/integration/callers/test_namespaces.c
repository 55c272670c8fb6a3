/* SPDX-License-Identifier: Apache-2.0 */
/* Hooks in the namespaces of a container or of the caller, and what they must not inherit there. */
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "tests/integration/harness/check.h"
#include "tests/integration/harness/container.h"
#include "tests/integration/harness/probe.h"

#define ALL_BUT_USER                                                                               \
	(CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWUTS | CLONE_NEWNET | CLONE_NEWIPC | CLONE_NEWCGROUP)

#define STDOUT	"result.hooks[0].stdout"
#define MARKER	HOOK("'show','@DIR@/private/marker'")
#define MISSING 120 /* the helper's status when a verb fails by itself */

static const char *state_of(const struct harness *harness, const struct container *container)
{
	static char state[256];

	snprintf(state, sizeof(state), "{\"id\":\"box\",\"pid\":%d,\"bundle\":\"%s\"}",
		 container->pid, harness->directory);
	return state;
}

static void container_stages_enter(void **state)
{
	static const char *const stages[] = {"createContainer", "startContainer"};
	struct harness *harness = *state;
	struct client *client = client_open(harness);
	struct container container;

	harness_needs_root();
	container_start(harness, ALL_BUT_USER, false, &container);
	for (size_t i = 0; i < 2; i++) {
		run(client, .stage = stages[i], .state = state_of(harness, &container),
		    .hooks = {MARKER});
		check_success(client);
		check_string(client, STDOUT, "inside");
	}
	container_stop(&container);
}

static void other_stages_stay_outside(void **state)
{
	static const char *const stages[] = {"prestart", "createRuntime", "poststart", "poststop"};
	struct harness *harness = *state;
	struct client *client = client_open(harness);
	struct container container;

	harness_needs_root();
	container_start(harness, ALL_BUT_USER, false, &container);
	for (size_t i = 0; i < 4; i++) {
		run(client, .stage = stages[i], .state = state_of(harness, &container),
		    .hooks = {MARKER});
		check_int(client, "result.hooks[0].exitStatus", MISSING);
	}
	container_stop(&container);
}

static void caller_can_choose(void **state)
{
	struct harness *harness = *state;
	struct client *client = client_open(harness);
	struct container container;

	harness_needs_root();
	container_start(harness, ALL_BUT_USER, false, &container);
	run(client, .stage = "startContainer", .extra = ",'namespaces':'runtime'",
	    .state = state_of(harness, &container), .hooks = {MARKER});
	check_int(client, "result.hooks[0].exitStatus", MISSING);
	run(client, .stage = "poststart", .extra = ",'namespaces':'container'",
	    .state = state_of(harness, &container), .hooks = {MARKER});
	check_success(client);
	check_string(client, STDOUT, "inside");
	container_stop(&container);
}

/* runtime-spec: createContainer's path is in the runtime's namespace, startContainer's in the
 * container's. */
static void path_is_looked_up_on_the_right_side(void **state)
{
	struct harness *harness = *state;
	struct client *client = client_open(harness);
	struct container container;

	harness_needs_root();
	assert_int_equal(mkdir(harness_path(harness, "outside"), 0755), 0);
	assert_int_equal(link(harness->hook, harness_path(harness, "outside/hook")), 0);
	container_start(harness, ALL_BUT_USER, false, &container);
	run(client, .stage = "createContainer", .state = state_of(harness, &container),
	    .hooks = {"{'path':'@DIR@/outside/hook','args':['h','show','@DIR@/private/marker']}"});
	check_success(client);
	check_string(client, STDOUT, "inside");
	run(client, .stage = "createContainer", .state = state_of(harness, &container),
	    .hooks = {"{'path':'@DIR@/private/hook'}"});
	check_string(client, "result.hooks[0].failedStep", "exec");
	check_string(client, "result.hooks[0].errnoName", "ENOENT");
	run(client, .stage = "startContainer", .state = state_of(harness, &container),
	    .hooks = {"{'path':'@DIR@/private/hook','args':['h','say','x']}"});
	check_success(client);
	run(client, .stage = "startContainer", .state = state_of(harness, &container),
	    .hooks = {"{'path':'@DIR@/outside/hook'}"});
	check_string(client, "result.hooks[0].failedStep", "exec");
	check_string(client, "result.hooks[0].errnoName", "ENOENT");
	container_stop(&container);
}

/* setns(2) affects only children of the caller, so the hook must be forked after it. */
static void hook_is_a_member_of_the_pid_namespace(void **state)
{
	struct harness *harness = *state;
	struct client *client = client_open(harness);
	struct container container;
	int outer, inner, more;
	const char *line;

	harness_needs_root();
	container_start(harness, ALL_BUT_USER, false, &container);
	run(client, .stage = "startContainer", .state = state_of(harness, &container),
	    .hooks = {HOOK("'report'")});
	check_success(client);
	line = strstr(reply_string(client, STDOUT), "NSpid:");
	assert_non_null(line);
	assert_int_equal(sscanf(line, "NSpid: %d %d %d", &outer, &inner, &more), 2);
	assert_int_equal(outer, reply_int(client, "result.hooks[0].pid"));
	assert_int_not_equal(inner, outer);
	assert_true(inner > 1);
	container_stop(&container);
}

/* The pid must be that of the hook, not of the hookd-run that has entered the namespaces. */
/* 0: hookd does not know it yet. */
static int64_t shown_pid(struct client *client)
{
	client_call(client, "{'method':'io.hookd.status.List'}");
	check_string(client, "runs[0].state", "running");
	return strstr(client->text, "\"pid\":") ? reply_int(client, "runs[0].pid") : 0;
}

static void pid_that_is_shown_is_the_hook_s(void **state)
{
	struct harness *harness = *state;
	struct client *client = client_open(harness), *other = client_open(harness);
	int started = fifo_open(harness, "started"), go = fifo_open(harness, "go");
	struct container container;

	harness_needs_root();
	container_start(harness, ALL_BUT_USER, false, &container);
	begin_run(client, .stage = "startContainer", .state = state_of(harness, &container),
		  .hooks = {HOOK("'tell','@DIR@/started','await','@DIR@/go'")});
	fifo_await(started);
	await_true(shown_pid(other) == probe_find_process(harness->directory), "the hook's pid");
	fifo_release(go);
	client_receive(client);
	check_success(client);
	container_stop(&container);
}

/* No descriptor of hookd-run may be open in the hook (CVE-2016-9962). */
static void hook_inside_is_as_fresh_as_outside(void **state)
{
	struct harness *harness = *state;
	struct client *client = client_open(harness);
	struct container container;

	harness_needs_root();
	container_start(harness, ALL_BUT_USER, false, &container);
	run(client, .stage = "startContainer", .state = state_of(harness, &container),
	    .hooks = {HOOK_WITH(",'env':['A=1']", "'report'")});
	check_success(client);
	check_line(client, STDOUT, "fds 0 1 2");
	check_line(client, STDOUT, "SigBlk:\t0000000000000000");
	check_line(client, STDOUT, "SigIgn:\t0000000000000000");
	check_line(client, STDOUT, "umask 022");
	check_line(client, STDOUT, "oom_score_adj 0");
	check_line(client, STDOUT, "leads_session 1");
	check_line(client, STDOUT, "env A=1");
	run(client, .stage = "startContainer", .state = state_of(harness, &container),
	    .hooks = {HOOK("'cat'")});
	check_string(client, STDOUT, state_of(harness, &container));
	container_stop(&container);
}

static void statuses_come_through(void **state)
{
	struct harness *harness = *state;
	struct client *client = client_open(harness);
	struct container container;

	harness_needs_root();
	container_start(harness, ALL_BUT_USER, false, &container);
	run(client, .stage = "startContainer", .state = state_of(harness, &container),
	    .hooks = {HOOK("'say','x','exit','3'")});
	check_string(client, "result.hooks[0].outcome", "exited");
	check_int(client, "result.hooks[0].exitStatus", 3);
	check_string(client, STDOUT, "x");
	check_bool(client, "result.hooks[0].lingering", false);
	run(client, .stage = "startContainer", .state = state_of(harness, &container),
	    .hooks = {HOOK("'raise','9'")});
	check_string(client, "result.hooks[0].outcome", "signaled");
	check_string(client, "result.hooks[0].signal", "SIGKILL");
	container_stop(&container);
}

static void timeout_kills_inside_and_nobody_else(void **state)
{
	struct harness *harness = *state;
	struct client *client = client_open(harness);
	struct container container;
	int64_t started_ms;

	harness_needs_root();
	container_start(harness, ALL_BUT_USER, false, &container);
	started_ms = now_ms();
	run(client, .stage = "startContainer", .state = state_of(harness, &container),
	    .hooks = {TIMED_HOOK(1, "'say','partial','crowd','3','foreground','setsid',"
				    "'sleep','60000'")});
	check_string(client, "result.hooks[0].outcome", "timed_out");
	check_string(client, STDOUT, "partial");
	assert_true(now_ms() - started_ms < 10000); /* the hook would sleep for a minute */
	await_true(probe_count_processes(harness->directory) == 0, "the tree is dead");
	assert_int_equal(probe_state(container.pid), 'S');
	container_stop(&container);
}

static void left_behind_inside(void **state)
{
	struct harness *harness = *state;
	struct client *client = client_open(harness);
	struct container container;

	harness_needs_root();
	container_start(harness, ALL_BUT_USER, false, &container);
	run(client, .stage = "startContainer", .state = state_of(harness, &container),
	    .hooks = {HOOK("'background','sleep','60000'")});
	check_success(client);
	check_bool(client, "result.hooks[0].lingering", true);
	assert_int_equal(probe_count_processes(harness->directory), 1);
	container_stop(&container); /* the kernel kills a pid namespace with its init */
}

/* In the host's user namespace. */
static void expect_uid(pid_t pid, const char *line)
{
	char path[64], text[256] = "";
	FILE *file;

	snprintf(path, sizeof(path), "/proc/%d/status", pid);
	file = fopen(path, "re");
	assert_non_null(file);
	while (fgets(text, sizeof(text), file) && strncmp(text, "Uid:", 4) != 0)
		continue;
	fclose(file);
	assert_string_equal(text, line);
}

/* Ids are mapped: the hook is root in the namespace, and an unprivileged user on the host. */
static void user_namespace(void **state)
{
	struct harness *harness = *state;
	struct client *client = client_open(harness);
	int started = fifo_open(harness, "started"), go = fifo_open(harness, "go");
	struct container container;

	harness_needs_root();
	assert_int_equal(chmod(harness->directory, 0755), 0);
	assert_int_equal(chmod(harness_path(harness, "started"), 0666), 0);
	assert_int_equal(chmod(harness_path(harness, "go"), 0666), 0);
	container_start(harness, CLONE_NEWUSER | CLONE_NEWNS | CLONE_NEWPID, false, &container);
	begin_run(client, .stage = "startContainer", .state = state_of(harness, &container),
		  .hooks = {HOOK("'report','tell','@DIR@/started','await','@DIR@/go'")});
	fifo_await(started);
	expect_uid(probe_find_process(harness->directory),
		   "Uid:\t100000\t100000\t100000\t100000\n");
	fifo_release(go);
	client_receive(client);
	check_success(client);
	check_line(client, STDOUT, "Uid:\t0\t0\t0\t0");
	check_line(client, STDOUT, "Gid:\t0\t0\t0\t0");
	container_stop(&container);
}

/* ---- processes that do not exist ---- */

static void container_is_gone(void **state)
{
	struct harness *harness = *state;
	struct client *client = client_open(harness);
	struct container container;
	char gone[256];

	harness_needs_root();
	container_start(harness, ALL_BUT_USER, false, &container);
	snprintf(gone, sizeof(gone), "%s", state_of(harness, &container));
	container_stop(&container);
	run(client, .stage = "startContainer", .state = gone, .hooks = {MARKER});
	check_invalid(client, "hooks", "state.pid");
}

/* Fault 11. The pid may be reused before the hook is started. */
static void container_exits_before_the_hook_starts(void **state)
{
	struct harness *harness = *state;
	struct client *first = client_open(harness), *second = client_open(harness);
	int started = fifo_open(harness, "started"), go = fifo_open(harness, "go");
	struct container container;

	harness_needs_root();
	container_start(harness, ALL_BUT_USER, false, &container);
	begin_run(first, .hooks = {HOOK("'tell','@DIR@/started','await','@DIR@/go'")});
	fifo_await(started);
	begin_run(second, .stage = "startContainer", .state = state_of(harness, &container),
		  .hooks = {HOOK("'mark','@DIR@/log','x'")});
	await_true(status_number(harness, "queued") == 1, "the second waits");
	container_stop(&container);
	fifo_release(go);
	client_receive(first);
	client_receive(second);
	check_outcome(second, "failed");
	check_string(second, "result.hooks[0].outcome", "spawn_failed");
	check_string(second, "result.hooks[0].failedStep", "namespaces");
	check_string(second, "result.hooks[0].errnoName", "ESRCH");
	assert_int_equal(harness_count_lines(harness, "log"), 0);
}

static const char *state_of_pid(pid_t pid)
{
	static char state[64];

	snprintf(state, sizeof(state), "{\"id\":\"box\",\"pid\":%d}", pid);
	return state;
}

/* A hook for a container must not run on the host with full privileges. */
static void process_of_the_host_is_no_container(void **state)
{
	static const struct {
		const char *stage, *extra;
	} runs[] = {
	    {"startContainer", NULL},
	    {"createContainer", NULL},
	    {"poststart", ",'namespaces':'container'"},
	};
	struct harness *harness = *state;
	struct client *client = client_open(harness);
	struct container container;

	harness_needs_root();
	/* In its own namespaces, except for the mount namespace. */
	container_start(harness, ALL_BUT_USER & ~CLONE_NEWNS, false, &container);
	for (size_t i = 0; i < sizeof(runs) / sizeof(runs[0]); i++) {
		const pid_t pids[] = {getpid(), harness->pid, 1, container.pid};

		for (size_t k = 0; k < sizeof(pids) / sizeof(pids[0]); k++) {
			run(client, .stage = runs[i].stage, .extra = runs[i].extra,
			    .state = state_of_pid(pids[k]),
			    .hooks = {HOOK("'mark','@DIR@/log','x'")});
			check_invalid(client, "hooks", "state.pid");
		}
	}
	assert_int_equal(harness_count_lines(harness, "log"), 0);
	container_stop(&container);
}

static const char *new_root;

static bool change_root(void)
{
	return chroot(new_root) == 0 && chdir("/") == 0;
}

/*
 * setns(2) sets the root of the mount namespace, but the process may have another root directory.
 */
static void root_is_that_of_the_process(void **state)
{
	static const int kinds[] = {CLONE_NEWNS, CLONE_NEWNS | CLONE_NEWPID,
				    CLONE_NEWNS | CLONE_NEWUSER | CLONE_NEWPID};
	struct harness *harness = *state;
	struct client *client = client_open(harness);
	struct container container;

	harness_needs_root();
	assert_int_equal(chmod(harness->directory, 0755), 0);
	new_root = strdup(harness_path(harness, "private"));
	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		container_start_as(harness, kinds[i], change_root, &container);
		run(client, .stage = "startContainer", .state = state_of_pid(container.pid),
		    .hooks = {"{'path':'/hook','args':['h','show','/marker']}"});
		check_success(client);
		check_string(client, STDOUT, "inside");
		run(client, .stage = "startContainer", .state = state_of_pid(container.pid),
		    .hooks = {"{'path':'/../../../hook','args':['h','show','@DIR@/private/marker']"
			      "}"});
		check_int(client, "result.hooks[0].exitStatus", MISSING);
		/* The program is one of the host; it has the container's privileges. */
		run(client, .stage = "createContainer", .state = state_of_pid(container.pid),
		    .hooks = {HOOK("'show','/marker'")});
		check_success(client);
		check_string(client, STDOUT, "inside");
		container_stop(&container);
	}
	free((void *)new_root);
}

/* Hooks of libcontainer have a working directory. */
static void run_in_directory(struct client *client, const char *stage, pid_t pid, const char *dir)
{
	char hook[256];

	snprintf(hook, sizeof(hook), HOOK_WITH(",'dir':'%s'", "'exit','0'"), dir);
	run(client, .stage = stage, .state = state_of_pid(pid),
	    .extra = ",'dialect':'libcontainer'", .hooks = {hook});
}

/*
 * In a container such a link can lead anywhere, so none is followed, not even one to a file of the
 * container. On the host they are followed.
 */
static void links_of_procfs_are_not_followed_inside(void **state)
{
	static const char *const directories[] = {"/proc/self/root", "/proc/self/cwd",
						  "/proc/self/root/tmp", "/proc/thread-self/root"};
	struct harness *harness = *state;
	struct client *client = client_open(harness);
	struct container container;

	harness_needs_root();
	container_start(harness, CLONE_NEWNS, false, &container);
	for (size_t i = 0; i < sizeof(directories) / sizeof(directories[0]); i++) {
		run_in_directory(client, "startContainer", container.pid, directories[i]);
		check_string(client, "result.hooks[0].failedStep", "cwd");
		check_string(client, "result.hooks[0].errnoName", "ELOOP");
		run_in_directory(client, "createContainer", container.pid, directories[i]);
		check_string(client, "result.hooks[0].failedStep", "cwd");
		run_in_directory(client, "poststart", container.pid, directories[i]);
		check_success(client);
	}
	run_in_directory(client, "startContainer", container.pid, "/tmp");
	check_success(client);
	run(client, .stage = "startContainer", .state = state_of_pid(container.pid),
	    .hooks = {"{'path':'/proc/self/root@DIR@/private/hook'}"});
	check_string(client, "result.hooks[0].failedStep", "exec");
	check_string(client, "result.hooks[0].errnoName", "ELOOP");
	container_stop(&container);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
	    TEST(container_stages_enter),
	    TEST(other_stages_stay_outside),
	    TEST(caller_can_choose),
	    TEST(path_is_looked_up_on_the_right_side),
	    TEST(hook_is_a_member_of_the_pid_namespace),
	    TEST(pid_that_is_shown_is_the_hook_s),
	    TEST(hook_inside_is_as_fresh_as_outside),
	    TEST(statuses_come_through),
	    TEST(timeout_kills_inside_and_nobody_else),
	    TEST(left_behind_inside),
	    TEST(user_namespace),
	    TEST(container_is_gone),
	    TEST(container_exits_before_the_hook_starts),
	    TEST(process_of_the_host_is_no_container),
	    TEST(root_is_that_of_the_process),
	    TEST(links_of_procfs_are_not_followed_inside),
	};

	harness_read_arguments(argc, argv);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
