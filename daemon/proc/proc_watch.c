/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Watches the exits and pipes of hooks. Owns the lists of procs and their two ticks.
 *
 *	YOUNG --young_for_us()--> watched, in no list --done without its exit--> ABANDONED
 *	   \                      |        ^                                      | exit
 *	    \-- no memory --------|        | memory                               v
 *	                          v        |                                    (freed)
 *	                        UNWATCHED -/
 *
 * Most hooks end within milliseconds, and write less than a pipe holds. So at first only the exit
 * is watched, and the pipes are added at the next tick if the hook is still running. This saves
 * four system calls for each short hook. With many hooks at once each waits for a CPU, and for this
 * process, so the tick is later then.
 *
 * If an exit or a pipe cannot be added to the event loop, for lack of memory or by a limit of
 * epoll(7), it is polled at each tick until it can be added.
 */
#include "daemon/proc/proc_watch.h"

#include <assert.h>

#include "daemon/base/loop.h"

#define YOUNG_FOR_US   (12 * 1000)
#define YOUNG_EACH_US  500 /* about what a hook takes on a busy CPU */
#define YOUNG_MAX_US   (100 * 1000)
#define RETRY_EVERY_US (20 * 1000)

/* ---- the lists ---- */

static void move_to(struct proc *proc, struct proc_list *list)
{
	struct procs *procs = proc->procs;

	procs->young_count -= proc->list == &procs->young;
	procs->young_count += list == &procs->young;
	if (proc->list)
		TAILQ_REMOVE(proc->list, proc, link);
	proc->list = list;
	if (list)
		TAILQ_INSERT_TAIL(list, proc, link);
}

void proc_unwatch(struct proc *proc)
{
	struct procs *procs = proc->procs;
	bool was_young = proc->list == &procs->young;

	move_to(proc, NULL);
	if (was_young && TAILQ_EMPTY(&procs->young))
		tick_rest(procs->young_tick);
}

void proc_watch_later(struct proc *proc)
{
	if (proc->state != PROC_ABANDONED)
		move_to(proc, &proc->procs->unwatched);
	tick_set(proc->procs->retry_tick, RETRY_EVERY_US);
}

/* ---- watching ---- */

static void on_exit_event(void *userdata)
{
	(void)proc_take_exit(userdata);
}

static int watch_exit(struct proc *proc)
{
	return exit_watch_start(&proc->exit_watch, proc->procs->base, proc->child.pidfd,
				on_exit_event, proc);
}

/* No event will report its exit. */
static bool is_unwatched(const struct proc *proc)
{
	return !proc->exited_ns && !exit_watch_is_on(&proc->exit_watch);
}

/*
 * The hook is no longer young: its pipes are watched, and the descriptors of its cgroup are closed,
 * since they are not needed before it ends.
 */
void proc_watch_output(struct proc *proc)
{
	int r = capture_watch(&proc->out[0]);

	if (r == 0)
		r = capture_watch(&proc->out[1]);
	if (r < 0 || is_unwatched(proc))
		proc_watch_later(proc);
	else
		proc_unwatch(proc);
	if (proc->cgroup)
		cgroup_rest(proc->cgroup);
}

static int young_for_us(const struct procs *procs)
{
	size_t us = YOUNG_FOR_US + procs->young_count * YOUNG_EACH_US;

	return us < YOUNG_MAX_US ? (int)us : YOUNG_MAX_US;
}

/*
 * Only here, and not when a hook starts: in the same turn of the event loop, exits of young hooks
 * may be known and not handled yet. The tick is set for a whole period again: a kernel timer that
 * expires before the next scheduler tick costs more than to watch a hook's pipes.
 */
static void on_young_tick(evutil_socket_t fd, short what, void *userdata)
{
	struct procs *procs = userdata;
	int64_t young_since_ns = clock_ns(CLOCK_BOOTTIME) - young_for_us(procs) * 1000ll;
	struct proc *proc;

	(void)fd, (void)what;
	tick_rest(procs->young_tick);
	while ((proc = TAILQ_FIRST(&procs->young)) && proc->started_ns <= young_since_ns)
		proc_watch_output(proc);
	if (proc)
		tick_set(procs->young_tick, young_for_us(procs));
}

void proc_watch(struct proc *proc)
{
	struct procs *procs = proc->procs;

	assert(!proc->list && proc->state == PROC_RUNNING);
	if (watch_exit(proc) < 0) {
		proc_watch_later(proc);
		return;
	}
	if (TAILQ_EMPTY(&procs->young))
		tick_set(procs->young_tick, YOUNG_FOR_US);
	move_to(proc, &procs->young);
}

void proc_watch_successor(struct proc *proc)
{
	if (watch_exit(proc) < 0)
		proc_watch_later(proc);
}

void proc_keep_watching(struct proc *proc)
{
	assert(proc->state == PROC_ABANDONED && !proc->exited_ns);
	move_to(proc, &proc->procs->abandoned);
	if (!exit_watch_is_on(&proc->exit_watch))
		tick_set(proc->procs->retry_tick, RETRY_EVERY_US);
}

/* ---- polling ---- */

static void retry(struct proc *proc)
{
	if (is_unwatched(proc) && watch_exit(proc) < 0 && proc_take_exit(proc))
		return; /* it may be freed */
	capture_look(&proc->out[0]);
	capture_look(&proc->out[1]);
	proc_watch_output(proc);
}

static bool retry_abandoned(struct procs *procs)
{
	struct proc *proc, *next;
	bool is_any_left = false;

	for (proc = TAILQ_FIRST(&procs->abandoned); proc; proc = next) {
		next = TAILQ_NEXT(proc, link);
		if (is_unwatched(proc) && watch_exit(proc) < 0)
			is_any_left |= !proc_take_exit(proc);
	}
	return is_any_left;
}

/* Each proc is moved to the end of the list first, as its done() may start and free others. */
static void on_retry_tick(evutil_socket_t fd, short what, void *userdata)
{
	struct procs *procs = userdata;
	struct proc *proc;
	size_t count = 0;

	(void)fd, (void)what;
	tick_rest(procs->retry_tick);
	TAILQ_FOREACH (proc, &procs->unwatched, link)
		count++;
	for (; count > 0 && (proc = TAILQ_FIRST(&procs->unwatched)); count--) {
		move_to(proc, &procs->unwatched);
		retry(proc);
	}
	if (retry_abandoned(procs) || !TAILQ_EMPTY(&procs->unwatched))
		tick_set(procs->retry_tick, RETRY_EVERY_US);
}

/* ---- procs ---- */

int proc_watch_init(struct procs *procs)
{
	int r = tick_new(procs->base, on_young_tick, procs, &procs->young_tick);

	TAILQ_INIT(&procs->young);
	TAILQ_INIT(&procs->unwatched);
	TAILQ_INIT(&procs->abandoned);
	return r < 0 ? r : tick_new(procs->base, on_retry_tick, procs, &procs->retry_tick);
}

void proc_watch_clear(struct procs *procs)
{
	if (procs->young_tick)
		event_free(take_ptr(procs->young_tick));
	if (procs->retry_tick)
		event_free(take_ptr(procs->retry_tick));
}
