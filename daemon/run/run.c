/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One run: the hooks of one stage of one container, in their order, and the result they make.
 *
 *	QUEUED --run_start()--> RUNNING --last hook, failure, cancel--> DONE
 *
 * The first failure ends the list and the rest is skipped; poststop goes on (runtime-spec,
 * runtime.md, Lifecycle). Created by ipc/, started by sched.c, owned by store.c, which keeps it
 * when it is done. Knows neither JSON nor connections: who listens is a run_waiter.
 */
#include "daemon/run/run.h"

#include <stdio.h>
#include <string.h>

#include "daemon/run/sentence.h"

/* Written as JSON this can grow sixfold, and must stay below HP_REPLY_BYTES_MAX with the rest. */
#define RUN_OUTPUT_BYTES_MAX (1024u * 1024)

static void on_hook_done(struct proc *proc, void *userdata);
static void on_hook_output(struct proc *proc, int stream, const char *bytes, size_t length,
			   void *userdata);

const char *const run_state_names[RUN_STATE_COUNT] = {
    [RUN_QUEUED] = "queued",
    [RUN_RUNNING] = "running",
    [RUN_DONE] = "done",
};

/* ---- life ---- */

static int prepare_result(struct run *run)
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

int run_new(const struct run_context *context, const char *id, uid_t uid,
	    struct hp_request *request, const struct enter_target *target, struct run **ret_run)
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
	run->target = ENTER_NOWHERE;
	run->provision = calloc(1, sizeof(*run->provision));
	r = run->provision ? prepare_result(run) : -ENOMEM;
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

/* A run is kept long after it was run, and this is a good part of it. */
static void drop_provision(struct run *run)
{
	if (!run->provision)
		return;
	provision_release(run->provision);
	free(take_ptr(run->provision));
}

int run_new_lost(const struct run_context *context, const char *id, uid_t uid,
		 struct hp_request *request, int64_t submitted_us, struct run **ret_run)
{
	const struct enter_target nowhere = ENTER_NOWHERE;
	struct run *run;
	int r = run_new(context, id, uid, request, &nowhere, &run);

	if (r < 0)
		return r;
	drop_provision(run);
	run->submitted_us = submitted_us;
	run->state = RUN_DONE;
	run->is_started = true;
	run->finished_ns = clock_ns(CLOCK_BOOTTIME);
	run->result.outcome = HP_RUN_LOST;
	while (run->result.hook_count > 0)
		hp_hook_result_clear(&run->result.hooks[--run->result.hook_count]);
	run->result.error = strdup("hookd ended while the run was going on: what its hooks did is "
				   "not known, and they are not run again");
	*ret_run = run;
	return 0;
}

void run_found(struct run *run, struct hp_run_result *result)
{
	hp_run_result_clear(&run->result);
	run->result = *result;
}

