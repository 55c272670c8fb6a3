/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "proto/base/arena.h"
#include "proto/base/buf.h"
#include "proto/json/json.h"
#include "proto/messages/hooks.h"

/* The form of a shim hook: its program, SHIM_STAGE_OPTION, the list in one or more
 * SHIM_HOOKS_OPTION, and options. */
#define SHIM_STAGE_OPTION   "--stage="
#define SHIM_HOOKS_OPTION   "--hooks-json="
#define SHIM_ADDRESS_OPTION "--address="
#define SHIM_DOWN_OPTION    "--if-down="

/* The options of a shim hook, without its list. NULL and 0: the default. */
struct shim_options {
	const char *address, *if_down;
	uint64_t timeout_s; /* unless it is the usual one of its hooks */
};

bool shim_options_are_same(const struct shim_options *a, const struct shim_options *b);

/* How long a sequence of hooks may take. Zeros: there is none. */
struct duration {
	uint64_t sum_ns;
	bool is_endless; /* one of them has no timeout */
};

void duration_add(struct duration *duration, uint64_t timeout_ns);
/*
 * The timeout of a shim hook of such hooks. 0 for none: if one hook has no timeout the runtime must
 * not kill the shim, nor if the sum exceeds the bound of timeouts, where it could overflow in a
 * runtime.
 */
uint64_t duration_timeout_s(const struct duration *duration);

/* What a shim hook contains. */
struct shim_hook {
	struct hp_json_value hooks; /* the list */
	struct shim_options options;

	struct hp_buf text; /* what `hooks` is read from */
	struct hp_json json;
};

enum shim_hook_kind {
	SHIM_HOOK_NONE,	   /* it runs another program */
	SHIM_HOOK_FOREIGN, /* it runs a shim, or seems to, in a way that is not understood */
	SHIM_HOOK_OURS,	   /* as a rewrite writes it; *ret is to be freed */
};

/*
 * Reads a hook of the stage. A shim is `shim`, or a program called hookd-oci-hook. Strings of *ret
 * are in the arena. An enum shim_hook_kind, or -ENOMEM.
 */
int shim_hook_read(struct hp_json_value hook, enum hp_stage stage, const char *shim,
		   struct hp_arena *arena, struct shim_hook *ret);
void shim_hook_free(struct shim_hook *hook);
