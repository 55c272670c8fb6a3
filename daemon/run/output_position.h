/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "daemon/list/list.h"

/*
 * How much of a run's output a listener has got, so that it takes each byte once, whenever it has
 * begun to listen.
 */
struct output_position {
	size_t index;	/* the hook of the last event */
	uint64_t at[2]; /* of each of its streams, the offset of the next byte to take */
};
/* The bytes of `output`, of that hook, that the listener has not got. False: none. */
bool output_position_take(struct output_position *position, size_t index,
			  const struct hook_output *output, struct hook_output *ret_new);
