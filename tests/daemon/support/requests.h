/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "daemon/run/run.h"

/* Makes requests and runs as ipc/ does, but without a message. */

/* A request with `count` hooks; everything is copied. The caller's, until run_new() takes it. */
struct hp_request request_make(const char *container, enum hp_stage stage,
			       const struct hp_hook *hooks, size_t count);

/* The same as a run for uid 0, which stays in hookd's own namespaces. */
struct run *run_make(const struct run_context *context, const char *id, struct hp_request request);

/* A hook that is a shell script; it is valid in the block that it stands in. */
#define SHELL_HOOK(script)                                                                         \
	{                                                                                          \
		.path = (char *)"/bin/sh", .args = (char *[])                                      \
		{                                                                                  \
			(char *)"sh", (char *)"-c", (char *)(script), NULL                         \
		}                                                                                  \
	}

/* The same with room for its arguments, for a loop that makes several. */
struct hp_hook shell_hook(char *args[static 4], const char *script);
