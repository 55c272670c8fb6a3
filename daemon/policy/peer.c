/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reads what the kernel knows of the process at the other end of a connection. policy.c decides
 * what that permits. Each peer is embedded in its conn.
 *
 *	PEER_NOT_LOOKED_AT --peer_look()------------------> PEER_SEEN, PEER_NOT_SEEN
 *	PEER_SEEN          --exited, or not readable now--> PEER_NOT_SEEN
 */
#include "daemon/policy/peer.h"

#include <assert.h>
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
	/*
	 * Older kernels close descriptors that are sent: no read here has a control buffer for
	 * them.
	 */
	(void)setsockopt(socket, SOL_SOCKET, SO_PASSRIGHTS, &off, sizeof(off));
	return 0;
}

/* ---- at the connect ---- */

/* With a buffer that is too small (ERANGE) the kernel returns the size that is needed. */
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

/* ---- the process ---- */

/* Where the pidfd is alive afterwards, everything was read of this process: see pidfd.h. */
static int look(pid_t pid, int pidfd, struct process_view *ret_view)
{
	int r = capabilities_read(pid, &ret_view->capabilities);

	if (r == 0)
		r = namespaces_read(pid, &ret_view->namespaces);
	if (r == 0 && !pidfd_is_alive(pidfd))
		r = -ESRCH;
	return r;
}

/* The kernel has no such option, or a seccomp filter that hookd runs under refuses it. */
static bool is_missing(int error)
{
	return error == ENOPROTOOPT || error == ENOSYS || error == EPERM;
}

/*
 * Since Linux 6.5 SO_PEERPIDFD is a pidfd of the process that connected. Before, there is only its
 * pid, which another process may have by now; conn.c checks that each message comes from that pid.
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
 * The process may have dropped capabilities since. Or it has entered another user namespace, in
 * which the same capabilities permit less; reading that takes far longer, so it is done once in
 * USER_NAMESPACE_FOR_NS. A call that it makes in between it could have made just before.
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

	assert(peer->pidfd < 0);
	if (peer->pid > 0)
		r = peer->pidfd = open_pidfd(socket, peer->pid);
	if (r >= 0)
		r = look(peer->pid, peer->pidfd, &peer->view);
	if (error_is_transient(-r)) {
		close_fd(&peer->pidfd);
		return r;
	}
	peer->sight = r < 0 ? PEER_NOT_SEEN : PEER_SEEN;
	peer->looked_ns = clock_ns(CLOCK_MONOTONIC);
	return 0;
}

int peer_take_as_starter(struct peer *peer, const struct self *self)
{
	if (peer->uid != self->uid)
		return -EPERM;
	peer->view.capabilities = self->capabilities;
	peer->view.namespaces = self->namespaces;
	peer->sight = PEER_SEEN;
	peer->is_starter = true;
	return 0;
}

int peer_look(struct peer *peer, int socket)
{
	int r = 0;

	if (peer->is_starter)
		return 0;
	if (peer->sight == PEER_NOT_LOOKED_AT)
		return look_first(peer, socket);
	if (peer->sight == PEER_SEEN)
		r = look_again(peer);
	if (error_is_transient(-r))
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

/* ---- pids that the peer names ---- */

int peer_find_process(const struct peer *peer, const struct namespaces *own, pid_t number,
		      pid_t *ret_pid, int *ret_pidfd)
{
	ino_t theirs = peer->view.namespaces.ids[NAMESPACE_PID];
	bool is_translated = theirs != own->ids[NAMESPACE_PID];
	cleanup_close int pidfd = -1;
	pid_t pid = number;

	assert(peer->sight == PEER_SEEN);
	if (is_translated)
		pid = namespaces_find_process(peer->pid, theirs, number);
	if (pid <= 0)
		return -ESRCH;
	pidfd = pidfd_of(pid);
	if (pidfd < 0)
		return pidfd;
	/* The pid was found before the pidfd was opened, so it is checked again. */
	if (is_translated &&
	    (!namespaces_has_number(pid, theirs, number) || !pidfd_is_alive(peer->pidfd)))
		return -ESRCH;
	if (!pidfd_is_alive(pidfd))
		return -ESRCH;
	*ret_pid = pid;
	*ret_pidfd = take_fd(&pidfd);
	return 0;
}
