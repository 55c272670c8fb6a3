/* SPDX-License-Identifier: Apache-2.0 */
/* The one message on a connection to the service manager's socket for runners. No state. */
#include "daemon/runner/offer.h"

#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "daemon/runner/message.h"

#define WAIT_MS 5000

union control {
	char bytes[CMSG_SPACE(sizeof(int))];
	struct cmsghdr header;
};

/* The peer is the service manager, which listens; in the runner it is hookd. */
static int check_peer(int fd)
{
	struct ucred peer;
	socklen_t size = sizeof(peer);

	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &size) < 0)
		return -errno;
	return peer.uid == geteuid() ? 0 : -EPERM;
}

int offer_send(const char *path, int listener)
{
	cleanup_close int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	struct runner_offer offer = {.magic = RUNNER_OFFER_MAGIC, .version = RUNNER_VERSION};
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	struct iovec iov = {&offer, sizeof(offer)};
	union control control = {0};
	struct msghdr msg = {.msg_iov = &iov,
			     .msg_iovlen = 1,
			     .msg_control = &control,
			     .msg_controllen = sizeof(control)};
	int r;

	if (fd < 0)
		return -errno;
	if (strlen(path) >= sizeof(address.sun_path))
		return -ENAMETOOLONG;
	memcpy(address.sun_path, path, strlen(path));
	if (connect(fd, (struct sockaddr *)&address, sizeof(address)) < 0)
		return -errno;
	r = check_peer(fd);
	if (r < 0)
		return r;
	control.header.cmsg_level = SOL_SOCKET;
	control.header.cmsg_type = SCM_RIGHTS;
	control.header.cmsg_len = CMSG_LEN(sizeof(int));
	memcpy(CMSG_DATA(&control.header), &listener, sizeof(int));
	return sendmsg(fd, &msg, MSG_NOSIGNAL) < 0 ? -errno : take_fd(&fd);
}

static bool is_listener(int fd)
{
	int type = 0, is_listening = 0;
	socklen_t type_size = sizeof(type), listening_size = sizeof(is_listening);

	return getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &type_size) == 0 &&
	       getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &is_listening, &listening_size) == 0 &&
	       type == SOCK_SEQPACKET && is_listening;
}

int offer_take(int connection, int *ret_listener)
{
	struct runner_offer offer = {0};
	struct iovec iov = {&offer, sizeof(offer)};
	union control control = {0};
	struct msghdr msg = {.msg_iov = &iov,
			     .msg_iovlen = 1,
			     .msg_control = &control,
			     .msg_controllen = sizeof(control)};
	struct pollfd readable = {.fd = connection, .events = POLLIN};
	cleanup_close int listener = -1;
	struct cmsghdr *cmsg;
	ssize_t length;
	int r = check_peer(connection);

	if (r < 0)
		return r;
	r = poll(&readable, 1, WAIT_MS);
	if (r <= 0)
		return r < 0 ? -errno : -ETIMEDOUT;
	length = recvmsg(connection, &msg, MSG_CMSG_CLOEXEC | MSG_DONTWAIT);
	if (length < 0)
		return -errno;
	cmsg = CMSG_FIRSTHDR(&msg);
	if (cmsg && cmsg->cmsg_level == SOL_SOCKET && cmsg->cmsg_type == SCM_RIGHTS &&
	    cmsg->cmsg_len == CMSG_LEN(sizeof(int)))
		memcpy(&listener, CMSG_DATA(cmsg), sizeof(int));
	/* The version is not checked here: hookd does that when it receives the HELLO. */
	if (length != sizeof(offer) || msg.msg_flags & (MSG_TRUNC | MSG_CTRUNC) ||
	    offer.magic != RUNNER_OFFER_MAGIC || listener < 0 || !is_listener(listener))
		return -EBADMSG;
	*ret_listener = take_fd(&listener);
	return fcntl(*ret_listener, F_SETFL, O_NONBLOCK) < 0 ? -errno : 0;
}
