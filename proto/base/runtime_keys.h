/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <string.h>

/*
 * What the keys of [Runtime] in hookd.conf may be: hookd-runtime uses them, and hookd checks them
 * with the others.
 */

/* The absolute path of a program. */
static inline bool hp_runtime_is_path(const char *text)
{
	return text[0] == '/' && text[strlen(text) - 1] != '/';
}

static inline bool hp_runtime_is_address(const char *text)
{
	return strncmp(text, "unix:/", strlen("unix:/")) == 0;
}

/* As the option --if-down of hookd-oci-hook. */
static inline bool hp_runtime_is_if_down(const char *text)
{
	return strcmp(text, "fail") == 0 || strcmp(text, "run-local") == 0 ||
	       strcmp(text, "ignore") == 0 || strcmp(text, "spool") == 0;
}
