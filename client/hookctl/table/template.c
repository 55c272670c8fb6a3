/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Reads --format and prints rows by it. A template is a list of parts: text, the name of a member,
 * or a tab, which in a table begins the next column.
 */

#include "client/hookctl/table/template.h"

#include <ctype.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "client/hookctl/table/escape.h"
#include "client/hookctl/table/json_print.h"

enum part_type { PART_TEXT, PART_FIELD, PART_TAB };

struct template_part {
	enum part_type type;
	size_t offset, length; /* in template->text; a field without its first point */
};

struct template_reader {
	struct template *template;
	const char *names;
	char *error;
	size_t error_size;
};

/* ---- reading ---- */

__attribute__((format(printf, 2, 3))) static int fail(const struct template_reader *reader,
						      const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(reader->error, reader->error_size, format, arguments);
	va_end(arguments);
	return -EINVAL;
}

static int add_part(struct template *template, enum part_type type, const char *text, size_t length)
{
	struct template_part *parts =
	    reallocarray(template->parts, template->part_count + 1, sizeof(*parts));

	if (parts == NULL)
		return -ENOMEM;
	template->parts = parts;
	parts[template->part_count++] =
	    (struct template_part){.type = type, .offset = template->text.length, .length = length};
	hp_buf_append(&template->text, text, length);
	return template->text.failed ? -ENOMEM : 0;
}

/* Whether the first name of "a.b" is one of the list. */
static bool is_known(const char *names, const char *field, size_t length)
{
	const char *point = memchr(field, '.', length);
	size_t first = point != NULL ? (size_t)(point - field) : length;

	if (names == NULL)
		return true;
	for (const char *end; *names != '\0'; names = *end == '|' ? end + 1 : end) {
		end = strchrnul(names, '|');
		if ((size_t)(end - names) == first && strncasecmp(names, field, first) == 0)
			return true;
	}
	return false;
}

