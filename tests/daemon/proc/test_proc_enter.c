/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Hooks in another pid namespace, where hookd-run's successor is the hook; the deadline; and hooks
 * that cannot be watched.
 */

#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "tests/daemon/support/hooks.h"

/* ---- the moment of the deadline ---- */

/* A stopped process that ends after the event loop has polled, but before it runs the timers. */
struct late {
	pid_t pid;
	int pidfd;
	struct event *event;
};

static void let_it_end(evutil_socket_t fd, short what, void *userdata)
{
	struct late *late = userdata;
	struct pollfd exit = {.fd = late->pidfd, .events = POLLIN};

	(void)fd, (void)what;
	kill(late->pid, SIGCONT);
	assert_int_equal(poll(&exit, 1, 5000), 1);
}

/* Runs the hook to its end. The event loop is entered only after the deadline. */
static void run_late(struct hook *hook, const char *script)
{
	struct late late;
	int64_t deadline_ns;

	assert_int_equal(hook_start(hook, script), 0);
	deadline_ns = hook->started_ns + (int64_t)hook->spec.timeout_ns + 20 * (int64_t)MS;
	late.pid = proc_pid(hook->proc);
	kill(late.pid, SIGSTOP);
	late.pidfd = (int)syscall(SYS_pidfd_open, late.pid, 0);
	late.event = event_new(base, -1, 0, let_it_end, &late);
	event_add(late.event, &(struct timeval){.tv_usec = 1000});
	while (clock_ns(CLOCK_MONOTONIC) < deadline_ns)
		sched_yield();
	wait_for(base, hook->done_count == 1);
	event_free(late.event);
	close(late.pidfd);
}

/* A hook that has exited before hookd kills it has not timed out. */
static void an_exit_before_the_kill_counts(void **state)
{
	struct hook hook = {.spec.timeout_ns = 60 * MS};

	(void)state;
	run_late(&hook, "exit 3");
	assert_int_equal(hook.result.outcome, HP_HOOK_EXITED);
	assert_int_equal(hook.result.exit_status, 3);
	hook_clear(&hook);
}

/* ---- in another pid namespace: hookd-run ends, and its successor is the hook ---- */

struct container {
	pid_t parent, init; /* parent made the namespace and waits for its first process */
	int pidfd;
};

static struct container container_start(void)
{
	struct container container = {.pidfd = -1};
	int ends[2];

	assert_int_equal(pipe(ends), 0);
	container.parent = fork();
	if (container.parent == 0) {
		pid_t init;

		prctl(PR_SET_PDEATHSIG, SIGKILL);
		if (unshare(CLONE_NEWPID | CLONE_NEWNS) < 0)
			_exit(1);
		init = fork();
		if (init == 0) {
			prctl(PR_SET_PDEATHSIG, SIGKILL);
			for (;;)
				pause();
		}
		if (write(ends[1], &init, sizeof(init)) != sizeof(init))
			_exit(2);
		waitpid(init, NULL, 0);
		_exit(0);
	}
	close(ends[1]);
	if (read(ends[0], &container.init, sizeof(container.init)) == sizeof(container.init))
		container.pidfd = (int)syscall(SYS_pidfd_open, container.init, 0);
	close(ends[0]);
	assert_true(container.pidfd >= 0);
	return container;
}

static struct hook_target target_of(const struct container *container)
{
	return (struct hook_target){
	    .caller.pidfd = -1,
	    .container = {container->init, container->pidfd},
	    .is_image_program = true,
	};
}

/* The hook enters a container made for the test, which is skipped without the rights for that. */
static struct container container_for(struct hook *hook)
{
	struct container container;

	if (geteuid() != 0)
		skip("needs root");
	container = container_start();
	hook->spec.target = target_of(&container);
	return container;
}

/* The init process of a pid namespace ends only after all others in it were reaped. */
static void container_end(struct container *container)
{
	int64_t deadline_ns = clock_ns(CLOCK_MONOTONIC) + WAIT_NS;
	pid_t ended;

	kill(container->init, SIGKILL);
	close(container->pidfd);
	while ((ended = waitpid(container->parent, NULL, WNOHANG)) == 0 &&
	       clock_ns(CLOCK_MONOTONIC) < deadline_ns)
		loop_turn(base, clock_ns(CLOCK_MONOTONIC) + 5 * (int64_t)MS);
	assert_int_equal(ended, container->parent);
}

