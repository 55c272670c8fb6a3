/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "daemon/policy/peer.h"
#include "daemon/policy/self.h"
#include "daemon/proc/helper.h"
#include "proto/base/err.h"
#include "proto/messages/request.h"

/*
 * Chooses the namespaces in which the hooks of a request run (docs/PROTOCOL.md, "Namespaces"). The
 * caller has called peer_look() successfully, and closes the pidfds of *ret_target. -errno with
 * *err.
 */
int target_choose(const struct peer *peer, const struct self *self,
		  const struct hp_request *request, struct hook_target *ret_target,
		  struct hp_err *err) must_check;
