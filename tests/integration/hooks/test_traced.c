/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Hooks that are traced. The tracer sees a tracee's exit first: until it reaps it, the hook's pidfd
 * is readable, but waitid(2) returns nothing to hookd. Even so timeouts must work, hookd must not
 * spin, and SIGTERM must end it.
 */
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "tests/integration/harness/check.h"
#include "tests/integration/harness/container.h"
#include "tests/integration/harness/probe.h"

/* Tolerance for a busy machine; less than the 5 s that hookd waits after a kill without effect. */
#define SLACK_MS 4500
/* CPU time of hookd in a test; each test delays an exit for at least 1 s. */
#define CPU_MS_MAX 300

#define UID 4242
#define WITHOUT_RIGHTS                                                                             \
	",'settings':{'process':{'user':{'uid':4242,'gid':4242},'noNewPrivileges':true,"           \
	"'capabilities':{}}}"

/* ---- a tracer outside of the hook's tree ---- */

struct tracer {
	pid_t pid;
	int release; /* once it is closed the tracer exits, which detaches it from the hook */
};

/* The pid of a process in the innermost of its pid namespaces. */
static pid_t inner_pid(pid_t pid)
{
	char path[64], line[256];
	pid_t inner = 0;
	FILE *file;

	snprintf(path, sizeof(path), "/proc/%d/status", pid);
	file = fopen(path, "re");
	assert_non_null(file);
	while (fgets(line, sizeof(line), file))
		if (strncmp(line, "NSpid:", 6) == 0)
			inner = (pid_t)strtol(strrchr(line, '\t'), NULL, 10);
	fclose(file);
	return inner;
}

/* In a child of the test: exits on failure, without cmocka. */
static void insist(bool is_right)
{
	if (!is_right)
		_exit(1);
}

static _Noreturn void trace(pid_t pid, long options, int told, int release)
{
	char byte;

	insist(ptrace(PTRACE_SEIZE, pid, NULL, options) == 0);
	insist(write(told, "!", 1) == 1);
	close(told);
	(void)!read(release, &byte, 1);
	_exit(0);
}

/* Enters the container's namespaces, as a process of the container. */
static void enter(pid_t container)
{
	int pidfd = (int)syscall(SYS_pidfd_open, container, 0);
	pid_t child;

	insist(pidfd >= 0 && setns(pidfd, CLONE_NEWUSER | CLONE_NEWPID) == 0);
	insist(setresgid(0, 0, 0) == 0 && setresuid(0, 0, 0) == 0);
	child = fork();
	insist(child >= 0);
	if (child > 0) {
		waitpid(child, NULL, 0);
		_exit(0);
	}
}

/* The tracer has the uid, or is in the container if that is not 0. */
static struct tracer tracer_start(pid_t hook, uid_t uid, pid_t container, long options)
{
	pid_t target = container ? inner_pid(hook) : hook;
	int told[2], release[2];
	struct tracer tracer;
	char byte;

	assert_int_equal(pipe2(told, O_CLOEXEC), 0);
	assert_int_equal(pipe2(release, O_CLOEXEC), 0);
	tracer.pid = fork();
	assert_true(tracer.pid >= 0);
	if (tracer.pid == 0) {
		close(told[0]);
		close(release[1]);
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		if (container)
			enter(container);
		else
			insist(setresgid(uid, uid, uid) == 0 && setresuid(uid, uid, uid) == 0);
		trace(target, options, told[1], release[0]);
	}
	close(told[1]);
	close(release[0]);
	assert_int_equal(read(told[0], &byte, 1), 1);
	close(told[0]);
	tracer.release = release[1];
	return tracer;
}

static void tracer_let_go(struct tracer *tracer)
{
	close(tracer->release);
	assert_int_equal(waitpid(tracer->pid, NULL, 0), tracer->pid);
}

/* hookd has not killed it. */
static void expect_alive(const struct tracer *tracer)
{
	assert_int_equal(kill(tracer->pid, 0), 0);
	assert_int_equal(waitpid(tracer->pid, NULL, WNOHANG), 0);
}

/* ---- checks ---- */

struct watch {
	int64_t since_ms, cpu_ms;
};

static struct watch watch_start(const struct harness *harness)
{
	return (struct watch){now_ms(), probe_cpu_ms(harness->runner)};
}

