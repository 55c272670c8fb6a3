/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A run: the hooks of one stage of one container, from the queue to the result.
 *
 *	QUEUED --run_start()--> RUNNING --the list has ended, cancel--> DONE
 *
 * In RUNNING the run first waits until its filter is compiled, if it has one, and then for its list
 * (daemon/list). If the list is refused, because its first hook cannot be started for lack of a
 * resource that others will release, the run is turned away: it ends without a result, and its
 * request id is free again. A run of an earlier hookd is RUNNING too while it is awaited, without a
 * list (run_await()). ipc/ creates runs, sched.c starts them, store.c owns them.
 */
#include "daemon/run/run.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "daemon/run/run_result.h"

static void on_wait_timer(evutil_socket_t fd, short what, void *userdata);
static void on_resources(struct run_resources *resources);

const char *const run_state_names[RUN_STATE_COUNT] = {
    [RUN_QUEUED] = "queued",
    [RUN_RUNNING] = "running",
    [RUN_DONE] = "done",
};

/* ---- life ---- */

int run_new(const struct run_context *context, const char *id, uid_t uid,
	    struct hp_request *request, const struct hook_target *target, struct run **ret_run)
{
	struct run *run = calloc(1, sizeof(*run));
	int r;

	if (!run)
		return -ENOMEM;
	TAILQ_INIT(&run->waiters);
	run->context = context;
	snprintf(run->id, sizeof(run->id), "%s", id);
	run->uid = uid;
	run->request = *request;
	run->target = HOOK_TARGET_NONE;
	run->active = calloc(1, sizeof(*run->active));
	r = run->active ? run_result_prepare(run) : -ENOMEM;
	if (r < 0) {
		run->request = (struct hp_request){0};
		run_free(run);
		return r;
	}
	*request = (struct hp_request){0};
	run->target = *target;
	run->submitted_us = clock_ns(CLOCK_REALTIME) / 1000;
	run->submitted_ns = clock_ns(CLOCK_BOOTTIME);
	*ret_run = run;
	return 0;
}

/* At the end of a run: the run itself is kept for some time. */
static void release_active(struct run *run)
{
	if (!run->active)
		return;
	deadline_clear(&run->active->wait);
	if (run->active->list)
		run->active->list->operations->free(run->active->list);
	run_resources_release(&run->active->resources);
	free(take_ptr(run->active));
}

int run_new_lost(const struct run_context *context, const char *id, uid_t uid,
		 struct hp_request *request, int64_t submitted_us, struct run **ret_run)
{
	const struct hook_target nowhere = HOOK_TARGET_NONE;
	struct run *run;
	int r = run_new(context, id, uid, request, &nowhere, &run);

	if (r < 0)
		return r;
	release_active(run);
	run->submitted_us = submitted_us;
	run->state = RUN_DONE;
	run->is_started = true;
	run->is_lost = run->is_open = true;
	run_result_close(run);
	*ret_run = run;
	return 0;
}

void run_found(struct run *run, struct hp_run_result *result, int64_t finished_ns)
{
	hp_run_result_clear(&run->result);
	run->result = *result;
	run->finished_ns = finished_ns;
	run->is_lost = result->outcome == HP_RUN_LOST;
	run->is_open = false;
}

struct run *run_free(struct run *run)
{
	if (!run)
		return NULL;
	release_active(run);
	hook_target_clear(&run->target);
	charge_release(&run->charge);
	hp_run_result_clear(&run->result);
	hp_request_free(&run->request);
	free(run);
	return NULL;
}

static struct run_resources resources_of(struct run *run)
{
	return (struct run_resources){
	    .settings = run->request.settings,
	    .dialect = run->request.dialect,
	    .filters = run->context->filters,
	    .rdt = run->context->rdt,
	    .ready = on_resources,
	    .userdata = run,
	};
}

static struct hp_hook_result unstarted_result(size_t index)
{
	return (struct hp_hook_result){.index = index, .oom_killed = -1};
}

static void tell_context(struct run *run, const struct run_event *event)
{
	if (run->context->happened)
		run->context->happened(run, event, run->context->userdata);
}

void run_submitted(struct run *run)
{
	tell_context(run, &(struct run_event){.type = RUN_EVENT_SUBMITTED});
}

