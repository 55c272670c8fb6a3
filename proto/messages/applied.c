/* SPDX-License-Identifier: Apache-2.0 */

/*
 * What was applied for a container, written by the daemon into replies and records, read by it and
 * by clients. The reader bounds texts by the size of a message only: they come from hookd, and a
 * client that refuses a reply does not learn what was done. It reads members itself and not by the
 * tables of proto/settings, which refuse names that look misspelt: a newer hookd may send such a
 * name.
 */

#include "proto/messages/applied.h"

#include "proto/base/limits.h"

enum field {
	CGROUP_PATH,
	CGROUP_CREATED,
	RDT_GROUP,
	RDT_CREATED,
	SCHEMATA,
	PROCESS,
	IGNORED,
	UPDATE_INTERRUPTED,
	FIELD_COUNT,
};

static const char *const fields[FIELD_COUNT] = {
    [CGROUP_PATH] = "cgroupPath", [CGROUP_CREATED] = "cgroupCreated",
    [RDT_GROUP] = "rdtGroup",	  [RDT_CREATED] = "rdtCreated",
    [SCHEMATA] = "schemata",	  [PROCESS] = "process",
    [IGNORED] = "ignored",	  [UPDATE_INTERRUPTED] = "updateInterrupted",
};

/* ---- writing ---- */

/* A place, and whether hookd created it. */
static void write_place(struct hp_json_writer *writer, enum field name_field, const char *name,
			enum field created_field, bool is_created)
{
	if (!name)
		return;
	hp_json_key(writer, fields[name_field]);
	hp_json_put_string(writer, name);
	hp_json_key(writer, fields[created_field]);
	hp_json_put_bool(writer, is_created);
}

static void write_texts(struct hp_json_writer *writer, enum field field, char *const *texts)
{
	if (!texts)
		return;
	hp_json_key(writer, fields[field]);
	hp_json_put_strings(writer, texts);
}

void hp_applied_write(struct hp_json_writer *writer, const struct hp_applied *applied)
{
	hp_json_begin(writer, '{');
	write_place(writer, CGROUP_PATH, applied->cgroup_path, CGROUP_CREATED,
		    applied->cgroup_created);
	write_place(writer, RDT_GROUP, applied->rdt_group, RDT_CREATED, applied->rdt_created);
	write_texts(writer, SCHEMATA, applied->schemata);
	write_texts(writer, PROCESS, applied->process);
	write_texts(writer, IGNORED, applied->ignored);
	if (applied->is_update_interrupted) {
		hp_json_key(writer, fields[UPDATE_INTERRUPTED]);
		hp_json_put_bool(writer, true);
	}
	hp_json_end(writer, '}');
}

/* ---- reading ---- */

/* The first error ends reading, so that r is checked once, after all fields. */
struct applied_reader {
	struct hp_json_value values[FIELD_COUNT];
	struct hp_arena *arena;
	struct hp_err *err;
	int r;
};

static bool reader_skips(const struct applied_reader *reader, enum field field)
{
	return reader->r < 0 || hp_json_is_absent(reader->values[field]);
}

static void read_text(struct applied_reader *reader, enum field field, char **ret)
{
	if (reader_skips(reader, field))
		return;
	reader->r = hp_json_get_string(reader->values[field], reader->arena, ret, reader->err);
	hp_err_prefix(reader->err, reader->r, fields[field]);
}

static void read_bool(struct applied_reader *reader, enum field field, bool *ret)
{
	if (reader_skips(reader, field))
		return;
	reader->r = hp_json_get_bool(reader->values[field], ret, reader->err);
	hp_err_prefix(reader->err, reader->r, fields[field]);
}

static void read_place(struct applied_reader *reader, enum field name_field, char **ret_name,
		       enum field created_field, bool *ret_is_created)
{
	bool is_created = false;

	read_text(reader, name_field, ret_name);
	read_bool(reader, created_field, &is_created);
	*ret_is_created = *ret_name && is_created;
}

static void read_texts(struct applied_reader *reader, enum field field, char ***ret)
{
	if (reader_skips(reader, field))
		return;
	reader->r = hp_json_get_strings(reader->values[field], reader->arena, HP_JSON_TOKENS_MAX,
					ret, reader->err);
	hp_err_prefix(reader->err, reader->r, fields[field]);
}

int hp_applied_read(struct hp_json_value value, struct hp_arena *arena, struct hp_applied *ret,
		    struct hp_err *err)
{
	struct applied_reader reader = {.arena = arena, .err = err};
	struct hp_applied applied = {0};
	int r = hp_json_members(value, fields, FIELD_COUNT, false, reader.values, err);

	if (r < 0)
		return r;
	read_place(&reader, CGROUP_PATH, &applied.cgroup_path, CGROUP_CREATED,
		   &applied.cgroup_created);
	read_place(&reader, RDT_GROUP, &applied.rdt_group, RDT_CREATED, &applied.rdt_created);
	read_texts(&reader, SCHEMATA, &applied.schemata);
	read_texts(&reader, PROCESS, &applied.process);
	read_texts(&reader, IGNORED, &applied.ignored);
	read_bool(&reader, UPDATE_INTERRUPTED, &applied.is_update_interrupted);
	if (reader.r == 0)
		*ret = applied;
	return reader.r;
}
