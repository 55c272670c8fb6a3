/* SPDX-License-Identifier: Apache-2.0 */
/* The precedence of hookd and its runners over hooks. No state. */
#include "daemon/proc/precedence.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "daemon/base/file.h"
#include "daemon/base/scheduler.h"

/* The weight of about ten hooks of nice 0. A real-time policy could keep all others from a CPU. */
#define NICE	   (-10)
#define NICE_TEXT  "-10"
#define NICE_UNSET 0

static bool has_usual_priority(void)
{
	errno = 0;
	return sched_getscheduler(0) == SCHED_OTHER && getpriority(PRIO_PROCESS, 0) == NICE_UNSET &&
	       errno == 0;
}

/* A child of such a process has nice 0: sched(7), "The SCHED_RESET_ON_FORK flag". */
static bool take_nice(void)
{
	const struct scheduler_attributes attributes = {
	    .size = sizeof(attributes),
	    .policy = SCHED_OTHER,
	    .flags = SCHEDULER_RESET_ON_FORK,
	    .nice = NICE,
	};

	return syscall(SYS_sched_setattr, 0, &attributes, 0) == 0;
}

/*
 * With autogroups the kernel first divides a CPU among sessions, and each hook is a session of its
 * own. In a session of others, such as a terminal's, they would get precedence too.
 */
static void take_autogroup_nice(void)
{
	if (getsid(0) == getpid())
		(void)file_write_at(AT_FDCWD, "/proc/self/autogroup", NICE_TEXT);
}

void precedence_take(void)
{
	if (has_usual_priority() && take_nice())
		take_autogroup_nice();
}
