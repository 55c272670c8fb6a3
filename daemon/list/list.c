/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Runs the hooks of a list in order. Owns the process of the current hook, and the cgroup.
 *
 *	RUNNING --last hook, failure, cancel--> ENDED (freed when ended() has returned)
 *
 * After the first failure the other hooks are skipped, except at poststop (runtime-spec,
 * runtime.md, "Lifecycle"). If the first hook cannot be started for lack of a resource that others
 * will release, the list ends as refused: nothing was run.
 *
 * The listener may cancel the list from any of its callbacks. If no hook is running then, only
 * is_cancelled is set, and the list ends when the callback has returned.
 */
#include "daemon/list/list.h"

#include <assert.h>
#include <string.h>

#include "daemon/list/hook_spec.h"
#include "daemon/list/list_cgroup.h"

struct local_list {
	struct list list;
	const struct list_context *context;
	const struct list_order *order;
	const struct list_listener *listener;
	void *userdata;
	struct hp_arena arena;
	struct list_cgroup cgroup;
	struct proc *proc; /* of the current hook; NULL between two hooks */
	size_t current;
	int64_t waited_ns;
	bool is_cancelled;
	bool is_listened_to, is_paused;
};

static void on_output(struct proc *proc, const struct hook_output *output, void *userdata);
static void on_moved(struct proc *proc, void *userdata);
static void on_hook_done(struct proc *proc, void *userdata);

/* ---- one hook ---- */

static uint64_t timeout_ns(struct local_list *list, const struct hp_hook *hook)
{
	uint64_t timeout_ns = hook->timeout_ns ? hook->timeout_ns : list->order->default_timeout_ns;
	uint64_t waited_ns = (uint64_t)list->waited_ns;

	list->waited_ns = 0;
	if (timeout_ns == 0 || waited_ns == 0)
		return timeout_ns;
	return timeout_ns > waited_ns ? timeout_ns - waited_ns : 1;
}

/* Adds the cgroup and the settings to the spec. -errno with *ret_failure. */
static int add_resources(struct local_list *list, struct proc_spec *spec,
			 struct spawn_failure *ret_failure)
{
	struct cgroup *cgroup;

	if (list->order->failure.step != SPAWN_STEP_NONE) {
		*ret_failure = list->order->failure;
		return -ret_failure->error;
	}
	if (list_cgroup_prepare(&list->cgroup, ret_failure) < 0)
		return -ret_failure->error;
	cgroup = list->cgroup.cgroup;
	spec->cgroup = cgroup;
	spec->settings = list->order->settings;
	spec->settings.state = spec->state;
	spec->settings.state_length = spec->state_length;
	if (cgroup && cgroup_is_of_container(cgroup))
		spec->settings.container_cgroup = cgroup;
	return 0;
}

static int start_proc(struct local_list *list, struct proc_spec *spec,
		      struct spawn_failure *ret_failure)
{
	int r = add_resources(list, spec, ret_failure);

	return r < 0 ? r
		     : proc_start(list->context->procs, spec, on_hook_done, list, &list->proc,
				  ret_failure);
}

/* EAGAIN: of a limit of processes, perhaps in the directory of the cgroups. */
static bool may_be_of_cgroup(const struct spawn_failure *failure)
{
	return failure->step == SPAWN_STEP_CGROUP || failure->error == EAGAIN;
}

