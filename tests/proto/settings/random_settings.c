/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/proto/settings/random_settings.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "proto/settings/settings_tables.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))
#define ROWS_MAX     512

static uint64_t seed;

/* Which rows are in the present document, and in how many that were counted. */
static struct {
	const struct hp_field *field;
	bool is_in;
	size_t count;
} rows[ROWS_MAX];

void random_begin(uint64_t with)
{
	seed = with * 2 + 1;
	memset(rows, 0, sizeof(rows));
	for (int i = 0; i < 16; i++)
		(void)at_random(2);
}

unsigned int at_random(unsigned int below)
{
	/* xorshift64 */
	seed ^= seed << 13;
	seed ^= seed >> 7;
	seed ^= seed << 17;
	return (unsigned int)(seed >> 33) % below;
}

static void note(const struct hp_field *field)
{
	size_t i = 0;

	while (rows[i].field && rows[i].field != field)
		assert(++i < ROWS_MAX);
	rows[i].field = field;
	rows[i].is_in = true;
}

void random_count(void)
{
	for (size_t i = 0; i < ROWS_MAX; i++)
		rows[i].count += rows[i].is_in;
}

static void put(struct hp_buf *buf, const char *text)
{
	hp_buf_append(buf, text, strlen(text));
}

/* ---- values ---- */

static const char *const scalars[] = {
    "0",
    "1",
    "2",
    "3",
    "7",
    "8",
    "10",
    "15",
    "100",
    "1000",
    "2048",
    "65536",
    "-1",
    "-20",
    "9223372036854775807",
    "18446744073709551615",
    "-9223372036854775808",
    "true",
    "false",
    "\"\"",
    "\"a\"",
    "\"a b\"",
    "\"\xc3\xa9\"",
    "\"/a\"",
    "\"/a/b-c\"",
    "\"a.slice:b:c\"",
    "\"x\\\"y\"",
    "\"0\"",
    "\"0-3\"",
    "\"0,2-3,70\"",
    "\"L3:0=f\"",
    "\"MB:0=50\"",
    "\"L3:0=f;1=3\"",
    "\"max\"",
    "\"memory.max\"",
    "\"io.max\"",
    "\"cpuset.cpus\"",
    "\"pids.max\"",
    "\"2MB\"",
    "\"1GB\"",
    "\"64KB\"",
    "\"r\"",
    "\"rwm\"",
    "\"wm\"",
    "\"read\"",
    "\"write\"",
    "\"clone3\"",
    "\"eth0\"",
    "\"mlx5_1\"",
    "\"amd64\"",
    "\"x86\"",
    "\"x32\"",
    "\"arm64\"",
    "\"SCMP_ARCH_X86_64\"",
    "\"SCMP_ARCH_X32\"",
    "\"SCMP_ACT_ERRNO\"",
    "\"SCMP_ACT_ALLOW\"",
    "\"SCMP_ACT_KILL_PROCESS\"",
    "\"SCMP_CMP_EQ\"",
    "\"SCMP_CMP_MASKED_EQ\"",
    "\"EPERM\"",
    "\"5.10\"",
    "\"FROZEN\"",
    "\"THAWED\"",
    "97",
    "98",
    "99",
    "117",
    "[]",
    "[\"a\"]",
    "[\"/a\",\"b\"]",
    "[\"SCMP_ARCH_X86_64\",\"SCMP_ARCH_X86\"]",
    "[\"amd64\",\"x86\"]",
    "[\"amd64\"]",
    "[\"SECCOMP_FILTER_FLAG_LOG\"]",
    "[\"SECCOMP_FILTER_FLAG_TSYNC\",\"SECCOMP_FILTER_FLAG_SPEC_ALLOW\"]",
    "[\"read\",\"futex\"]",
    "[1,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0]",
    "[5,0,0,9,0,0,0,0,0,0,0,0,0,0,0,0]",
    "{}",
    "{\"a\":1}",
};

static void put_name(const struct hp_names *names, struct hp_buf *buf)
{
	hp_buf_format(buf, "\"%s\"", names->names[at_random((unsigned int)names->count)].name);
}

