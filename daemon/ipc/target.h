/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "daemon/policy/peer.h"
#include "daemon/policy/self.h"
#include "daemon/proc/helper.h"
#include "proto/base/err.h"
#include "proto/messages/request.h"

/*
 * In whose namespaces a request's hooks run (docs/PROTOCOL.md, "Namespaces"). The caller's process
 * must have been seen: peer_look(). On success the pidfds of *ret_target are the caller's.
 */
int target_choose(const struct peer *peer, const struct self *self,
		  const struct hp_request *request, struct hook_target *ret_target,
		  struct hp_err *err) must_check;
