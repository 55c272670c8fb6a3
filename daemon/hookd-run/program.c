/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The hook's own file: found before or after the namespaces are entered, as its stage says, and
 * executed as the very last thing.
 */
#include <errno.h>
#include <fcntl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "daemon/hookd-run/job.h"

/* runtime-spec: a createContainer hook's path is looked up in the runtime's namespace. */
void program_open(struct job *job)
{
	job->program = open(job->path, O_PATH | O_CLOEXEC);
	if (job->program < 0 || fstat(job->program, &job->program_stat) < 0)
		fail(SPAWN_STEP_EXEC, errno);
}

/*
 * A script cannot be executed by a close-on-exec descriptor, since its interpreter opens it again
 * by /dev/fd; by its path it can, provided that the path still means the same file in here.
 */
void program_execute(const struct job *job)
{
	struct stat st;

	if (job->program < 0) {
		execve(job->path, job->argv, job->envp);
		fail(SPAWN_STEP_EXEC, errno);
	}
	syscall(SYS_execveat, job->program, "", job->argv, job->envp, AT_EMPTY_PATH);
	if (errno != ENOENT)
		fail(SPAWN_STEP_EXEC, errno);
	if (stat(job->path, &st) < 0 || st.st_dev != job->program_stat.st_dev ||
	    st.st_ino != job->program_stat.st_ino)
		fail(SPAWN_STEP_EXEC, ENOEXEC);
	execve(job->path, job->argv, job->envp);
	fail(SPAWN_STEP_EXEC, errno);
}