/* ipc/ refuses labels that the kernel does not support; here it is tried. */
static void a_label_that_cannot_be_set(void **state)
{
	struct hp_settings settings[] = {
	    {.apparmor_profile = (char *)"no-such-profile"},
	    {.selinux_label = (char *)"no:such:label:s0"},
	};

	(void)state;
	for (size_t i = 0; i < ELEMENTS(settings); i++) {
		struct hook hook = {.spec.settings.settings = &settings[i]};

		hook_run(&hook, "echo ran");
		assert_int_equal(hook.result.outcome, HP_HOOK_SPAWN_FAILED);
		assert_string_equal(hook.result.failed_step, "label");
		assert_int_not_equal(hook.result.failed_errno, 0);
		assert_int_equal(hook.result.output[0].total, 0);
		hook_clear(&hook);
	}
}

static void a_hook_enters_a_pid_namespace(void **state)
{
	struct container container;
	struct hook hook = {0};

	(void)state;
	container = container_for(&hook);
	hook_run(&hook, "echo $$; cat; exit 5");
	assert_int_equal(hook.result.outcome, HP_HOOK_EXITED);
	assert_int_equal(hook.result.exit_status, 5);
	assert_in_range(hook.result.output[0].length, 4, 8);
	assert_int_equal(hook.result.output[0].bytes[hook.result.output[0].length - 1], '}');
	hook_clear(&hook);
	hook.spec.target = target_of(&container);
	hook.spec.path = "/nonexistent";
	hook_run(&hook, "");
	assert_int_equal(hook.result.outcome, HP_HOOK_SPAWN_FAILED);
	assert_string_equal(hook.result.failed_step, "exec");
	assert_int_equal(hook.result.failed_errno, ENOENT);
	hook_clear(&hook);
	container_end(&container);
}

static void a_timeout_reaches_the_successor(void **state)
{
	struct container container;
	struct hook hook = {.spec.timeout_ns = 500 * MS};

	(void)state;
	container = container_for(&hook);
	hook_run(&hook, "echo in; sleep 1000");
	assert_int_equal(hook.result.outcome, HP_HOOK_TIMED_OUT);
	assert_true(hook.took_ms >= 500);
	expect_stream(&hook, 1, "in\n");
	hook_clear(&hook);
	container_end(&container);
}

/* The successor is a child of hookd: it stays a zombie if hookd does not reap it. */
static void freeing_waits_for_the_successor_too(void **state)
{
	struct container container;
	struct hook hook = {0};
	pid_t first, successor;
	char letter;

	(void)state;
	container = container_for(&hook);
	assert_int_equal(hook_start(&hook, "echo in; exec sleep 1000"), 0);
	first = proc_pid(hook.proc);
	proc_listen(hook.proc, hook_on_output);
	wait_for(base, hook.heard[0][0] && proc_pid(hook.proc) != first);
	successor = proc_pid(hook.proc);
	hook.proc = proc_free(hook.proc);
	for (int i = 0; i < 100 && process_state(successor); i++)
		loop_turn(base, clock_ns(CLOCK_MONOTONIC) + 10 * 1000000);
	letter = process_state(successor);
	/* As a zombie it would also keep its namespace, and so the container, from ending. */
	waitpid(successor, NULL, WNOHANG);
	container_end(&container);
	if (letter)
		fail_msg("the successor is still there, in state %c", letter);
	hook_clear(&hook);
}

static void await_stop(pid_t pid, int *ret_event)
{
	int status;

	assert_int_equal(waitpid(pid, &status, __WALL), pid);
	assert_true(WIFSTOPPED(status));
	*ret_event = status >> 16;
}

/* Kills hookd-run, which is held, after it has created its successor and before the report. */
static pid_t kill_between_clone_and_report(struct proc *proc)
{
	pid_t hookd_run = proc_pid(proc);
	unsigned long successor;
	int event = 0;

	assert_int_equal(
	    ptrace(PTRACE_SEIZE, hookd_run, NULL, PTRACE_O_TRACECLONE | PTRACE_O_TRACEFORK), 0);
	proc_release(proc);
	while (event != PTRACE_EVENT_CLONE && event != PTRACE_EVENT_FORK) {
		await_stop(hookd_run, &event);
		if (event != PTRACE_EVENT_CLONE && event != PTRACE_EVENT_FORK)
			ptrace(PTRACE_CONT, hookd_run, NULL, NULL);
	}
	assert_int_equal(ptrace(PTRACE_GETEVENTMSG, hookd_run, NULL, &successor), 0);
	kill(hookd_run, SIGKILL);
	await_stop((pid_t)successor, &event);
	assert_int_equal(ptrace(PTRACE_DETACH, (pid_t)successor, NULL, NULL), 0);
	return (pid_t)successor;
}

static void a_successor_that_was_never_reported_is_waited_for(void **state)
{
	struct container container;
	struct hook hook = {0};
	pid_t successor;

	(void)state;
	container = container_for(&hook);
	hook.spec.is_held = true;
	assert_int_equal(hook_start(&hook, "echo ran"), 0);
	successor = kill_between_clone_and_report(hook.proc);
	wait_for(base, hook.done_count == 1);
	assert_int_equal(hook.result.outcome, HP_HOOK_SIGNALED);
	assert_int_equal(hook.result.output[0].total, 0);
	hook_clear(&hook);
	wait_for(base, !process_state(successor));
	container_end(&container);
}

