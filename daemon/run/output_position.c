/* SPDX-License-Identifier: Apache-2.0 */
/* Which bytes of a hook's output are new to a listener. The state is the listener's. */
#include "daemon/run/output_position.h"

#include <assert.h>

bool output_position_take(struct output_position *position, size_t index,
			  const struct hook_output *output, struct hook_output *ret_new)
{
	uint64_t *at = &position->at[output->stream - 1], end = output->offset + output->length;

	assert(output->stream == 1 || output->stream == 2);
	if (position->index != index)
		*position = (struct output_position){.index = index};
	if (output->length == 0 || end <= *at || (output->offset > *at && !output->is_kept))
		return false;
	*ret_new = *output;
	if (output->offset < *at) {
		ret_new->bytes += *at - output->offset;
		ret_new->length = end - *at;
		ret_new->offset = *at;
	}
	*at = end;
	return true;
}