struct run *run_free(struct run *run)
{
	if (!run)
		return NULL;
	proc_free(run->proc);
	drop_provision(run);
	enter_target_clear(&run->target);
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

/* ---- the environment ---- */

/* "name=value" in the request's arena. */
static char *make_variable(struct hp_request *request, const char *name, const char *value)
{
	size_t size = strlen(name) + strlen("=") + strlen(value) + 1;
	char *variable = hp_arena_alloc(&request->arena, size);

	if (variable)
		snprintf(variable, size, "%s=%s", name, value);
	return variable;
}

/*
 * A hook's environment is what its request says and nothing of hookd's own. Where the request says
 * nothing, PATH alone: a container's or a runtime's variables have been a way in (CVE-2025-23266).
 */
static char **hook_environment(struct run *run, const struct hp_hook *hook)
{
	struct hp_request *request = &run->request;
	size_t count = 0;
	char **environment;

	while (hook->env && hook->env[count])
		count++;
	environment = hp_arena_calloc(&request->arena, count + 3, sizeof(*environment));
	if (!environment)
		return NULL;
	if (hook->env)
		memcpy(environment, hook->env, count * sizeof(*environment));
	else if (!(environment[count++] =
		       make_variable(request, "PATH", run->context->config->default_path)))
		return NULL;
	if (request->traceparent &&
	    !(environment[count++] = make_variable(request, "TRACEPARENT", request->traceparent)))
		return NULL;
	return environment;
}

/* As runc does: without arguments, argv is the path. */
static char **hook_arguments(struct run *run, const struct hp_hook *hook)
{
	char **arguments;

	if (hook->args && hook->args[0])
		return hook->args;
	arguments = hp_arena_calloc(&run->request.arena, 2, sizeof(*arguments));
	if (arguments)
		arguments[0] = hook->path;
	return arguments;
}

/* ---- one hook ---- */

static uint64_t hook_timeout_ns(const struct run *run, const struct hp_hook *hook)
{
	return hook->timeout_ns ? hook->timeout_ns
				: run->context->config->default_timeout_ms * 1000000;
}

static int fill_spec(struct run *run, const struct hp_hook *hook, struct proc_spec *spec)
{
	*spec = (struct proc_spec){
	    .path = hook->path,
	    .argv = hook_arguments(run, hook),
	    .envp = hook_environment(run, hook),
	    .dir = hook->dir,
	    .soft_dir = run->request.bundle,
	    .state = run->request.state,
	    .state_length = run->request.state_length,
	    .timeout_ns = hook_timeout_ns(run, hook),
	    .target = run->target,
	    .any_owner = !run->context->config->check_hook_files,
	};
	return spec->argv && spec->envp ? 0 : -ENOMEM;
}

/* The cgroup that the run has for its hooks, and what else its settings ask for. */
static int provide(struct run *run, struct proc_spec *spec, struct spawn_failure *ret_failure)
{
	if (run->provision->failure.step != SPAWN_STEP_NONE) {
		*ret_failure = run->provision->failure;
		return -ret_failure->error;
	}
	if (provision_cgroup(run->provision, ret_failure) < 0)
		return -ret_failure->error;
	spec->cgroup = run->provision->cgroup;
	spec->settings = provision_settings(run->provision);
	spec->settings.state = spec->state;
	spec->settings.state_length = spec->state_length;
	return 0;
}

static int start_hook(struct run *run)
{
	struct hp_hook_result *result = &run->result.hooks[run->current];
	const struct hp_hook *hook = &run->request.hooks.hooks[run->current];
	struct spawn_failure failure = {.step = SPAWN_STEP_EXEC, .error = ENOMEM};
	struct proc_spec spec;
	int r = fill_spec(run, hook, &spec);

	if (r == 0)
		r = provide(run, &spec, &failure);
	if (r == 0)
		r = proc_start(run->context->procs, &spec, on_hook_done, run, &run->proc, &failure);
	if (r < 0) {
		/* One that could not be watched was killed, and its cgroup is not used again. */
		provision_leave_cgroup(run->provision);
		(void)proc_describe_failure(&failure, result);
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
	struct hp_run_result *result = &run->result;

	result->ignored = take_ptr(run->provision->ignored);
	drop_provision(run);
	enter_target_clear(&run->target);
	run->is_waiting = false;
	run->finished_ns = clock_ns(CLOCK_BOOTTIME);
	if (run->started_ns == 0)
		run->started_ns = run->finished_ns;
	result->queued_us = (run->started_ns - run->submitted_ns) / 1000;
	result->duration_us = (run->finished_ns - run->started_ns) / 1000;
	if (run->is_cancelled)
		result->outcome = HP_RUN_CANCELLED;
	else
		result->outcome = result->error ? HP_RUN_FAILED : HP_RUN_SUCCEEDED;
	run->state = RUN_DONE;
	charge_release(&run->charge);
	run->context->ending(run, run->context->userdata);
	notify(run, &(struct run_event){.type = RUN_EVENT_DONE});
	run->context->done(run, run->context->userdata);
}

/* Books the hook's result; false when the list ends with it. */
static bool hook_finished(struct run *run)
{
	struct hp_hook_result *result = &run->result.hooks[run->current];
	const struct hp_hook *hook = &run->request.hooks.hooks[run->current];

	if (!result->success) {
		result->error = sentence_of_hook(result, hook_timeout_ns(run, hook));
		if (!run->result.error)
			run->result.error = sentence_of_run(run->request.stage, result);
	}
	notify(run, &(struct run_event){
			.type = RUN_EVENT_FINISHED,
			.index = run->current,
			.hook = result,
		    });
	return !run->is_cancelled &&
	       (result->success || hp_stage_continues_on_failure(run->request.stage));
}

/* Starts hooks from run->current on, until one of them is running or the list is at its end. */
static void run_continue(struct run *run)
{
	while (run->current < run->request.hooks.count) {
		if (start_hook(run) == 0) {
			notify(run, &(struct run_event){
					.type = RUN_EVENT_STARTED,
					.index = run->current,
					.hook = &run->result.hooks[run->current],
				    });
			return;
		}
		if (!hook_finished(run) || run->current + 1 == run->request.hooks.count)
			break;
		run->current++;
	}
	run_finish(run);
}

static void on_provided(struct provision *provision)
{
	struct run *run = provision->userdata;

	run->is_waiting = false;
	run_continue(run);
}

void run_start(struct run *run)
{
	run->state = RUN_RUNNING;
	run->started_ns = clock_ns(CLOCK_BOOTTIME);
	run->context->starting(run, run->context->userdata);
	*run->provision = (struct provision){
	    .settings = run->request.settings,
	    .dialect = run->request.dialect,
	    .filters = run->context->filters,
	    .rdt = run->context->rdt,
	    .cgroups = run->context->cgroups,
	    .container = enter_runs_image(&run->target) ? run->target.container.pid : 0,
	    .ready = on_provided,
	    .userdata = run,
	};
	if (provision_get(run->provision, run->request.container) == 1)
		run_continue(run);
	else
		run->is_waiting = true;
}

/* Many loud hooks in one run share a bound, so that a reply stays below what peers take. */
static void bound_output(struct run *run, struct hp_hook_result *result)
{
	for (int i = 0; i < 2; i++) {
		size_t left = RUN_OUTPUT_BYTES_MAX - run->output_bytes;

		if (result->output[i].length > left)
			result->output[i].length = left;
		run->output_bytes += result->output[i].length;
	}
}

static void on_hook_done(struct proc *proc, void *userdata)
{
	struct run *run = userdata;
	struct hp_hook_result *result = &run->result.hooks[run->current];

	if (proc_take_result(proc, result) < 0)
		result->success = false;
	bound_output(run, result);
	run->proc = proc_free(proc);
	/* What it left behind may live on, and a kill of the next hook must not reach that; and a
	 * cgroup that was killed is not used again. */
	if (result->lingering || result->outcome == HP_HOOK_TIMED_OUT)
		provision_leave_cgroup(run->provision);
	if (!hook_finished(run) || run->current + 1 == run->request.hooks.count) {
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
	/* Else a waiter asks for it between two hooks: the list ends when it has returned. */
}

/* ---- what an operator sees ---- */

pid_t run_pid(const struct run *run)
{
	return run->proc ? proc_pid(run->proc) : 0;
}

/* Of the result, which a later daemon has, too. */
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
