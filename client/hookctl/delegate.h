/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "proto/base/buf.h"
#include "proto/base/err.h"
#include "proto/messages/hooks.h"

/* What stands in the hooks that take the place of others. */
struct delegate {
	const char *shim;    /* absolute path of hookd-oci-hook */
	const char *address; /* NULL: the default */
	const char *if_down; /* NULL: the shim's default */
	uint64_t timeout_s;  /* 0: the sum of the list's own and DELEGATE_SPARE_S */

	/* Whom hookd serves from within a user namespace: its own user, where that is not root.
	 * NULL: nobody. */
	const uint32_t *own_uid;

	/* Set where the new text has a hook of the shim; may be NULL. */
	bool *names_shim;

	/* Told of each list that stays as it is; may be NULL. `why` completes "it stays since". */
	void (*left)(enum hp_stage stage, const char *why, void *userdata);
	void *userdata;
};

/* What hookd and the shim may take on top of the hooks, before the runtime kills the shim. */
#define DELEGATE_SPARE_S 30

/*
 * Rewrites the text of a config.json: the hooks of each stage become one hook that carries them, or
 * several where there are more than one request can have. All other bytes stay as they are;
 * delegating twice is delegating once. Hooks that were delegated before get the path of the shim,
 * and address, if_down and timeout_s where `delegate` has them; else they keep their own, and stand
 * apart from those that have others.
 *
 * Lists that cannot be delegated stay, and delegate->left is told: those of startContainer, of
 * createContainer where the container has a user namespace whose root hookd does not serve, and
 * those with a hook that no argument list has room for, or of more than 4096 arguments or
 * variables.
 *
 * -EINVAL with the path of what is wrong, -EMSGSIZE, -ENOMEM. *ret is appended to, and is not to be
 * used on failure.
 */
int delegate_config(const char *text, size_t length, const struct delegate *delegate,
		    struct hp_buf *ret, struct hp_err *err);
