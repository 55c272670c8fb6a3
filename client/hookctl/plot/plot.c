/* SPDX-License-Identifier: Apache-2.0 */

/*
 * The runs of a picture, and when their hooks did what. Clocks are set while hooks run, and times
 * come from outside: no hook begins before the one before it has ended, no span is negative, and
 * sums stop at the largest number.
 */

#include "client/hookctl/plot/plot.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "client/hookctl/runs/words.h"

static int64_t later(int64_t at_us, int64_t by_us)
{
	int64_t sum;

	return by_us <= 0 ? at_us : __builtin_add_overflow(at_us, by_us, &sum) ? INT64_MAX : sum;
}

static int64_t latest(int64_t a, int64_t b)
{
	return a > b ? a : b;
}

/* A hook that was never started takes no time. */
static struct plot_hook place_hook(const struct hookd_hook_result *result, int64_t not_before_us)
{
	bool was_started = result->started_us > 0;
	struct plot_hook hook = {.result = result};

	hook.begun_us = hook.queued_us = latest(not_before_us, result->started_us);
	hook.exited_us = later(hook.begun_us, was_started ? result->duration_us : 0);
	hook.end_us = later(hook.exited_us, was_started ? result->drain_us : 0);
	return hook;
}

/* A run without results: it waits, or nothing is known of its hooks. */
static struct plot_hook place_nothing(const struct plot *plot, const struct hookd_run_info *info)
{
	int64_t end_us = info->state != NULL && strcmp(info->state, "queued") == 0
			     ? latest(info->submitted_us, plot->now_us)
			     : later(info->submitted_us, info->queued_us);

	return (struct plot_hook){.queued_us = info->submitted_us,
				  .begun_us = end_us,
				  .exited_us = end_us,
				  .end_us = end_us};
}

static void place_run(const struct plot *plot, struct plot_run *run,
		      const struct hookd_hook_result *const *hooks)
{
	int64_t at_us = later(run->info->submitted_us, run->info->queued_us);

	run->begin_us = run->info->submitted_us;
	for (size_t i = 0; i < run->count; i++) {
		run->hooks[i] = place_hook(hooks[i], at_us);
		at_us = run->hooks[i].end_us;
	}
	/* The run has waited, not its hooks one by one. */
	if (run->count > 0)
		run->hooks[0].queued_us = run->begin_us;
	else {
		run->hooks[0] = place_nothing(plot, run->info);
		run->count = 1;
	}
	run->end_us = run->hooks[run->count - 1].end_us;
}

int plot_add_run(struct plot *plot, const struct hookd_run_info *info,
		 const struct hookd_hook_result *const *hooks, size_t count)
{
	struct plot_run *runs = reallocarray(plot->runs, plot->count + 1, sizeof(*runs));
	struct plot_run run = {.info = info, .count = count};

	if (runs == NULL)
		return -ENOMEM;
	plot->runs = runs;
	run.hooks = calloc(count > 0 ? count : 1, sizeof(*run.hooks));
	if (run.hooks == NULL)
		return -ENOMEM;
	place_run(plot, &run, hooks);
	plot->runs[plot->count++] = run;
	return 0;
}

static int add_result(struct plot *plot, const struct hookd_run_info *info,
		      const struct hookd_result *result)
{
	size_t count = hookd_result_hook_count(result);
	const struct hookd_hook_result **hooks =
	    calloc(count + 1, sizeof(struct hookd_hook_result *));
	int r;

	if (hooks == NULL)
		return -ENOMEM;
	for (size_t i = 0; i < count; i++)
		hooks[i] = hookd_result_hook(result, i);
	r = plot_add_run(plot, info, hooks, count);
	free(hooks);
	return r;
}

int plot_add(struct plot *plot, const struct hookd_reply *reply)
{
	const struct hookd_run_details *details = hookd_reply_details(reply);
	const struct hookd_result *result = hookd_reply_result(reply);

	return result != NULL
		   ? add_result(plot, details->run, result)
		   : plot_add_run(plot, details->run, details->hooks, details->hook_count);
}

static int compare_runs(const void *left, const void *right)
{
	const struct plot_run *a = left, *b = right;

	if (a->begin_us != b->begin_us)
		return a->begin_us < b->begin_us ? -1 : 1;
	return strcmp(a->info->run, b->info->run);
}

void plot_sort(struct plot *plot)
{
	if (plot->count > 0)
		qsort(plot->runs, plot->count, sizeof(*plot->runs), compare_runs);
}

void plot_clear(struct plot *plot)
{
	for (size_t i = 0; i < plot->count; i++)
		free(plot->runs[i].hooks);
	free(plot->runs);
	plot->runs = NULL;
	plot->count = 0;
}

/* ---- how a hook has ended ---- */

static bool is(const char *word, const char *expected)
{
	return word != NULL && strcmp(word, expected) == 0;
}

const char *plot_hook_class(const struct plot_run *run, const struct plot_hook *hook)
{
	static const char *const same[] = {"timed_out", "cancelled", "skipped", "running"};

	if (is(run->info->outcome, "lost") &&
	    (hook->result == NULL || hook->result->started_us <= 0))
		return "lost";
	if (hook->result == NULL)
		return is(run->info->state, "queued") ? "queued" : "skipped";
	for (size_t i = 0; i < sizeof(same) / sizeof(same[0]); i++)
		if (is(hook->result->outcome, same[i]))
			return same[i];
	return hook->result->success ? "succeeded" : "failed";
}

const char *plot_hook_status(const struct plot_run *run, const struct plot_hook *hook,
			     char buffer[static PLOT_STATUS_SIZE])
{
	const char *class = plot_hook_class(run, hook);
	struct hp_buf words = HP_BUF_INIT;

	if (hook->result == NULL || is(class, "lost"))
		hp_buf_append(&words, class, strlen(class));
	else
		words_of_hook(hook->result, &words);
	hp_buf_append(&words, "", 1);
	snprintf(buffer, PLOT_STATUS_SIZE, "%s",
		 words.failed || is(words.data, "succeeded") ? "" : words.data);
	hp_buf_free(&words);
	return buffer;
}
