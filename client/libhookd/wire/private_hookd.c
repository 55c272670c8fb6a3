/* SPDX-License-Identifier: Apache-2.0 */

/*
 * A hookd that is started for one connection.
 *
 *	(not started) --private_hookd_start--> running --end, or explain_end--> reaped
 *
 * It gets the connection as descriptor 3 and one end of a pipe as 4, which it closes at its start,
 *as all others. It gets nothing else of this process: no environment, which could make it load
 *code, no signals that are blocked or ignored, and a session of its own, so that Ctrl-C ends the
 *caller alone. It logs into a memfd, which never blocks it, and of which only the first line is
 *read, if it fails.
 */

#include "client/libhookd/wire/private_hookd.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define CONNECTION_FD 3
#define STARTING_FD   4
#define START_WAIT_MS 10000
#define END_WAIT_MS   5000

/* sysexits of shells and of the dynamic loader */
#define EXIT_NO_LIBRARY 127

static void close_fd(int *fd)
{
	if (*fd >= 0)
		close(*fd);
	*fd = -1;
}

/* Above those that the child gets, so that none is overwritten before it is copied. */
static int move_up(int *fd)
{
	int copy = fcntl(*fd, F_DUPFD_CLOEXEC, STARTING_FD + 1);

	if (copy < 0)
		return -errno;
	close(*fd);
	*fd = copy;
	return 0;
}

/* hookd needs the credentials of whoever writes, and the first message may come before it asks. */
static int make_connection(int ends[static 2])
{
	const int on = 1;

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) < 0) {
		ends[0] = ends[1] = -1;
		return -errno;
	}
	if (setsockopt(ends[1], SOL_SOCKET, SO_PASSCRED, &on, sizeof(on)) < 0)
		return -errno;
	return move_up(&ends[1]);
}

static int make_log(int *ret_fd)
{
	*ret_fd = memfd_create("hookd-log", MFD_CLOEXEC);
	return *ret_fd < 0 ? -errno : move_up(ret_fd);
}

static int make_pipe(int ends[static 2])
{
	if (pipe2(ends, O_CLOEXEC) < 0) {
		ends[0] = ends[1] = -1;
		return -errno;
	}
	return move_up(&ends[1]);
}

/* What the child gets; those that this process has. */
struct inherited {
	int log, connection, starting;
};

static int fill_actions(posix_spawn_file_actions_t *actions, const struct inherited *inherited)
{
	int error = 0;

	/* Nothing is read from 0: the log stands for /dev/null, which may be missing. */
	for (int fd = 0; fd < CONNECTION_FD && error == 0; fd++)
		error = posix_spawn_file_actions_adddup2(actions, inherited->log, fd);
	if (error == 0)
		error =
		    posix_spawn_file_actions_adddup2(actions, inherited->connection, CONNECTION_FD);
	if (error == 0)
		error = posix_spawn_file_actions_adddup2(actions, inherited->starting, STARTING_FD);
	return -error;
}

static int fill_attributes(posix_spawnattr_t *attributes)
{
	sigset_t none, all;
	int error;

	sigemptyset(&none);
	sigfillset(&all);
	error = posix_spawnattr_setsigmask(attributes, &none);
	if (error == 0)
		error = posix_spawnattr_setsigdefault(attributes, &all);
	if (error == 0)
		error = posix_spawnattr_setflags(attributes, POSIX_SPAWN_SETSIGMASK |
								 POSIX_SPAWN_SETSIGDEF |
								 POSIX_SPAWN_SETSID);
	return -error;
}

static int spawn(const char *program, const struct inherited *inherited, pid_t *ret_pid)
{
	static char name[] = "hookd", is_private[] = "--private", target[] = "--log-target=stderr",
		    level[] = "--log-level=error";
	char *const argv[] = {name, is_private, target, level, NULL}, *const environment[] = {NULL};
	posix_spawn_file_actions_t actions;
	posix_spawnattr_t attributes;
	int r = -posix_spawn_file_actions_init(&actions);

	if (r < 0)
		return r;
	r = -posix_spawnattr_init(&attributes);
	if (r == 0) {
		r = fill_actions(&actions, inherited);
		if (r == 0)
			r = fill_attributes(&attributes);
		if (r == 0)
			r = -posix_spawn(ret_pid, program, &actions, &attributes, argv,
					 environment);
		(void)posix_spawnattr_destroy(&attributes);
	}
	(void)posix_spawn_file_actions_destroy(&actions);
	return r;
}

/* ---- the end ---- */

/* A caller that ignores SIGCHLD, or reaps all children, gets no status: false. */
static bool await_end(struct private_hookd *private, int *ret_status)
{
	struct pollfd exited = {.fd = (int)syscall(SYS_pidfd_open, private->pid, 0),
				.events = POLLIN};
	pid_t pid;

	if (exited.fd >= 0) {
		(void)poll(&exited, 1, END_WAIT_MS);
		close(exited.fd);
	}
	do
		pid = waitpid(private->pid, ret_status, WNOHANG);
	while (pid < 0 && errno == EINTR);
	if (pid == private->pid || (pid < 0 && errno == ECHILD))
	private->pid = 0;
	return pid > 0;
}

