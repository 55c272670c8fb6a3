/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stddef.h>

/* The interface files of proto/interfaces, byte for byte. */

struct interface {
	const char *name;
	const char *text, *end;
};
/* All interfaces of the service, in the order of GetInfo. */
extern const struct interface interfaces[];
extern const size_t interface_count;

/* The text of an interface; NULL: unknown. `ret_length` may be NULL. */
const char *interface_text(const char *name, size_t *ret_length);
