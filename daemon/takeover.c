/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Starts hookd's runners, and settles the runs of an earlier hookd that have begun and not ended:
 *
 *	open --a runner has its list--> adopted, running
 *	  `--all runners have said what they have--> lost, or not begun
 *
 * Some of them can be silent for a while. Until the last has answered or ended, open runs are
 * awaited: they are running, but nobody knows where.
 */
#include "daemon/takeover.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/base/log.h"
#include "daemon/records/records.h"
#include "daemon/runner/runners.h"

/* It takes its place in the queue of its container, and callers can wait for it. */
static int await_run(struct hookd *hookd, struct run *run)
{
	int r = sched_adopt(hookd->sched, run);

	if (r < 0)
		return r;
	r = run_await(run);
	if (r < 0)
		sched_finished(hookd->sched, run);
	else
		store_revive(hookd->store, run);
	return r;
}

/* Adopts a run that an earlier hookd has started and that a runner still has. */
static bool adopt_run(const char *id, size_t first, struct list *list,
		      const struct list_listener **ret_listener, void **ret_userdata,
		      size_t *ret_hook_count, void *userdata)
{
	struct hookd *hookd = userdata;
	struct run *run = store_find(hookd->store, id);

	/* Without the text of its request the paths and the number of its hooks are not known. */
	if (!run || !run->is_open || !run->request.text ||
	    (run->state == RUN_DONE && await_run(hookd, run) < 0))
		return false;
	run_adopt(run, first, list, ret_listener);
	*ret_userdata = run;
	*ret_hook_count = run->request.hooks.count;
	return true;
}

static void on_runners_changed(const char *ids, void *userdata)
{
	struct hookd *hookd = userdata;

	records_set_runners(hookd->records, ids);
}

/* Ends the runs that were awaited in vain. */
static void end_awaited(struct hookd *hookd, bool were_handed_over)
{
	struct run *run = store_newest(hookd->store), *older;

	for (; run; run = older) {
		older = store_older(run);
		if (run->state != RUN_RUNNING || !run->is_open)
			continue;
		if (were_handed_over)
			run_lose(run);
		else
			run_turn_away(run, "hookd was restarted before a hook was run");
	}
}

/* Of the runs that end with the records. */
static void report_losses(struct hookd *hookd)
{
	struct run *run = hookd->store ? store_newest(hookd->store) : NULL;

	for (; run; run = store_older(run)) {
		if (run->state != RUN_DONE || !run->is_open)
			continue;
		journal_run_done(&hookd->journal, &hookd->config, run);
		metrics_count_lost(&hookd->metrics);
	}
}

/*
 * Decides about open runs that no runner has. If all runners of the earlier hookd are still there,
 * such a run was never handed to one: that hookd was killed between recording the start and sending
 * it. Otherwise the run is lost.
 */
static void settle(void *userdata)
{
	struct hookd *hookd = userdata;
	const char *before = hookd->runners_before;
	bool are_all_there = before && hookd->runners && runners_have(hookd->runners, before);

	end_awaited(hookd, !are_all_there);
	if (!are_all_there)
		report_losses(hookd);
	records_settle(hookd->records, !are_all_there);
	free(take_ptr(hookd->runners_before));
	rdt_remove_unused(hookd->rdt);
}

/*
 * Those for which there is no memory, or of whose request only the id is known, stay open, and are
 * lost when the others are settled.
 */
static void await_open_runs(struct hookd *hookd)
{
	struct run *run = store_newest(hookd->store);

	for (; run; run = store_older(run))
		if (run->is_open && run->state == RUN_DONE && run->request.text &&
		    await_run(hookd, run) < 0)
			log_error("run %s cannot be awaited: out of memory", run->id);
}

static void begin_to_settle(struct hookd *hookd)
{
	const char *before = records_runners(hookd->records);
	char *ids = hookd->runners ? runners_ids(hookd->runners) : NULL;

	hookd->runners_before = before ? strdup(before) : NULL;
	if (!hookd->runners || runners_are_all_known(hookd->runners) ||
	    (before && runners_have(hookd->runners, before)))
		settle(hookd);
	else
		await_open_runs(hookd);
	records_set_runners(hookd->records, ids);
	free(ids);
}

/* The next hookd finds runners by their sockets: without a state directory there are none. */
static int make_runners(struct hookd *hookd, const char *directory, const char *socket)
{
	const struct runners_options options = {
	    .count = hookd->config.runners,
	    .state = directory,
	    .socket = socket,
	    .cgroups = hookd->cgroups,
	    .nofile = spawner_nofile(hookd->procs.spawner),
	    .adopt = adopt_run,
	    .changed = on_runners_changed,
	    .all_known = settle,
	    .userdata = hookd,
	};
	int r;

	if (!directory) {
		if (options.count > 0)
			log_info("hookd runs hooks itself, since it has no state directory");
		return 0;
	}
	r = runners_new(hookd->base, &options, &hookd->runners);
	if (r < 0) {
		log_error("cannot start runners: %s", strerror(-r));
		return r;
	}
	if (options.count > 0)
		hookd->runs.lists = runners_starter(hookd->runners);
	else if (runners_are_none(hookd->runners))
		hookd->runners = runners_free(hookd->runners, false);
	return 0;
}

int takeover(struct hookd *hookd, const char *state_directory, const char *runner_socket)
{
	int r;

	assert(!hookd->runners);
	r = make_runners(hookd, state_directory, runner_socket);
	if (r == 0)
		begin_to_settle(hookd);
	return r;
}
