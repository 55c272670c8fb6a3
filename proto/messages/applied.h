/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>

#include "proto/base/arena.h"
#include "proto/json/json.h"
#include "proto/json/json_writer.h"

/*
 * Applied of io.hookd.settings: what Apply and Update did, and what hookd holds for a container.
 * The texts belong to the creator of the struct; after hp_applied_read() to the arena.
 */
struct hp_applied {
	char *cgroup_path;   /* absolute, below the cgroup mount; NULL: no cgroup was requested */
	bool cgroup_created; /* by hookd; false without a path */
	char *rdt_group;     /* a name, "/" for the default group; NULL: none was requested */
	bool rdt_created;    /* by hookd; false without a group */
	bool is_update_interrupted; /* some limits have the old or the new value */
	/* Vectors that end with NULL; NULL: absent, which an empty one is not. */
	char **schemata; /* the group's lines as the kernel reads them */
	char **process;	 /* names of the attributes that were set */
	char **ignored;	 /* optional settings that this machine does not support */
};

/* Writes one object, without absent members. */
void hp_applied_write(struct hp_json_writer *writer, const struct hp_applied *applied);

/*
 * Reads it. Unknown members are ignored, and so is cgroupCreated or rdtCreated without its place.
 * -EINVAL with a path relative to the value, -ENOMEM; *ret is then as it was.
 */
int hp_applied_read(struct hp_json_value value, struct hp_arena *arena, struct hp_applied *ret,
		    struct hp_err *err);
