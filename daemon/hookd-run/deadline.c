/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Sets SCHED_DEADLINE. A process with that policy cannot fork (sched(7)), which is needed to enter
 * a pid namespace; and it needs CAP_SYS_NICE in the initial user namespace, which is dropped
 * before. So another process is started while all capabilities are there, and waits for the pid to
 * set it for.
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
		_exit(0); /* an earlier step has failed */
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

/* A failure was reported by the other process. */
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
