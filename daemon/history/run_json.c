/* SPDX-License-Identifier: Apache-2.0 */
/* The type Run of io.hookd.status: a run and the hook that stands for it. No state. */
#include "daemon/history/run_json.h"

#include "proto/base/names.h"

/* How the hook that stands for the run has ended. */
static void write_outcome(struct hp_json_writer *writer, const struct hp_hook_result *hook)
{
	char buffer[24];

	hp_json_add_string(writer, "hookOutcome", hp_hook_outcome_names[hook->outcome]);
	if (hook->outcome == HP_HOOK_EXITED)
		hp_json_add_int(writer, "exitStatus", hook->exit_status);
	if (hook->outcome == HP_HOOK_SIGNALED)
		hp_json_add_string(writer, "signal", hp_signal_name(hook->signal, buffer));
	if (hook->oom_killed >= 0)
		hp_json_add_bool(writer, "oomKilled", hook->oom_killed > 0);
	if (hook->outcome == HP_HOOK_SPAWN_FAILED)
		hp_json_add_string(writer, "errnoName", hp_errno_name(hook->failed_errno, buffer));
}

static void write_running(struct hp_json_writer *writer, const struct run *run)
{
	int64_t deadline_us = run_deadline_us(run);
	pid_t pid = run_pid(run);

	if (pid > 0)
		hp_json_add_int(writer, "pid", pid);
	hp_json_add_string(writer, "hookOutcome", "running");
	if (deadline_us > 0)
		hp_json_add_int(writer, "deadlineUSec", deadline_us);
}

static void write_hook(struct hp_json_writer *writer, const struct run *run)
{
	size_t index = run_hook(run);

	if (run->state == RUN_QUEUED || run->result.hook_count == 0)
		return;
	hp_json_add_int(writer, "hook", (int64_t)index);
	if (run_hook_is_running(run))
		write_running(writer, run);
	else if (run->state == RUN_DONE || run->result.hooks[index].outcome != HP_HOOK_SKIPPED)
		write_outcome(writer, &run->result.hooks[index]);
}

void run_json_write(struct hp_json_writer *writer, struct run *run)
{
	bool has_outcome = run->state == RUN_DONE && !run->is_turned_away;

	hp_json_begin(writer, '{');
	hp_json_add_string(writer, "run", run->id);
	hp_json_add_string(writer, "requestId", run->request.request_id);
	hp_json_add_string(writer, "container", run->request.container);
	hp_json_add_string(writer, "stage", hp_stage_names[run->request.stage]);
	hp_json_add_string(writer, "state", run_state_names[run->state]);
	if (has_outcome)
		hp_json_add_string(writer, "outcome", hp_run_outcome_names[run->result.outcome]);
	hp_json_add_string(writer, "error", run->result.error);
	hp_json_add_int(writer, "uid", run->uid);
	write_hook(writer, run);
	hp_json_add_int(writer, "hooks", (int64_t)run->request.hooks.count);
	hp_json_add_string(writer, "path", run_path(run));
	hp_json_add_int(writer, "submittedUSec", run->submitted_us);
	hp_json_add_int(writer, "queuedUSec", run_queued_us(run));
	hp_json_add_int(writer, "durationUSec", run_duration_us(run));
	hp_json_end(writer, '}');
}
