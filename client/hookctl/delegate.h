/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdint.h>

#include "proto/buf.h"
#include "proto/err.h"

/* What stands in the hooks that take the place of others. */
struct delegate {
	const char *shim;    /* absolute path of hookd-oci-hook */
	const char *address; /* NULL: the default */
	const char *if_down; /* NULL: the shim's default */
	uint64_t timeout_s;  /* 0: the sum of the list's own and DELEGATE_SPARE_S */
};

/* What hookd and the shim may take on top of the hooks, before the runtime kills the shim. */
#define DELEGATE_SPARE_S 30

/*
 * Rewrites the text of a config.json: every list of hooks but startContainer becomes one hook that
 * carries it. All other bytes stay as they are; delegating twice is delegating once. -EINVAL with
 * the path of what is wrong, -E2BIG (*err filled) when a list does not fit into one argument of a
 * program, -EMSGSIZE, -ENOMEM. *ret is appended to, and is not to be used on failure.
 */
int delegate_config(const char *text, size_t length, const struct delegate *delegate,
		    struct hp_buf *ret, struct hp_err *err);
