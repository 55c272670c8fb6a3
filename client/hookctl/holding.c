/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Prints what was applied for one container (apply, update), and what hookd holds for all
 * containers (holdings). Pure: from structs to bytes.
 */

#include "client/hookctl/holding.h"

#include <errno.h>
#include <string.h>

#include "proto/json/json_writer.h"

/* What release removes. */
static const char *made_words(const struct hookd_applied *applied)
{
	if (applied->cgroup_created && applied->rdt_created)
		return "cgroup, RDT group";
	return applied->cgroup_created ? "cgroup" : applied->rdt_created ? "RDT group" : NULL;
}

/* "a, b"; "-" for none. */
static void add_list(struct table *table, const char *const *texts)
{
	struct hp_buf text = HP_BUF_INIT;

	for (size_t i = 0; texts != NULL && texts[i] != NULL; i++) {
		if (i > 0)
			hp_buf_append(&text, ", ", 2);
		hp_buf_append(&text, texts[i], strlen(texts[i]));
	}
	hp_buf_append(&text, "", 1);
	table_add(table, text.failed ? NULL : text.data);
	table->failed |= text.failed;
	hp_buf_free(&text);
}

static void add_field(struct table *table, const char *name, const char *text)
{
	if (text == NULL)
		return;
	table_add(table, name);
	table_add(table, text);
}

int holding_write(const struct hookd_applied *applied, struct hp_buf *buf)
{
	static const struct table_column columns[] = {{"", true}, {""}};
	struct table table = TABLE_INIT(columns);
	int r;

	table.separator = ": ";
	add_field(&table, "Cgroup", applied->cgroup_path);
	add_field(&table, "RDT group", applied->rdt_group);
	for (const char *const *line = applied->schemata; line != NULL && *line != NULL; line++)
		add_field(&table, "Schemata", *line);
	add_field(&table, "Made", made_words(applied));
	if (applied->process != NULL) {
		table_add(&table, "Process");
		add_list(&table, applied->process);
	}
	if (applied->update_interrupted)
		add_field(&table, "Limits", "old or new: an update was cut short");
	r = table_write(&table, &(struct table_style){0}, buf);
	table_free(&table);
	return r;
}

static void add_row(struct table *table, const struct hookd_applied *applied)
{
	table_add(table, applied->container);
	table_add(table, applied->cgroup_path);
	table_add(table, applied->rdt_group);
	table_add(table, made_words(applied));
	add_list(table, applied->process);
}

int holding_write_table(const struct hookd_holding_list *holdings, const struct table_style *style,
			struct hp_buf *buf)
{
	static const struct table_column columns[] = {
	    {"CONTAINER", .max = 12}, {"CGROUP"}, {"RDT GROUP"}, {"MADE"}, {"PROCESS"}};
	struct table table = TABLE_INIT(columns);
	int r;

	for (size_t i = 0; i < holdings->count; i++)
		add_row(&table, &holdings->containers[i]);
	r = table_write(&table, style, buf);
	table_free(&table);
	return r;
}

/* One container, its id first. */
static void write_holding(struct hp_json_writer *writer, struct hp_json_value id,
			  struct hp_json_value applied)
{
	struct hp_json_value key, value;
	size_t length;
	const char *text = hp_json_text(id, &length);

	hp_json_begin(writer, '{');
	hp_json_key(writer, "container");
	hp_json_put_raw(writer, text, length);
	HP_JSON_FOREACH (key, value, applied) {
		text = hp_json_text(key, &length);
		hp_json_put_raw(writer, text, length);
		hp_buf_append(writer->buf, ":", 1);
		writer->needs_comma = false;
		text = hp_json_text(value, &length);
		hp_json_put_raw(writer, text, length);
	}
	hp_json_end(writer, '}');
}

int holding_write_json(struct hp_json_value containers, struct hp_buf *buf)
{
	struct hp_json_writer writer = HP_JSON_WRITER_INIT(buf);
	struct hp_json_value id, applied;

	hp_json_begin(&writer, '[');
	HP_JSON_FOREACH (id, applied, containers)
		write_holding(&writer, id, applied);
	hp_json_end(&writer, ']');
	return buf->failed ? -ENOMEM : 0;
}