static void put_names(const struct hp_names *names, struct hp_buf *buf)
{
	unsigned int count = at_random(4);

	put(buf, "[");
	for (unsigned int i = 0; i < count; i++) {
		put(buf, i ? "," : "");
		put_name(names, buf);
	}
	put(buf, "]");
}

static void put_candidate(const struct hp_field *field, struct hp_buf *buf)
{
	switch (at_random(6)) {
	case 0:
		if (field->names) {
			put_name(field->names, buf);
			return;
		}
		break;
	case 1:
		if (field->names) {
			put_names(field->names, buf);
			return;
		}
		break;
	case 2:
		if (field->names) {
			hp_buf_format(
			    buf, "%" PRIu64,
			    field->names->names[at_random((unsigned int)field->names->count)]
				.value);
			return;
		}
		break;
	case 3:
		hp_buf_format(buf, "%" PRId64, field->min + (int64_t)at_random(9));
		return;
	case 4:
		hp_buf_format(buf, "%" PRIu64, field->max - at_random(3));
		return;
	}
	put(buf, scalars[at_random(COUNT(scalars))]);
}

/* Whether the row alone takes the value. */
static bool is_taken(const struct hp_table *table, const struct hp_field *field, const char *text,
		     size_t length)
{
	static struct hp_json json;
	struct hp_arena arena = HP_ARENA_INIT;
	struct hp_err err = {0};
	void *object = calloc(1, table->size + 1);
	bool is = object && hp_json_parse(&json, text, length, &err) == 0 &&
		  field->type->read(field, hp_json_root(&json), &arena, object, &err) == 0;

	free(object);
	hp_arena_free(&arena);
	return is;
}

static bool put_value(const struct hp_table *table, const struct hp_field *field,
		      struct hp_buf *buf)
{
	size_t start = buf->length;

	for (int tries = 0; tries < 400; tries++) {
		put_candidate(field, buf);
		if (is_taken(table, field, buf->data + start, buf->length - start))
			return true;
		buf->length = start;
	}
	return false;
}

/* ---- objects ---- */

struct random {
	enum hp_dialect dialect;
	bool only_written;
	unsigned int percent; /* of the members that are not required */
};

static void put_object(const struct random *with, const struct hp_table *table, struct hp_buf *buf);

static void put_element(const struct random *with, const struct hp_table *table, struct hp_buf *buf)
{
	if (!table->is_value) {
		put_object(with, table, buf);
		return;
	}
	note(&table->fields[0]);
	if (!put_value(table, &table->fields[0], buf))
		put(buf, "null");
}

/* The files of `unified` are the kernel's; other keys are names of devices. */
static void put_key(const struct hp_field *field, unsigned int number, struct hp_buf *buf)
{
	static const char *const files[] = {"memory.max", "pids.max",	 "io.max",
					    "cpu.weight", "memory.high", "hugetlb.2MB.max"};

	if (strcmp(field->key, "unified") == 0)
		hp_buf_format(buf, "\"%s\":", files[number]);
	else
		hp_buf_format(buf, "\"dev%u\":", number);
}

static void put_elements(const struct random *with, const struct hp_field *field, bool is_map,
			 struct hp_buf *buf)
{
	unsigned int count = at_random(4), first = at_random(3);

	put(buf, is_map ? "{" : "[");
	for (unsigned int i = 0; i < count; i++) {
		put(buf, i ? "," : "");
		if (is_map)
			put_key(field, first + i, buf);
		put_element(with, field->table, buf);
	}
	put(buf, is_map ? "}" : "]");
}

/* The table of an object whose row does not name it. NULL: it is no object. */
static const struct hp_table *table_of(const struct random *with, const struct hp_field *field)
{
	if (field->type == &hp_field_oci_resources)
		return &hp_oci_resources_table;
	if (field->type == &hp_field_libcontainer_cgroup)
		return &hp_libcontainer_cgroup_table;
	if (field->key && strcmp(field->key, "seccomp") == 0)
		return &hp_seccomp_tables[with->dialect];
	return field->type == &hp_field_group || field->type == &hp_field_struct ||
		       field->type == &hp_field_pointer
		   ? field->table
		   : NULL;
}

