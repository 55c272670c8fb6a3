/* SPDX-License-Identifier: Apache-2.0 */
/* Makes processes in other namespaces. They are killed when the test exits (PR_SET_PDEATHSIG). */
#include "tests/integration/harness/container.h"

#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/integration/harness/client.h"

/* ---- inside ---- */

/*
 * In the child cmocka must not run: on failure it exits, and the test sees the end of the socket.
 */
static void insist(bool is_right)
{
	if (!is_right)
		_exit(1);
}

static void write_marker(const struct harness *harness)
{
	int fd =
	    open(harness_path(harness, "private/marker"), O_WRONLY | O_CREAT | O_CLOEXEC, 0644);

	insist(fd >= 0 && write(fd, "inside", 6) == 6);
	close(fd);
}

static void copy_helper_inside(const struct harness *harness)
{
	int from = open(harness->hook, O_RDONLY | O_CLOEXEC);
	int to = open(harness_path(harness, "private/hook"), O_WRONLY | O_CREAT | O_CLOEXEC, 0755);
	struct stat st;

	insist(from >= 0 && to >= 0 && fstat(from, &st) == 0 &&
	       sendfile(to, from, NULL, (size_t)st.st_size) == st.st_size);
	close(from);
	close(to);
}

static void make_mounts(const struct harness *harness)
{
	insist(mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0);
	insist(mount("tmpfs", harness_path(harness, "private"), "tmpfs", 0, "mode=0755") == 0);
	insist(mount("tmpfs", harness_path(harness, "outside"), "tmpfs", 0, "mode=0755") == 0);
	write_marker(harness);
	copy_helper_inside(harness);
}

static int connect_inside(const struct harness *harness)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	memcpy(address.sun_path, harness->socket, strlen(harness->socket));
	insist(connect(fd, (struct sockaddr *)&address, sizeof(address)) == 0);
	return fd;
}

/* Sends one byte when all is ready, with the descriptor, if any. */
static void send_ready(int channel, int fd)
{
	struct iovec iov = {(char[]){'!'}, 1};
	union {
		struct cmsghdr header;
		char bytes[CMSG_SPACE(sizeof(int))];
	} control = {0};
	struct msghdr message = {.msg_iov = &iov, .msg_iovlen = 1};

	if (fd >= 0) {
		message.msg_control = &control;
		message.msg_controllen = sizeof(control);
		control.header = (struct cmsghdr){
		    .cmsg_level = SOL_SOCKET,
		    .cmsg_type = SCM_RIGHTS,
		    .cmsg_len = CMSG_LEN(sizeof(int)),
		};
		memcpy(CMSG_DATA(&control.header), &fd, sizeof(int));
	}
	insist(sendmsg(channel, &message, MSG_NOSIGNAL) == 1);
}

static _Noreturn void live_inside(const struct harness *harness, int channel, int flags,
				  bool connects, bool (*prepare)(void))
{
	const struct client *client;
	char byte;

	TAILQ_FOREACH (client, &harness->clients, link)
		close(client->fd);	      /* so that only the test has it open */
	insist(read(channel, &byte, 1) == 1); /* waits until the ids are mapped */
	if (flags & CLONE_NEWUSER)
		insist(setresgid(0, 0, 0) == 0 && setresuid(0, 0, 0) == 0);
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (flags & CLONE_NEWUTS)
		insist(sethostname("inside", 6) == 0);
	if (flags & CLONE_NEWNS)
		make_mounts(harness);
	insist(!prepare || prepare());
	prctl(PR_SET_PDEATHSIG, SIGKILL); /* again: a change of ids resets it */
	send_ready(channel, connects ? connect_inside(harness) : -1);
	for (;;)
		pause();
}

/* ---- outside ---- */

static void write_map(pid_t pid, const char *name)
{
	static const char map[] = "0 100000 65536";
	char path[64];
	int fd;

	snprintf(path, sizeof(path), "/proc/%d/%s", pid, name);
	fd = open(path, O_WRONLY | O_CLOEXEC);
	assert_true(fd >= 0);
	assert_int_equal(write(fd, map, strlen(map)), strlen(map));
	close(fd);
}

static int receive_ready(int channel)
{
	struct iovec iov = {(char[1]){0}, 1};
	union {
		struct cmsghdr header;
		char bytes[CMSG_SPACE(sizeof(int))];
	} control = {0};
	struct msghdr message = {
	    .msg_iov = &iov,
	    .msg_iovlen = 1,
	    .msg_control = &control,
	    .msg_controllen = sizeof(control),
	};
	int fd = -1;

	assert_int_equal(recvmsg(channel, &message, MSG_CMSG_CLOEXEC), 1);
	if (message.msg_controllen >= CMSG_LEN(sizeof(int)))
		memcpy(&fd, CMSG_DATA(&control.header), sizeof(int));
	return fd;
}

static void start(struct harness *harness, int flags, bool connects, bool (*prepare)(void),
		  struct container *ret_container)
{
	int ends[2];
	pid_t pid;

	(void)mkdir(harness_path(harness, "private"), 0755);
	(void)mkdir(harness_path(harness, "outside"), 0755);
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends), 0);
	/* Like fork(2), but into new namespaces; returns the child's pid in this pid namespace. */
	pid = (pid_t)syscall(SYS_clone, flags | SIGCHLD, NULL, NULL, NULL, NULL);
	assert_true(pid >= 0);
	if (pid == 0)
		live_inside(harness, ends[1], flags, connects, prepare);
	close(ends[1]);
	if (flags & CLONE_NEWUSER) {
		write_map(pid, "uid_map");
		write_map(pid, "gid_map");
	}
	assert_int_equal(write(ends[0], "!", 1), 1);
	*ret_container = (struct container){.pid = pid, .socket = receive_ready(ends[0])};
	close(ends[0]);
}

void container_start(struct harness *harness, int flags, bool connects,
		     struct container *ret_container)
{
	start(harness, flags, connects, NULL, ret_container);
}

void container_start_as(struct harness *harness, int flags, bool (*prepare)(void),
			struct container *ret_container)
{
	start(harness, flags, false, prepare, ret_container);
}

void container_stop(struct container *container)
{
	assert_int_equal(kill(container->pid, SIGKILL), 0);
	assert_int_equal(waitpid(container->pid, NULL, 0), container->pid);
	container->pid = 0;
}
