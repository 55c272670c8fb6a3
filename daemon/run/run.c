/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A run: the hooks of one stage of one container, executed in order, and their result.
 *
 *	QUEUED --run_start()--> RUNNING --last hook, failure, cancel--> DONE
 *
 * After the first failure the other hooks are skipped, except at poststop (runtime-spec,
 * runtime.md, Lifecycle). A run whose first hook cannot be started for lack of a resource that
 * others will release is dropped: it ends without a result, and its request id is free again.
 * ipc/ creates runs, sched.c starts them, store.c owns them.
 */
#include "daemon/run/run.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "daemon/run/hook_spec.h"
#include "daemon/run/run_result.h"

static void on_hook_done(struct proc *proc, void *userdata);
static void on_hook_output(struct proc *proc, int stream, const char *bytes, size_t length,
			   void *userdata);
static void on_wait_timer(evutil_socket_t fd, short what, void *userdata);

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
	run->resources = calloc(1, sizeof(*run->resources));
	r = run->resources ? run_result_prepare(run) : -ENOMEM;
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
static void release_resources(struct run *run)
{
	deadline_clear(&run->wait);
	if (!run->resources)
		return;
	run_resources_release(run->resources);
	free(take_ptr(run->resources));
}

int run_new_lost(const struct run_context *context, const char *id, uid_t uid,
		 struct hp_request *request, int64_t submitted_us, struct run **ret_run)
{
	const struct hook_target nowhere = HOOK_TARGET_NONE;
	struct run *run;
	int r = run_new(context, id, uid, request, &nowhere, &run);

	if (r < 0)
		return r;
	release_resources(run);
	run->submitted_us = submitted_us;
	run->state = RUN_DONE;
	run->is_started = true;
	run->finished_ns = clock_ns(CLOCK_BOOTTIME);
	run->result.outcome = HP_RUN_LOST;
	while (run->result.hook_count > 0)
		hp_hook_result_clear(&run->result.hooks[--run->result.hook_count]);
	run->result.error =
	    strdup("hookd was killed during the run: which of its hooks have run is "
		   "unknown, and they are not run again");
	*ret_run = run;
	return 0;
}

void run_found(struct run *run, struct hp_run_result *result)
{
	assert(run->state == RUN_DONE);
	hp_run_result_clear(&run->result);
	run->result = *result;
}

struct run *run_free(struct run *run)
{
	if (!run)
		return NULL;
	proc_free(run->proc);
	release_resources(run);
	hook_target_clear(&run->target);
	charge_release(&run->charge);
	hp_run_result_clear(&run->result);
	hp_request_free(&run->request);
	free(run);
	return NULL;
}

