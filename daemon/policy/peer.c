/* SPDX-License-Identifier: Apache-2.0 */
/* What the kernel knows of a peer. Facts only; what they allow is policy.c's. Owned by a conn. */
#include "daemon/policy/peer.h"

#include <poll.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>

int peer_init(struct peer *peer, int socket)
{
	struct ucred credentials;
	socklen_t length = sizeof(credentials);

	if (getsockopt(socket, SOL_SOCKET, SO_PEERCRED, &credentials, &length) < 0)
		return -errno;
	*peer = (struct peer){
	    .uid = credentials.uid,
	    .gid = credentials.gid,
	    .pid = credentials.pid,
	    .pidfd = -1,
	};
	return 0;
}

void peer_clear(struct peer *peer)
{
	close_fd(&peer->pidfd);
}

static bool is_alive(int pidfd)
{
	struct pollfd poll_fd = {.fd = pidfd, .events = POLLIN};

	return poll(&poll_fd, 1, 0) == 0;
}

/*
 * The pid is that of the process that connected. It waits for its answer now, and if it is alive
 * after its namespace was looked at, the number meant it all the time.
 */
static bool is_elsewhere(struct peer *peer)
{
	char path[64];
	struct stat own, theirs;

	if (peer->pid <= 0)
		return false;
	peer->pidfd = (int)syscall(SYS_pidfd_open, peer->pid, 0);
	snprintf(path, sizeof(path), "/proc/%d/ns/mnt", peer->pid);
	return peer->pidfd >= 0 && stat("/proc/self/ns/mnt", &own) == 0 &&
	       stat(path, &theirs) == 0 && is_alive(peer->pidfd) &&
	       (own.st_ino != theirs.st_ino || own.st_dev != theirs.st_dev);
}

bool peer_is_elsewhere(struct peer *peer)
{
	if (peer->namespaces == PEER_NOT_ASKED) {
		peer->namespaces =
		    is_elsewhere(peer) ? PEER_OTHER_NAMESPACES : PEER_SAME_NAMESPACES;
		if (peer->namespaces == PEER_SAME_NAMESPACES)
			close_fd(&peer->pidfd);
	}
	return peer->namespaces == PEER_OTHER_NAMESPACES;
}
