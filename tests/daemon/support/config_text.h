/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "daemon/base/config.h"

/*
 * Loads the text as a file, whose path is `path`. *ret_log is what was logged; the caller frees it.
 * Where it fails, last_error is its first mistake.
 */
extern struct config_error last_error;
int load(const char *text, struct config *ret_config, char path[static 32], char **ret_log);

/* The same for a text without errors. */
struct config load_silently(const char *text);
