/* SPDX-License-Identifier: Apache-2.0 */

/*
 * The result of a run: the decoded reply, shown through the public structs. It never changes; the
 * caller frees it.
 */

#include "client/libhookd/result.h"
#include "proto/base/names.h"
#include "proto/messages/failure_text.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *result_outcome_name(unsigned int outcome)
{
	if (outcome < HP_HOOK_OUTCOME_COUNT)
		return hp_hook_outcome_names[outcome];
	assert(outcome <= RESULT_RUNNING);
	return outcome == RESULT_RETURNED  ? "returned"
	       : outcome == RESULT_RUNNING ? "running"
					   : "unknown";
}

static void result_hook_fill_output(struct result_hook *hook, const struct hp_hook_result *from)
{
	const struct hp_output *out = &from->output[0], *err = &from->output[1];

	hook->view.stdout_data = out->bytes ? out->bytes : "";
	hook->view.stdout_length = out->length;
	hook->view.stdout_bytes = out->total;
	hook->view.stdout_truncated = out->total > out->length;
	hook->view.stderr_data = err->bytes ? err->bytes : "";
	hook->view.stderr_length = err->length;
	hook->view.stderr_bytes = err->total;
	hook->view.stderr_truncated = err->total > err->length;
}

void result_hook_fill(struct result_hook *hook, const struct hp_hook_result *from)
{
	hook->view = (struct hookd_hook_result){
	    .index = from->index,
	    .path = from->path,
	    .outcome = result_outcome_name(from->outcome),
	    .success = from->success,
	    .lingering = from->lingering,
	    .exit_status = from->outcome == HP_HOOK_EXITED ? from->exit_status : -1,
	    .error = from->error,
	    .failed_step = from->failed_step,
	    .oom_killed = from->oom_killed,
	    .pid = from->pid,
	    .started_us = from->started_us,
	    .duration_us = from->duration_us,
	    .drain_us = from->drain_us,
	    .user_us = from->user_us,
	    .system_us = from->system_us,
	    .max_rss_bytes = from->max_rss_bytes,
	};
	if (from->signal != 0)
		hook->view.signal = hp_signal_name(from->signal, hook->signal);
	if (from->failed_errno != 0)
		hook->view.errno_name = hp_errno_name(from->failed_errno, hook->errno_name);
	result_hook_fill_output(hook, from);
}

int result_new(struct hp_run_result *run, struct hookd_result **ret)
{
	struct hookd_result *result = calloc(1, sizeof(*result));

	if (!result)
		return -ENOMEM;
	if (run->hook_count > 0) {
		result->hooks = calloc(run->hook_count, sizeof(*result->hooks));
		if (!result->hooks) {
			free(result);
			return -ENOMEM;
		}
	}
	result->run = *run;
	*run = (struct hp_run_result){0};
	for (size_t i = 0; i < result->run.hook_count; i++)
		result_hook_fill(&result->hooks[i], &result->run.hooks[i]);
	*ret = result;
	return 0;
}

struct hookd_result *hookd_result_free(struct hookd_result *result)
{
	if (!result)
		return NULL;
	hp_run_result_clear(&result->run);
	free(result->hooks);
	free(result);
	return NULL;
}

const char *hookd_result_run(const struct hookd_result *result)
{
	return result->run.run ? result->run.run : "";
}

const char *hookd_result_outcome(const struct hookd_result *result)
{
	return hp_run_outcome_names[result->run.outcome];
}

const char *hookd_result_error(const struct hookd_result *result)
{
	const struct hp_run_result *run = &result->run;

	if (run->outcome == HP_RUN_SUCCEEDED || run->error)
		return run->error;
	return run->outcome == HP_RUN_CANCELLED ? "the run was cancelled" : "hookd gave no reason";
}

const char *hookd_result_ignored(const struct hookd_result *result)
{
	return result->run.ignored;
}

int64_t hookd_result_duration_us(const struct hookd_result *result)
{
	return result->run.duration_us;
}

size_t hookd_result_hook_count(const struct hookd_result *result)
{
	return result->run.hook_count;
}

const struct hookd_hook_result *hookd_result_hook(const struct hookd_result *result, size_t index)
{
	return index < result->run.hook_count ? &result->hooks[index].view : NULL;
}

const char *result_error_why(const char *error, enum hp_stage stage, size_t *ret_index)
{
	char prefix[64], *rest;
	size_t length =
	    (size_t)snprintf(prefix, sizeof(prefix), HP_RUN_FAILURE_PREFIX, hp_stage_names[stage]);

	if (strncmp(error, prefix, length) != 0)
		return NULL;
	*ret_index = strtoul(error + length, &rest, 10);
	return rest != error + length && strncmp(rest, ": ", 2) == 0 ? rest + 2 : NULL;
}
