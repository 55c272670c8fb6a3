/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "daemon/base/base.h"
#include "daemon/policy/namespaces.h"

/* What the kernel shows of a process while it is known to be alive. */
struct process_view {
	uint64_t capabilities; /* effective, in its own user namespace */
	struct namespaces namespaces;
};

/*
 * Who is at the other end of a connection, as the kernel says. uid, gid and groups are those at the
 * connect (SO_PEERCRED, SO_PEERGROUPS) and never change. The pid says nothing by itself: what is
 * read by it counts only if the process that connected is alive afterwards, which its pidfd tells.
 */
struct peer {
	uid_t uid;
	gid_t gid;
	gid_t *groups; /* owned; supplementary ones */
	size_t group_count;
	pid_t pid; /* 0: not visible from here */
	int pidfd; /* -1: not asked for yet, or there is none to be had */
	enum { PEER_NOT_LOOKED_AT, PEER_SEEN, PEER_NOT_SEEN } sight;
	struct process_view view; /* in PEER_SEEN */
	int64_t looked_ns;	  /* CLOCK_MONOTONIC, when its user namespace was asked for */
	/*
	 * Another process has written to the connection that may not do what the one that connected
	 * may: nothing that comes from here is trusted any more. 0: none has.
	 */
	pid_t stranger;
};

/* Asks for ids and groups. -errno. */
int peer_init(struct peer *peer, int socket) must_check;
void peer_clear(struct peer *peer);

/*
 * Before a socket is listened on, or at least before anybody is accepted: messages carry the
 * credentials of who wrote them (SO_PASSCRED), and no descriptors, where the kernel can refuse
 * them to the sender (SO_PASSRIGHTS, Linux 6.16). -errno.
 */
int peer_listen(int socket) must_check;

/*
 * Looks at the process that connected: at first, what it may and where it lives; from then on what
 * it may by now, and whether it is still alive, since its number may be another's afterwards. Its
 * namespaces, but for the user namespace, are those at first. sight says what came of it: not seen
 * is one that has ended, or has no number here, or that this process may not look at. -EMFILE,
 * -ENFILE, -ENOMEM: not this time.
 */
int peer_look(struct peer *peer, int socket) must_check;

/* The same for a process that wrote to the connection, by the pid of its message. -ESRCH. */
int peer_look_at_sender(pid_t pid, struct process_view *ret_view) must_check;

/*
 * The process that the peer means by a number, for it counts in its own pid namespace. To be called
 * after peer_look() has seen it. The pidfd is the caller's to close. -ESRCH: there is none.
 */
int peer_find_process(const struct peer *peer, const struct namespaces *own, pid_t number,
		      pid_t *ret_pid, int *ret_pidfd) must_check;
