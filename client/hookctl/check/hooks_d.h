/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "proto/json/json.h"
#include "proto/messages/hooks.h"

/*
 * Files of hooks.d, oci-hooks(5), version 1.0.0: podman, CRI-O and others add the hook of such a
 * file to the config.json of the containers that its `when` matches.
 */

struct hooks_d_pattern {
	char *key, *value; /* regular expressions */
};

struct hooks_d {
	struct hp_hook hook;
	bool has_always, always;
	bool has_bind_mounts_set, bind_mounts;
	struct hooks_d_pattern *annotations;
	size_t annotation_count;
	char **commands;     /* NULL: none */
	unsigned int stages; /* bit 1 << enum hp_stage */
};

/*
 * -EINVAL with a path. Goes on after a mistake if the document has a list for them. Members that
 * are not known are ignored, as the engines do.
 */
int hooks_d_read(struct hp_json_value root, struct hp_arena *arena, struct hooks_d *ret,
		 struct hp_err *err);

enum hooks_d_answer { HOOKS_D_NO, HOOKS_D_YES, HOOKS_D_UNKNOWN };
#define HOOKS_D_REASON_SIZE 256
/*
 * Whether an engine would add the hook to the container of that config.json, and why. Unknown: an
 * expression is written in a way that only Go's package regexp understands. The engines know which
 * bind mounts the user has asked for; here each of the config counts.
 */
enum hooks_d_answer hooks_d_match(const struct hooks_d *hooks_d, struct hp_json_value config,
				  char ret_reason[static HOOKS_D_REASON_SIZE]);
