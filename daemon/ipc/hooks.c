/* SPDX-License-Identifier: Apache-2.0 */
/* Handlers of io.hookd.hooks: create runs from requests and submit them. No state. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "daemon/base/log.h"
#include "daemon/ipc/call.h"
#include "daemon/ipc/dispatch.h"
#include "daemon/ipc/target.h"
#include "daemon/records/records.h"
#include "proto/settings/settings_json.h"

/* ---- Run ---- */

int hooks_on_run_starting(struct run *run, void *userdata)
{
	struct hookd *hookd = userdata;

	int r = records_begin(hookd->records, run);

	if (r == 0)
		journal_run_started(&hookd->journal, &hookd->config, run);
	return r;
}

void hooks_on_run_ending(struct run *run, void *userdata)
{
	struct hookd *hookd = userdata;

	if (!run->is_turned_away) {
		records_end(hookd->records, run);
		return;
	}
	records_forget(hookd->records, run);
	/* A waiter that is notified may send the same request at once: that is a new run. */
	store_drop(hookd->store, run);
}

void hooks_on_run_done(struct run *run, void *userdata)
{
	struct hookd *hookd = userdata;
	char notice[CGROUP_NOTICE_SIZE];

	if (cgroup_tree_take_notice(hookd->cgroups, notice))
		log_warning("%s", notice);
	journal_run_done(&hookd->journal, &hookd->config, run);
	if (!run->is_turned_away) {
		metrics_count_run(&hookd->metrics, &run->result);
		history_add(hookd->history, run);
		store_finished(hookd->store, run);
	}
	sched_finished(hookd->sched, run);
}

/* Of a request whose record was damaged only the id is known. */
static bool differs(const struct hp_request *first, const struct hp_request *second)
{
	return first->text && (first->text_length != second->text_length ||
			       memcmp(first->text, second->text, second->text_length) != 0);
}

/* A repeated request gets its run. A different request with the same id is an error. */
static int attach_to_run(struct exchange *exchange, const struct hp_request *request,
			 struct run *run, struct hp_err *err)
{
	if (differs(&run->request, request)) {
		*err = (struct hp_err){.code = HP_ERR_REQUEST_ID_CONFLICT};
		snprintf(err->path, sizeof(err->path), "%s", request->request_id);
		return -EEXIST;
	}
	if (exchange->call.oneway)
		return 0;
	return call_new(exchange, run, exchange->call.more,
			request->on_disconnect == HP_ON_DISCONNECT_CANCEL, err);
}

int hooks_make_run(struct hookd *hookd, const struct peer *peer, struct hp_request *request,
		   struct run **ret_run, struct hp_err *err)
{
	struct hook_target target;
	char id[RUN_ID_SIZE];
	struct run *run;
	int r = target_choose(peer, &hookd->self, request, &target, err);

	if (r < 0)
		return r;
	r = store_make_id(hookd->store, id);
	if (r == 0)
		r = run_new(&hookd->runs, id, peer->uid, request, &target, &run);
	if (r < 0) {
		hook_target_clear(&target);
		return hp_err_no_memory(err);
	}
	r = charge_take(&run->charge, &hookd->accounts, peer->uid, ACCOUNT_RUNS,
			hookd->config.queued_runs_per_user);
	if (r == -EBUSY)
		(void)hp_err_busy(err, "this user already has %" PRIu64 " runs, queued or running",
				  hookd->config.queued_runs_per_user);
	if (r == 0)
		r = store_add(hookd->store, run);
	if (r < 0) {
		run_free(run);
		return r == -EBUSY ? r : hp_err_no_memory(err);
	}
	*ret_run = run;
	return 0;
}

static int accept_request(struct exchange *exchange, struct hp_request *request, struct hp_err *err)
{
	struct hookd *hookd = exchange->hookd;
	bool cancels = request->on_disconnect == HP_ON_DISCONNECT_CANCEL;
	struct run *run = NULL;
	int r;

	if (request->request_id)
		run =
		    store_find_request(hookd->store, exchange->conn->peer.uid, request->request_id);
	if (run)
		return attach_to_run(exchange, request, run, err);
	if (hookd->is_draining) {
		*err = (struct hp_err){.code = HP_ERR_DRAINING};
		return -ESHUTDOWN;
	}
	r = hooks_make_run(hookd, &exchange->conn->peer, request, &run, err);
	if (r < 0)
		return r;
	/* Before it is submitted, since a run without hooks is done at once. */
	if (!exchange->call.oneway)
		r = call_new(exchange, run, exchange->call.more, cancels, err);
	/*
	 * It is not queued any more if call_new() found that the client is gone, and cancelled it.
	 */
	if (run->state == RUN_QUEUED && (r < 0 || sched_submit(hookd->sched, run) < 0))
		run_turn_away(run, "out of memory");
	return r;
}

int hooks_check_settings(const struct hookd *hookd, const struct hp_request *request,
			 struct hp_err *err)
{
	int r = 0;

	if (request->settings)
		r = support_check(&hookd->support, request->settings, err);
	if (r < 0)
		hp_settings_path(err->path, request->dialect);
	return hp_err_prefix(err, r, "settings");
}

int handle_run(struct exchange *exchange, struct hp_err *err)
{
	struct hp_request request = {0};
	int r = hp_request_read(exchange->call.parameters, &request, err);

	if (r < 0)
		return r;
	r = hooks_check_settings(exchange->hookd, &request, err);
	if (r == 0)
		r = accept_request(exchange, &request, err);
	hp_request_free(&request);
	return r;
}

/* ---- Wait, Cancel ---- */

int handle_wait(struct exchange *exchange, struct hp_err *err)
{
	struct run *run = find_run_parameter(exchange, err);

	if (!run)
		return -ENOENT;
	return exchange->call.oneway ? 0 : call_new(exchange, run, false, false, err);
}

int handle_cancel(struct exchange *exchange, struct hp_err *err)
{
	struct run *run = find_run_parameter(exchange, err);

	if (!run)
		return -ENOENT;
	run_cancel(run);
	hp_reply_empty(conn_reply(exchange->conn), NULL);
	return 0;
}
