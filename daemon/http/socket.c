/* SPDX-License-Identifier: Apache-2.0 */
/* Opens the socket that a server listens on. No state. */
#include "daemon/http/socket.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "daemon/base/listen_address.h"
#include "daemon/ipc/listener.h"

#define BACKLOG 32

/* -EADDRINUSE: what is at the path now is not the socket that hookd has just made there. */
static int pin(const char *path, int *ret_pin, struct stat *ret_st)
{
	*ret_pin = open(path, O_PATH | O_NOFOLLOW | O_CLOEXEC);
	if (*ret_pin < 0 || fstat(*ret_pin, ret_st) < 0)
		return -errno;
	return S_ISSOCK(ret_st->st_mode) && ret_st->st_uid == geteuid() ? 0 : -EADDRINUSE;
}

/*
 * The group first, so that hookd's own group never gets what is meant for another. No path is
 * followed, since another user may be able to write to the directory. fchmod(2) takes no O_PATH
 * descriptor.
 */
static int give_to_group(int pin, gid_t gid, mode_t mode)
{
	char link[sizeof("/proc/self/fd/") + 12];

	snprintf(link, sizeof(link), "/proc/self/fd/%d", pin);
	if (fchownat(pin, "", (uid_t)-1, gid, AT_EMPTY_PATH) < 0 || chmod(link, mode) < 0)
		return -errno;
	return 0;
}

static int open_unix(const struct http_options *options, const char *path,
		     struct http_socket *ret_socket, int *ret_fd)
{
	cleanup_close int pinned = -1;
	struct stat st;
	int r = listener_bind(path, options->waits, ret_fd);

	if (r < 0)
		return r;
	r = pin(path, &pinned, &st);
	if (r == 0) {
		memcpy(ret_socket->path, path, strlen(path) + 1);
		ret_socket->device = st.st_dev;
		ret_socket->inode = st.st_ino;
		r = give_to_group(pinned, options->gid, options->mode);
	}
	if (r < 0) {
		http_socket_remove(ret_socket);
		*ret_socket = (struct http_socket){0};
		close_fd(ret_fd);
	}
	return r;
}

static int open_port(const struct listen_address *address, int *ret_fd)
{
	cleanup_close int fd =
	    socket(address->any.sa_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	int on = 1;

	/* A port of which connections have just ended can be used again at once. */
	if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) < 0 ||
	    bind(fd, &address->any, address->length) < 0 || listen(fd, BACKLOG) < 0)
		return -errno;
	*ret_fd = take_fd(&fd);
	return 0;
}

int http_socket_open(const struct http_options *options, struct http_socket *ret_socket,
		     int *ret_fd)
{
	struct listen_address address;
	int r = listen_address_parse(options->listen, &address);

	*ret_fd = -1;
	*ret_socket = (struct http_socket){0};
	if (r < 0)
		return r;
	if (address.any.sa_family == AF_UNIX)
		return open_unix(options, address.un.sun_path, ret_socket, ret_fd);
	return open_port(&address, ret_fd);
}

void http_socket_remove(const struct http_socket *socket)
{
	struct stat st;

	if (socket->path[0] && lstat(socket->path, &st) == 0 && st.st_dev == socket->device &&
	    st.st_ino == socket->inode)
		(void)unlink(socket->path);
}
