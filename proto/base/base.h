/* SPDX-License-Identifier: Apache-2.0 */
/*
 * proto/base: what the other folders of proto/ and their users share: errors, names of errnos and
 * signals, memory, bounds of messages, and where hookd is found. No JSON, no sockets.
 *
 * Every external name of proto/ begins with hp_, for "hookd protocol": its code is linked into
 * other people's programs too.
 *
 * May use: nothing.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

/* Numbers and booleans that may be absent from a request. */
struct hp_int {
	bool is_set;
	int64_t value;
};
struct hp_uint {
	bool is_set;
	uint64_t value;
};
struct hp_bool {
	bool is_set, value;
};