void private_hookd_end(struct private_hookd *private)
{
	int status;

	if (private->pid > 0)
		(void)await_end(private, &status);
	close_fd(&private->log_fd);
}

/* ---- the start ---- */

/* Until the program closes its end of the pipe, or has ended. -ETIME. */
static int await_start(int starting)
{
	struct pollfd closed = {.fd = starting};
	int r;

	do
		r = poll(&closed, 1, START_WAIT_MS);
	while (r < 0 && errno == EINTR);
	return r < 0 ? -errno : r == 0 ? -ETIME : 0;
}

static int spawn_and_wait(struct private_hookd *private, int connection)
{
	struct inherited inherited = {.log = private->log_fd, .connection = connection};
	int ends[2], status;
	int r = make_pipe(ends);

	inherited.starting = ends[1];
	if (r == 0)
		r = spawn(private->program, &inherited, &private->pid);
	close_fd(&ends[1]);
	if (r < 0) {
		private->pid = 0;
	} else {
		r = await_start(ends[0]);
		if (r < 0) {
			(void)kill(-private->pid, SIGKILL);
			(void)await_end(private, &status);
		}
	}
	close_fd(&ends[0]);
	return r;
}

int private_hookd_start(struct private_hookd *private, int *ret_fd)
{
	int ends[2] = {-1, -1}, r;

	assert(private->program && !private->was_started);
	private->was_started = true;
	r = make_connection(ends);
	if (r == 0)
		r = make_log(&private->log_fd);
	if (r == 0)
		r = spawn_and_wait(private, ends[1]);
	close_fd(&ends[1]);
	if (r < 0) {
		close_fd(&ends[0]);
		close_fd(&private->log_fd);
		/* To a client EAGAIN means that it has to wait for its connection. */
		return r == -EAGAIN ? -EUSERS : r;
	}
	*ret_fd = ends[0];
	return 0;
}

/* ---- why ---- */

static void cut_words(char *text)
{
	static const char *const words[] = {"no such file or directory", "permission denied",
					    "operation not permitted", "not a directory"};

	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
		char *at = strcasestr(text, words[i]);

		while (at && at > text && (at[-1] == ' ' || at[-1] == ':' || at[-1] == '('))
			at--;
		if (at)
			*at = '\0';
	}
}

/* The first line of the log, without "hookd: "; "" if there is none. */
static void read_log(const struct private_hookd *private, char *line, size_t size)
{
	static const char prefix[] = "hookd: ";
	ssize_t length = private->log_fd >= 0 ? pread(private->log_fd, line, size - 1, 0) : -1;

	line[length > 0 ? length : 0] = '\0';
	line[strcspn(line, "\n")] = '\0';
	if (strncmp(line, prefix, strlen(prefix)) == 0)
		memmove(line, line + strlen(prefix), strlen(line + strlen(prefix)) + 1);
	cut_words(line);
}

void private_hookd_explain_start(const struct private_hookd *private, int r,
				 char reason[static PRIVATE_HOOKD_REASON])
{
	const char *why = strerror(-r);

	assert(r < 0);
	if (r == -ENOENT || r == -ENOTDIR)
		why = "there is no such program here, or not its dynamic loader";
	if (r == -EACCES || r == -EPERM)
		why = "it may not be executed";
	if (r == -EUSERS)
		why = "no more processes are allowed here";
	if (r == -ETIME) {
		(void)snprintf(reason, PRIVATE_HOOKD_REASON,
			       "%s has not started as a private hookd within %d s, and was killed",
			       private->program, START_WAIT_MS / 1000);
		return;
	}
	(void)snprintf(reason, PRIVATE_HOOKD_REASON, "%s cannot be executed: %s", private->program,
		       why);
}

/* "PATH: error while loading shared libraries: NAME: cannot open ..." of glibc's loader. */
static void explain_loader(const char *program, const char *line, char *reason)
{
	static const char mark[] = "loading shared libraries: ";
	const char *name = strstr(line, mark);

	name = name ? name + strlen(mark) : "one of its libraries";
	(void)snprintf(reason, PRIVATE_HOOKD_REASON,
		       "%s cannot be executed here: %.*s cannot be loaded", program,
		       (int)strcspn(name, ":"), name);
}

void private_hookd_explain_end(struct private_hookd *private,
			       char reason[static PRIVATE_HOOKD_REASON])
{
	char line[200];
	int status;

	if (private->pid == 0 || !await_end(private, &status)) {
		(void)snprintf(reason, PRIVATE_HOOKD_REASON, "%s has closed the connection",
			       private->program);
		return;
	}
	read_log(private, line, sizeof(line));
	if (WIFSIGNALED(status))
		(void)snprintf(reason, PRIVATE_HOOKD_REASON, "%s was killed by signal %d (%s)",
			       private->program, WTERMSIG(status), strsignal(WTERMSIG(status)));
	else if (WEXITSTATUS(status) == EXIT_NO_LIBRARY)
		explain_loader(private->program, line, reason);
	else
		(void)snprintf(reason, PRIVATE_HOOKD_REASON, "%s has ended with exit status %d%s%s",
			       private->program, WEXITSTATUS(status), line[0] ? ": " : "", line);
}
