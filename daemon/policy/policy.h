/* SPDX-License-Identifier: Apache-2.0 */
/*
 * daemon/policy: who a caller is and what it may do. Reads it from the kernel (peer.c,
 * namespaces.c, self.c), counts what is held for each uid (account.c) and decides (policy.c).
 * Changes nothing outside of hookd.
 *
 * May use: daemon/base, proto/base, proto/settings.
 */
#pragma once

#include <stdbool.h>
#include <sys/types.h>

#include "daemon/base/base.h"
#include "daemon/policy/peer.h"
#include "daemon/policy/self.h"
#include "proto/base/err.h"

/* Decides by what was read of the peer and of hookd itself; makes no system call. */

enum permission {
	PERMISSION_ANYONE,  /* read information about the service; compile a seccomp profile */
	PERMISSION_USE,	    /* run hooks and see their results */
	PERMISSION_APPLY,   /* change the settings of processes: only root */
	PERMISSION_CONTROL, /* control the daemon */
};

/*
 * Root has all permissions, where it is in hookd's user namespace and has every capability that
 * hookd has: so no caller gains rights by hookd. A hookd that runs as an ordinary user gives that
 * user PERMISSION_USE and PERMISSION_CONTROL too, under the same rule for capabilities. All others,
 * and a peer that is not in PEER_SEEN, have only PERMISSION_ANYONE. Call peer_look() before, except
 * for PERMISSION_ANYONE. 0, or -EACCES with HP_ERR_REFUSED or HP_ERR_SETTINGS_REFUSED.
 */
int policy_check(const struct peer *peer, const struct self *self, enum permission permission,
		 struct hp_err *err) must_check;

/*
 * True where another process that wrote to the peer's connection, with the peer's uid, has the same
 * permissions as the peer.
 */
bool policy_may_write_for(const struct peer *peer, const struct self *self,
			  const struct process_view *sender);

/* A run is visible to the uid that has requested it, and to root. */
bool policy_may_see(const struct peer *peer, uid_t owner);
bool policy_may_see_all(const struct peer *peer);

/* True where the peer's hooks may run in hookd's namespaces although the peer is in others. */
bool policy_may_leave_namespaces(const struct peer *peer, const struct self *self);
