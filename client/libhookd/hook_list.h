/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "client/libhookd/libhookd.h"
#include "proto/messages/hooks.h"

/*
 * The hooks of one stage, in order. hooks[i] is a command; where functions[i].call is set it is a
 * function, with its name in `path`. So consecutive commands are an array that hp_hooks_write() can
 * write.
 */
struct hook_list {
	struct hp_hook *hooks;
	struct hook_function {
		hookd_function call;
		void *userdata;
	} * functions;
	size_t count, capacity;
};

struct hookd_hooks {
	struct hp_arena arena; /* every string and vector in the lists */
	struct hook_list stages[HP_STAGE_COUNT];
};

/*
 * HP_STAGE_COUNT, or -1 for a dialect, where there is none of that name. A dialect of NULL is oci.
 */
enum hp_stage hook_stage(const char *name);
int hook_dialect(const char *name);

/* The JSON object of `count` commands as the list of one stage, terminated. -ENOTSUP, -ENOMEM. */
int hook_list_write(struct hp_buf *buf, enum hp_stage stage, struct hp_hook *hooks, size_t count,
		    enum hp_dialect dialect, struct hp_err *err);