static void notify(struct run *run, const struct run_event *event)
{
	struct run_waiter *waiter, *next;

	if (event->type != RUN_EVENT_OUTPUT)
		tell_context(run, event);
	for (waiter = TAILQ_FIRST(&run->waiters); waiter; waiter = next) {
		next = TAILQ_NEXT(waiter, link);
		if (event->type != RUN_EVENT_OUTPUT || waiter->wants_output)
			waiter->notify(waiter, event);
	}
}

static bool has_listener(const struct run *run)
{
	const struct run_waiter *waiter;

	TAILQ_FOREACH (waiter, &run->waiters, link)
		if (waiter->wants_output)
			return true;
	return false;
}

static bool has_one_behind(const struct run *run)
{
	const struct run_waiter *waiter;

	TAILQ_FOREACH (waiter, &run->waiters, link)
		if (waiter->is_behind)
			return true;
	return false;
}

void run_add_waiter(struct run *run, struct run_waiter *waiter)
{
	assert(run->state != RUN_DONE && waiter->notify);
	TAILQ_INSERT_TAIL(&run->waiters, waiter, link);
}

void run_listen(struct run *run)
{
	if (run_has_list(run))
		run->active->list->operations->listen(run->active->list);
}

bool run_has_list(const struct run *run)
{
	return run->active && run->active->list;
}

void run_recall(struct run *run)
{
	if (run_has_list(run))
		run->active->list->operations->recall(run->active->list);
}

bool run_is_awaited(const struct run *run)
{
	const struct run_waiter *waiter;

	TAILQ_FOREACH (waiter, &run->waiters, link)
		if (!waiter->is_spectator)
			return true;
	return false;
}

void run_remove_waiter(struct run *run, struct run_waiter *waiter)
{
	run_set_behind(run, waiter, false);
	TAILQ_REMOVE(&run->waiters, waiter, link);
}

void run_set_behind(struct run *run, struct run_waiter *waiter, bool is_behind)
{
	if (waiter->is_behind == is_behind)
		return;
	waiter->is_behind = is_behind;
	if (run_has_list(run))
		run->active->list->operations->pause(run->active->list, has_one_behind(run));
}

/* ---- the end ---- */

static void run_finish(struct run *run)
{
	assert(run->state != RUN_DONE);
	run_result_close(run);
	release_active(run);
	hook_target_clear(&run->target);
	run->state = RUN_DONE;
	run->is_open = false;
	charge_release(&run->charge);
	run->context->ending(run, run->context->userdata);
	notify(run, &(struct run_event){
			.type = run->is_turned_away ? RUN_EVENT_TURNED_AWAY : RUN_EVENT_DONE,
			.reason = run->result.error,
		    });
	run->context->done(run, run->context->userdata);
}

void run_turn_away(struct run *run, const char *reason)
{
	assert(run->state != RUN_DONE && !run->is_turned_away);
	if (reason && !run->result.error)
		run->result.error = strdup(reason);
	run->is_turned_away = true;
	run_finish(run);
}

/* ---- events of the list ---- */

static void list_was_refused(struct run *run, struct hp_hook_result *refusal);

static void on_hook_started(void *userdata, size_t index, pid_t pid, int64_t started_us)
{
	struct run *run = userdata;
	struct hp_hook_result *result = &run->result.hooks[index];

	run->current = index;
	result->pid = pid;
	result->started_us = started_us;
	notify(run, &(struct run_event){
			.type = RUN_EVENT_STARTED,
			.index = index,
			.hook = result,
		    });
}

static void on_hook_output(void *userdata, size_t index, const struct hook_output *output)
{
	notify(userdata, &(struct run_event){
			     .type = RUN_EVENT_OUTPUT,
			     .index = index,
			     .output = output,
			 });
}

static void on_hook_finished(void *userdata, size_t index, struct hp_hook_result *result)
{
	struct run *run = userdata;

	run->current = index;
	run_result_take(run, index, result);
	notify(run, &(struct run_event){
			.type = RUN_EVENT_FINISHED,
			.index = index,
			.hook = &run->result.hooks[index],
		    });
}

static void on_list_ended(void *userdata, struct list_end *end)
{
	struct run *run = userdata;

	run->active->list = NULL;
	run->is_cancelled = end->is_cancelled;
	run->is_lost = end->is_lost;
	run->is_kept_by_runner = end->is_kept;
	run->result.ignored = take_ptr(end->ignored);
	run_resources_add_ignored(&run->active->resources, &run->result.ignored);
	if (end->refusal)
		list_was_refused(run, end->refusal);
	else
		run_finish(run);
}