static void expect_idle(const struct harness *harness, const struct watch *watch)
{
	int64_t cpu_ms = probe_cpu_ms(harness->runner) - watch->cpu_ms;

	if (cpu_ms > CPU_MS_MAX)
		fail_msg("hookd used %d ms of CPU time in %d ms", (int)cpu_ms,
			 (int)(now_ms() - watch->since_ms));
}

/* Waits until hookd has polled for the exit some times, at the longest interval. */
static void stay_for_a_while(void)
{
	nanosleep(&(struct timespec){.tv_sec = 1}, NULL);
}

static void expect_timed_out_within(struct client *client, const struct watch *watch,
				    int64_t kill_ms)
{
	int64_t took_ms = now_ms() - watch->since_ms;

	check_outcome(client, "failed");
	check_string(client, "result.hooks[0].outcome", "timed_out");
	check_bool(client, "result.hooks[0].success", false);
	if (took_ms < 1000 || took_ms > 1000 + kill_ms + SLACK_MS)
		fail_msg("the reply came after %d ms", (int)took_ms);
}

static void expect_timed_out(struct client *client, const struct watch *watch)
{
	expect_timed_out_within(client, watch, 0);
}

/* SIGTERM ends hookd while it has a child that it cannot reap. */
static void expect_end_while_held(struct harness *harness, const struct watch *watch)
{
	stay_for_a_while();
	assert_int_equal(probe_count_children(harness->runner), 1);
	expect_idle(harness, watch);
	harness->leaves_children = true;
	harness_stop(harness);
	probe_kill_processes(harness->directory);
}

static void expect_reaped(const struct harness *harness)
{
	await_true(probe_count_children(harness->runner) == 0, "hookd waits for what was let go");
}

/* ---- traced by its own child ---- */

static void by_its_own_child(struct harness *harness, const char *settings)
{
	struct client *client = client_open(harness);
	struct watch watch = watch_start(harness);

	run(client, .extra = settings, .hooks = {TIMED_HOOK(1, "'say','x','traced'")});
	expect_timed_out(client, &watch);
	check_string(client, "result.hooks[0].stdout", "x");
	expect_idle(harness, &watch);
	if (harness->cgroup[0]) {
		check_bool(client, "result.hooks[0].lingering", false);
		await_true(probe_count_processes(harness->directory) == 0, "the tracer is dead");
		expect_reaped(harness);
		return;
	}
	/*
	 * It has left the session, and its parent has exited: nothing shows that it is the hook's.
	 */
	check_bool(client, "result.hooks[0].lingering", true);
	assert_int_equal(probe_count_processes(harness->directory), 1);
	expect_end_while_held(harness, &watch);
}

static void by_its_own_child_as_root(void **state)
{
	by_its_own_child(*state, NULL);
}

static void by_its_own_child_without_rights(void **state)
{
	struct harness *harness = *state;

	harness_needs_root();
	assert_int_equal(chmod(harness->directory, 0755), 0);
	by_its_own_child(harness, WITHOUT_RIGHTS);
}

/* While the hook is alive its child is found by its parent pid, in any session. */
static void by_its_own_child_while_it_lives(void **state)
{
	struct harness *harness = *state;
	struct client *client = client_open(harness);
	struct watch watch = watch_start(harness);

	run(client, .hooks = {TIMED_HOOK(1, "'traced','sleep','60000'")});
	expect_timed_out(client, &watch);
	check_bool(client, "result.hooks[0].lingering", false);
	expect_idle(harness, &watch);
	await_true(probe_count_processes(harness->directory) == 0, "the tracer is dead");
	expect_reaped(harness);
}

/* After SIGTERM hookd waits for the running hook, until its timeout. */
static void sigterm_before_the_deadline(void **state)
{
	struct harness *harness = *state;
	struct client *client = client_open(harness);
	struct watch watch = watch_start(harness);

	begin_run(client, .hooks = {TIMED_HOOK(1, "'traced'")});
	await_true(probe_find_process(harness->directory) != 0, "the hook runs");
	harness_signal(harness, SIGTERM);
	client_receive(client);
	expect_timed_out(client, &watch);
	assert_int_equal(harness_await_end(harness), 0);
	probe_kill_processes(harness->directory);
}

/* ---- traced by others ---- */

struct traced {
	struct client *client;
	struct tracer tracer;
	struct watch watch;
	int go;
};

