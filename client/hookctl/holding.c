/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Prints what was applied for one container (apply, update), and what hookd holds for all
 * containers (holdings). Pure: from JSON and structs to bytes.
 */

#include "client/hookctl/holding.h"

#include <string.h>

#include "client/hookctl/table/table.h"

/* What release removes. */
static const char *made_words(const struct hp_applied *applied)
{
	if (applied->cgroup_created && applied->rdt_created)
		return "cgroup, RDT group";
	return applied->cgroup_created ? "cgroup" : applied->rdt_created ? "RDT group" : NULL;
}

/* "a, b"; "-" for none. */
static void add_list(struct table *table, char *const *texts)
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

int holding_write(const struct hp_applied *applied, struct hp_buf *buf)
{
	static const struct table_column columns[] = {{"", true}, {""}};
	struct table table = TABLE_INIT(columns);
	int r;

	table.separator = ": ";
	add_field(&table, "Cgroup", applied->cgroup_path);
	add_field(&table, "RDT group", applied->rdt_group);
	for (char **line = applied->schemata; line != NULL && *line != NULL; line++)
		add_field(&table, "Schemata", *line);
	add_field(&table, "Made", made_words(applied));
	if (applied->process != NULL) {
		table_add(&table, "Process");
		add_list(&table, applied->process);
	}
	if (applied->is_update_interrupted)
		add_field(&table, "Limits", "old or new: an update was cut short");
	r = table_write(&table, false, false, buf);
	table_free(&table);
	return r;
}

static int add_row(struct table *table, struct hp_json_value key, struct hp_json_value value)
{
	struct hp_arena arena = HP_ARENA_INIT;
	struct hp_applied applied;
	struct hp_err err;
	char *container;
	int r = hp_json_get_string(key, &arena, &container, &err);

	if (r == 0)
		r = hp_applied_read(value, &arena, &applied, &err);
	if (r == 0) {
		table_add(table, container);
		table_add(table, applied.cgroup_path);
		table_add(table, applied.rdt_group);
		table_add(table, made_words(&applied));
		add_list(table, applied.process);
	}
	hp_arena_free(&arena);
	return r;
}

int holding_write_table(struct hp_json_value containers, bool has_legend, bool has_colour,
			struct hp_buf *buf)
{
	static const struct table_column columns[] = {
	    {"CONTAINER"}, {"CGROUP"}, {"RDT GROUP"}, {"MADE"}, {"PROCESS"}};
	struct table table = TABLE_INIT(columns);
	struct hp_json_value key, value;
	struct hp_err err;
	int r = 0;

	if (hp_json_type(containers) != HP_JSON_OBJECT)
		return hp_err_invalid(&err, NULL, "must be an object");
	HP_JSON_FOREACH (key, value, containers) {
		r = add_row(&table, key, value);
		if (r < 0)
			break;
	}
	if (r == 0)
		r = table_write(&table, has_legend, has_colour, buf);
	table_free(&table);
	return r;
}