static bool put_member(const struct random *with, const struct hp_table *table,
		       const struct hp_field *field, struct hp_buf *buf)
{
	const struct hp_table *inner = table_of(with, field);

	if (inner)
		put_object(with, inner, buf);
	else if (field->type == &hp_field_list || field->type == &hp_field_array)
		put_elements(with, field, false, buf);
	else if (field->type == &hp_field_map)
		put_elements(with, field, true, buf);
	else if (!put_value(table, field, buf))
		return false;
	note(field);
	return true;
}

static bool is_left_out(const struct random *with, const struct hp_field *field)
{
	return field->type == &hp_field_refused || (with->only_written && field->is_old);
}

static void put_members(const struct random *with, const struct hp_table *table, struct hp_buf *buf)
{
	bool is_first = true;

	put(buf, "{");
	for (size_t i = 0; i < table->count; i++) {
		const struct hp_field *field = &table->fields[i];
		size_t start = buf->length;

		if (is_left_out(with, field) ||
		    (!field->is_required && at_random(100) >= with->percent))
			continue;
		hp_buf_format(buf, "%s\"%s\":", is_first ? "" : ",", field->key);
		if (put_member(with, table, field, buf))
			is_first = false;
		else
			buf->length = start;
	}
	put(buf, "}");
}

static const struct hp_table *root_of(enum hp_dialect dialect)
{
	return dialect == HP_DIALECT_OCI ? &hp_oci_settings_table : &hp_libcontainer_settings_table;
}

/* Whether the table takes the object, by its rules about several members too. */
static bool is_read(const struct hp_table *table, const char *text, size_t length)
{
	static struct hp_json json;
	struct hp_arena arena = HP_ARENA_INIT;
	struct hp_err err = {0};
	void *object = calloc(1, table->size + 1);
	bool is = object && hp_json_parse(&json, text, length, &err) == 0 &&
		  hp_table_read(table, hp_json_root(&json), &arena, object, &err) == 0;

	free(object);
	hp_arena_free(&arena);
	return is;
}

/* Tried again once where it breaks a rule: else the rarer members are in no document. */
static void put_object(const struct random *with, const struct hp_table *table, struct hp_buf *buf)
{
	bool was_in[ROWS_MAX];
	size_t start = buf->length;

	for (size_t i = 0; i < ROWS_MAX; i++)
		was_in[i] = rows[i].is_in;
	put_members(with, table, buf);
	if (table == root_of(with->dialect) ||
	    is_read(table, buf->data + start, buf->length - start))
		return;
	for (size_t i = 0; i < ROWS_MAX; i++)
		rows[i].is_in = was_in[i];
	buf->length = start;
	put_members(with, table, buf);
}

void random_settings(enum hp_dialect dialect, bool only_written, struct hp_buf *buf)
{
	static const unsigned int percents[] = {4, 12, 30, 60};
	const struct random with = {dialect, only_written, percents[at_random(COUNT(percents))]};

	for (size_t i = 0; i < ROWS_MAX; i++)
		rows[i].is_in = false;
	put_object(&with, root_of(dialect), buf);
}

static void each_row(const struct random *with, const struct hp_table *table,
		     void (*function)(const struct hp_field *field, size_t count))
{
	for (size_t i = 0; i < table->count; i++) {
		const struct hp_field *field = &table->fields[i];
		const struct hp_table *inner = table_of(with, field);
		size_t k = 0;

		if (is_left_out(with, field))
			continue;
		while (rows[k].field && rows[k].field != field)
			k++;
		function(field, rows[k].field ? rows[k].count : 0);
		inner = inner ? inner : field->table;
		if (inner)
			each_row(with, inner, function);
	}
}

void random_each_row(enum hp_dialect dialect,
		     void (*function)(const struct hp_field *field, size_t count))
{
	const struct random with = {dialect, true, 0};

	each_row(&with, root_of(dialect), function);
}
