/* SPDX-License-Identifier: Apache-2.0 */
/* Opens the socket that a server listens on. No state. */
#include "daemon/http/socket.h"

#include <string.h>
#include <sys/stat.h>

#include "daemon/base/listen_address.h"
#include "daemon/ipc/listener.h"

#define BACKLOG 32

/* The group first, so that hookd's own group never gets what is meant for another. */
static int give_to_group(const char *path, gid_t gid, mode_t mode)
{
	if (lchown(path, (uid_t)-1, gid) < 0 || chmod(path, mode) < 0)
		return -errno;
	return 0;
}

static int open_unix(const struct http_options *options, const char *path, int *ret_fd)
{
	int r = listener_bind(path, ret_fd);

	if (r < 0)
		return r;
	r = give_to_group(path, options->gid, options->mode);
	if (r < 0) {
		(void)unlink(path);
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

int http_socket_open(const struct http_options *options, int *ret_fd)
{
	struct listen_address address;
	int r = listen_address_parse(options->listen, &address);

	*ret_fd = -1;
	if (r < 0)
		return r;
	if (address.any.sa_family == AF_UNIX)
		return open_unix(options, address.un.sun_path, ret_fd);
	return open_port(&address, ret_fd);
}
