/* SPDX-License-Identifier: Apache-2.0 */
/*
 * client/hookctl/hooks_d: files of the engines' hooks.d, oci-hooks(5): podman, CRI-O and others add
 * the hook of such a file to the config.json of the containers that its `when` matches. What a file
 * says, which files count, and the verb delegate, which rewrites them and config.json. The rules
 * are those of pkg/hooks in containers/common.
 *
 * May use: client/delegate, client/hookctl, client/hookctl/table, proto/base, proto/json,
 * proto/messages, libxxhash, pcre2.
 */
#pragma once

#include "proto/json/json.h"
#include "proto/messages/hooks.h"

/* Those of the runtimes, and one in which podman itself has hooks change the config. */
#define HOOKS_D_PRECREATE   HP_STAGE_COUNT
#define HOOKS_D_STAGE_COUNT (HP_STAGE_COUNT + 1)
extern const char *const hooks_d_stage_names[HOOKS_D_STAGE_COUNT];

struct hooks_d_pattern {
	char *key, *value; /* regular expressions */
};

struct hooks_d {
	/* Version 0.1.0, with other members: one condition is enough, not all that are there. */
	bool is_old;
	struct hp_hook hook;
	bool has_always, always;
	bool has_bind_mounts_set, bind_mounts;
	struct hooks_d_pattern *annotations;
	size_t annotation_count;
	char **commands;     /* NULL: none */
	unsigned int stages; /* bit 1 << enum hp_stage, or HOOKS_D_PRECREATE */
};

/*
 * Reads version 1.0.0 and, as the engines do, 0.1.0, which is also that of a file that names none.
 * -EINVAL with a path. Goes on after a mistake if the document has a list for them. Members that
 * are not known are ignored, and names may be written in other letters, such as "Stages", as the
 * engines do; those of the members of `hook` may not.
 */
int hooks_d_read(struct hp_json_value root, struct hp_arena *arena, struct hooks_d *ret,
		 struct hp_err *err);

/* The member of a file or of its `when`, in whatever letters its name is written. */
struct hp_json_value hooks_d_member(struct hp_json_value object, const char *name);

enum hooks_d_answer { HOOKS_D_NO, HOOKS_D_YES, HOOKS_D_UNKNOWN };
#define HOOKS_D_REASON_SIZE 256
/*
 * Whether an engine would add the hook to the container of that config.json, and why. Unknown: an
 * expression is written in a way that only Go's package regexp understands. The engines know which
 * bind mounts the user has asked for; here each of the config counts.
 */
enum hooks_d_answer hooks_d_match(const struct hooks_d *hooks_d, struct hp_json_value config,
				  char ret_reason[static HOOKS_D_REASON_SIZE]);
