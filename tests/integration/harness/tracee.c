/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Traces processes. A tracee is stopped whenever a function of this file has returned.
 *
 *	attached --PTRACE_SYSCALL--> at a system call, or a child was made
 *	    --SIGKILL--> dead
 */
#include "tests/integration/harness/tracee.h"

#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "tests/integration/harness/harness.h"

#define OPTIONS	     (PTRACE_O_TRACESYSGOOD | PTRACE_O_EXITKILL)
#define TRACES_CHILD (PTRACE_O_TRACECLONE | PTRACE_O_TRACEFORK | PTRACE_O_TRACEVFORK)

static int await_stop(pid_t pid)
{
	int status;

	assert_int_equal(waitpid(pid, &status, __WALL), pid);
	if (!WIFSTOPPED(status))
		fail_msg("process %d has ended: status 0x%x", pid, (unsigned int)status);
	return status;
}

void tracee_attach(pid_t pid)
{
	if (ptrace(PTRACE_SEIZE, pid, NULL, (void *)(long)OPTIONS) < 0)
		skip("ptrace is refused");
	assert_int_equal(ptrace(PTRACE_INTERRUPT, pid, NULL, NULL), 0);
	(void)await_stop(pid);
}

/* Continues it until the next stop, and passes signals on. Returns the status. */
static int step(pid_t pid, int status)
{
	bool is_signal = status >> 16 == 0 && WSTOPSIG(status) != (SIGTRAP | 0x80);
	long signal = is_signal ? WSTOPSIG(status) : 0;

	assert_int_equal(ptrace(PTRACE_SYSCALL, pid, NULL, (void *)signal), 0);
	return await_stop(pid);
}

static bool is_at(pid_t pid, long call, enum tracee_point point, bool *is_inside)
{
	struct __ptrace_syscall_info info;

	assert_true(ptrace(PTRACE_GET_SYSCALL_INFO, pid, (void *)sizeof(info), &info) > 0);
	if (info.op == PTRACE_SYSCALL_INFO_ENTRY)
		*is_inside = (long)info.entry.nr == call;
	else if (info.op != PTRACE_SYSCALL_INFO_EXIT)
		return false;
	return *is_inside && (info.op == PTRACE_SYSCALL_INFO_ENTRY) == (point == AT_ENTRY);
}

void tracee_run_to(pid_t pid, long call, enum tracee_point point)
{
	bool is_inside = false;
	int status = SIGTRAP | 0x80;

	status <<= 8;
	do
		status = step(pid, status);
	while (WSTOPSIG(status) != (SIGTRAP | 0x80) || !is_at(pid, call, point, &is_inside));
}

pid_t tracee_run_to_child(pid_t pid)
{
	unsigned long child = 0;

	assert_int_equal(
	    ptrace(PTRACE_SETOPTIONS, pid, NULL, (void *)(long)(OPTIONS | TRACES_CHILD)), 0);
	tracee_run_to(pid, SYS_clone3, AT_ENTRY);
	(void)step(pid, (SIGTRAP | 0x80) << 8); /* PTRACE_EVENT_CLONE or one of its kind */
	assert_int_equal(ptrace(PTRACE_GETEVENTMSG, pid, NULL, &child), 0);
	assert_true(child > 0);
	(void)await_stop((pid_t)child);
	return (pid_t)child;
}

/* The kernel reports a tracee's end to its tracer first, then to its parent. */
void tracee_kill(pid_t pid)
{
	int status;

	assert_int_equal(kill(pid, SIGKILL), 0);
	do
		assert_int_equal(waitpid(pid, &status, __WALL), pid);
	while (!WIFSIGNALED(status));
	assert_int_equal(WTERMSIG(status), SIGKILL);
}

void tracee_detach(pid_t pid)
{
	assert_int_equal(ptrace(PTRACE_DETACH, pid, NULL, NULL), 0);
}
