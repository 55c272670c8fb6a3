/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "proto/json/json.h"
#include "proto/messages/hooks.h"

/* Parts of `run`, `apply`, `update` and `seccomp` that need no daemon. */

struct slice {
	const char *text;
	size_t length;
};

/*
 * The hooks in the file of --hooks: the object itself, or the member of a config.json (of a
 * libcontainer Config). "{}" for a config without hooks. *ret points into the document.
 */
int run_slice_hooks(struct hp_json_value root, enum hp_dialect dialect, struct slice *ret,
		    struct hp_err *err);

/*
 * The settings in the file of --settings: the object itself, or the `config` of runc's state.json,
 * which is libcontainer's Config. Points into the document.
 */
struct slice run_slice_settings(struct hp_json_value root, enum hp_dialect dialect);

/*
 * The profile in the file of `seccomp`: the object itself, or the member of a config.json
 * (linux.seccomp), a libcontainer Config or runc's state.json. -EINVAL if such a file has none.
 */
int run_slice_seccomp(struct hp_json_value root, enum hp_dialect dialect, struct slice *ret,
		      struct hp_err *err);
