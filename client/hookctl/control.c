/* SPDX-License-Identifier: Apache-2.0 */

/* The verbs about the daemon itself: status, ping, metrics, reload, log-level. */

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "client/hookctl/hookctl.h"
#include "client/hookctl/table/escape.h"
#include "client/hookctl/table/span.h"
#include "client/hookctl/table/table.h"
#include "client/hookctl/terminal/nearest.h"

/* ---- status ---- */

/* hookd counts from its start on. */
#define HOUR_US 3600000000

static void append(struct hp_buf *buf, const char *text)
{
	hp_buf_append(buf, text, strlen(text));
}

/* A row of the table; frees the text. */
static void add_row(struct table *table, const char *name, struct hp_buf *text)
{
	table_add(table, name);
	table_add_buf(table, text);
}

/* "a, b" */
static void append_list(struct hp_buf *text, const char *const *words)
{
	for (; *words != NULL; words++) {
		if (text->length > 0)
			append(text, ", ");
		append(text, *words);
	}
}

static void add_list(struct table *table, const char *name, const char *const *words)
{
	struct hp_buf text = HP_BUF_INIT;

	if (*words == NULL)
		return;
	append_list(&text, words);
	add_row(table, name, &text);
}

static void add_config(struct table *table, const struct hookd_status_info *status)
{
	struct hp_buf text = HP_BUF_INIT;

	append_list(&text, status->config_files);
	append(&text, text.length > 0 ? ", log level " : "built in, log level ");
	append(&text, status->log_level != NULL ? status->log_level : "unknown");
	add_row(table, "Config", &text);
}

/* The last reload has failed: hookd goes on with the configuration before it. */
static void add_mistake(struct table *table, const struct hookd_status_info *status)
{
	if (status->config_error_reason == NULL)
		return;
	table_add(table, "Mistake");
	table_addf(table, "%s:%" PRIu64 ": %s%s%s; the old configuration holds",
		   status->config_error_file != NULL ? status->config_error_file : "?",
		   status->config_error_line,
		   status->config_error_key != NULL ? status->config_error_key : "",
		   status->config_error_key != NULL ? ": " : "", status->config_error_reason);
}

/* "+cgroup2 -resctrl": what the kernel has, and what hookd had to do without. */
static void add_kernel(struct table *table, const struct hookd_status_info *status)
{
	struct hp_buf text = HP_BUF_INIT;

	if (status->kernel_release != NULL)
		append(&text, status->kernel_release);
	for (size_t i = 0; i < status->kernel_feature_count; i++) {
		if (text.length > 0)
			append(&text, " ");
		append(&text, status->kernel_features[i].is_there ? "+" : "-");
		append(&text, status->kernel_features[i].name);
	}
	add_row(table, "Kernel", &text);
}

static void add_history(struct table *table, const struct hookd_status_info *status)
{
	char missing[64] = "";

	if (status->history_state == NULL) /* an older hookd */
		return;
	if (status->dropped_history > 0)
		snprintf(missing, sizeof(missing), ", %" PRIu64 " runs are missing",
			 status->dropped_history);
	table_add(table, "History");
	table_addf(table, "%s%s%s%s", status->history_state,
		   status->history_error != NULL ? ": " : "",
		   status->history_error != NULL ? status->history_error : "", missing);
}

static void add_status(struct table *table, const struct hookd_status_info *status)
{
	add_list(table, "Listening", status->addresses);
	add_config(table, status);
	add_mistake(table, status);
	table_add(table, "Runs");
	table_addf(table,
		   "%" PRIu64 " running, %" PRIu64 " queued, %" PRIu64 " kept, %" PRIu64
		   " connections",
		   status->running, status->queued, status->stored, status->connections);
	table_add(table, "Last hour");
	table_addf(
	    table,
	    "%" PRIu64 " failed, %" PRIu64 " timed out, %" PRIu64 " lost, %" PRIu64 " refused%s",
	    status->last_hour_failed, status->last_hour_timed_out, status->last_hour_lost,
	    status->last_hour_refused, status->uptime_us < HOUR_US ? ", since the start" : "");
	if (status->dropped_journal > 0 || status->dropped_watch > 0) {
		table_add(table, "Dropped");
		table_addf(table, "%" PRIu64 " lines of the log, %" PRIu64 " events",
			   status->dropped_journal, status->dropped_watch);
	}
	add_list(table, "Features", status->features);
	add_kernel(table, status);
	add_history(table, status);
}

