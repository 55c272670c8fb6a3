/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "daemon/base/config.h"

/* Loads the text as a file; what was logged is *ret_log and to be freed, `path` is in it. */
int load(const char *text, struct config *ret_config, char path[static 32], char **ret_log);

/* The same for a text with which nothing is wrong. */
struct config load_silently(const char *text);
