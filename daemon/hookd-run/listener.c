/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The listener of a filter with SECCOMP_RET_USER_NOTIF goes to the agent that the profile names
 * (runtime-spec config-linux.md "The Container Process State"): one message with the descriptor.
 *
 * Once the filter is there any system call of this process may wait for the agent, sendmsg(2) and
 * execve(2) among them. So another process, made before and without the filter, sends it: it shares
 * the memory, where it sees the number appear, and the descriptors. An exec takes both away from
 * this process and leaves them to that one, so nothing has to be waited for. It is made by a
 * process that ends at once, so that neither hookd nor the hook has a child that it does not know.
 */
#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "daemon/hookd-run/job.h"

#define STACK_BYTES (64 * 1024)
#define LOOKS	    5000 /* of 1 ms: for so long it is waited for */

enum { LISTENER_AWAITED = -1 };
static volatile int listener_fd = LISTENER_AWAITED;

void listener_connect(struct job *job)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};

	if (!job->listener_path)
		return;
	if (strlen(job->listener_path) >= sizeof(address.sun_path))
		fail_at(SPAWN_STEP_SECCOMP, ENAMETOOLONG, "listenerPath");
	memcpy(address.sun_path, job->listener_path, strlen(job->listener_path) + 1);
	job->listener_socket = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (job->listener_socket < 0 ||
	    connect(job->listener_socket, (struct sockaddr *)&address, sizeof(address)) < 0)
		fail_at(SPAWN_STEP_SECCOMP, errno, "listenerPath");
}

static bool send_bytes(int socket, const char *bytes, size_t length)
{
	while (length > 0) {
		ssize_t sent = send(socket, bytes, length, MSG_NOSIGNAL);

		if (sent < 0)
			return false;
		bytes += sent;
		length -= (size_t)sent;
	}
	return true;
}

static int hand_over(void *userdata)
{
	const struct job *job = userdata;
	const struct timespec moment = {.tv_nsec = 1000000};
	char start[128];

	capabilities_give_up();
	for (int i = 0; i < LOOKS && listener_fd == LISTENER_AWAITED; i++)
		nanosleep(&moment, NULL);
	if (listener_fd < 0)
		_exit(1);
	snprintf(start, sizeof(start),
		 "{\"ociVersion\":\"1.2.0\",\"fds\":[\"seccompFd\"],\"pid\":%d,", job->outer_pid);
	/* The descriptor goes with the first bytes: readers look for it there. */
	if (send_with_fd(job->listener_socket, start, strlen(start), listener_fd))
		send_bytes(job->listener_socket, job->listener_message,
			   strlen(job->listener_message));
	/* Its end for the agent, while the hook, which may wait for that, still has it open. */
	shutdown(job->listener_socket, SHUT_RDWR);
	_exit(0);
}

static int make_sender(void *userdata)
{
	char *stack =
	    mmap(NULL, STACK_BYTES, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (stack == MAP_FAILED)
		_exit(ENOMEM);
	_exit(clone(hand_over, stack + STACK_BYTES, CLONE_VM | CLONE_FILES, userdata) < 0 ? errno
											  : 0);
}

void listener_prepare(const struct job *job)
{
	char *stack;
	int status;
	pid_t pid;

	if (job->listener_socket < 0)
		return;
	stack = mmap(NULL, STACK_BYTES, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (stack == MAP_FAILED)
		fail_at(SPAWN_STEP_SECCOMP, ENOMEM, "listener");
	pid =
	    clone(make_sender, stack + STACK_BYTES, CLONE_VM | CLONE_FILES | SIGCHLD, (void *)job);
	if (pid < 0 || waitpid(pid, &status, 0) < 0)
		fail_at(SPAWN_STEP_SECCOMP, errno, "listener");
	if (!WIFEXITED(status) || WEXITSTATUS(status))
		fail_at(SPAWN_STEP_SECCOMP, WEXITSTATUS(status), "listener");
}

void listener_made(int fd)
{
	listener_fd = fd;
}
