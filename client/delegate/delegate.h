/* SPDX-License-Identifier: Apache-2.0 */
/*
 * client/delegate: rewrites a config.json so that hookd runs its hooks; finds the shim that is
 * written into it. For hookctl and hookd-runtime.
 *
 * May use: client/hookctl/table, proto/base, proto/json, proto/messages.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "proto/base/buf.h"
#include "proto/base/err.h"
#include "proto/messages/hooks.h"

/* How a config is to be rewritten. A shim hook is one that runs hookd-oci-hook. */
struct delegate {
	const char *shim;    /* absolute path of hookd-oci-hook */
	const char *address; /* NULL: the default */
	const char *if_down; /* NULL: "spool" at poststop, else the shim's default */
	uint64_t timeout_s;  /* 0: the sum of the list's own and DELEGATE_SPARE_S */

	/*
	 * The user from whom hookd accepts requests out of a user namespace: its own, unless that
	 * is root. NULL: none.
	 */
	const uint32_t *own_uid;

	/* Set to true if the new text has a shim hook; may be NULL. */
	bool *names_shim;

	/* Called for each list that stays as it is; may be NULL. `why` is the reason in words. */
	void (*left)(enum hp_stage stage, const char *why, void *userdata);
	void *userdata;
};

/* What hookd and the shim may take on top of the hooks, before the runtime kills the shim. */
#define DELEGATE_SPARE_S 30

/*
 * Rewrites the text of a config.json: the hooks of each stage become one shim hook that carries
 * them, or several if they do not fit into one request. All other bytes stay as they are. Rewriting
 * twice gives the same as once. Shim hooks of an earlier rewrite get the path of the shim, and
 * address, if_down and timeout_s where `delegate` has them; otherwise they keep their own, and are
 * not merged with hooks that have others. An if_down of "spool" is for poststop only.
 *
 * Other hooks that run the shim stay as they are, in their place: a shim hook that was changed by
 * hand, so that it is not understood completely; one that has the form of a shim hook, but whose
 * program is neither `shim` nor called hookd-oci-hook. Some lists stay as they are, and
 * delegate->left is called: those of startContainer; those of createContainer, if the container has
 * a user namespace from which hookd takes no requests; and those with a hook that is too long for
 * an argument list, or has more than 4096 arguments or variables.
 *
 * -EINVAL with the path of what is wrong, also for a key in another case, which runtimes in Go
 * would read; -EMSGSIZE, -ENOMEM. *ret is appended to; on failure its contents are invalid.
 */
int delegate_config(const char *text, size_t length, const struct delegate *delegate,
		    struct hp_buf *ret, struct hp_err *err);