static void notify(struct run *run, const struct run_event *event)
{
	struct run_waiter *waiter = TAILQ_FIRST(&run->waiters), *next;

	for (; waiter; waiter = next) {
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
	if (run->proc && waiter->wants_output)
		proc_listen(run->proc, on_hook_output);
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
	if (run->proc)
		proc_pause_output(run->proc, has_one_behind(run));
}

/* ---- one hook ---- */

uint64_t run_timeout_ns(const struct run *run, const struct hp_hook *hook)
{
	return hook->timeout_ns ? hook->timeout_ns
				: run->context->config->default_timeout_ms * 1000000;
}

/* The timeout of the next hook, less the time that it has waited for the filter. */
static uint64_t timeout_left_ns(struct run *run, const struct hp_hook *hook)
{
	uint64_t timeout_ns = run_timeout_ns(run, hook), waited_ns = (uint64_t)run->waited_ns;

	run->waited_ns = 0;
	if (timeout_ns == 0 || waited_ns == 0)
		return timeout_ns;
	return timeout_ns > waited_ns ? timeout_ns - waited_ns : 1;
}

/* Adds the cgroup and the settings to the spec. -errno with *ret_failure. */
static int add_resources(struct run *run, struct proc_spec *spec, struct spawn_failure *ret_failure)
{
	if (run->resources->failure.step != SPAWN_STEP_NONE) {
		*ret_failure = run->resources->failure;
		return -ret_failure->error;
	}
	if (run_resources_prepare_cgroup(run->resources, ret_failure) < 0)
		return -ret_failure->error;
	spec->cgroup = run->resources->cgroup;
	spec->settings = run_resources_helper_settings(run->resources);
	spec->settings.state = spec->state;
	spec->settings.state_length = spec->state_length;
	return 0;
}

static int start_proc(struct run *run, struct proc_spec *spec, struct spawn_failure *ret_failure)
{
	int r = add_resources(run, spec, ret_failure);

	return r < 0 ? r
		     : proc_start(run->context->procs, spec, on_hook_done, run, &run->proc,
				  ret_failure);
}

static int start_hook(struct run *run, struct spawn_failure *ret_failure)
{
	struct hp_hook_result *result = &run->result.hooks[run->current];
	const struct hp_hook *hook = &run->request.hooks.hooks[run->current];
	struct proc_spec spec;
	int r = hook_spec_fill(run, hook, &spec);

	*ret_failure = (struct spawn_failure){.step = SPAWN_STEP_EXEC, .error = ENOMEM};
	spec.timeout_ns = timeout_left_ns(run, hook);
	if (r == 0)
		r = start_proc(run, &spec, ret_failure);
	/*
	 * Once more in another cgroup: what other processes did to this one must not fail the hook.
	 */
	if (r < 0 && ret_failure->step == SPAWN_STEP_CGROUP &&
	    run_resources_drop_lost_cgroup(run->resources))
		r = start_proc(run, &spec, ret_failure);
	if (r < 0) {
		proc_describe_failure(ret_failure, result);
		return r;
	}
	if (has_listener(run))
		proc_listen(run->proc, on_hook_output);
	if (has_one_behind(run))
		proc_pause_output(run->proc, true);
	result->pid = proc_pid(run->proc);
	result->started_us = proc_started_us(run->proc);
	return 0;
}

static void on_hook_output(struct proc *proc, int stream, const char *bytes, size_t length,
			   void *userdata)
{
	struct run *run = userdata;

	(void)proc;
	notify(run, &(struct run_event){
			.type = RUN_EVENT_OUTPUT,
			.index = run->current,
			.stream = stream,
			.bytes = bytes,
			.length = length,
		    });
}

/* ---- the list ---- */

static void run_finish(struct run *run)
{
	assert(run->state != RUN_DONE && !run->proc);
	run->result.ignored = take_ptr(run->resources->ignored);
	release_resources(run);
	hook_target_clear(&run->target);
	run->is_waiting = false;
	run_result_close(run);
	run->state = RUN_DONE;
	charge_release(&run->charge);
	run->context->ending(run, run->context->userdata);
	notify(run, &(struct run_event){
			.type = run->is_turned_away ? RUN_EVENT_TURNED_AWAY : RUN_EVENT_DONE,
			.reason = run->result.error,
		    });
	run->context->done(run, run->context->userdata);
}

/* Records the result of the current hook. False: the list ends with it. */
static bool hook_finished(struct run *run)
{
	struct hp_hook_result *result = &run->result.hooks[run->current];
	bool ends = !result->success && !hp_stage_continues_on_failure(run->request.stage);

	run_result_record(run);
	notify(run, &(struct run_event){
			.type = RUN_EVENT_FINISHED,
			.index = run->current,
			.hook = result,
		    });
	/* A failure ends the list: the run has failed, even if it was to be cancelled. */
	if (ends && result->outcome != HP_HOOK_CANCELLED)
		run->is_cancelled = false;
	return !ends && !run->is_cancelled;
}

static bool is_last_hook(const struct run *run)
{
	return run->current + 1 >= run->request.hooks.count;
}

/* ---- turned away ---- */

/*
 * Whether nothing was run, and the same request may succeed later. EAGAIN and ENOMEM do not count
 * if they may come from limits of the request or of its container, which will not pass.
 */
static bool is_passing(const struct run *run, enum spawn_step step, int error, bool was_started)
{
	const struct hp_settings *settings = run->request.settings;
	bool has_container = run->target.container.pid != 0;
	bool is_limit = step == SPAWN_STEP_CGROUP
			    ? has_container
			    : step == SPAWN_STEP_EXEC && settings && settings->resources;

	if (run->current > 0 || run->is_cancelled)
		return false;
	/* The settings were in effect by then, and may have caused the error. */
	if (was_started)
		return error_is_transient(error) && !has_container && !settings &&
		       !(error == ENOMEM && run_resources_limit_memory(run->resources));
	if (error == EMFILE || error == ENFILE)
		return true;
	/* ENOSPC: the kernel's limit of cgroups. EBUSY: the lock of resctrl is taken. */
	if ((step == SPAWN_STEP_CGROUP && error == ENOSPC && !has_container) ||
	    (step == SPAWN_STEP_RDT && error == EBUSY))
		return true;
	return error_is_transient(error) && !is_limit;
}

/* Whether a caller will learn of it and can repeat the request. Else the failure would be lost. */
static bool can_be_turned_away(const struct run *run)
{
	return run->request.request_id || !TAILQ_EMPTY(&run->waiters);
}

void run_turn_away(struct run *run, const char *reason)
{
	assert(run->state != RUN_DONE && !run->is_turned_away);
	if (reason && !run->result.error)
		run->result.error = strdup(reason);
	run->is_turned_away = true;
	run_finish(run);
}

/* True: the run has ended, and may be freed. */
static bool turn_away(struct run *run, enum spawn_step step, int error, bool was_started)
{
	if (!is_passing(run, step, error, was_started) || !can_be_turned_away(run))
		return false;
	run_result_record(run);
	run_turn_away(run, NULL);
	return true;
}

/* ---- the next hook ---- */

/* Starts hooks from run->current on, until one is running or the list has ended. */
static void run_continue(struct run *run)
{
	struct spawn_failure failure;

	assert(run->state == RUN_RUNNING && !run->proc);
	while (run->current < run->request.hooks.count) {
		if (start_hook(run, &failure) == 0) {
			notify(run, &(struct run_event){
					.type = RUN_EVENT_STARTED,
					.index = run->current,
					.hook = &run->result.hooks[run->current],
				    });
			return;
		}
		if (turn_away(run, failure.step, failure.error, false))
			return;
		if (!hook_finished(run) || is_last_hook(run))
			break;
		run->current++;
	}
	run_finish(run);
}

/* ---- waiting for a filter ---- */

static int64_t waited_ns(const struct run *run)
{
	return clock_ns(CLOCK_BOOTTIME) - run->waits_since_ns;
}

/* The timeout of the current hook includes the wait. -ENOMEM. */
static int begin_to_wait(struct run *run)
{
	uint64_t timeout_ns = run_timeout_ns(run, &run->request.hooks.hooks[run->current]);
	int r = 0;

	run->waits_since_ns = clock_ns(CLOCK_BOOTTIME);
	if (timeout_ns == 0) {
		deadline_stop(&run->wait);
		return 0;
	}
	if (!run->wait.timer)
		r = deadline_init(&run->wait, &run->context->procs->deadlines, on_wait_timer, run);
	if (r == 0)
		r = deadline_set(&run->wait, CLOCK_BOOTTIME, ns_from_uint64(timeout_ns));
	return r;
}

static void end_wait(struct run *run)
{
	assert(run->is_waiting && run->state == RUN_RUNNING);
	run->is_waiting = false;
	deadline_clear(&run->wait);
	run->waited_ns = waited_ns(run);
	run_continue(run);
}

static void on_resources_ready(struct run_resources *resources)
{
	end_wait(resources->userdata);
}

static void wait_for_resources(struct run *run)
{
	run->is_waiting = true;
	if (begin_to_wait(run) == 0)
		return;
	run_resources_give_up(run->resources, ENOMEM);
	end_wait(run);
}

/* The timer may be early, and then is set again. */
static void on_wait_timer(evutil_socket_t fd, short what, void *userdata)
{
	struct run *run = userdata;

	(void)fd, (void)what;
	if (deadline_left_ns(&run->wait) > 0 && deadline_wait_on(&run->wait) == 0)
		return;
	run->result.hooks[run->current].outcome = HP_HOOK_TIMED_OUT;
	run->is_waiting = false; /* a waiter may cancel the run, which must not end it in here */
	if (!hook_finished(run) || is_last_hook(run)) {
		run_finish(run);
		return;
	}
	run->current++;
	wait_for_resources(run);
}

void run_start(struct run *run)
{
	assert(run->state == RUN_QUEUED && run->resources);
	run->state = RUN_RUNNING;
	run->started_ns = clock_ns(CLOCK_BOOTTIME);
	run->context->starting(run, run->context->userdata);
	*run->resources = (struct run_resources){
	    .settings = run->request.settings,
	    .dialect = run->request.dialect,
	    .filters = run->context->filters,
	    .rdt = run->context->rdt,
	    .cgroups = run->context->cgroups,
	    .container = hook_target_runs_image(&run->target) ? run->target.container.pid : 0,
	    .ready = on_resources_ready,
	    .userdata = run,
	};
	if (run->request.hooks.count == 0 ||
	    run_resources_acquire(run->resources, run->request.container) == 1)
		run_continue(run);
	else
		wait_for_resources(run);
}

static void on_hook_done(struct proc *proc, void *userdata)
{
	struct run *run = userdata;
	struct hp_hook_result *result = &run->result.hooks[run->current];

	assert(run->proc == proc && run->state == RUN_RUNNING);
	run_result_take(run, proc);
	run->proc = proc_free(proc);
	/*
	 * A kill of the next hook must not reach processes that this one left behind; and a cgroup
	 * that was killed is not used again.
	 */
	if (result->lingering || result->outcome == HP_HOOK_TIMED_OUT)
		run_resources_drop_cgroup(run->resources);
	if (result->outcome == HP_HOOK_SPAWN_FAILED &&
	    turn_away(run, SPAWN_STEP_EXEC, result->failed_errno, true))
		return;
	if (!hook_finished(run) || is_last_hook(run)) {
		run_finish(run);
		return;
	}
	run->current++;
	run_continue(run);
}

void run_cancel(struct run *run)
{
	if (run->state == RUN_DONE)
		return;
	run->is_cancelled = true;
	if (run->proc)
		proc_cancel(run->proc);
	else if (run->state == RUN_QUEUED || run->is_waiting)
		run_finish(run);
	/* Else a waiter cancels it between two hooks: hook_finished() will end the list. */
}

/* ---- for lists of runs ---- */

pid_t run_pid(const struct run *run)
{
	return run->proc ? proc_pid(run->proc) : 0;
}

/* From the result, which is the same after a restart of hookd. */
size_t run_hook(const struct run *run)
{
	size_t last = 0;

	if (run->state != RUN_DONE)
		return run->current;
	for (size_t i = 0; i < run->result.hook_count; i++) {
		if (run->result.hooks[i].outcome == HP_HOOK_SKIPPED)
			continue;
		if (!run->result.hooks[i].success)
			return i;
		last = i;
	}
	return last;
}

const char *run_path(const struct run *run)
{
	return run->result.hook_count == 0 ? NULL : run->result.hooks[run_hook(run)].path;
}

size_t run_size(const struct run *run)
{
	size_t size = sizeof(*run) + run->request.arena.total_bytes;

	for (size_t i = 0; i < run->result.hook_count; i++)
		size += sizeof(struct hp_hook_result) + run->result.hooks[i].output[0].length +
			run->result.hooks[i].output[1].length;
	return size;
}

int64_t run_duration_us(const struct run *run)
{
	if (run->state == RUN_DONE)
		return run->result.duration_us;
	return run->state == RUN_QUEUED ? 0 : (clock_ns(CLOCK_BOOTTIME) - run->started_ns) / 1000;
}