/* "* hookd 0.2.0 running, pid 712, since Wed 2026-11-25 04:00:02 UTC" */
static void append_title(const struct ctl *ctl, const struct hookd_status_info *status,
			 struct hp_buf *text)
{
	bool is_running = status->state != NULL && strcmp(status->state, "running") == 0;
	char since[SPAN_SIZE], line[256];

	snprintf(line, sizeof(line), "%s*%s hookd %s %s, pid %d, since %s\n",
		 !ctl->has_colour ? ""
		 : is_running	  ? "\x1b[32m"
				  : "\x1b[31m",
		 ctl->has_colour ? "\x1b[0m" : "", status->version != NULL ? status->version : "?",
		 status->state != NULL ? status->state : "?", status->pid,
		 span_format_time((uint64_t)status->started_us, since));
	append(text, line);
}

static int show_status(const struct ctl *ctl, const struct hookd_status_info *status)
{
	static const struct table_column columns[] = {{"", true}, {""}};
	struct table table = TABLE_INIT(columns);
	struct hp_buf text = HP_BUF_INIT;
	int r;

	table.separator = ": ";
	append_title(ctl, status, &text);
	add_status(&table, status);
	r = table_write(&table, &(struct table_style){.width = ctl->width, .wraps = true}, &text);
	if (r == 0)
		r = ctl_page(ctl, &text);
	hp_buf_free(&text);
	table_free(&table);
	return r;
}

#define STATUS_NAMES                                                                               \
	"version|pid|uptimeUSec|startedUSec|state|running|queued|connections|stored|runners|"      \
	"addresses|configFiles|configError|logLevel|lastHour|dropped|history|kernelRelease|"       \
	"features|"                                                                                \
	"kernelFeatures"

int verb_status(struct ctl *ctl)
{
	struct hookd_reply *reply = NULL;
	int r = ctl_open(ctl), shown = CTL_EXIT_OK, failed;

	if (r == 0)
		r = hookd_status(ctl->client, &reply);
	if (r == 0 && ctl->json != CTL_JSON_OFF)
		r = ctl_put_reply(ctl, reply, NULL);
	else if (r == 0 && ctl_has(ctl, OPTION_FORMAT))
		r = ctl_put_formatted_reply(ctl, STATUS_NAMES, reply, &shown);
	else if (r == 0)
		r = show_status(ctl, hookd_reply_status(reply));
	failed = ctl_finish(ctl, reply, r);
	return failed != CTL_EXIT_OK ? failed : shown;
}

/* ---- ping, metrics ---- */

int verb_ping(struct ctl *ctl)
{
	struct hookd_reply *reply = NULL;
	int r = ctl_open(ctl);

	if (r == 0)
		r = hookd_ping(ctl->client, &reply);
	if (r == 0 && ctl->json != CTL_JSON_OFF)
		r = ctl_put_reply(ctl, reply, NULL);
	return ctl_finish(ctl, reply, r);
}

static int show_metrics(const struct ctl *ctl, const char *metrics)
{
	struct hp_buf text = HP_BUF_INIT;

	append(&text, metrics);
	return ctl_page(ctl, &text);
}

