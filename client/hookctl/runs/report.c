/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Prints a finished run for run, wait and inspect, and finds the exit status of run and wait. Pure:
 * from a result to bytes and to a number.
 */

#include "client/hookctl/report.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "client/hookctl/hookctl.h"
#include "client/hookctl/table/escape.h"
#include "client/hookctl/table/span.h"
#include "client/hookctl/table/table.h"
#include "proto/base/names.h"

static const struct hp_hook_result *first_failure(const struct hp_run_result *result)
{
	for (size_t i = 0; i < result->hook_count; i++)
		if (!result->hooks[i].success && result->hooks[i].outcome != HP_HOOK_SKIPPED)
			return &result->hooks[i];
	return NULL;
}

int report_exit_status(const struct hp_run_result *result)
{
	const struct hp_hook_result *hook = first_failure(result);

	if (result->outcome == HP_RUN_SUCCEEDED)
		return CTL_EXIT_OK;
	if (result->outcome == HP_RUN_LOST)
		return CTL_EXIT_UNREACHABLE;
	if (result->outcome == HP_RUN_CANCELLED || hook == NULL)
		return CTL_EXIT_FAILED;
	if (hook->outcome == HP_HOOK_TIMED_OUT)
		return CTL_EXIT_TIMED_OUT;
	if (hook->outcome == HP_HOOK_SPAWN_FAILED)
		return CTL_EXIT_SPAWN_FAILED;
	return CTL_EXIT_FAILED;
}

const char *report_hook_words(const struct hp_hook_result *hook,
			      char buffer[static REPORT_WORDS_SIZE])
{
	char name[24];

	switch (hook->outcome) {
	case HP_HOOK_EXITED:
		snprintf(buffer, REPORT_WORDS_SIZE, "exited with %d", hook->exit_status);
		break;
	case HP_HOOK_SIGNALED:
		snprintf(buffer, REPORT_WORDS_SIZE, "killed by %s%s",
			 hp_signal_name(hook->signal, name),
			 hook->oom_killed > 0 ? ", out of memory" : "");
		break;
	case HP_HOOK_TIMED_OUT:
		snprintf(buffer, REPORT_WORDS_SIZE, "timed out");
		break;
	case HP_HOOK_SPAWN_FAILED:
		snprintf(buffer, REPORT_WORDS_SIZE, "could not be started: %s, %s",
			 hook->failed_step != NULL ? hook->failed_step : "unknown step",
			 hp_errno_name(hook->failed_errno, name));
		break;
	default:
		snprintf(buffer, REPORT_WORDS_SIZE, "%s", hp_hook_outcome_names[hook->outcome]);
	}
	return buffer;
}

/* The exit status, signal or errno, by outcome. */
static const char *exit_cell(const struct hp_hook_result *hook, char buffer[static 24])
{
	switch (hook->outcome) {
	case HP_HOOK_EXITED:
		snprintf(buffer, 24, "%d", hook->exit_status);
		return buffer;
	case HP_HOOK_SIGNALED:
		return hp_signal_name(hook->signal, buffer);
	case HP_HOOK_SPAWN_FAILED:
		return hp_errno_name(hook->failed_errno, buffer);
	default:
		return "-";
	}
}

static void add_outcome(struct table *table, const struct hp_hook_result *hook)
{
	char text[64];

	snprintf(text, sizeof(text), "%s%s%s", hp_hook_outcome_names[hook->outcome],
		 hook->lingering ? ", lingering" : "", hook->oom_killed > 0 ? ", oom" : "");
	table_add_coloured(table, text,
			   hook->success		      ? TABLE_GOOD
			   : hook->outcome == HP_HOOK_SKIPPED ? TABLE_DIM
							      : TABLE_BAD);
}

static void add_row(struct table *table, const struct hp_hook_result *hook)
{
	char text[SPAN_SIZE];

	table_addf(table, "%zu", hook->index);
	table_add(table, hook->path);
	add_outcome(table, hook);
	table_add(table, exit_cell(hook, text));
	table_add(table, hook->pid != 0 ? span_format((uint64_t)hook->duration_us, text) : "-");
	table_addf(table, "%" PRIu64, hook->output[0].total);
	table_addf(table, "%" PRIu64, hook->output[1].total);
}

static int append_table(const struct hp_run_result *result, const struct report_style *style,
			struct hp_buf *buf)
{
	static const struct table_column columns[] = {
	    {"#", true},    {"PATH"},	      {"OUTCOME"},     {"EXIT"},
	    {"TIME", true}, {"STDOUT", true}, {"STDERR", true}};
	struct table table = TABLE_INIT(columns);
	int r;

	for (size_t i = 0; i < result->hook_count; i++)
		add_row(&table, &result->hooks[i]);
	r = table_write(&table, style->has_legend, style->has_colour, buf);
	table_free(&table);
	return r;
}

static void append_output(const struct hp_hook_result *hook, int stream, struct hp_buf *buf)
{
	static const char *const names[] = {"stdout", "stderr"};
	const struct hp_output *output = &hook->output[stream];
	char text[160];

	if (output->length == 0)
		return;
	snprintf(text, sizeof(text), "\n%s of hook %zu", names[stream], hook->index);
	hp_buf_append(buf, text, strlen(text));
	if (output->length < output->total) {
		snprintf(text, sizeof(text),
			 ", the first and the last %zu of its %" PRIu64 " bytes", output->length,
			 output->total);
		hp_buf_append(buf, text, strlen(text));
	}
	hp_buf_append(buf, ":\n", 2);
	escape_append(buf, output->bytes, output->length, ESCAPE_LINES);
	if (output->bytes[output->length - 1] != '\n')
		hp_buf_append(buf, "\n", 1);
}

int report_write(const struct hp_run_result *result, const struct report_style *style,
		 struct hp_buf *buf)
{
	int r = result->hook_count > 0 ? append_table(result, style, buf) : 0;

	if (r < 0)
		return r;
	for (size_t i = 0; i < result->hook_count; i++) {
		const struct hp_hook_result *hook = &result->hooks[i];

		if (hook->success && !style->has_all_output)
			continue;
		append_output(hook, 0, buf);
		append_output(hook, 1, buf);
	}
	return buf->failed ? -ENOMEM : 0;
}