static int start_hook(struct local_list *list, struct spawn_failure *ret_failure)
{
	const struct hp_hook *hook = &list->order->hooks->hooks[list->current];
	struct proc_spec spec;
	int r = hook_spec_fill(list->order, hook, &list->arena, &spec);

	assert(!list->proc && list->current < list->order->hooks->count);
	*ret_failure = (struct spawn_failure){.step = SPAWN_STEP_EXEC, .error = ENOMEM};
	spec.timeout_ns = timeout_ns(list, hook);
	/* It is in no cgroup of hookd's: nobody would find it if this process died now. */
	spec.is_held = !list->context->cgroups || hook_target_runs_image(&list->order->target);
	if (r == 0)
		r = start_proc(list, &spec, ret_failure);
	/* Try again in another cgroup: changes by other processes must not fail the hook. */
	if (r < 0 && may_be_of_cgroup(ret_failure) &&
	    list_cgroup_drop_lost(&list->cgroup, ret_failure->error))
		r = start_proc(list, &spec, ret_failure);
	if (r < 0)
		return r;
	proc_on_moved(list->proc, on_moved);
	if (list->is_listened_to)
		proc_listen(list->proc, on_output);
	if (list->is_paused)
		proc_pause_output(list->proc, true);
	return 0;
}

static void on_moved(struct proc *proc, void *userdata)
{
	struct local_list *list = userdata;

	if (list->listener->moved)
		list->listener->moved(list->userdata, list->current, proc_pid(proc));
	proc_release(proc);
}

static void on_output(struct proc *proc, const struct hook_output *output, void *userdata)
{
	struct local_list *list = userdata;

	(void)proc;
	list->listener->output(list->userdata, list->current, output);
}

/* ---- refused lists ---- */

/*
 * Whether the same request may succeed later. EAGAIN and ENOMEM do not count if they may come from
 * limits of the request or of its container, which stay.
 */
static bool is_transient(const struct local_list *list, enum spawn_step step, int error,
			 bool was_started)
{
	const struct hp_settings *settings = list->order->settings.settings;
	bool has_container = list->order->target.container.pid != 0;
	bool is_limit = step == SPAWN_STEP_CGROUP
			    ? has_container
			    : step == SPAWN_STEP_EXEC && settings && settings->resources;

	/* The settings were in effect by then, and may have caused the error. */
	if (was_started)
		return error_is_transient(error) && !has_container && !settings &&
		       !(error == ENOMEM && list_cgroup_limits_memory(&list->cgroup));
	if (error == EMFILE || error == ENFILE)
		return true;
	/* ENOSPC: the kernel's limit of cgroups. EBUSY: the lock of resctrl is taken. */
	if ((step == SPAWN_STEP_CGROUP && error == ENOSPC && !has_container) ||
	    (step == SPAWN_STEP_RDT && error == EBUSY))
		return true;
	return error_is_transient(error) && !is_limit;
}

static bool can_be_refused(const struct local_list *list, enum spawn_step step, int error,
			   bool was_started)
{
	return list->order->may_be_refused && list->current == 0 && !list->is_cancelled &&
	       is_transient(list, step, error, was_started);
}

/* ---- the list ---- */

static void free_list(struct local_list *list)
{
	proc_free(list->proc);
	list_cgroup_drop(&list->cgroup);
	free(list->cgroup.ignored);
	hp_arena_free(&list->arena);
	free(list);
}

static void end(struct local_list *list, struct hp_hook_result *refusal)
{
	struct list_end end = {
	    .refusal = refusal,
	    .is_cancelled = list->is_cancelled,
	    .ignored = take_ptr(list->cgroup.ignored),
	};

	assert(!list->proc);
	/* Before ended(), so that a list that the listener starts can use the cgroup. */
	list_cgroup_drop(&list->cgroup);
	list->listener->ended(list->userdata, &end);
	free_list(list);
}

/* Reports the result of the current hook. False: the list has ended, and is freed. */
static bool hook_ended(struct local_list *list, struct hp_hook_result *result)
{
	bool ends = !result->success && !hp_stage_continues_on_failure(list->order->stage);
	bool was_cancelled = result->outcome == HP_HOOK_CANCELLED;

	list->listener->finished(list->userdata, list->current, result);
	/* A failure ends the list as failed, even if cancel() was called. */
	if (ends && !was_cancelled)
		list->is_cancelled = false;
	list->current++;
	if (!ends && !list->is_cancelled && list->current < list->order->hooks->count)
		return true;
	end(list, NULL);
	return false;
}

