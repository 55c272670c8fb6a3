/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <sys/types.h>

#include "daemon/base/util.h"
#include "daemon/policy/peer.h"
#include "proto/err.h"

/* Who may do what: a pure decision on what the kernel said of the peer. */

enum permission {
	PERMISSION_ANYONE,  /* ask what the service is; have a seccomp profile compiled */
	PERMISSION_USE,	    /* run hooks and see them */
	PERMISSION_APPLY,   /* put processes under settings: root alone, for now */
	PERMISSION_CONTROL, /* steer the daemon */
};

/*
 * Root, and the uid that hookd itself runs as, may everything; others may nothing but
 * what anyone may. -EACCES with HP_ERR_REFUSED otherwise.
 */
int policy_check(const struct peer *peer, uid_t own_uid, enum permission permission,
		 struct hp_err *err) must_check;

/* A run is seen by the uid that asked for it and by root. */
bool policy_may_see(const struct peer *peer, uid_t owner);
