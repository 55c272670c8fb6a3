/* SPDX-License-Identifier: Apache-2.0 */
/* The one message on a connection to the service manager's socket for runners. No state. */
#include "daemon/runner/offer.h"

#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "daemon/runner/message.h"
#include "daemon/runner/socket.h"

#define WAIT_MS 5000

/* A message of one descriptor, as sendmsg(2) and recvmsg(2) want it. */
struct packed_offer {
	struct runner_offer offer;
	struct iovec iov;
	_Alignas(struct cmsghdr) char control[CMSG_SPACE(sizeof(int))];
	struct msghdr msg;
};

static void pack(struct packed_offer *packed)
{
	*packed = (struct packed_offer){.iov = {&packed->offer, sizeof(packed->offer)}};
	packed->msg = (struct msghdr){
	    .msg_iov = &packed->iov,
	    .msg_iovlen = 1,
	    .msg_control = packed->control,
	    .msg_controllen = sizeof(packed->control),
	};
}

/* The peer is the service manager, which listens. */
static int connect_to(const char *path)
{
	cleanup_close int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	struct sockaddr_un address;
	int r = fd < 0 ? -errno : socket_address(path, &address);

	if (r == 0 && connect(fd, (struct sockaddr *)&address, sizeof(address)) < 0)
		r = -errno;
	if (r == 0)
		r = socket_check_peer(fd);
	return r < 0 ? r : take_fd(&fd);
}

int offer_send(const char *path, int listener)
{
	cleanup_close int fd = connect_to(path);
	struct packed_offer packed;
	struct cmsghdr *header = (struct cmsghdr *)packed.control;

	if (fd < 0)
		return fd;
	pack(&packed);
	packed.offer = (struct runner_offer){RUNNER_OFFER_MAGIC, RUNNER_VERSION};
	*header = (struct cmsghdr){CMSG_LEN(sizeof(int)), SOL_SOCKET, SCM_RIGHTS};
	memcpy(CMSG_DATA(header), &listener, sizeof(int));
	return sendmsg(fd, &packed.msg, MSG_NOSIGNAL) < 0 ? -errno : take_fd(&fd);
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
	struct pollfd readable = {.fd = connection, .events = POLLIN};
	struct packed_offer packed;
	cleanup_close int listener = -1;
	struct cmsghdr *cmsg;
	ssize_t length;
	int r = socket_check_peer(connection);

	if (r < 0)
		return r;
	r = poll(&readable, 1, WAIT_MS);
	if (r <= 0)
		return r < 0 ? -errno : -ETIMEDOUT;
	pack(&packed);
	length = recvmsg(connection, &packed.msg, MSG_CMSG_CLOEXEC | MSG_DONTWAIT);
	if (length < 0)
		return -errno;
	cmsg = CMSG_FIRSTHDR(&packed.msg);
	if (cmsg && cmsg->cmsg_level == SOL_SOCKET && cmsg->cmsg_type == SCM_RIGHTS &&
	    cmsg->cmsg_len == CMSG_LEN(sizeof(int)))
		memcpy(&listener, CMSG_DATA(cmsg), sizeof(int));
	/* The version is not checked here: hookd does that when it receives the HELLO. */
	if (length != sizeof(packed.offer) || packed.msg.msg_flags & (MSG_TRUNC | MSG_CTRUNC) ||
	    packed.offer.magic != RUNNER_OFFER_MAGIC || listener < 0 || !is_listener(listener))
		return -EBADMSG;
	*ret_listener = take_fd(&listener);
	return fcntl(*ret_listener, F_SETFL, O_NONBLOCK) < 0 ? -errno : 0;
}
