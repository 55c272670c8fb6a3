/* SPDX-License-Identifier: Apache-2.0 */

/* The verbs about the daemon itself: status, ping, drain. */

#include <errno.h>
#include <inttypes.h>

#include "client/hookctl/hookctl.h"
#include "client/hookctl/table/span.h"
#include "client/hookctl/table/table.h"

static uint64_t number_of(struct hp_json_value status, const char *name)
{
	struct hp_err err;
	uint64_t number = 0;

	hp_json_get_uint64(hp_json_member(status, name), 0, UINT64_MAX, &number, &err);
	return number;
}

/* The text of a string; of any other value nothing. */
static void append_text(struct hp_buf *buf, struct hp_json_value value)
{
	size_t size;
	char *room;

	if (hp_json_type(value) != HP_JSON_STRING)
		return;
	hp_json_text(value, &size);
	room = hp_buf_reserve(buf, size);
	if (room != NULL)
		buf->length += hp_json_decode(value, room);
}

/* A row of the table; frees the text. */
static void add_row(struct table *table, const char *name, struct hp_buf *text,
		    enum table_colour colour)
{
	hp_buf_append(text, "", 1);
	table_add(table, name);
	table_add_coloured(table, text->failed ? NULL : text->data, colour);
	table->failed |= text->failed;
	hp_buf_free(text);
}

static void add_text(struct table *table, const char *name, struct hp_json_value value,
		     enum table_colour colour)
{
	struct hp_buf text = HP_BUF_INIT;

	append_text(&text, value);
	add_row(table, name, &text, colour);
}

/* "seccomp rdt" */
static void add_features(struct table *table, struct hp_json_value features)
{
	struct hp_buf text = HP_BUF_INIT;
	struct hp_json_value key, feature;

	HP_JSON_FOREACH (key, feature, features) {
		if (text.length > 0)
			hp_buf_append(&text, " ", 1);
		append_text(&text, feature);
	}
	add_row(table, "Features", &text, TABLE_PLAIN);
}

/* "+cgroup2 -resctrl": what the kernel has, and what hookd had to do without. */
static void add_kernel(struct table *table, struct hp_json_value kernel)
{
	struct hp_buf text = HP_BUF_INIT;
	struct hp_json_value name, value;
	struct hp_err err;

	HP_JSON_FOREACH (name, value, kernel) {
		bool is_there = false;

		if (text.length > 0)
			hp_buf_append(&text, " ", 1);
		hp_json_get_bool(value, &is_there, &err);
		hp_buf_append(&text, is_there ? "+" : "-", 1);
		append_text(&text, name);
	}
	add_row(table, "Kernel", &text, TABLE_PLAIN);
}

static void add_status(struct table *table, struct hp_json_value status)
{
	struct hp_json_value state = hp_json_member(status, "state");
	char text[SPAN_SIZE];

	add_text(table, "State", state, hp_json_equals(state, "running") ? TABLE_GOOD : TABLE_BAD);
	add_text(table, "Version", hp_json_member(status, "version"), TABLE_PLAIN);
	table_add(table, "PID");
	table_addf(table, "%" PRIu64, number_of(status, "pid"));
	table_add(table, "Uptime");
	table_add(table, span_format(number_of(status, "uptimeUSec"), text));
	table_add(table, "Runs");
	table_addf(table, "%" PRIu64 " running, %" PRIu64 " queued, %" PRIu64 " stored",
		   number_of(status, "running"), number_of(status, "queued"),
		   number_of(status, "stored"));
	table_add(table, "Connections");
	table_addf(table, "%" PRIu64, number_of(status, "connections"));
	add_features(table, hp_json_member(status, "features"));
	add_kernel(table, hp_json_member(status, "kernelFeatures"));
}

static int show_status(const struct ctl *ctl, struct hp_json_value root)
{
	static const struct table_column columns[] = {{"", true}, {""}};
	struct table table = TABLE_INIT(columns);
	struct hp_buf text = HP_BUF_INIT;
	int r;

	table.separator = ": ";
	add_status(&table, root);
	r = table_write(&table, false, ctl->has_colour, &text);
	if (r == 0)
		r = ctl_put(&text);
	hp_buf_free(&text);
	table_free(&table);
	return r;
}

static int on_status(struct hp_json_value root, bool continues, void *userdata)
{
	const struct ctl *ctl = userdata;

	(void)continues;
	return ctl->json != CTL_JSON_OFF ? ctl_put_json(ctl, root) : show_status(ctl, root);
}

int verb_status(struct ctl *ctl)
{
	int r = ctl_call(ctl, "io.hookd.status.GetStatus", NULL, false, on_status, ctl);

	return r < 0 ? ctl_call_failed(ctl, r) : CTL_EXIT_OK;
}

int verb_ping(struct ctl *ctl)
{
	return ctl_call_plain(ctl, "io.hookd.control.Ping");
}

int verb_drain(struct ctl *ctl)
{
	return ctl_call_plain(ctl, "io.hookd.control.Drain");
}
