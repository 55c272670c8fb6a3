/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "daemon/base/base.h"
#include "daemon/policy/namespaces.h"

/* What was read of a process that was alive afterwards. */
struct process_view {
	uint64_t capabilities; /* effective, in its own user namespace */
	struct namespaces namespaces;
};

/*
 * The process at the other end of a connection. uid, gid and groups are those at the connect
 * (SO_PEERCRED, SO_PEERGROUPS) and do not change. What is read by the pid is valid only where the
 * pidfd is alive afterwards.
 */
struct peer {
	uid_t uid;
	gid_t gid;
	gid_t *groups; /* owned; supplementary ones */
	size_t group_count;
	pid_t pid; /* 0: not visible in hookd's pid namespace */
	int pidfd; /* < 0: not opened yet, or it cannot be opened */
	enum { PEER_NOT_LOOKED_AT, PEER_SEEN, PEER_NOT_SEEN } sight;
	struct process_view view; /* in PEER_SEEN */
	bool is_starter;	  /* peer_take_as_starter() */
	int64_t looked_ns;	  /* CLOCK_MONOTONIC, when its user namespace was read */
	/*
	 * The pid of another process that has written to the connection and may not do what the
	 * one that connected may: all later calls of the connection are refused. 0: none.
	 */
	pid_t stranger;
};

/* Reads ids and groups. The caller frees them by peer_clear(). -errno. */
int peer_init(struct peer *peer, int socket) must_check;
void peer_clear(struct peer *peer);

/*
 * Call before listen(2), or at least before the first accept(2): accepted sockets inherit the
 * options. Messages then carry the credentials of their sender (SO_PASSCRED), and a sender of
 * descriptors gets an error (SO_PASSRIGHTS, Linux 6.16). -errno.
 */
int peer_listen(int socket) must_check;

/*
 * Reads the capabilities and namespaces of the process that connected, and checks that it is alive.
 * Later calls read its capabilities and user namespace again; the other namespaces stay those of
 * the first call. Sets peer->sight: PEER_NOT_SEEN where the process has exited, has no pid here, or
 * must not be read. -EMFILE, -ENFILE, -ENOMEM: nothing was set, a retry may work.
 */
int peer_look(struct peer *peer, int socket) must_check;

struct self;
/*
 * For the process that has started this hookd with the connection: hookd has its rights and
 * namespaces, and can have no others. So nothing is read of it, which also works where /proc is
 * missing, or is that of another pid namespace. -EPERM: it is of another user.
 */
int peer_take_as_starter(struct peer *peer, const struct self *self) must_check;

/* The same for the sender of a message, by the pid in its credentials. -ESRCH or another -errno. */
int peer_look_at_sender(pid_t pid, struct process_view *ret_view) must_check;

/*
 * Finds the process that the peer names by `number`, a pid of the peer's pid namespace. `own` are
 * hookd's namespaces. Only in PEER_SEEN. The caller closes *ret_pidfd. -ESRCH: no such process; or
 * another -errno.
 */
int peer_find_process(const struct peer *peer, const struct namespaces *own, pid_t number,
		      pid_t *ret_pid, int *ret_pidfd) must_check;
