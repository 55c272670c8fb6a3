/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "proto/messages/hooks.h"

/* The default of hookd's DefaultPath=, see docs/CONFIGURATION.md. */
#define HOOK_DEFAULT_PATH "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

/*
 * What a hook of this stage that has no `env` inherits of `environment`: *ret is a NULL-terminated
 * vector in the arena that points to the strings of `environment`. NULL: the hook inherits nothing
 * and gets PATH alone. -ENOMEM.
 */
int hook_environment(enum hp_stage stage, char *const environment[], struct hp_arena *arena,
		     char ***ret);
