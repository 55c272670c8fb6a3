/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>

#include "proto/base/buf.h"

/*
 * A hook of a config that was delegated is hookd-oci-hook, with the hooks that hookd runs in its
 * arguments. Whether `path` and `args` are such a hook. Then *hooks is the object of these hooks,
 * with a NUL, and *ret_stage that of --stage= (NULL: none). hooks->failed: out of memory.
 */
bool delegated_read(const char *path, const char *const *args, struct hp_buf *hooks,
		    const char **ret_stage);
