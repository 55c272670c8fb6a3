/* SPDX-License-Identifier: Apache-2.0 */
/*
 * daemon/policy: who a caller is and what it may do. Finds out (peer.c, namespaces.c, self.c),
 * counts (account.c) and decides (policy.c); changes nothing.
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

/* Who may do what: pure decisions on what the kernel said of the peer and of hookd itself. */

enum permission {
	PERMISSION_ANYONE,  /* ask what the service is; have a seccomp profile compiled */
	PERMISSION_USE,	    /* run hooks and see them */
	PERMISSION_APPLY,   /* put processes under settings: root alone, for now */
	PERMISSION_CONTROL, /* steer the daemon */
};

/*
 * Root, in hookd's own user namespace and with every capability that hookd has, may everything: so
 * nobody gets by way of hookd what he has not. A hookd that runs as an ordinary user serves that
 * user too, under the same rule for capabilities. Others may nothing but what anyone may, and so
 * does a peer that was not seen alive. For all but PERMISSION_ANYONE peer_look() comes first.
 * -EACCES with HP_ERR_REFUSED or HP_ERR_SETTINGS_REFUSED otherwise.
 */
int policy_check(const struct peer *peer, const struct self *self, enum permission permission,
		 struct hp_err *err) must_check;

/*
 * Whether another process that wrote to the peer's connection, with the peer's uid, may do what the
 * peer may.
 */
bool policy_may_write_for(const struct peer *peer, const struct self *self,
			  const struct process_view *sender);

/* A run is seen by the uid that asked for it and by root. */
bool policy_may_see(const struct peer *peer, uid_t owner);

/* Whether the peer may have its hooks run in hookd's namespaces where its own are others. */
bool policy_may_leave_namespaces(const struct peer *peer, const struct self *self);
