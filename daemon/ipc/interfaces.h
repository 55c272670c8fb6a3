/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stddef.h>

/* The interface files of proto/, byte for byte as they lie there. */

struct interface {
	const char *name;
	const char *text, *end;
};
/* Those that the service has, in the order of GetInfo. */
extern const struct interface interfaces[];
extern const size_t interface_count;

/* The text of one, or NULL; *ret_length may be NULL. */
const char *interface_text(const char *name, size_t *ret_length);
