/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Starts hookd's runners, and settles the runs of an earlier hookd: those that a runner has are
 * adopted; the others are lost, or were never started. No state.
 */
#include "daemon/takeover.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/base/log.h"
#include "daemon/ipc/records.h"
#include "daemon/runner/runners.h"

/* Adopts a run that an earlier hookd has started and that a runner still has. */
static bool adopt_run(const char *id, struct list *list, const struct list_listener **ret_listener,
		      void **ret_userdata, size_t *ret_hook_count, void *userdata)
{
	struct hookd *hookd = userdata;
	struct run *run = store_find(hookd->store, id);

	if (!run || run->state != RUN_DONE || !run->is_lost || sched_adopt(hookd->sched, run) < 0)
		return false;
	if (run_adopt(run, list, ret_listener) < 0) {
		sched_finished(hookd->sched, run);
		return false;
	}
	store_revive(hookd->store, run);
	*ret_userdata = run;
	*ret_hook_count = run->request.hooks.count;
	return true;
}

static void on_runners_changed(const char *ids, void *userdata)
{
	struct hookd *hookd = userdata;

	records_set_runners(hookd->records, ids);
}

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
 * Decides about recorded runs without a result that no runner has. If all runners of the earlier
 * hookd are still there, such a run was never handed to one: that hookd was killed between
 * recording the start and sending it. Otherwise the run is lost.
 */
static void settle_records(struct hookd *hookd)
{
	const char *before = records_runners(hookd->records);
	bool are_all_there = before && hookd->runners && runners_have(hookd->runners, before);
	char *ids = hookd->runners ? runners_ids(hookd->runners) : NULL;

	if (!are_all_there)
		report_losses(hookd);
	records_settle(hookd->records, !are_all_there);
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
		settle_records(hookd);
	return r;
}
