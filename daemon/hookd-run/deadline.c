/* SPDX-License-Identifier: Apache-2.0 */
/*
 * SCHED_DEADLINE. sched(7): a process with it cannot fork, as the way into a pid namespace must,
 * and to set it takes a right of the initial user namespace, which is given up before that. So
 * another process, made while there are all rights, waits to be told whom to set it for.
 */
#include <errno.h>
#include <fcntl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "daemon/base/scheduler.h"
#include "daemon/hookd-run/hookd-run.h"

static _Noreturn void keep(const struct hp_scheduler *scheduler, int pipe)
{
	struct scheduler_attributes attributes = scheduler_attributes_of(scheduler);
	int32_t pid;

	if (read(pipe, &pid, sizeof(pid)) != sizeof(pid))
		_exit(0); /* the hook does not come to be */
	if (syscall(SYS_sched_setattr, pid, &attributes, 0) < 0)
		step_fail(SPAWN_STEP_SCHEDULER, errno);
	_exit(0);
}

void sched_deadline_prepare(struct job *job)
{
	const struct hp_scheduler *scheduler = &job->settings.scheduler;
	int ends[2];

	if (!scheduler_is_deadline(scheduler))
		return;
	if (pipe2(ends, O_CLOEXEC) < 0)
		step_fail(SPAWN_STEP_SCHEDULER, errno);
	job->deadline_keeper = fork();
	if (job->deadline_keeper < 0)
		step_fail(SPAWN_STEP_SCHEDULER, errno);
	if (job->deadline_keeper == 0) {
		close(ends[1]);
		keep(scheduler, ends[0]);
	}
	close(ends[0]);
	job->deadline_pipe = ends[1];
}

/* Where it fails, the other process has reported it. */
void sched_deadline_set(struct job *job, int32_t outer_pid)
{
	int status = -1;

	if (!job->deadline_keeper)
		return;
	if (write(job->deadline_pipe, &outer_pid, sizeof(outer_pid)) != sizeof(outer_pid) ||
	    waitpid(job->deadline_keeper, &status, 0) < 0 || status != 0)
		_exit(127);
	close(job->deadline_pipe);
	job->deadline_keeper = 0;
}
