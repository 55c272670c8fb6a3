/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Hooks run one after another, so the number of the next hook is enough to know which events were
 * reported. The caller owns the state.
 */

#include "proto/messages/told.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

bool hp_told_accepted(struct hp_told *told, const char *run)
{
	if (told->is_accepted && run && strncmp(told->run, run, sizeof(told->run) - 1) == 0)
		return false;
	*told = (struct hp_told){.is_accepted = true};
	if (run)
		(void)snprintf(told->run, sizeof(told->run), "%s", run);
	return true;
}

static bool pass(size_t *next, size_t index)
{
	if (index < *next)
		return false;
	*next = index + 1;
	return true;
}

bool hp_told_started(struct hp_told *told, size_t index)
{
	return pass(&told->started, index);
}

bool hp_told_finished(struct hp_told *told, size_t index)
{
	return pass(&told->finished, index);
}

bool hp_told_output(struct hp_told *told, struct hp_told_output *output)
{
	uint64_t *at = &told->at[output->stream - 1], end;

	assert(output->stream == 1 || output->stream == 2);
	if (output->index < told->finished)
		return false;
	if (told->index != output->index) {
		told->index = output->index;
		told->at[0] = told->at[1] = 0;
	}
	if (!output->has_offset)
		output->offset = *at;
	output->missing = output->offset > *at ? output->offset - *at : 0;
	end = output->offset + output->length;
	if (end <= *at)
		return false;
	if (output->offset < *at) {
		output->data += *at - output->offset;
		output->length = (size_t)(end - *at);
		output->offset = *at;
	}
	*at = end;
	return true;
}
