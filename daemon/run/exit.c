/* SPDX-License-Identifier: Apache-2.0 */
/* The end of a process, as the kernel tells of it once. Called by proc.c. */
#include "daemon/run/exit.h"

#include <errno.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

static int64_t timeval_us(const struct timeval *time)
{
	return time->tv_sec * 1000000ll + time->tv_usec;
}

/* The raw call, since libc's waitid() leaves out the resource usage. */
bool process_exit_take(int pidfd, struct process_exit *ret_exit)
{
	siginfo_t info = {0};
	struct rusage usage;

	*ret_exit = (struct process_exit){0};
	if (syscall(SYS_waitid, P_PIDFD, pidfd, &info, WEXITED | WNOHANG | __WALL, &usage) < 0)
		return errno == ECHILD;
	if (info.si_pid == 0)
		return false;
	*ret_exit = (struct process_exit){
	    .code = info.si_code,
	    .status = info.si_status,
	    .user_us = timeval_us(&usage.ru_utime),
	    .system_us = timeval_us(&usage.ru_stime),
	    .max_rss_bytes = usage.ru_maxrss * 1024ll,
	};
	return true;
}
