/* SPDX-License-Identifier: Apache-2.0 */

/*
 * The connection of a client: open or closed. It transfers whole messages and does not look into
 * them.
 *
 * The socket is blocking, but nothing blocks in send(2) or recv(2): poll(2) waits, or the caller's
 * loop. A process that waits in recv(2) is also woken when the peer has read what it sent, which
 * costs two switches between processes.
 */

#include "client/libhookd/wire/wire.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#include "client/libhookd/wire/deadline.h"
#include "proto/base/limits.h"

/*
 * A path that does not fit in sun_path is reached through an O_PATH descriptor of the socket: the
 * kernel follows the magic link and checks the same write permission. *ret_fd is open while
 * connecting; -1 if it is not needed.
 */
static int wire_address(const char *path, struct sockaddr_un *ret_address, int *ret_fd)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int fd = -1;

	if (strlen(path) < sizeof(address.sun_path)) {
		memcpy(address.sun_path, path, strlen(path) + 1);
	} else {
		fd = open(path, O_PATH | O_CLOEXEC);
		if (fd < 0)
			return -errno;
		(void)snprintf(address.sun_path, sizeof(address.sun_path), "/proc/self/fd/%d", fd);
	}
	*ret_address = address;
	*ret_fd = fd;
	return 0;
}

/*
 * connect(2) on a Unix socket waits in one case only, while the listener's backlog is full. A
 * non-blocking socket cannot wait for that with poll(2) and gets EAGAIN at once; what bounds the
 * wait of a blocking one is SO_SNDTIMEO.
 */
static int wire_connect_until(int fd, const struct sockaddr_un *address, int64_t deadline)
{
	for (;;) {
		if (deadline != DEADLINE_NONE) {
			int left_ms = deadline_left_ms(deadline);
			struct timeval left = {left_ms / 1000, left_ms % 1000 * 1000};

			if (left_ms == 0)
				return -ETIMEDOUT;
			if (setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &left, sizeof(left)) < 0)
				return -errno;
		}
		if (connect(fd, (const struct sockaddr *)address, sizeof(*address)) == 0)
			return 0;
		if (errno == EAGAIN)
			return -ETIMEDOUT;
		if (errno != EINTR)
			return -errno;
	}
}

int wire_connect(struct wire *wire, const char *path, int64_t deadline)
{
	struct sockaddr_un address;
	int path_fd = -1, fd, r;

	assert(!wire_is_open(wire));
	r = wire_address(path, &address, &path_fd);
	if (r < 0)
		return r;
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	r = fd < 0 ? -errno : wire_connect_until(fd, &address, deadline);
	if (path_fd >= 0)
		close(path_fd);
	if (r < 0) {
		if (fd >= 0)
			close(fd);
		return r;
	}
	wire_open(wire, fd);
	return 0;
}

void wire_open(struct wire *wire, int fd)
{
	assert(!wire_is_open(wire));
	wire->fd = fd;
	wire->inbox.limit = HP_REPLY_BYTES_MAX;
}

void wire_close(struct wire *wire)
{
	if (wire->fd >= 0)
		close(wire->fd);
	hp_inbox_free(&wire->inbox);
	*wire = WIRE_INIT;
}

int wire_peer_uid(const struct wire *wire, uid_t *ret_uid)
{
	struct ucred credentials;
	socklen_t size = sizeof(credentials);

	if (getsockopt(wire->fd, SOL_SOCKET, SO_PEERCRED, &credentials, &size) < 0)
		return -errno;
	*ret_uid = credentials.uid;
	return 0;
}

/* A caller need not know how the peer ended the connection; other errnos are kept. */
static int wire_error(void)
{
	return errno == ECONNRESET || errno == ENOTCONN ? -EPIPE : -errno;
}

int wire_wait(const struct wire *wire, short events, int64_t deadline)
{
	struct pollfd pollfd = {.fd = wire->fd, .events = events};

	for (;;) {
		int r = poll(&pollfd, 1, deadline_left_ms(deadline));

		if (r > 0)
			return 0;
		if (r < 0 && errno != EINTR)
			return -errno;
		if (deadline_has_passed(deadline))
			return -ETIMEDOUT;
	}
}

int wire_push(struct wire *wire, const char *data, size_t length, size_t *sent)
{
	assert(wire_is_open(wire) && *sent <= length);
	while (*sent < length) {
		ssize_t n =
		    send(wire->fd, data + *sent, length - *sent, MSG_NOSIGNAL | MSG_DONTWAIT);

		if (n >= 0)
			*sent += (size_t)n;
		else if (errno != EINTR)
			return wire_error();
	}
	return 0;
}

int wire_pull(struct wire *wire, bool *ret_is_full)
{
	size_t size;
	char *room = hp_inbox_reserve(&wire->inbox, &size);
	ssize_t n;

	assert(wire_is_open(wire));
	if (!room)
		return -ENOMEM;
	do
		n = recv(wire->fd, room, size, MSG_DONTWAIT);
	while (n < 0 && errno == EINTR);
	if (n == 0)
		return -EPIPE;
	if (n < 0)
		return wire_error();
	hp_inbox_commit(&wire->inbox, (size_t)n);
	*ret_is_full = (size_t)n == size;
	return 0;
}
