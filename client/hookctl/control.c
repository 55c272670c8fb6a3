/* SPDX-License-Identifier: Apache-2.0 */

/* The verbs on the daemon itself: status, ping, drain. */

#include <errno.h>
#include <inttypes.h>
#include <jansson.h>
#include <string.h>

#include "client/hookctl/hookctl.h"
#include "client/hookctl/table/span.h"
#include "client/hookctl/table/table.h"

static int64_t number_of(const json_t *status, const char *name)
{
	return json_integer_value(json_object_get(status, name));
}

/* "a, b, c" */
static void add_features(struct table *table, const json_t *features)
{
	struct hp_buf text = HP_BUF_INIT;
	const json_t *feature;
	size_t i;

	json_array_foreach(features, i, feature)
	{
		if (i > 0)
			hp_buf_append(&text, " ", 1);
		hp_buf_append(&text, json_string_value(feature), json_string_length(feature));
	}
	hp_buf_append(&text, "", 1);
	table_add(table, "Features");
	table_add(table, text.failed ? NULL : text.data);
	hp_buf_free(&text);
}

/* "+cgroup2 -resctrl": what the kernel has, and what hookd had to do without. */
static void add_kernel(struct table *table, json_t *kernel)
{
	struct hp_buf text = HP_BUF_INIT;
	const char *name;
	const json_t *has;

	json_object_foreach(kernel, name, has)
	{
		if (text.length > 0)
			hp_buf_append(&text, " ", 1);
		hp_buf_append(&text, json_is_true(has) ? "+" : "-", 1);
		hp_buf_append(&text, name, strlen(name));
	}
	hp_buf_append(&text, "", 1);
	table_add(table, "Kernel");
	table_add(table, text.failed ? NULL : text.data);
	hp_buf_free(&text);
}

static void add_status(struct table *table, const json_t *status)
{
	const char *state = json_string_value(json_object_get(status, "state"));
	bool is_running = state != NULL && strcmp(state, "running") == 0;
	char text[SPAN_SIZE];

	table_add(table, "State");
	table_add_coloured(table, state, is_running ? TABLE_GOOD : TABLE_BAD);
	table_add(table, "Version");
	table_add(table, json_string_value(json_object_get(status, "version")));
	table_add(table, "PID");
	table_addf(table, "%" PRId64, number_of(status, "pid"));
	table_add(table, "Uptime");
	table_add(table, span_format(number_of(status, "uptimeUSec"), text));
	table_add(table, "Runs");
	table_addf(table, "%" PRId64 " running, %" PRId64 " queued, %" PRId64 " stored",
		   number_of(status, "running"), number_of(status, "queued"),
		   number_of(status, "stored"));
	table_add(table, "Connections");
	table_addf(table, "%" PRId64, number_of(status, "connections"));
	add_features(table, json_object_get(status, "features"));
	add_kernel(table, json_object_get(status, "kernelFeatures"));
}

static int show_status(const struct ctl *ctl, struct hp_json_value root)
{
	static const struct table_column columns[] = {{"", true}, {""}};
	struct table table = TABLE_INIT(columns);
	struct hp_buf text = HP_BUF_INIT;
	size_t length;
	const char *bytes = hp_json_text(root, &length);
	json_t *status = json_loadb(bytes, length, 0, NULL);
	int r;

	if (status == NULL)
		return -EBADMSG;
	table.separator = ": ";
	add_status(&table, status);
	r = table_write(&table, false, ctl->has_colour, &text);
	if (r == 0)
		r = ctl_put(&text);
	hp_buf_free(&text);
	table_free(&table);
	json_decref(status);
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
