/* SPDX-License-Identifier: Apache-2.0 */
/* The decision itself; no I/O, no state. Called by ipc/dispatch.c before any handler. */
#include "daemon/policy/policy.h"

#include <stdio.h>

/* What the kernel shows of a uid that has no number in hookd's user namespace. */
#define OVERFLOW_UID 65534

int policy_check(const struct peer *peer, uid_t own_uid, enum permission permission,
		 struct hp_err *err)
{
	if (permission == PERMISSION_ANYONE || peer->uid == 0)
		return 0;
	if (permission == PERMISSION_APPLY) {
		*err = (struct hp_err){.code = HP_ERR_SETTINGS_REFUSED};
		snprintf(err->reason, sizeof(err->reason),
			 "uid %u is not root: what a process is put under is root's to say",
			 peer->uid);
		return -EACCES;
	}
	if (peer->uid == own_uid && own_uid != OVERFLOW_UID)
		return 0;
	*err = (struct hp_err){.code = HP_ERR_REFUSED};
	snprintf(err->reason, sizeof(err->reason),
		 "uid %u is neither root nor the user that hookd runs as", peer->uid);
	return -EACCES;
}

bool policy_may_see(const struct peer *peer, uid_t owner)
{
	return peer->uid == 0 || peer->uid == owner;
}