/* A hook with the uid, which waits for traced->go, or for ever, and its tracer. */
static void traced_start(struct harness *harness, struct traced *traced, const char *hook,
			 long options)
{
	int started = fifo_open(harness, "started");

	harness_needs_root();
	traced->go = fifo_open(harness, "go");
	assert_int_equal(chmod(harness->directory, 0755), 0);
	assert_int_equal(chmod(harness_path(harness, "started"), 0666), 0);
	assert_int_equal(chmod(harness_path(harness, "go"), 0666), 0);
	traced->client = client_open(harness);
	traced->watch = watch_start(harness);
	begin_run(traced->client, .extra = WITHOUT_RIGHTS, .hooks = {hook});
	fifo_await(started);
	traced->tracer = tracer_start(probe_find_process(harness->directory), UID, 0, options);
}

#define THEN_EXITS  "'let-trace','tell','@DIR@/started','await','@DIR@/go','exit','7'"
#define THEN_SLEEPS "'let-trace','tell','@DIR@/started','sleep','60000'"

static void by_a_stranger(void **state)
{
	struct harness *harness = *state;
	struct traced traced;

	traced_start(harness, &traced, TIMED_HOOK(1, THEN_EXITS), 0);
	fifo_release(traced.go);
	client_receive(traced.client);
	expect_timed_out(traced.client, &traced.watch);
	check_bool(traced.client, "result.hooks[0].lingering", true);
	expect_alive(&traced.tracer);
	stay_for_a_while();
	expect_idle(harness, &traced.watch);
	assert_int_equal(probe_count_children(harness->runner), 1);
	tracer_let_go(&traced.tracer);
	expect_reaped(harness);
}

/* Fault 26. */
static void killed_while_traced(void **state)
{
	struct harness *harness = *state;
	struct traced traced;

	traced_start(harness, &traced, TIMED_HOOK(1, THEN_SLEEPS), 0);
	client_receive(traced.client);
	expect_timed_out(traced.client, &traced.watch);
	expect_alive(&traced.tracer);
	expect_end_while_held(harness, &traced.watch);
	tracer_let_go(&traced.tracer);
}

/*
 * The kernel stops such a tracee at its exit (PTRACE_EVENT_EXIT), where another SIGKILL has no
 * effect. It has not exited, and hookd waits for it for 5 s, as for any process that survives a
 * kill.
 */
static void killed_while_its_exit_is_traced(void **state)
{
	struct harness *harness = *state;
	struct traced traced;

	traced_start(harness, &traced, TIMED_HOOK(1, THEN_SLEEPS), PTRACE_O_TRACEEXIT);
	client_receive(traced.client);
	expect_timed_out_within(traced.client, &traced.watch, 5000);
	expect_alive(&traced.tracer);
	expect_end_while_held(harness, &traced.watch);
	tracer_let_go(&traced.tracer);
}

/* A debugger that detaches in time does not affect the result. */
static void detached_in_time(void **state)
{
	struct harness *harness = *state;
	struct traced traced;
	pid_t hook;

	traced_start(harness, &traced, TIMED_HOOK(60, THEN_EXITS), 0);
	hook = probe_find_process(harness->directory);
	fifo_release(traced.go);
	await_true(probe_state(hook) == 'Z', "the hook exits");
	stay_for_a_while();
	assert_false(client_has_input(traced.client));
	expect_idle(harness, &traced.watch);
	tracer_let_go(&traced.tracer);
	client_receive(traced.client);
	check_string(traced.client, "result.hooks[0].outcome", "exited");
	check_int(traced.client, "result.hooks[0].exitStatus", 7);
	check_bool(traced.client, "result.hooks[0].lingering", false);
}

/* ---- cancelled ---- */

static void cancel(struct harness *harness)
{
	struct client *client = client_open(harness);
	char call[256];

	client_call(client, "{'method':'io.hookd.status.List'}");
	snprintf(call, sizeof(call), "{'method':'io.hookd.hooks.Cancel','parameters':{'run':'%s'}}",
		 reply_string(client, "runs[0].run"));
	client_call(client, call);
	check_error(client, "");
	client_close(client);
}

