/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Builds the result of a run: all hooks are "skipped" at first, and are filled in one by one. No
 * state: everything is in run->result.
 */
#include "daemon/run/run_result.h"

#include <assert.h>
#include <string.h>

#include "proto/base/limits.h"
#include "proto/messages/failure_text.h"

int run_result_prepare(struct run *run)
{
	const struct hp_hook_list *hooks = &run->request.hooks;
	struct hp_run_result *result = &run->result;

	result->stage = run->request.stage;
	result->run = strdup(run->id);
	result->container = strdup(run->request.container);
	result->hooks = calloc(hooks->count ? hooks->count : 1, sizeof(*result->hooks));
	if (!result->run || !result->container || !result->hooks)
		return -ENOMEM;
	for (size_t i = 0; i < hooks->count; i++) {
		struct hp_hook_result *hook = &result->hooks[i];

		*hook = (struct hp_hook_result){
		    .index = i,
		    .path = strdup(hooks->hooks[i].path),
		    .outcome = HP_HOOK_SKIPPED,
		    .oom_killed = -1,
		};
		result->hook_count = i + 1;
		if (!hook->path)
			return -ENOMEM;
	}
	return 0;
}

/* ---- output ---- */

/* The size of all output if each stream were cut to `level` bytes. */
static size_t kept_at(const struct hp_run_result *result, size_t level)
{
	size_t sum = 0;

	for (size_t i = 0; i < result->hook_count; i++)
		for (int k = 0; k < 2; k++) {
			size_t length = result->hooks[i].output[k].length;

			sum += length < level ? length : level;
		}
	return sum;
}

/* The highest level at which all output is within the bound; at least RUN_OUTPUT_RESERVE_BYTES. */
static size_t find_level(const struct hp_run_result *result)
{
	size_t level = RUN_OUTPUT_RESERVE_BYTES,
	       above = HP_CAPTURE_HEAD_BYTES + HP_CAPTURE_TAIL_BYTES;

	while (above - level > 1) {
		size_t middle = (level + above) / 2;

		if (kept_at(result, middle) <= RUN_OUTPUT_BYTES_MAX)
			level = middle;
		else
			above = middle;
	}
	return level;
}

/*
 * The output of all hooks of a run is bounded, so that a reply is not longer than peers accept.
 * Above the bound the longest streams are cut to one common length, and shorter ones stay whole: so
 * the message of a hook that fails is not lost behind the output of others.
 */
static void bound_output(struct hp_run_result *result)
{
	size_t level, left;

	if (kept_at(result, SIZE_MAX) <= RUN_OUTPUT_BYTES_MAX)
		return;
	level = find_level(result);
	left = RUN_OUTPUT_BYTES_MAX - kept_at(result, level); /* less than one byte per stream */
	for (size_t i = 0; i < result->hook_count; i++)
		for (int k = 0; k < 2; k++) {
			struct hp_output *output = &result->hooks[i].output[k];
			bool gets_more = left > 0 && output->length > level;

			output_cut(output, level + gets_more);
			left -= gets_more;
		}
}

/* ---- outcomes ---- */

static void set_error(struct run *run, struct hp_hook_result *hook)
{
	hook->error =
	    hp_failure_text(hook, run_timeout_ns(run, &run->request.hooks.hooks[hook->index]));
	if (!run->result.error)
		run->result.error =
		    hp_run_failure_text(run->request.stage, hook->index, hook->error);
}

void run_result_take(struct run *run, size_t index, struct hp_hook_result *result)
{
	struct hp_hook_result *hook = &run->result.hooks[index];

	assert(index < run->result.hook_count && !hook->error);
	result->index = index;
	result->path = hook->path;
	*hook = *result;
	*result = (struct hp_hook_result){0};
	bound_output(&run->result);
	if (hook->success)
		return;
	run->has_failed = true;
	set_error(run, hook);
}

/*
 * The cancelled hook is the one that was killed, or else the next one. False: all hooks have run,
 * so nothing was cancelled.
 */
static bool record_cancel(struct run *run)
{
	struct hp_run_result *result = &run->result;

	for (size_t i = 0; i < result->hook_count; i++) {
		struct hp_hook_result *hook = &result->hooks[i];

		if (hook->outcome == HP_HOOK_CANCELLED)
			return true;
		if (hook->outcome != HP_HOOK_SKIPPED)
			continue;
		hook->outcome = HP_HOOK_CANCELLED;
		set_error(run, hook);
		return true;
	}
	if (result->hook_count == 0)
		result->error = strdup("cancelled before it was started");
	return result->hook_count == 0;
}

static void lose(struct hp_run_result *result)
{
	result->outcome = HP_RUN_LOST;
	while (result->hook_count > 0)
		hp_hook_result_clear(&result->hooks[--result->hook_count]);
	free(result->error);
	result->error = strdup("hookd's process that ran the hooks has ended: what they did is not "
			       "known, and they are not run again");
}

void run_result_close(struct run *run)
{
	struct hp_run_result *result = &run->result;

	run->finished_ns = clock_ns(CLOCK_BOOTTIME);
	if (run->started_ns == 0)
		run->started_ns = run->finished_ns;
	result->queued_us = (run->started_ns - run->submitted_ns) / 1000;
	result->duration_us = (run->finished_ns - run->started_ns) / 1000;
	if (run->is_lost) {
		lose(result);
		return;
	}
	if (run->is_cancelled && record_cancel(run))
		result->outcome = HP_RUN_CANCELLED;
	else
		result->outcome = run->has_failed ? HP_RUN_FAILED : HP_RUN_SUCCEEDED;
}
