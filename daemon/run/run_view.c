/* SPDX-License-Identifier: Apache-2.0 */
/* What callers are told of a run, at any time of its life. No state. */
#include "daemon/run/run.h"

#include <string.h>

int run_compare(const struct run *a, const struct run *b)
{
	if (a->submitted_us != b->submitted_us)
		return a->submitted_us < b->submitted_us ? -1 : 1;
	return strcmp(a->id, b->id);
}

pid_t run_pid(const struct run *run)
{
	const struct list *list = run->active ? run->active->list : NULL;

	return list ? list->operations->pid(list) : 0;
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

bool run_hook_is_running(const struct run *run)
{
	return run->state == RUN_RUNNING && run->active->list &&
	       run->result.hooks[run->current].started_us > 0 &&
	       run->result.hooks[run->current].outcome == HP_HOOK_SKIPPED;
}

int64_t run_deadline_us(const struct run *run)
{
	const struct run_active *active = run->active;
	uint64_t timeout_ns;
	int64_t waited_ns;

	if (!run_hook_is_running(run))
		return 0;
	timeout_ns = run_timeout_ns(run, &run->request.hooks.hooks[run->current]);
	waited_ns = run->current == active->order.first ? active->order.waited_ns : 0;
	return timeout_ns == 0 ? 0
			       : run->result.hooks[run->current].started_us +
				     (ns_from_uint64(timeout_ns) - waited_ns) / 1000;
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
	return size > run->recorded_bytes ? size : run->recorded_bytes;
}

int64_t run_queued_us(const struct run *run)
{
	if (run->state == RUN_DONE)
		return run->result.queued_us;
	return ((run->state == RUN_QUEUED ? clock_ns(CLOCK_BOOTTIME) : run->started_ns) -
		run->submitted_ns) /
	       1000;
}

int64_t run_duration_us(const struct run *run)
{
	if (run->state == RUN_DONE)
		return run->result.duration_us;
	return run->state == RUN_QUEUED ? 0 : (clock_ns(CLOCK_BOOTTIME) - run->started_ns) / 1000;
}

bool run_has_notify_profile(const struct run *run)
{
	const struct hp_settings *settings = run->request.settings;
	const struct hp_seccomp *profile = settings ? settings->seccomp : NULL;

	for (size_t i = 0; profile && i < profile->rule_count; i++)
		if (profile->rules[i].action == HP_SECCOMP_NOTIFY)
			return true;
	return false;
}