/* "{{.run}}", "{{ .run }}". Returns what follows in *format. */
static int read_field(const struct template_reader *reader, const char **format)
{
	const char *begin = *format + 2, *end = strstr(begin, "}}");
	size_t length;

	if (end == NULL)
		return fail(reader, "'{{' without '}}'");
	*format = end + 2;
	begin += strspn(begin, " ");
	while (end > begin && end[-1] == ' ')
		end--;
	length = (size_t)(end - begin);
	if (length < 2 || *begin != '.' ||
	    strspn(begin, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_.") <
		length)
		return fail(reader, "'%.*s': not a name, such as {{.run}}", (int)length, begin);
	if (!is_known(reader->names, begin + 1, length - 1))
		return fail(reader, "no member %.*s; there are %s", (int)length - 1, begin + 1,
			    reader->names);
	return add_part(reader->template, PART_FIELD, begin + 1, length - 1);
}

/* "\t" and a real tab begin a column. */
static int read_character(const struct template_reader *reader, const char **format)
{
	const char *text = *format;
	bool is_escape = *text == '\\' && (text[1] == 't' || text[1] == 'n' || text[1] == '\\');
	char character = !is_escape ? *text : text[1] == 't' ? '\t' : text[1] == 'n' ? '\n' : '\\';

	*format += is_escape ? 2 : 1;
	return add_part(reader->template, character == '\t' ? PART_TAB : PART_TEXT, &character, 1);
}

static int read_parts(const struct template_reader *reader, const char *format)
{
	int r = 0;

	while (*format != '\0' && r == 0)
		r = strncmp(format, "{{", 2) == 0 ? read_field(reader, &format)
						  : read_character(reader, &format);
	return r;
}

/* ---- columns ---- */

/* The last name of a field, in upper case; text as it is. */
static void append_header(struct template *template, const struct template_part *part)
{
	const char *text = template->text.data + part->offset;
	size_t start = part->length;

	if (part->type == PART_TEXT) {
		hp_buf_append(&template->headers, text, part->length);
		return;
	}
	while (start > 0 && text[start - 1] != '.')
		start--;
	for (; start < part->length; start++) {
		char upper = (char)toupper((unsigned char)text[start]);

		hp_buf_append(&template->headers, &upper, 1);
	}
}

static int make_columns(struct template *template)
{
	size_t count = 1;
	const char *name;

	for (size_t i = 0; i < template->part_count; i++) {
		if (template->parts[i].type == PART_TAB) {
			hp_buf_append(&template->headers, "", 1);
			count++;
		} else {
			append_header(template, &template->parts[i]);
		}
	}
	hp_buf_append(&template->headers, "", 1);
	template->columns = calloc(count, sizeof(*template->columns));
	if (template->columns == NULL || template->headers.failed)
		return -ENOMEM;
	name = template->headers.data;
	for (size_t i = 0; i < count; i++, name += strlen(name) + 1)
		template->columns[i].name = name;
	template->table =
	    (struct table){.columns = template->columns, .column_count = count, .separator = "  "};
	return 0;
}

int template_read(struct template *template, const char *format, const char *names, bool is_escaped,
		  char *ret_error, size_t size)
{
	const struct template_reader reader = {template, names, ret_error, size};
	int r;

	*template = (struct template){.is_escaped = is_escaped};
	*ret_error = '\0';
	template->is_table = strncmp(format, "table ", 6) == 0;
	r = read_parts(&reader, template->is_table ? format + 6 : format);
	if (r == 0 && template->is_table)
		r = make_columns(template);
	if (r < 0)
		template_free(template);
	return r;
}

void template_free(struct template *template)
{
	free(template->parts);
	free(template->columns);
	hp_buf_free(&template->text);
	hp_buf_free(&template->headers);
	hp_buf_free(&template->rows);
	if (template->is_table)
		table_free(&template->table);
	*template = (struct template){0};
}

/* ---- rows ---- */

static struct hp_json_value find_member(struct hp_json_value object, const char *name,
					size_t length)
{
	struct hp_json_value key, value;

	HP_JSON_FOREACH (key, value, object) {
		size_t key_length = 0;
		const char *text = hp_json_text(key, &key_length);

		if (hp_json_type(key) == HP_JSON_STRING && key_length == length + 2 &&
		    strncasecmp(text + 1, name, length) == 0)
			return value;
	}
	return (struct hp_json_value){0};
}

static struct hp_json_value find_path(struct hp_json_value value, const char *path, size_t length)
{
	while (length > 0) {
		const char *point = memchr(path, '.', length);
		size_t first = point != NULL ? (size_t)(point - path) : length;

		value = find_member(value, path, first);
		first += point != NULL;
		path += first;
		length -= first;
	}
	return value;
}

static void append_safe(const struct template *template, const char *text, size_t length,
			struct hp_buf *buf)
{
	if (template->is_escaped)
		escape_append(buf, text, length, ESCAPE_LINES);
	else
		hp_buf_append(buf, text, length);
}

static void append_value(const struct template *template, struct hp_json_value value,
			 struct hp_buf *buf)
{
	size_t length;
	char *decoded;

	if (hp_json_type(value) != HP_JSON_STRING) {
		if (!hp_json_is_absent(value))
			json_print(buf, value, JSON_PRINT_COMPACT, 0);
		return;
	}
	(void)hp_json_text(value, &length);
	decoded = malloc(length);
	if (decoded == NULL) {
		buf->failed = true;
		return;
	}
	length = hp_json_decode(value, decoded);
	append_safe(template, decoded, length, buf);
	free(decoded);
}

static void append_field(const struct template *template, const struct template_part *part,
			 struct hp_json_value object, const struct template_extra *extras,
			 struct hp_buf *buf)
{
	const char *path = template->text.data + part->offset;

	for (; extras != NULL && extras->name != NULL; extras++) {
		if (strlen(extras->name) == part->length &&
		    strncasecmp(extras->name, path, part->length) == 0) {
			append_safe(template, extras->value, strlen(extras->value), buf);
			return;
		}
	}
	append_value(template, find_path(object, path, part->length), buf);
}

/* Ends the cell of a table. */
static void end_cell(struct template *template, struct hp_buf *cell)
{
	hp_buf_append(cell, "", 1);
	table_add(&template->table, cell->failed ? NULL : cell->data);
	template->table.failed |= cell->failed;
	hp_buf_clear(cell);
}

int template_add(struct template *template, struct hp_json_value object,
		 const struct template_extra *extras)
{
	struct hp_buf cell = HP_BUF_INIT;
	struct hp_buf *buf = template->is_table ? &cell : &template->rows;
	bool failed;

	for (size_t i = 0; i < template->part_count; i++) {
		const struct template_part *part = &template->parts[i];

		if (part->type == PART_FIELD)
			append_field(template, part, object, extras, buf);
		else if (part->type == PART_TAB && template->is_table)
			end_cell(template, &cell);
		else
			hp_buf_append(buf, template->text.data + part->offset, part->length);
	}
	if (template->is_table)
		end_cell(template, &cell);
	else
		hp_buf_append(&template->rows, "\n", 1);
	failed = template->is_table ? template->table.failed : template->rows.failed;
	hp_buf_free(&cell);
	return failed ? -ENOMEM : 0;
}

int template_write(const struct template *template, const struct table_style *style,
		   struct hp_buf *buf)
{
	if (template->is_table)
		return table_write(&template->table, style, buf);
	if (template->rows.length > 0)
		hp_buf_append(buf, template->rows.data, template->rows.length);
	return template->rows.failed || buf->failed ? -ENOMEM : 0;
}