static const struct list_listener list_listener = {
    .started = on_hook_started,
    .output = on_hook_output,
    .finished = on_hook_finished,
    .ended = on_list_ended,
};

/* ---- runs of an earlier hookd ---- */

int run_await(struct run *run)
{
	struct run_active *active = calloc(1, sizeof(*active));
	struct hp_run_result lost = run->result;
	int64_t age_us = clock_ns(CLOCK_REALTIME) / 1000 - run->submitted_us;

	assert(run->state == RUN_DONE && run->is_open);
	run->result = (struct hp_run_result){0};
	if (!active || run_result_prepare(run) < 0) {
		hp_run_result_clear(&run->result);
		run->result = lost;
		free(active);
		return -ENOMEM;
	}
	hp_run_result_clear(&lost);
	run->active = active;
	run->state = RUN_RUNNING;
	run->is_lost = run->has_failed = false;
	run->is_adopted = true;
	run->current = 0;
	run->started_ns = clock_ns(CLOCK_BOOTTIME) - (age_us > 0 ? age_us * 1000 : 0);
	run->submitted_ns = run->started_ns;
	active->resources = resources_of(run);
	run_resources_join_again(&active->resources, run->request.container);
	return 0;
}

/* A list begins with a later hook if those before have timed out while the filter was compiled. */
static void take_results_before(struct run *run, size_t first)
{
	for (size_t i = 0; i < first && i < run->result.hook_count; i++) {
		struct hp_hook_result result = unstarted_result(i);

		result.outcome = HP_HOOK_TIMED_OUT;
		on_hook_finished(run, i, &result);
	}
}

void run_adopt(struct run *run, size_t first, struct list *list,
	       const struct list_listener **ret_listener)
{
	assert(run->state == RUN_RUNNING && run->is_open && !run->active->list);
	run->is_open = false;
	take_results_before(run, first);
	run->active->list = list;
	*ret_listener = &list_listener;
	if (has_listener(run))
		list->operations->listen(list);
	if (has_one_behind(run))
		list->operations->pause(list, true);
	if (run->is_cancelled)
		list->operations->cancel(list);
}

void run_lose(struct run *run)
{
	assert(run->state == RUN_RUNNING && run->is_open);
	run->is_lost = true;
	run_finish(run);
}

/* ---- the start ---- */

uint64_t run_timeout_ns(const struct run *run, const struct hp_hook *hook)
{
	return hook->timeout_ns ? hook->timeout_ns
				: run->context->config->default_timeout_ms * 1000000;
}

/* Whether a caller will learn of it and can repeat the request. Else the failure would be lost. */
static bool can_be_turned_away(const struct run *run)
{
	return run->request.request_id || run_is_awaited(run);
}

/*
 * Sets the result of run->current, which was not started. True: the next hook is run->current.
 * False: the run has ended.
 */
static bool hook_ended_unstarted(struct run *run, struct hp_hook_result *result)
{
	on_hook_finished(run, run->current, result);
	if (!hp_stage_continues_on_failure(run->request.stage))
		run->is_cancelled = false; /* the failure ends the run */
	else if (!run->is_cancelled && ++run->current < run->request.hooks.count)
		return true;
	run_finish(run);
	return false;
}

/* The list cannot be handed to its runner: with RLIMIT_FSIZE, for example, its state does not fit.
 */
static void list_failed_to_start(struct run *run, int error)
{
	struct spawn_failure failure = {.step = SPAWN_STEP_STDIN, .error = error};
	struct hp_hook_result result;

	if (error_is_transient(error) && can_be_turned_away(run)) {
		run_turn_away(run, error == EAGAIN ? "no hookd-runner is ready" : strerror(error));
		return;
	}
	do {
		result = unstarted_result(run->current);
		proc_describe_failure(&failure, &result);
	} while (hook_ended_unstarted(run, &result));
}

/* By a runner without descriptors or memory, it may be one that nobody would repeat. */
static void list_was_refused(struct run *run, struct hp_hook_result *refusal)
{
	int error = refusal->failed_errno;

	if (run->current == 0 && can_be_turned_away(run) && error != EBADMSG && error != EEXIST) {
		run_result_take(run, 0, refusal);
		run_turn_away(run, NULL);
		return;
	}
	hp_hook_result_clear(refusal);
	list_failed_to_start(run, error);
}

