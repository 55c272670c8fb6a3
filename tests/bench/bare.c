/* SPDX-License-Identifier: Apache-2.0 */
/* A bare process, with the smallest possible cost. */
#include "tests/bench/bare.h"

#include <errno.h>
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

pid_t bare_start(const char *path)
{
	char *const argv[] = {(char *)path, NULL};
	char *const envp[] = {NULL};
	pid_t pid = vfork();

	if (pid == 0) {
		execve(path, argv, envp);
		_exit(127);
	}
	return pid < 0 ? -errno : pid;
}

int bare_wait(pid_t pid)
{
	int status;

	if (waitpid(pid, &status, 0) < 0)
		return -errno;
	if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
		return 0;
	fprintf(stderr, "a bare process ended with wait status 0x%x\n", (unsigned int)status);
	return -ECHILD;
}

int bare_run(const char *path)
{
	pid_t pid = bare_start(path);

	return pid < 0 ? pid : bare_wait(pid);
}