int verb_metrics(struct ctl *ctl)
{
	const char *format = ctl_option(ctl, OPTION_METRICS_FORMAT);
	struct hookd_reply *reply = NULL;
	int r = ctl_open(ctl);

	if (r == 0)
		r = hookd_metrics(ctl->client, format != NULL ? format : "prometheus", &reply);
	if (r == 0)
		r = ctl->json != CTL_JSON_OFF ? ctl_put_reply(ctl, reply, NULL)
					      : show_metrics(ctl, hookd_reply_text(reply));
	return ctl_finish(ctl, reply, r);
}

/* ---- reload ---- */

static int show_reloaded(const char *const *files)
{
	struct hp_buf text = HP_BUF_INIT;

	append_list(&text, files);
	if (text.length == 0)
		append(&text, "the built-in configuration");
	hp_buf_append(&text, "", 1);
	if (!text.failed && printf("Reloaded %s\n", text.data) < 0)
		(void)ctl_keep_stdout_error();
	hp_buf_free(&text);
	return ctl_stdout_error() != 0 ? -EIO : 0;
}

/* "hookd.conf:12: MaxRuns=x: not a number; old one kept" */
static int fail_reload(const struct ctl *ctl, int r)
{
	const struct hookd_error *error = hookd_client_last_error(ctl->client);
	const char *sentence = strstr(error->sentence, ": ");

	if (r != -ESHUTDOWN || strcmp(error->name, "io.hookd.control.ConfigError") != 0)
		return ctl_call_failed(ctl, r);
	ctl_error("%s; the old configuration is kept",
		  sentence != NULL ? sentence + 2 : error->sentence);
	return CTL_EXIT_FAILED;
}

int verb_reload(struct ctl *ctl)
{
	struct hookd_reply *reply = NULL;
	int r = ctl_open(ctl);

	if (r == 0) {
		r = hookd_reload(ctl->client, &reply);
		if (r < 0)
			return fail_reload(ctl, r);
		r = ctl->json != CTL_JSON_OFF ? ctl_put_reply(ctl, reply, NULL)
					      : show_reloaded(hookd_reply_strings(reply));
	}
	return ctl_finish(ctl, reply, r);
}

/* ---- log-level ---- */

#define LOG_LEVELS "error|warning|info|debug"

static int show_log_level(struct ctl *ctl)
{
	struct hookd_reply *reply = NULL;
	int r = ctl_open(ctl);

	if (r == 0)
		r = hookd_status(ctl->client, &reply);
	if (r == 0)
		printf("%s\n", hookd_reply_status(reply)->log_level);
	return ctl_finish(ctl, reply, r);
}

static bool is_log_level(const char *word)
{
	const char *at = strstr("|" LOG_LEVELS "|", word);

	return *word != '\0' && strchr(word, '|') == NULL && at != NULL && at[-1] == '|' &&
	       at[strlen(word)] == '|';
}

static int fail_log_level(const char *level)
{
	struct nearest nearest = nearest_new(level);

	nearest_offer_list(&nearest, LOG_LEVELS);
	if (nearest.name != NULL)
		return ctl_usage("log-level: %s: did you mean %.*s?", level, (int)nearest.length,
				 nearest.name);
	return ctl_usage("log-level: %s: not one of " LOG_LEVELS, level);
}

int verb_log_level(struct ctl *ctl)
{
	const char *level = ctl->options.operand_count > 0 ? ctl->options.operands[0] : NULL;
	struct hookd_reply *reply = NULL;
	int r;

	if (level == NULL)
		return show_log_level(ctl);
	if (!is_log_level(level))
		return fail_log_level(level);
	r = ctl_open(ctl);
	if (r == 0)
		r = hookd_set_log_level(ctl->client, level, &reply);
	if (r == 0 && ctl->json != CTL_JSON_OFF)
		r = ctl_put_reply(ctl, reply, NULL);
	else if (r == 0 && !ctl->is_quiet)
		printf("Log level %s until the next reload\n", level);
	return ctl_finish(ctl, reply, r);
}