static void expect_cancelled(struct harness *harness, struct traced *traced)
{
	struct watch watch = watch_start(harness);

	cancel(harness);
	client_receive(traced->client);
	check_outcome(traced->client, "cancelled");
	check_string(traced->client, "result.hooks[0].outcome", "cancelled");
	assert_true(now_ms() - watch.since_ms < SLACK_MS);
	expect_alive(&traced->tracer);
	expect_end_while_held(harness, &traced->watch);
	tracer_let_go(&traced->tracer);
}

static void start_without_timeout(struct harness *harness)
{
	harness_start(harness, &(struct start){.config = "[Hooks]\nDefaultTimeoutSec=0\n"});
}

static void cancelled_while_traced(void **state)
{
	struct traced traced;

	start_without_timeout(*state);
	traced_start(*state, &traced, HOOK(THEN_SLEEPS), 0);
	expect_cancelled(*state, &traced);
}

/* It has exited, its tracer has not reaped it, and the hook has no timeout. */
static void cancelled_before_the_tracer_reaps_it(void **state)
{
	struct harness *harness = *state;
	struct traced traced;
	pid_t hook;

	start_without_timeout(harness);
	traced_start(harness, &traced, HOOK(THEN_EXITS), 0);
	hook = probe_find_process(harness->directory);
	fifo_release(traced.go);
	await_true(probe_state(hook) == 'Z', "the hook exits");
	stay_for_a_while();
	expect_idle(harness, &traced.watch);
	expect_cancelled(harness, &traced);
}

/* ---- in a container ---- */

static const char *state_of(const struct harness *harness, const struct container *container)
{
	static char state[256];

	snprintf(state, sizeof(state), "{\"id\":\"box\",\"pid\":%d,\"bundle\":\"%s\"}",
		 container->pid, harness->directory);
	return state;
}

static void open_for_container(struct harness *harness, struct container *container)
{
	harness_needs_root();
	assert_int_equal(chmod(harness->directory, 0755), 0);
	container_start(harness, CLONE_NEWUSER | CLONE_NEWPID | CLONE_NEWNS, false, container);
}

static void by_a_process_of_the_container(void **state)
{
	struct harness *harness = *state;
	int started = fifo_open(harness, "started"), go = fifo_open(harness, "go");
	struct client *client = client_open(harness);
	struct container container;
	struct tracer tracer;
	struct watch watch;

	open_for_container(harness, &container);
	assert_int_equal(chmod(harness_path(harness, "started"), 0666), 0);
	assert_int_equal(chmod(harness_path(harness, "go"), 0666), 0);
	watch = watch_start(harness);
	begin_run(client, .stage = "startContainer", .state = state_of(harness, &container),
		  .hooks = {TIMED_HOOK(1, THEN_EXITS)});
	fifo_await(started);
	tracer = tracer_start(probe_find_process(harness->directory), 0, container.pid, 0);
	fifo_release(go);
	client_receive(client);
	expect_timed_out(client, &watch);
	expect_alive(&tracer);
	stay_for_a_while();
	expect_idle(harness, &watch);
	tracer_let_go(&tracer);
	expect_reaped(harness);
	container_stop(&container);
}

/* In a pid namespace the new parent of such a child is the container's init: it is not hookd's. */
static void by_its_own_child_in_a_container(void **state)
{
	struct harness *harness = *state;
	struct client *client = client_open(harness);
	struct container container;
	struct watch watch;

	open_for_container(harness, &container);
	watch = watch_start(harness);
	run(client, .stage = "startContainer", .state = state_of(harness, &container),
	    .hooks = {TIMED_HOOK(1, "'traced'")});
	expect_timed_out(client, &watch);
	stay_for_a_while();
	expect_idle(harness, &watch);
	container_stop(&container);
	expect_reaped(harness);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
	    TEST(by_its_own_child_as_root),
	    TEST(by_its_own_child_without_rights),
	    TEST(by_its_own_child_while_it_lives),
	    TEST(sigterm_before_the_deadline),
	    TEST(by_a_stranger),
	    TEST(killed_while_traced),
	    TEST(killed_while_its_exit_is_traced),
	    TEST(detached_in_time),
	    TEST_PREPARED(cancelled_while_traced),
	    TEST_PREPARED(cancelled_before_the_tracer_reaps_it),
	    TEST(by_a_process_of_the_container),
	    TEST(by_its_own_child_in_a_container),
	};

	harness_read_arguments(argc, argv);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
