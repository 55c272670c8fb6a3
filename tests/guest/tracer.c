/* SPDX-License-Identifier: Apache-2.0 */
/* Traces a child and counts its system calls that change something. */
#include "tests/guest/tracer.h"

#include "tests/daemon/support/support.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/wait.h>

/* System calls with an effect outside of the process. */
static bool changes(const struct __ptrace_syscall_info *info)
{
	static const unsigned short calls[] = {
	    SYS_write,	SYS_pwrite64,  SYS_mkdirat,    SYS_unlinkat,	  SYS_unlink,
	    SYS_rename, SYS_ftruncate, SYS_fdatasync,  SYS_sendmsg,	  SYS_sendto,
	    SYS_bpf,	SYS_prlimit64, SYS_ioprio_set, SYS_sched_setattr, SYS_sched_setaffinity,
	    SYS_mkdir,	SYS_rmdir,     SYS_setxattr,   SYS_fsync,
	};

	if (info->op != PTRACE_SYSCALL_INFO_ENTRY)
		return false;
	if (info->entry.nr == SYS_openat)
		return info->entry.args[2] & O_CREAT;
	for (size_t i = 0; i < ELEMENTS(calls); i++)
		if (info->entry.nr == calls[i])
			return true;
	return false;
}

bool tracer_kill_before(pid_t daemon, unsigned int n)
{
	struct __ptrace_syscall_info info;
	int status;

	assert_int_equal(waitpid(daemon, &status, 0), daemon);
	if (!WIFSTOPPED(status))
		fail_msg("the daemon could not even start: %x", status);
	assert_int_equal(
	    ptrace(PTRACE_SETOPTIONS, daemon, NULL, PTRACE_O_EXITKILL | PTRACE_O_TRACESYSGOOD), 0);
	for (;;) {
		assert_int_equal(ptrace(PTRACE_SYSCALL, daemon, NULL, NULL), 0);
		assert_int_equal(waitpid(daemon, &status, 0), daemon);
		if (WIFEXITED(status)) {
			assert_int_equal(WEXITSTATUS(status), 0);
			return false;
		}
		assert_true(WIFSTOPPED(status));
		if (WSTOPSIG(status) != (SIGTRAP | 0x80))
			continue;
		assert_true(ptrace(PTRACE_GET_SYSCALL_INFO, daemon, sizeof(info), &info) > 0);
		if (changes(&info) && n-- == 0)
			break;
	}
	kill(daemon, SIGKILL);
	assert_int_equal(waitpid(daemon, &status, 0), daemon);
	assert_true(WIFSIGNALED(status));
	return true;
}
