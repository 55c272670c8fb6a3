/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "client/libhookd/libhookd.h"
#include "proto/json/json.h"

/* What hookd applied, as in hookd.h: read from a reply, with all its texts in one arena. */

/* A reply's Applied. -EINVAL with a path relative to it, -ENOMEM; *err is filled. */
int applied_new(struct hp_json_value value, const char *container, struct hookd_applied **ret,
		struct hp_err *err);

/* An object of them, keyed by container. Errors as above. */
int holdings_new(struct hp_json_value value, struct hookd_holdings **ret, struct hp_err *err);