static void start_list(struct run *run, int64_t waited_ns)
{
	struct run_active *active = run->active;
	const struct hp_request *request = &run->request;
	int r;

	active->order = (struct list_order){
	    .run = run->id,
	    .request = request->text,
	    .request_length = request->text_length,
	    .stage = request->stage,
	    .dialect = request->dialect,
	    .hooks = &request->hooks,
	    .first = run->current,
	    .state = request->state,
	    .state_length = request->state_length,
	    .bundle = request->bundle,
	    .traceparent = request->traceparent,
	    .default_path = run->context->config->default_path,
	    .default_timeout_ns = run->context->config->default_timeout_ms * 1000000,
	    .waited_ns = waited_ns,
	    .any_owner = !run->context->config->check_hook_files,
	    .may_be_refused = can_be_turned_away(run),
	    .is_listened_to = has_listener(run),
	    .is_paused = has_one_behind(run),
	    .target = run->target,
	    .settings = run_resources_helper_settings(&active->resources),
	    .failure = active->resources.failure,
	};
	r = run->context->lists->start(run->context->lists, &active->order, &list_listener, run,
				       &active->list);
	if (r < 0)
		list_failed_to_start(run, -r);
}

/* ---- waiting for a filter ---- */

/* The wait is a part of the timeout of run->current. */
static int begin_to_wait(struct run *run)
{
	struct run_active *active = run->active;
	uint64_t timeout_ns = run_timeout_ns(run, &run->request.hooks.hooks[run->current]);
	int r = 0;

	active->waits_since_ns = clock_ns(CLOCK_BOOTTIME);
	if (timeout_ns == 0) {
		deadline_stop(&active->wait);
		return 0;
	}
	if (!active->wait.timer)
		r = deadline_init(&active->wait, run->context->deadlines, on_wait_timer, run);
	if (r == 0)
		r = deadline_set(&active->wait, CLOCK_BOOTTIME, ns_from_uint64(timeout_ns));
	return r;
}

static void end_wait(struct run *run)
{
	run->active->is_waiting = false;
	deadline_clear(&run->active->wait);
	start_list(run, clock_ns(CLOCK_BOOTTIME) - run->active->waits_since_ns);
}

static void on_resources(struct run_resources *resources)
{
	end_wait(resources->userdata);
}

static void wait_for_resources(struct run *run)
{
	run->active->is_waiting = true;
	if (begin_to_wait(run) == 0)
		return;
	run_resources_give_up(&run->active->resources, ENOMEM);
	end_wait(run);
}

/* The timer may expire early: then it is set again. */
static void on_wait_timer(evutil_socket_t fd, short what, void *userdata)
{
	struct run *run = userdata;
	struct deadline *wait = &run->active->wait;
	struct hp_hook_result result = unstarted_result(run->current);

	(void)fd, (void)what;
	if (deadline_left_ns(wait) > 0 && deadline_wait_on(wait) == 0)
		return;
	run->active->is_waiting = false;
	result.outcome = HP_HOOK_TIMED_OUT;
	if (hook_ended_unstarted(run, &result))
		wait_for_resources(run);
}

/* False: it has ended. A run that nobody would know of after a crash could run twice. */
static bool record_start(struct run *run)
{
	char reason[128];
	int r = run->context->starting(run, run->context->userdata);

	if (r == 0)
		return true;
	snprintf(reason, sizeof(reason), "runs cannot be recorded: %s", strerror(-r));
	run_turn_away(run, reason);
	return false;
}

void run_start(struct run *run)
{
	run->state = RUN_RUNNING;
	run->started_ns = clock_ns(CLOCK_BOOTTIME);
	if (!record_start(run))
		return;
	run->active->resources = resources_of(run);
	if (run->request.hooks.count == 0)
		run_finish(run);
	else if (run_resources_acquire(&run->active->resources, run->request.container) == 1)
		start_list(run, 0);
	else
		wait_for_resources(run);
}

void run_cancel(struct run *run)
{
	if (run->state == RUN_DONE)
		return;
	run->is_cancelled = true;
	if (run->active->list)
		run->active->list->operations->cancel(run->active->list);
	else if (run->state == RUN_QUEUED || run->active->is_waiting)
		run_finish(run);
	/* Else a waiter cancels it while it is notified of a timeout: the run ends after that. */
}
