/* SPDX-License-Identifier: Apache-2.0 */
/* Fills the result of a hook that could not be started. No state. */
#include <assert.h>
#include <string.h>

#include "daemon/proc/proc.h"

void proc_describe_failure(const struct spawn_failure *failure, struct hp_hook_result *ret_result)
{
	const char *detail = failure->detail;

	assert(failure->step > SPAWN_STEP_NONE && failure->step < SPAWN_STEP_COUNT);
	ret_result->outcome = HP_HOOK_SPAWN_FAILED;
	ret_result->failed_errno = failure->error;
	ret_result->failed_step = strdup(spawn_step_names[failure->step]);
	ret_result->failed_detail = detail[0] ? strdup(detail) : NULL;
}
