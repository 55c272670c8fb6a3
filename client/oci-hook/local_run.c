/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Runs the hooks of a stage without hookd (--if-down=run-local): fork and exec in order, a timeout
 * that kills the hook's process group, the failure rules of runtime-spec. No capture, no settings,
 * no record.
 *
 * Each hook gets the state in a memfd of its own, so a hook that does not read it cannot block us.
 */

#include "client/oci-hook/local_run.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "client/libhookd/wire/deadline.h"
#include "client/oci-hook/hook_environment.h"
#include "proto/messages/failure_text.h"

/* How long a killed hook is waited for: a tracer may keep its exit from us. */
#define KILL_WAIT_MS 200

struct local_hook {
	const struct hp_hook *hook;
	int state_fd;
	int exec_fd[2]; /* a pipe that exec closes, or that brings its errno */
	pid_t pid;
	char why[512]; /* of a failure */
};

static int local_fail(struct local_hook *local, int status, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

static int local_fail(struct local_hook *local, int status, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	(void)vsnprintf(local->why, sizeof(local->why), format, args);
	va_end(args);
	return status;
}

static int local_make_state(const char *state, size_t length)
{
	int fd = memfd_create("state", MFD_CLOEXEC);
	size_t done = 0;

	while (fd >= 0 && done < length) {
		ssize_t n = write(fd, state + done, length - done);

		if (n < 0 && errno != EINTR) {
			close(fd);
			return -1;
		}
		done += n > 0 ? (size_t)n : 0;
	}
	if (fd >= 0)
		(void)lseek(fd, 0, SEEK_SET);
	return fd;
}

/* ---- the child ---- */

/*
 * Runtimes may start us with signals blocked or ignored, and exec preserves that. The raw system
 * call, since libc does not let us change the two or three signals that it reserves for itself.
 */
static void local_reset_signals(void)
{
	static const unsigned long default_action[8];
	sigset_t none;

	for (int number = 1; number < NSIG; number++)
		(void)syscall(SYS_rt_sigaction, number, default_action, NULL, 8);
	sigemptyset(&none);
	(void)sigprocmask(SIG_SETMASK, &none, NULL);
}

static _Noreturn void local_exec(const struct local_hook *local, pid_t parent)
{
	const struct hp_hook *hook = local->hook;
	char *alone[] = {hook->path, NULL};
	char *path_alone[] = {(char *)HOOK_DEFAULT_PATH, NULL};
	int error;

	/* A runtime whose own timeout passes kills us alone; the hook must not survive that. */
	(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != parent)
		_exit(SHIM_NOT_SPAWNED);
	(void)setpgid(0, 0);
	local_reset_signals();
	if (dup2(local->state_fd, STDIN_FILENO) >= 0 && (!hook->dir || chdir(hook->dir) == 0))
		(void)execve(hook->path, hook->args && hook->args[0] ? hook->args : alone,
			     hook->env ? hook->env : path_alone);
	error = errno;
	(void)!write(local->exec_fd[1], &error, sizeof(error));
	_exit(SHIM_NOT_SPAWNED);
}

/* ---- the parent ---- */

/* SIGCHLD has been blocked since before the fork, so it stays pending until sigtimedwait(2). */
static bool local_wait(const struct local_hook *local, int64_t deadline, int *ret_status)
{
	sigset_t child;

	sigemptyset(&child);
	sigaddset(&child, SIGCHLD);
	for (;;) {
		pid_t pid = waitpid(local->pid, ret_status, WNOHANG);
		int64_t left = deadline == DEADLINE_NONE ? 0 : deadline - deadline_now();
		struct timespec wait = {left / 1000000000, left % 1000000000};

		if (pid != 0)
			return true;
		if (deadline != DEADLINE_NONE && left <= 0)
			return false;
		(void)sigtimedwait(&child, NULL, deadline == DEADLINE_NONE ? NULL : &wait);
	}
}

/*
 * Read after the child has ended: exec, or its exit, has closed the write end. A killed child that
 * has not ended, since its exec hangs in a dead file server, still has it open; O_NONBLOCK reads
 * nothing then.
 */
static int local_exec_error(const struct local_hook *local)
{
	int error = 0;

	(void)fcntl(local->exec_fd[0], F_SETFL, O_NONBLOCK);
	return read(local->exec_fd[0], &error, sizeof(error)) == sizeof(error) ? error : 0;
}

/* Fails with the text that hookd would give this result. */
static int local_fail_as(struct local_hook *local, int status, const struct hp_hook_result *result)
{
	char *cause = hp_failure_cause(result, local->hook->timeout_ns);

	(void)local_fail(local, status, "%s", cause ? cause : "out of memory");
	free(cause);
	return status;
}

static int local_finish(struct local_hook *local, int status, bool is_timed_out)
{
	struct hp_hook_result result = {
	    .path = local->hook->path,
	    .failed_errno = local_exec_error(local),
	};

	if (result.failed_errno != 0) {
		result.outcome = HP_HOOK_SPAWN_FAILED;
		return local_fail_as(local, SHIM_NOT_SPAWNED, &result);
	}
	if (is_timed_out) {
		result.outcome = HP_HOOK_TIMED_OUT;
		return local_fail_as(local, SHIM_TIMED_OUT, &result);
	}
	if (WIFSIGNALED(status)) {
		result.outcome = HP_HOOK_SIGNALED;
		result.signal = WTERMSIG(status);
		return local_fail_as(local, SHIM_SIGNAL + result.signal, &result);
	}
	result.outcome = HP_HOOK_EXITED;
	result.exit_status = WEXITSTATUS(status);
	if (result.exit_status == 0)
		return 0;
	return local_fail_as(local, shim_status_of_exit(result.exit_status), &result);
}

static int local_spawn(struct local_hook *local)
{
	pid_t parent = getpid();
	bool is_timed_out;
	int status = 0;
	int64_t deadline = DEADLINE_NONE;

	if (local->hook->timeout_ns > 0)
		deadline = deadline_after_ns(local->hook->timeout_ns);
	local->pid = fork();
	if (local->pid == 0)
		local_exec(local, parent);
	close(local->exec_fd[1]);
	local->exec_fd[1] = -1;
	if (local->pid < 0)
		return local_fail(local, SHIM_NOT_SPAWNED, "fork: %s", strerror(errno));

	/* The child does it too, so the group exists in any case before it can be killed. */
	(void)setpgid(local->pid, local->pid);
	is_timed_out = !local_wait(local, deadline, &status);
	if (is_timed_out) {
		assert(local->pid > 1); /* kill(-1) is for all processes */
		(void)kill(-local->pid, SIGKILL);
		(void)kill(local->pid, SIGKILL); /* it may have joined another group */
		(void)local_wait(local, deadline_after_ms(KILL_WAIT_MS), &status);
	}
	return local_finish(local, status, is_timed_out);
}

static int local_run_hook(struct local_hook *local, const char *state, size_t length)
{
	int status;

	local->state_fd = local_make_state(state, length);
	if (local->state_fd < 0)
		return local_fail(local, SHIM_NOT_SPAWNED, "stdin: %s", strerror(errno));
	if (pipe2(local->exec_fd, O_CLOEXEC) < 0) {
		status = local_fail(local, SHIM_NOT_SPAWNED, "pipe: %s", strerror(errno));
	} else {
		status = local_spawn(local);
		close(local->exec_fd[0]);
	}
	close(local->state_fd);
	return status;
}

int local_run(enum hp_stage stage, const struct hp_hook_list *list, size_t first, const char *state,
	      size_t length)
{
	int first_status = 0;
	sigset_t child;

	/*
	 * With SIGCHLD ignored, as we may have inherited it, the kernel would reap the hook itself.
	 */
	(void)signal(SIGCHLD, SIG_DFL);
	sigemptyset(&child);
	sigaddset(&child, SIGCHLD);
	(void)sigprocmask(SIG_BLOCK, &child, NULL);

	for (size_t i = first; i < list->count; i++) {
		struct local_hook local = {.hook = &list->hooks[i]};
		int status = local_run_hook(&local, state, length);

		if (status == 0)
			continue;
		(void)fprintf(stderr, HP_RUN_FAILURE_FORMAT "\n", hp_stage_names[stage], i,
			      local.why);
		if (first_status == 0)
			first_status = status;
		if (!hp_stage_continues_on_failure(stage))
			break;
	}
	return first_status;
}
