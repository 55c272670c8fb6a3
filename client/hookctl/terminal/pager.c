/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Runs a pager, in the manner of systemctl: $PAGER is a command line for the shell; if it is empty
 * there is none. Under sudo less runs in its secure mode: else whoever may run hookctl as root
 * could open a root shell from it.
 */

#include "client/hookctl/terminal/pager.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

/* Of the shell, for a program that it cannot execute. */
#define SHELL_NOT_EXECUTED 126
#define SHELL_NOT_FOUND	   127

static void exec_pager(const int pipe_fds[2])
{
	const char *pager = getenv("PAGER");

	if (getenv("SUDO_UID") != NULL)
		setenv("LESSSECURE", "1", 1);
	if (pager == NULL)
		pager = "exec less -FRSXMK";
	if (dup2(pipe_fds[0], STDIN_FILENO) < 0)
		_exit(SHELL_NOT_FOUND);
	execl("/bin/sh", "sh", "-c", pager, NULL);
	_exit(SHELL_NOT_FOUND);
}

static void write_all(int fd, const char *text, size_t length)
{
	while (length > 0) {
		ssize_t n = write(fd, text, length);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return;
		text += n;
		length -= (size_t)n;
	}
}

static int await_exit(pid_t pid)
{
	int status;

	while (waitpid(pid, &status, 0) < 0)
		if (errno != EINTR)
			return -errno;
	if (!WIFEXITED(status))
		return 0;
	return WEXITSTATUS(status) == SHELL_NOT_FOUND || WEXITSTATUS(status) == SHELL_NOT_EXECUTED
		   ? -ENOENT
		   : 0;
}

/* The pager gets Ctrl-C and its own end; both would end hookctl too. */
static int run_pager(const char *text, size_t length)
{
	int pipe_fds[2], r;
	pid_t pid;

	if (pipe2(pipe_fds, O_CLOEXEC) < 0)
		return -errno;
	pid = fork();
	if (pid == 0)
		exec_pager(pipe_fds);
	close(pipe_fds[0]);
	if (pid < 0) {
		r = -errno;
		close(pipe_fds[1]);
		return r;
	}
	signal(SIGPIPE, SIG_IGN);
	signal(SIGINT, SIG_IGN);
	write_all(pipe_fds[1], text, length);
	close(pipe_fds[1]);
	return await_exit(pid);
}

int pager_show(const char *text, size_t length)
{
	const char *pager = getenv("PAGER");
	struct sigaction old_int, old_pipe;
	int r;

	if (pager != NULL && *pager == '\0')
		return -ENOENT;

	sigaction(SIGINT, NULL, &old_int);
	sigaction(SIGPIPE, NULL, &old_pipe);
	r = run_pager(text, length);
	sigaction(SIGINT, &old_int, NULL);
	sigaction(SIGPIPE, &old_pipe, NULL);
	return r < 0 ? -ENOENT : 0;
}
