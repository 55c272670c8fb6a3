/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

/* Numbers and truths that a request may leave out. */
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
