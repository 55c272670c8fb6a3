/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Sends the listener of a filter with SECCOMP_RET_USER_NOTIF to the agent that the profile names:
 * one message with the descriptor (runtime-spec config-linux.md "The Container Process State").
 *
 * Once the filter is active, any system call of this process may wait for the agent, also
 * sendmsg(2) and execve(2). So a second process without the filter, the sender, is started before.
 * It shares the memory, in which it waits for the number of the descriptor, and the table of
 * descriptors. At the exec this process gets a new memory and table, and the sender keeps the old
 * ones. The sender is created by an intermediate process that exits at once, so that it is a child
 * neither of hookd nor of the hook.
 *
 * The sender closes the descriptors of the hook, and gives up at the hook's timeout if the agent
 * does not read.
 */
#include <assert.h>
#include <errno.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "daemon/hookd-run/hookd-run.h"
#include "daemon/raw/raw.h"

#define STACK_BYTES (64 * 1024)
/* For a hook without a timeout: the default of the configuration. */
#define TIMEOUT_NS_MAX (300 * 1000000000ll)
#define STEP_MS	       1000

enum { LISTENER_AWAITED = -1 };
static_assert(LISTENER_NONE < 0 && LISTENER_NONE != LISTENER_AWAITED, "no descriptor");
static volatile int listener_fd = LISTENER_AWAITED;

void listener_connect(struct job *job)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};

	if (!job->listener_path)
		return;
	if (strlen(job->listener_path) >= sizeof(address.sun_path))
		step_fail_at(SPAWN_STEP_SECCOMP, ENAMETOOLONG, "listenerPath");
	memcpy(address.sun_path, job->listener_path, strlen(job->listener_path) + 1);
	job->listener_socket = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (job->listener_socket < 0 ||
	    connect(job->listener_socket, (struct sockaddr *)&address, sizeof(address)) < 0)
		step_fail_at(SPAWN_STEP_SECCOMP, errno, "listenerPath");
}

static int64_t now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_BOOTTIME, &now);
	return now.tv_sec * 1000000000ll + now.tv_nsec;
}

/*
 * Waits up to STEP_MS until the socket is writable. False: the deadline is over. The steps are
 * short, since poll(2) does not count the time in suspend.
 */
static bool await_room(int socket, int64_t deadline_ns)
{
	int64_t left_ms = (deadline_ns - now_ns()) / 1000000;
	struct pollfd room = {.fd = socket, .events = POLLOUT};

	return left_ms > 0 && poll(&room, 1, left_ms < STEP_MS ? (int)left_ms : STEP_MS) >= 0;
}

/*
 * Gives up when the deadline is over. The raw system call does not set errno, which is shared with
 * the process that becomes the hook.
 */
static void send_bytes(int socket, const char *bytes, size_t length, int64_t deadline_ns)
{
	while (length > 0) {
		long sent = call5(SYS_sendto, socket, (long)bytes, (long)length,
				  MSG_NOSIGNAL | MSG_DONTWAIT, 0);

		if (sent < 0 && (sent != -EAGAIN || !await_room(socket, deadline_ns)))
			return;
		bytes += sent > 0 ? sent : 0;
		length -= sent > 0 ? (size_t)sent : 0;
	}
}

/*
 * Closes all descriptors but the two and the control socket. An open stdout or stderr would look
 * like a process that the hook has left behind. By the control socket hookd sees that the sender
 * still exists (helper_call_has_sent_listener()).
 */
static void keep_only(int first, int second)
{
	int low = first < second ? first : second, high = first < second ? second : first;

	if (unshare(CLONE_FILES) < 0)
		_exit(1);
	syscall(SYS_close_range, 0, HELPER_FD_CONTROL - 1, 0);
	if (low > HELPER_FD_CONTROL + 1)
		syscall(SYS_close_range, HELPER_FD_CONTROL + 1, low - 1, 0);
	if (high > low + 1)
		syscall(SYS_close_range, low + 1, high - 1, 0);
	syscall(SYS_close_range, high + 1, ~0u, 0);
}

static int64_t find_deadline(const struct job *job)
{
	uint64_t timeout_ns = job->message->timeout_ns;

	if (timeout_ns == 0 || timeout_ns > INT64_MAX / 2)
		timeout_ns = TIMEOUT_NS_MAX;
	return now_ns() + (int64_t)timeout_ns;
}

static int send_listener(void *userdata)
{
	const struct job *job = userdata;
	const struct timespec moment = {.tv_nsec = 1000000};
	int64_t deadline_ns = find_deadline(job);
	char start[128];

	capabilities_give_up();
	/* Leaves the session of the hook: without a cgroup hookd would count it as lingering. */
	(void)call2(SYS_setsid, 0, 0);
	while (listener_fd == LISTENER_AWAITED && now_ns() < deadline_ns)
		nanosleep(&moment, NULL);
	if (listener_fd < 0)
		_exit(1);
	keep_only(job->listener_socket, listener_fd);
	snprintf(start, sizeof(start),
		 "{\"ociVersion\":\"1.2.0\",\"fds\":[\"seccompFd\"],\"pid\":%d,", job->outer_pid);
	/* The descriptor is sent with the first bytes, where readers expect it. */
	if (send_with_fd(job->listener_socket, start, strlen(start), listener_fd))
		send_bytes(job->listener_socket, job->listener_message,
			   strlen(job->listener_message), deadline_ns);
	/*
	 * The agent gets end of file although the hook, which may wait for it, has the socket open.
	 */
	shutdown(job->listener_socket, SHUT_RDWR);
	_exit(0);
}

static int make_sender(void *userdata)
{
	char *stack =
	    mmap(NULL, STACK_BYTES, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (stack == MAP_FAILED)
		_exit(ENOMEM);
	_exit(clone(send_listener, stack + STACK_BYTES, CLONE_VM | CLONE_FILES, userdata) < 0
		  ? errno
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
		step_fail_at(SPAWN_STEP_SECCOMP, ENOMEM, "listener");
	pid =
	    clone(make_sender, stack + STACK_BYTES, CLONE_VM | CLONE_FILES | SIGCHLD, (void *)job);
	if (pid < 0 || waitpid(pid, &status, 0) < 0)
		step_fail_at(SPAWN_STEP_SECCOMP, errno, "listener");
	if (!WIFEXITED(status) || WEXITSTATUS(status))
		step_fail_at(SPAWN_STEP_SECCOMP, WEXITSTATUS(status), "listener");
}

void listener_publish(int fd)
{
	listener_fd = fd;
}
