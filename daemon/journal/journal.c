/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The messages about runs: `CONTAINER STAGE: WHAT (run ID)`. What a hook has written is in none of
 * them, since others may read the log. Keeps no state but rates.
 */
#include "daemon/journal/journal.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "daemon/journal/message_id.h"
#include "daemon/journal/output.h"
#include "proto/base/names.h"

#define REFUSALS_MAX 100
#define WHAT_SIZE    (HP_ERR_REASON_SIZE + 64)

/* Room for the texts of the fields that are numbers, or names of numbers. */
struct texts {
	char uid[12], hook[24], status[24], duration[24];
};

struct message {
	struct log_field fields[LOG_FIELDS_MAX];
	int count;
	struct texts texts;
};

static void add(struct message *message, const char *name, const char *value)
{
	if (value)
		message->fields[message->count++] = (struct log_field){name, value};
}

/* What all messages about a run have. */
static void begin(struct message *message, const struct run *run, const char *id)
{
	const struct hp_request *request = &run->request;

	message->count = 0;
	snprintf(message->texts.uid, sizeof(message->texts.uid), "%u", run->uid);
	add(message, "MESSAGE_ID", id);
	add(message, "HOOKD_RUN", run->id);
	add(message, "HOOKD_CONTAINER", request->container);
	add(message, "HOOKD_STAGE", hp_stage_names[request->stage]);
	add(message, "HOOKD_UID", message->texts.uid);
	add(message, "HOOKD_REQUEST_ID", request->request_id);
	add(message, "HOOKD_TRACEPARENT", request->traceparent);
}

static void __attribute__((format(printf, 4, 5)))
write_message(const struct message *message, int priority, const struct run *run,
	      const char *format, ...)
{
	char what[512];
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(what, sizeof(what), format, arguments);
	va_end(arguments);
	log_write(priority, message->fields, message->count, "%s %s: %s (run %s)",
		  run->request.container, hp_stage_names[run->request.stage], what, run->id);
}

/* ---- texts ---- */

static const char *plural(size_t count)
{
	return count == 1 ? "" : "s";
}

/* "7.1ms", "30s" */
static const char *print_duration(int64_t us, char text[static 24])
{
	double ms = (double)us / 1000, s = ms / 1000;

	if (s >= 1)
		snprintf(text, 24, "%.*fs", s < 10, s);
	else
		snprintf(text, 24, "%.*fms", ms < 10, ms);
	return text;
}

/* " #1/3 /bin/notify"; "" if the run has no hooks. */
static const char *print_hook(const struct run *run, size_t index, char text[static 300])
{
	const struct hp_hook_list *hooks = &run->request.hooks;

	text[0] = '\0';
	if (index < hooks->count)
		snprintf(text, 300, " #%zu/%zu %s", index, hooks->count, hooks->hooks[index].path);
	return text;
}

/* How the hook has failed: the text in the message, and the field for it. */
static void add_failure(struct message *message, const struct hp_hook_result *hook,
			char text[static WHAT_SIZE])
{
	char *status = message->texts.status;

	switch (hook->outcome) {
	case HP_HOOK_EXITED:
		snprintf(status, sizeof(message->texts.status), "%d", hook->exit_status);
		add(message, "HOOKD_EXIT_STATUS", status);
		snprintf(text, WHAT_SIZE, "failed (%s)", status);
		break;
	case HP_HOOK_SIGNALED:
		add(message, "HOOKD_SIGNAL", hp_signal_name(hook->signal, status));
		snprintf(text, WHAT_SIZE, "failed (%s)",
			 hook->oom_killed == 1 ? "OOM" : message->fields[message->count - 1].value);
		break;
	case HP_HOOK_SPAWN_FAILED:
		add(message, "HOOKD_ERRNO", hp_errno_name(hook->failed_errno, status));
		snprintf(text, WHAT_SIZE, "failed (%s: not started)",
			 message->fields[message->count - 1].value);
		break;
	case HP_HOOK_TIMED_OUT:
		snprintf(text, WHAT_SIZE, "timed out");
		break;
	default:
		snprintf(text, WHAT_SIZE, "failed");
	}
}

/* ---- the end of a run ---- */

/* Of a run that an earlier hookd has begun nobody knows which one it was. */
static size_t last_hook(const struct run *run)
{
	if (!run->is_lost)
		return run_hook(run);
	return run->is_open ? run->request.hooks.count : run->current;
}

static void add_end(struct message *message, const struct run *run, const char *outcome)
{
	size_t index = last_hook(run);
	const struct hp_hook_list *hooks = &run->request.hooks;

	add(message, "HOOKD_OUTCOME", outcome);
	if (index < hooks->count) {
		snprintf(message->texts.hook, sizeof(message->texts.hook), "%zu", index);
		add(message, "HOOKD_HOOK", message->texts.hook);
		add(message, "HOOKD_PATH", hooks->hooks[index].path);
	}
	if (run->is_lost)
		return;
	snprintf(message->texts.duration, sizeof(message->texts.duration), "%" PRId64,
		 run->result.duration_us);
	add(message, "HOOKD_DURATION_USEC", message->texts.duration);
}

