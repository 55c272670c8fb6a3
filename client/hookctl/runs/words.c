/* SPDX-License-Identifier: Apache-2.0 */

/*
 * The words for states and ends of runs and hooks, the same in all verbs, and the exit status that
 * belongs to them. Pure.
 */

#include "client/hookctl/runs/words.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "client/hookctl/hookctl.h"

/* How a hook has ended; of a run's hook and of a hook's result. */
struct end {
	const char *outcome;
	int exit_status;
	const char *signal;
	int oom_killed;
	const char *errno_name;
};

static bool is(const char *text, const char *other)
{
	return text != NULL && strcmp(text, other) == 0;
}

const char *words_file_name(const char *path)
{
	const char *slash = path != NULL ? strrchr(path, '/') : NULL;

	return slash != NULL && slash[1] != '\0' ? slash + 1 : path != NULL ? path : "";
}

/* Why it has failed: "failed (3)". */
static void append_failure(const struct end *end, struct hp_buf *buf)
{
	if (is(end->outcome, "timed_out"))
		hp_buf_format(buf, "timed out");
	else if (end->oom_killed > 0)
		hp_buf_format(buf, "failed (OOM)");
	else if (is(end->outcome, "signaled") && end->signal != NULL)
		hp_buf_format(buf, "failed (%s)", end->signal);
	else if (is(end->outcome, "spawn_failed"))
		hp_buf_format(buf, "failed (%s%snot started)",
			      end->errno_name != NULL ? end->errno_name : "",
			      end->errno_name != NULL ? ": " : "");
	else if (is(end->outcome, "exited") && end->exit_status >= 0)
		hp_buf_format(buf, "failed (%d)", end->exit_status);
	else
		hp_buf_format(buf, "failed");
}

/* ---- runs ---- */

static void append_hook(const struct hookd_run_info *run, struct hp_buf *buf)
{
	if (run->hook < 0)
		return;
	hp_buf_format(buf, " #%" PRId64 "/%" PRIu64, run->hook, run->hook_count);
	if (run->path != NULL)
		hp_buf_format(buf, " %s", words_file_name(run->path));
}

static void append_failed_run(const struct hookd_run_info *run, struct hp_buf *buf)
{
	const struct end end = {run->hook_outcome, run->exit_status, run->signal, run->oom_killed,
				run->errno_name};

	append_failure(&end, buf);
	append_hook(run, buf);
}

void words_of_run(const struct hookd_run_info *run, struct hp_buf *buf)
{
	const char *state = run->outcome != NULL ? run->outcome : run->state;

	if (is(run->outcome, "failed")) {
		append_failed_run(run, buf);
	} else if (is(run->outcome, "succeeded")) {
		hp_buf_format(buf, "succeeded, %" PRIu64 " hook%s", run->hook_count,
			      run->hook_count == 1 ? "" : "s");
	} else {
		hp_buf_format(buf, "%s", state != NULL ? state : "");
		if (!is(run->state, "queued"))
			append_hook(run, buf);
	}
}

char *words_of_run_text(const struct hookd_run_info *run)
{
	struct hp_buf buf = HP_BUF_INIT;

	words_of_run(run, &buf);
	hp_buf_append(&buf, "", 1);
	if (!buf.failed)
		return buf.data;
	hp_buf_free(&buf);
	return NULL;
}

enum table_colour words_colour_of_run(const struct hookd_run_info *run)
{
	if (is(run->outcome, "failed") || is(run->outcome, "lost"))
		return TABLE_BAD;
	return is(run->outcome, "cancelled") ? TABLE_DIM : TABLE_PLAIN;
}

int words_exit_status(const struct hookd_run_info *run)
{
	if (is(run->outcome, "succeeded"))
		return CTL_EXIT_OK;
	if (is(run->outcome, "lost"))
		return CTL_EXIT_UNREACHABLE;
	if (is(run->outcome, "cancelled"))
		return CTL_EXIT_FAILED;
	if (is(run->hook_outcome, "timed_out"))
		return CTL_EXIT_TIMED_OUT;
	return is(run->hook_outcome, "spawn_failed") ? CTL_EXIT_SPAWN_FAILED : CTL_EXIT_FAILED;
}

/* ---- hooks ---- */

void words_of_hook(const struct hookd_hook_result *hook, struct hp_buf *buf)
{
	const struct end end = {hook->outcome, hook->exit_status, hook->signal, hook->oom_killed,
				hook->errno_name};

	if (hook->success)
		hp_buf_format(buf, "succeeded");
	else if (is(hook->outcome, "running") || is(hook->outcome, "cancelled") ||
		 is(hook->outcome, "skipped") || is(hook->outcome, "unknown"))
		hp_buf_format(buf, "%s", hook->outcome);
	else
		append_failure(&end, buf);
	if (hook->lingering)
		hp_buf_format(buf, ", left processes");
}

enum table_colour words_colour_of_hook(const struct hookd_hook_result *hook)
{
	if (hook->success || is(hook->outcome, "running"))
		return TABLE_PLAIN;
	return is(hook->outcome, "skipped") || is(hook->outcome, "cancelled") ? TABLE_DIM
									      : TABLE_BAD;
}
