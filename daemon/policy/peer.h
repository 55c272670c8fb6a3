/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <sys/types.h>

#include "daemon/base/util.h"

/*
 * Who is at the other end of a connection, as the kernel says (SO_PEERCRED), asked once. The uid
 * is what decisions are made on; the pid only leads to namespaces, and only while it is alive.
 */
struct peer {
	uid_t uid;
	gid_t gid;
	pid_t pid; /* 0: not visible from here */
	int pidfd; /* -1 unless peer_is_elsewhere() */
	enum { PEER_NOT_ASKED, PEER_SAME_NAMESPACES, PEER_OTHER_NAMESPACES } namespaces;
};

int peer_init(struct peer *peer, int socket) must_check;
void peer_clear(struct peer *peer);

/*
 * Whether the peer lives in another mount namespace than hookd, so that the paths it names are
 * paths in there. When it does, peer->pidfd and peer->pid say whose. Asked once per connection.
 */
bool peer_is_elsewhere(struct peer *peer);