static void log_success(const struct run *run)
{
	size_t count = run->request.hooks.count;
	struct message message;
	char duration[24];

	begin(&message, run, MESSAGE_RUN_ENDED);
	add_end(&message, run, "succeeded");
	if (count > 0)
		add(&message, "HOOKD_EXIT_STATUS", "0");
	write_message(&message, LOG_INFO, run, "succeeded, %zu hook%s, %s", count, plural(count),
		      print_duration(run->result.duration_us, duration));
}

static void log_cancel(const struct run *run)
{
	struct message message;
	char hook[300], duration[24];

	begin(&message, run, MESSAGE_RUN_ENDED);
	add_end(&message, run, "cancelled");
	write_message(&message, LOG_INFO, run, "cancelled%s, %s",
		      print_hook(run, run_hook(run), hook),
		      print_duration(run->result.duration_us, duration));
}

static void log_failure(const struct run *run)
{
	const struct hp_hook_result *hook = &run->result.hooks[run_hook(run)];
	bool is_timeout = hook->outcome == HP_HOOK_TIMED_OUT;
	bool is_unstarted = hook->outcome == HP_HOOK_SPAWN_FAILED;
	char what[WHAT_SIZE], text[300], duration[24];
	struct message message;

	begin(&message, run, is_timeout ? MESSAGE_RUN_TIMED_OUT : MESSAGE_RUN_FAILED);
	add_end(&message, run, is_timeout ? "timed_out" : is_unstarted ? "spawn_failed" : "failed");
	add_failure(&message, hook, what);
	write_message(&message, LOG_ERR, run, "%s%s, %s", what, print_hook(run, hook->index, text),
		      print_duration(run->result.duration_us, duration));
}

static void log_loss(const struct run *run)
{
	struct message message;
	char hook[300];

	begin(&message, run, MESSAGE_RUN_LOST);
	add_end(&message, run, "lost");
	write_message(&message, LOG_ERR, run, "lost%s", print_hook(run, last_hook(run), hook));
}

static void log_turned_away(const struct run *run)
{
	const char *error = run->result.error;
	struct message message;

	begin(&message, run, MESSAGE_RUN_TURNED_AWAY);
	write_message(&message, LOG_WARNING, run,
		      "refused for lack of resources, no hook was run: %s",
		      error ? error : "out of memory");
}

static void log_ignored(const struct run *run)
{
	struct message message;

	begin(&message, run, NULL);
	write_message(&message, LOG_WARNING, run, "left out, as the settings allow: %s",
		      run->result.ignored);
}

static void log_start(const struct run *run)
{
	size_t count = run->request.hooks.count;
	struct message message;

	if (!log_is_on(LOG_DEBUG))
		return;
	begin(&message, run, MESSAGE_RUN_STARTED);
	write_message(&message, LOG_DEBUG, run, "started, %zu hook%s", count, plural(count));
}

static bool logs_output(const struct config *config)
{
	return config->log_hook_output && log_is_on(LOG_INFO);
}

void journal_run_started(struct journal *journal, const struct config *config, struct run *run)
{
	log_start(run);
	if (logs_output(config))
		output_follow(journal, run);
}

static void log_end(const struct config *config, const struct run *run)
{
	switch (run->result.outcome) {
	case HP_RUN_FAILED:
		log_failure(run);
		break;
	case HP_RUN_LOST:
		log_loss(run);
		break;
	case HP_RUN_CANCELLED:
		if (config->log_runs && log_is_on(LOG_INFO))
			log_cancel(run);
		break;
	default:
		if (config->log_runs && log_is_on(LOG_INFO))
			log_success(run);
	}
}

void journal_run_done(struct journal *journal, const struct config *config, const struct run *run)
{
	if (run->is_turned_away) {
		log_turned_away(run);
		return;
	}
	if (logs_output(config) && !run->is_output_logged)
		output_log(journal, run);
	log_end(config, run);
	if (run->result.ignored)
		log_ignored(run);
}

/* ---- refused calls ---- */

void journal_refused(struct journal *journal, uid_t uid, const char *method,
		     const struct hp_err *err)
{
	char uid_text[12];
	unsigned long suppressed;
	const struct log_field fields[] = {
	    {"MESSAGE_ID", MESSAGE_CALL_REFUSED},
	    {"HOOKD_METHOD", method},
	    {"HOOKD_UID", uid_text},
	    {"HOOKD_RULE", err->path[0] ? err->path : NULL},
	};

	snprintf(uid_text, sizeof(uid_text), "%u", uid);
	if (!rate_allows(&journal->refusals, REFUSALS_MAX, clock_ns(CLOCK_MONOTONIC), &suppressed))
		return;
	if (suppressed > 0)
		log_warning("%lu more calls were refused", suppressed);
	log_write(LOG_WARNING, fields, ELEMENTS(fields), "refused %s, uid %u: %s", method, uid,
		  err->reason);
}

void journal_clear(struct journal *journal)
{
	output_clear(journal);
}