static void the_end_of_hookd_run_does_not_take_the_deadline_along(void **state)
{
	struct container container;
	struct hook hook = {.spec.timeout_ns = 60 * MS};

	(void)state;
	container = container_for(&hook);
	run_late(&hook, "exec sleep 3");
	container_end(&container);
	assert_int_equal(hook.result.outcome, HP_HOOK_TIMED_OUT);
	hook_clear(&hook);
}

/* ---- no memory, or no room in epoll, to watch a hook ---- */

static bool exits_cannot_be_watched, pipes_cannot_be_watched, pauses_cannot_be_made;
static int refused;

int __real_event_add(struct event *event, const struct timeval *timeout);
int __wrap_event_add(struct event *event, const struct timeval *timeout);

static bool is_pipe(int fd)
{
	struct stat st;

	return fd >= 0 && fstat(fd, &st) == 0 && S_ISFIFO(st.st_mode);
}

int __wrap_event_add(struct event *event, const struct timeval *timeout)
{
	bool is_on_pipe = is_pipe(event_get_fd(event));
	bool is_on_exit = event_get_fd(event) >= 0 && !is_on_pipe;
	bool is_pause = timeout && timeout->tv_sec == 0 && timeout->tv_usec == 2000;

	if ((exits_cannot_be_watched && is_on_exit) || (pipes_cannot_be_watched && is_on_pipe) ||
	    (pauses_cannot_be_made && is_pause)) {
		refused++;
		return -1;
	}
	return __real_event_add(event, timeout);
}

static void watch_again(void)
{
	exits_cannot_be_watched = pipes_cannot_be_watched = pauses_cannot_be_made = false;
	refused = 0;
}

/* Writes more than a pipe holds: if it is not read, the hook blocks until its deadline. */
#define LOUD	   "sleep 0.1; head -c 300000 /dev/zero; exit 3"
#define LOUD_BYTES 300000

static void expect_loud(struct hook *hook)
{
	assert_int_equal(hook->result.outcome, HP_HOOK_EXITED);
	assert_int_equal(hook->result.exit_status, 3);
	assert_int_equal(hook->result.output[0].total, LOUD_BYTES);
	assert_true(TAILQ_EMPTY(&procs.unwatched));
	hook_clear(hook);
}

static void pipes_that_cannot_be_watched_are_read(void **state)
{
	struct hook hook = {.spec.timeout_ns = 20000 * MS};

	(void)state;
	pipes_cannot_be_watched = true;
	hook_run(&hook, LOUD);
	assert_true(refused > 0);
	watch_again();
	expect_loud(&hook);
}

static void an_exit_that_cannot_be_watched_is_seen(void **state)
{
	struct hook hook = {.spec.timeout_ns = 20000 * MS};

	(void)state;
	exits_cannot_be_watched = pipes_cannot_be_watched = true;
	hook_run(&hook, LOUD);
	assert_true(refused > 0);
	watch_again();
	expect_loud(&hook);
}

/* Reading is resumed after a pause while there is no memory to watch the pipes. */
static void pipes_are_read_after_a_pause(void **state)
{
	struct hook hook = {.spec.timeout_ns = 20000 * MS};

	(void)state;
	assert_int_equal(hook_start(&hook, LOUD), 0);
	proc_pause_output(hook.proc, true);
	pipes_cannot_be_watched = true;
	proc_pause_output(hook.proc, false);
	assert_true(refused > 0);
	wait_for(base, hook.done_count == 1);
	watch_again();
	expect_loud(&hook);
}

/* With memory again, nothing is polled any more. */
static void it_is_watched_once_that_is_possible(void **state)
{
	struct hook hook = {.spec.timeout_ns = 20000 * MS};

	(void)state;
	exits_cannot_be_watched = pipes_cannot_be_watched = true;
	assert_int_equal(hook_start(&hook, "cat; " LOUD), 0);
	wait_for(base, refused > 2);
	assert_false(TAILQ_EMPTY(&procs.unwatched));
	watch_again();
	wait_for(base, TAILQ_EMPTY(&procs.unwatched));
	assert_int_equal(hook.done_count, 0);
	wait_for(base, hook.done_count == 1);
	assert_int_equal(hook.result.outcome, HP_HOOK_EXITED);
	hook_clear(&hook);
}

