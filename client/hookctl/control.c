/* SPDX-License-Identifier: Apache-2.0 */

/* The verbs about the daemon itself: status, ping, drain. */

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "client/hookctl/hookctl.h"
#include "client/hookctl/table/span.h"
#include "client/hookctl/table/table.h"

/* ---- status ---- */

static void append(struct hp_buf *buf, const char *text)
{
	hp_buf_append(buf, text, strlen(text));
}

/* A row of the table; frees the text. */
static void add_row(struct table *table, const char *name, struct hp_buf *text)
{
	hp_buf_append(text, "", 1);
	table_add(table, name);
	table_add(table, text->failed ? NULL : text->data);
	table->failed |= text->failed;
	hp_buf_free(text);
}

static void add_text(struct table *table, const char *name, const char *text,
		     enum table_colour colour)
{
	table_add(table, name);
	table_add_coloured(table, text != NULL ? text : "", colour);
}

/* "seccomp rdt" */
static void add_features(struct table *table, const char *const *features)
{
	struct hp_buf text = HP_BUF_INIT;

	for (; *features != NULL; features++) {
		if (text.length > 0)
			append(&text, " ");
		append(&text, *features);
	}
	add_row(table, "Features", &text);
}

/* "+cgroup2 -resctrl": what the kernel has, and what hookd had to do without. */
static void add_kernel(struct table *table, const struct hookd_status_info *status)
{
	struct hp_buf text = HP_BUF_INIT;

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
	char text[512], missing[64] = "";

	if (!status->history_state) /* an older hookd */
		return;
	if (status->dropped_history > 0)
		snprintf(missing, sizeof(missing), ", %" PRIu64 " runs are missing",
			 status->dropped_history);
	snprintf(text, sizeof(text), "%s%s%s%s", status->history_state,
		 status->history_error ? ": " : "",
		 status->history_error ? status->history_error : "", missing);
	add_text(table, "History", text,
		 status->history_error || missing[0] ? TABLE_BAD : TABLE_PLAIN);
}

static void add_status(struct table *table, const struct hookd_status_info *status)
{
	bool is_running = status->state != NULL && strcmp(status->state, "running") == 0;
	char text[SPAN_SIZE];

	add_text(table, "State", status->state, is_running ? TABLE_GOOD : TABLE_BAD);
	add_text(table, "Version", status->version, TABLE_PLAIN);
	table_add(table, "PID");
	table_addf(table, "%d", status->pid);
	table_add(table, "Uptime");
	table_add(table, span_format((uint64_t)status->uptime_us, text));
	table_add(table, "Runs");
	table_addf(table, "%" PRIu64 " running, %" PRIu64 " queued, %" PRIu64 " stored",
		   status->running, status->queued, status->stored);
	table_add(table, "Connections");
	table_addf(table, "%" PRIu64, status->connections);
	add_features(table, status->features);
	add_kernel(table, status);
	add_history(table, status);
}

static int show_status(const struct ctl *ctl, const struct hookd_status_info *status)
{
	static const struct table_column columns[] = {{"", true}, {""}};
	struct table table = TABLE_INIT(columns);
	struct hp_buf text = HP_BUF_INIT;
	int r;

	table.separator = ": ";
	add_status(&table, status);
	r = table_write(&table, false, ctl->has_colour, &text);
	if (r == 0)
		r = ctl_put(&text);
	hp_buf_free(&text);
	table_free(&table);
	return r;
}

int verb_status(struct ctl *ctl)
{
	struct hookd_reply *reply = NULL;
	int r = ctl_open(ctl);

	if (r == 0)
		r = hookd_status(ctl->client, &reply);
	if (r == 0)
		r = ctl->json != CTL_JSON_OFF ? ctl_put_reply(ctl, reply, NULL)
					      : show_status(ctl, hookd_reply_status(reply));
	return ctl_finish(ctl, reply, r);
}

/* ---- ping, drain ---- */

static int call_plain(struct ctl *ctl,
		      int (*call)(struct hookd_client *client, struct hookd_reply **ret))
{
	struct hookd_reply *reply = NULL;
	int r = ctl_open(ctl);

	if (r == 0)
		r = call(ctl->client, &reply);
	return ctl_finish(ctl, reply, r);
}

int verb_ping(struct ctl *ctl)
{
	return call_plain(ctl, hookd_ping);
}

int verb_drain(struct ctl *ctl)
{
	return call_plain(ctl, hookd_drain);
}
