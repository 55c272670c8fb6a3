/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "proto/base/names.h"
#include "proto/json/json.h"
#include "proto/json/json_writer.h"

/*
 * Hook lists in the form that hookd works with, and the two JSON dialects that they are read from.
 *
 *                  runtime-spec ("oci")              libcontainer's Config
 *   lists          keys optional                     all six keys, each null or a list
 *   timeout        seconds, integer > 0              nanoseconds, integer > 0 or null
 *   dir            no such field                     honoured
 *   args, env      absent is not []                  null is not []
 *
 * Sources: runtime-spec config.md "POSIX-platform Hooks"; runc libcontainer/configs/config.go.
 */

enum hp_stage {
	HP_STAGE_PRESTART, /* deprecated by runtime-spec, still sent */
	HP_STAGE_CREATE_RUNTIME,
	HP_STAGE_CREATE_CONTAINER,
	HP_STAGE_START_CONTAINER,
	HP_STAGE_POSTSTART,
	HP_STAGE_POSTSTOP,
	HP_STAGE_COUNT,
};

/* The names in config.json, indexed by enum hp_stage. */
extern const char *const hp_stage_names[HP_STAGE_COUNT];

/* createContainer and startContainer run in the container's namespaces (config.md). */
bool hp_stage_is_container(enum hp_stage stage);
/* poststop alone goes on after a failure (runtime.md, Lifecycle step 13). */
bool hp_stage_continues_on_failure(enum hp_stage stage);

struct hp_hook {
	char *path;	     /* absolute, starts with '/' */
	char **args;	     /* NULL: absent, argv is {path}; else NULL-terminated, may be empty */
	char **env;	     /* NULL: absent; else NULL-terminated, may be empty */
	char *dir;	     /* NULL: absent; libcontainer only */
	uint64_t timeout_ns; /* 0: none given */
};

struct hp_hook_list {
	struct hp_hook *hooks;
	size_t count;
};

struct hp_hooks {
	struct hp_hook_list stages[HP_STAGE_COUNT];
};

/*
 * Reads the object of all stages in either dialect; everything is allocated in `arena`. An absent
 * value gives empty lists. -EINVAL with a path relative to the value: "createRuntime[1].timeout".
 * Errors: an unknown stage, a wrong type, a path that is missing, not absolute or too long, a
 * timeout that is not an integer > 0, more than HP_HOOKS_MAX hooks in a stage. Unknown fields of a
 * hook are ignored, as config.md "Extensibility" asks.
 */
int hp_hooks_read(struct hp_json_value value, enum hp_dialect dialect, struct hp_arena *arena,
		  struct hp_hooks *ret_hooks, struct hp_err *err);
/* One hook of them, into a *ret_hook of zeros; the path of an error is relative to the hook. */
int hp_hook_read(struct hp_json_value value, enum hp_dialect dialect, struct hp_arena *arena,
		 struct hp_hook *ret_hook, struct hp_err *err);

/*
 * Writes them in either dialect, as runtime-spec's and runc's own types would be written. Reading
 * the output gives the same lists. oci cannot express `dir`, nor a part of a second: -ENOTSUP with
 * the path of the hook; the output is then invalid.
 */
int hp_hooks_write(struct hp_json_writer *writer, const struct hp_hooks *hooks,
		   enum hp_dialect dialect, struct hp_err *err);