static void its_deadline_holds(void **state)
{
	struct hook hook = {.spec.timeout_ns = 100 * MS};

	(void)state;
	exits_cannot_be_watched = true;
	hook_run(&hook, "exec sleep 1000");
	assert_int_equal(hook.result.outcome, HP_HOOK_TIMED_OUT);
	assert_false(hook.result.lingering);
	watch_again();
	hook_clear(&hook);
}

static void one_that_is_freed_is_waited_for(void **state)
{
	struct hook hook = {0};

	(void)state;
	exits_cannot_be_watched = true;
	assert_int_equal(hook_start(&hook, "exec sleep 1000"), 0);
	hook.proc = proc_free(hook.proc);
	wait_for(base, TAILQ_EMPTY(&procs.abandoned));
	watch_again();
}

static void so_is_a_successor(void **state)
{
	struct container container;
	struct hook hook = {.spec.timeout_ns = 20000 * MS};

	(void)state;
	container = container_for(&hook);
	assert_int_equal(hook_start(&hook, LOUD), 0);
	exits_cannot_be_watched = pipes_cannot_be_watched = true;
	wait_for(base, hook.done_count == 1);
	assert_true(refused > 0);
	watch_again();
	expect_loud(&hook);
	container_end(&container);
}

/* The pause before waitid(2) is tried again for a traced hook that has exited. */
static void so_is_one_whose_exit_is_held(void **state)
{
	struct hook hook = {0};
	pid_t tracer;
	int ends[2];
	char byte;

	(void)state;
	assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
	assert_int_equal(hook_start(&hook, "exec sleep 0.2"), 0);
	tracer = fork();
	if (tracer == 0) {
		if (ptrace(PTRACE_SEIZE, proc_pid(hook.proc), NULL, NULL) < 0 ||
		    write(ends[1], "!", 1) != 1)
			_exit(1);
		alarm(30);
		for (;;)
			pause();
	}
	assert_int_equal(read(ends[0], &byte, 1), 1);
	pauses_cannot_be_made = true;
	wait_for(base, refused > 0);
	assert_int_equal(hook.done_count, 0);
	kill(tracer, SIGKILL);
	assert_int_equal(waitpid(tracer, NULL, 0), tracer);
	wait_for(base, hook.done_count == 1);
	watch_again();
	assert_int_equal(hook.result.outcome, HP_HOOK_EXITED);
	hook_clear(&hook);
	close(ends[0]);
	close(ends[1]);
}

/* ---- the event loop's own memory ---- */

static int allocations_left = INT_MAX;

static void *some_memory(size_t size)
{
	return allocations_left > 0 && allocations_left-- ? malloc(size) : NULL;
}

static void *other_memory(void *old, size_t size)
{
	return allocations_left > 0 && allocations_left-- ? realloc(old, size) : NULL;
}

/*
 * Fault 16. All allocations fail from the N-th on, until the hook ends: it fails to start, or it
 * works.
 */
static void no_allocation_hangs_a_hook(void **state)
{
	bool was_started = false;

	(void)state;
	for (int n = 0; n < 24; n++) {
		struct hook hook = {.spec.timeout_ns = 20000 * MS};
		int r;

		allocations_left = n;
		r = hook_start(&hook, LOUD);
		while (r == 0 && hook.done_count == 0)
			event_base_loop(base, EVLOOP_ONCE);
		allocations_left = INT_MAX;
		was_started |= r == 0;
		if (r == 0) {
			expect_loud(&hook);
			continue;
		}
		assert_int_equal(r, -ENOMEM);
		assert_int_equal(hook.result.failed_errno, ENOMEM);
		assert_true(TAILQ_EMPTY(&procs.abandoned));
		hook_clear(&hook);
	}
	assert_true(was_started);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    PROC_TEST(an_exit_before_the_kill_counts),
	    PROC_TEST(a_label_that_cannot_be_set),
	    PROC_TEST(a_hook_enters_a_pid_namespace),
	    PROC_TEST(a_timeout_reaches_the_successor),
	    PROC_TEST(freeing_waits_for_the_successor_too),
	    PROC_TEST(a_successor_that_was_never_reported_is_waited_for),
	    PROC_TEST(the_end_of_hookd_run_does_not_take_the_deadline_along),
	    PROC_TEST(pipes_that_cannot_be_watched_are_read),
	    PROC_TEST(an_exit_that_cannot_be_watched_is_seen),
	    PROC_TEST(pipes_are_read_after_a_pause),
	    PROC_TEST(it_is_watched_once_that_is_possible),
	    PROC_TEST(its_deadline_holds),
	    PROC_TEST(one_that_is_freed_is_waited_for),
	    PROC_TEST(so_is_a_successor),
	    PROC_TEST(so_is_one_whose_exit_is_held),
	    PROC_TEST(no_allocation_hangs_a_hook),
	};

	event_set_mem_functions(some_memory, other_memory, free);
	bound_time();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
