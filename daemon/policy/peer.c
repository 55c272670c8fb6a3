/* SPDX-License-Identifier: Apache-2.0 */
/* What the kernel knows of a peer. Facts only; what they allow is policy.c's. Owned by a conn. */
#include "daemon/policy/peer.h"

#include <sys/socket.h>

#include "daemon/base/pidfd.h"
#include "daemon/policy/self.h"

#ifndef SO_PEERPIDFD
#define SO_PEERPIDFD 77
#endif
#ifndef SO_PASSRIGHTS
#define SO_PASSRIGHTS 83
#endif

#define USER_NAMESPACE_FOR_NS 1000000 /* 1 ms */

int peer_listen(int socket)
{
	const int on = 1, off = 0;

	if (setsockopt(socket, SOL_SOCKET, SO_PASSCRED, &on, sizeof(on)) < 0)
		return -errno;
	/* Where the kernel cannot refuse descriptors, it drops them: nobody makes room for them. */
	(void)setsockopt(socket, SOL_SOCKET, SO_PASSRIGHTS, &off, sizeof(off));
	return 0;
}

/* ---- at the beginning ---- */

/* The kernel says how many bytes there are when the room is too small. */
static int read_groups(struct peer *peer, int socket)
{
	socklen_t length = 0;

	if (getsockopt(socket, SOL_SOCKET, SO_PEERGROUPS, NULL, &length) == 0)
		return 0;
	if (errno != ERANGE)
		return -errno;
	peer->groups = malloc(length);
	if (!peer->groups)
		return -ENOMEM;
	if (getsockopt(socket, SOL_SOCKET, SO_PEERGROUPS, peer->groups, &length) < 0)
		return -errno;
	peer->group_count = length / sizeof(*peer->groups);
	return 0;
}

int peer_init(struct peer *peer, int socket)
{
	struct ucred credentials;
	socklen_t length = sizeof(credentials);
	int r;

	if (getsockopt(socket, SOL_SOCKET, SO_PEERCRED, &credentials, &length) < 0)
		return -errno;
	*peer = (struct peer){
	    .uid = credentials.uid,
	    .gid = credentials.gid,
	    .pid = credentials.pid,
	    .pidfd = -1,
	};
	r = read_groups(peer, socket);
	if (r < 0)
		peer_clear(peer);
	return r;
}

void peer_clear(struct peer *peer)
{
	close_fd(&peer->pidfd);
	free(take_ptr(peer->groups));
	peer->group_count = 0;
}

/* ---- looking ---- */

/* Alive afterwards means that the number was the process's own all the time. */
static int look(pid_t pid, int pidfd, struct process_view *ret_view)
{
	int r = capabilities_read(pid, &ret_view->capabilities);

	if (r == 0)
		r = namespaces_read(pid, &ret_view->namespaces);
	if (r == 0 && !pidfd_is_alive(pidfd))
		r = -ESRCH;
	return r;
}

/* The kernel has no such option, or a filter that hookd runs under does not let it be asked for. */
static bool is_missing(int error)
{
	return error == ENOPROTOOPT || error == ENOSYS || error == EPERM;
}

/*
 * Linux 6.5 keeps the process that connected, and gives a pidfd of that one. Before, the number is
 * all there is: whoever has it now. conn.c makes sure that messages come from that number, too.
 */
static int open_pidfd(int socket, pid_t pid)
{
	int fd = -1;
	socklen_t length = sizeof(fd);

	if (getsockopt(socket, SOL_SOCKET, SO_PEERPIDFD, &fd, &length) == 0)
		return fd;
	return is_missing(errno) ? pidfd_of(pid) : -errno;
}

/*
 * It may have given up rights since. Its user namespace, in which the same words mean less, takes
 * far longer to ask for, so a caller of many calls is asked once in a while; what it can have done
 * since, it could have done just before.
 */
static int look_again(struct peer *peer)
{
	int64_t now_ns = clock_ns(CLOCK_MONOTONIC);
	int r = capabilities_read(peer->pid, &peer->view.capabilities);

	if (r == 0 && now_ns - peer->looked_ns >= USER_NAMESPACE_FOR_NS) {
		r = namespaces_read_user(peer->pid, peer->pidfd,
					 &peer->view.namespaces.ids[NAMESPACE_USER]);
		peer->looked_ns = now_ns;
	}
	return r == 0 && !pidfd_is_alive(peer->pidfd) ? -ESRCH : r;
}

static int look_first(struct peer *peer, int socket)
{
	int r = -ESRCH;

	if (peer->pid > 0)
		r = peer->pidfd = open_pidfd(socket, peer->pid);
	if (r >= 0)
		r = look(peer->pid, peer->pidfd, &peer->view);
	if (error_is_passing(-r)) {
		close_fd(&peer->pidfd);
		return r;
	}
	peer->sight = r < 0 ? PEER_NOT_SEEN : PEER_SEEN;
	peer->looked_ns = clock_ns(CLOCK_MONOTONIC);
	return 0;
}

int peer_look(struct peer *peer, int socket)
{
	int r = 0;

	if (peer->sight == PEER_NOT_LOOKED_AT)
		return look_first(peer, socket);
	if (peer->sight == PEER_SEEN)
		r = look_again(peer);
	if (error_is_passing(-r))
		return r;
	if (r < 0)
		peer->sight = PEER_NOT_SEEN;
	return 0;
}

int peer_look_at_sender(pid_t pid, struct process_view *ret_view)
{
	cleanup_close int pidfd = pid > 0 ? pidfd_of(pid) : -1;

	return pidfd < 0 ? -ESRCH : look(pid, pidfd, ret_view);
}

/* ---- numbers ---- */

int peer_find_process(const struct peer *peer, const struct namespaces *own, pid_t number,
		      pid_t *ret_pid, int *ret_pidfd)
{
	ino_t theirs = peer->view.namespaces.ids[NAMESPACE_PID];
	bool is_translated = theirs != own->ids[NAMESPACE_PID];
	cleanup_close int pidfd = -1;
	pid_t pid = number;

	if (is_translated)
		pid = namespaces_find_process(peer->pid, theirs, number);
	if (pid <= 0)
		return -ESRCH;
	pidfd = pidfd_of(pid);
	if (pidfd < 0)
		return pidfd;
	/* It was found before there was a pidfd to hold it. */
	if (is_translated &&
	    (!namespaces_has_number(pid, theirs, number) || !pidfd_is_alive(peer->pidfd)))
		return -ESRCH;
	if (!pidfd_is_alive(pidfd))
		return -ESRCH;
	*ret_pid = pid;
	*ret_pidfd = take_fd(&pidfd);
	return 0;
}