static bool hook_failed_to_start(struct local_list *list, const struct spawn_failure *failure)
{
	struct hp_hook_result result = {.index = list->current, .oom_killed = -1};

	proc_describe_failure(failure, &result);
	if (!can_be_refused(list, failure->step, failure->error, false))
		return hook_ended(list, &result);
	end(list, &result);
	return false;
}

/* Starts hooks from the current one on, until one is running or the list has ended. */
static void start_next(struct local_list *list)
{
	struct spawn_failure failure;

	while (start_hook(list, &failure) < 0)
		if (!hook_failed_to_start(list, &failure))
			return;
	list->listener->started(list->userdata, list->current, proc_pid(list->proc),
				proc_started_us(list->proc));
	proc_release(list->proc);
}

static void on_hook_done(struct proc *proc, void *userdata)
{
	struct local_list *list = userdata;
	struct hp_hook_result result = {.index = list->current};

	assert(proc == list->proc);
	proc_take_result(proc, &result);
	list->proc = proc_free(proc);
	/*
	 * A kill of the next hook must not reach processes that this one has left behind; and a
	 * cgroup that was killed is not used again.
	 */
	if (result.lingering || result.outcome == HP_HOOK_TIMED_OUT)
		list_cgroup_drop(&list->cgroup);
	if (result.outcome == HP_HOOK_SPAWN_FAILED &&
	    can_be_refused(list, SPAWN_STEP_EXEC, result.failed_errno, true))
		end(list, &result);
	else if (hook_ended(list, &result))
		start_next(list);
}

/* ---- struct list_operations ---- */

static struct local_list *local(struct list *list)
{
	return container_of(list, struct local_list, list);
}

static void list_cancel(struct list *base)
{
	struct local_list *list = local(base);

	list->is_cancelled = true;
	/* No process: called by the listener between two hooks; hook_ended() ends the list. */
	if (list->proc)
		proc_cancel(list->proc);
}

static void list_listen(struct list *base)
{
	struct local_list *list = local(base);

	if (list->proc && !list->is_listened_to)
		proc_listen(list->proc, on_output);
	list->is_listened_to = true;
	if (list->proc)
		proc_recall_output(list->proc, on_output);
}

static void list_recall(struct list *base)
{
	struct local_list *list = local(base);

	if (list->proc)
		proc_recall_output(list->proc, on_output);
}

static void list_pause(struct list *base, bool is_paused)
{
	struct local_list *list = local(base);

	list->is_paused = is_paused;
	if (list->proc)
		proc_pause_output(list->proc, is_paused);
}

static pid_t list_pid(const struct list *base)
{
	const struct local_list *list = local((struct list *)base);

	return list->proc ? proc_pid(list->proc) : 0;
}

static void list_free(struct list *base)
{
	free_list(local(base));
}

static const struct list_operations operations = {
    .cancel = list_cancel,
    .listen = list_listen,
    .recall = list_recall,
    .pause = list_pause,
    .pid = list_pid,
    .free = list_free,
};

int list_start_here(struct list_starter *starter, const struct list_order *order,
		    const struct list_listener *listener, void *userdata, struct list **ret_list)
{
	const struct list_context *context = container_of(starter, struct list_context, starter);
	struct local_list *list = calloc(1, sizeof(*list));

	assert(order->first <= order->hooks->count);
	if (!list)
		return -ENOMEM;
	*list = (struct local_list){
	    .list.operations = &operations,
	    .context = context,
	    .order = order,
	    .listener = listener,
	    .userdata = userdata,
	    .cgroup = list_cgroup_for(order, context->cgroups),
	    .current = order->first,
	    .waited_ns = order->waited_ns,
	    .is_listened_to = order->is_listened_to,
	    .is_paused = order->is_paused,
	};
	*ret_list = &list->list;
	if (list->current < order->hooks->count)
		start_next(list);
	else
		end(list, NULL);
	return 0;
}
