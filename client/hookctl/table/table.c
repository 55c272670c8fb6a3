/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Prints tables. All cells are kept until the end, since a column is as wide as its widest cell.
 * The last column is not padded, so that no line ends in spaces.
 */

#include "client/hookctl/table/table.h"

#include <assert.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "client/hookctl/table/escape.h"

struct table_cell {
	size_t offset, length; /* in table->text */
	size_t columns;	       /* on the screen */
	enum table_colour colour;
};

static const char *const colour_codes[] = {
    [TABLE_GOOD] = "\x1b[32m",
    [TABLE_BAD] = "\x1b[31m",
    [TABLE_DIM] = "\x1b[2m",
    [TABLE_HEADER] = "\x1b[4m",
};

static_assert(sizeof(colour_codes) / sizeof(colour_codes[0]) == TABLE_HEADER + 1,
	      "a code for each colour");

void table_add_coloured(struct table *table, const char *text, enum table_colour colour)
{
	struct table_cell *cell;

	if (table->cell_count == table->cell_capacity) {
		size_t capacity = table->cell_capacity > 0 ? 2 * table->cell_capacity : 64;
		struct table_cell *cells =
		    reallocarray(table->cells, capacity, sizeof(*table->cells));

		if (cells == NULL) {
			table->failed = true;
			return;
		}
		table->cells = cells;
		table->cell_capacity = capacity;
	}
	if (text == NULL || *text == '\0')
		text = "-";
	cell = &table->cells[table->cell_count++];
	*cell = (struct table_cell){.offset = table->text.length, .colour = colour};
	cell->columns = escape_append(&table->text, text, strlen(text), ESCAPE_LINE);
	cell->length = table->text.length - cell->offset;
}

void table_add(struct table *table, const char *text)
{
	table_add_coloured(table, text, TABLE_PLAIN);
}

void table_addf(struct table *table, const char *format, ...)
{
	char text[128];
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(text, sizeof(text), format, arguments);
	va_end(arguments);
	table_add(table, text);
}

static size_t column_width(const struct table *table, size_t column, bool has_header)
{
	size_t width = has_header ? strlen(table->columns[column].name) : 0;

	for (size_t i = column; i < table->cell_count; i += table->column_count)
		if (table->cells[i].columns > width)
			width = table->cells[i].columns;
	return width;
}

static void append_spaces(struct hp_buf *buf, size_t count)
{
	while (count-- > 0)
		hp_buf_append(buf, " ", 1);
}

static void append_coloured(struct hp_buf *buf, const char *text, size_t length,
			    enum table_colour colour)
{
	if (colour != TABLE_PLAIN)
		hp_buf_append(buf, colour_codes[colour], strlen(colour_codes[colour]));
	hp_buf_append(buf, text, length);
	if (colour != TABLE_PLAIN)
		hp_buf_append(buf, "\x1b[0m", 4);
}

/* One cell with its padding and the separator. */
static void append_cell(const struct table *table, size_t column, const char *text,
			const struct table_cell *cell, size_t width, struct hp_buf *buf)
{
	bool is_last = column + 1 == table->column_count;
	size_t padding = width - cell->columns;

	assert(cell->columns <= width);
	if (table->columns[column].is_right)
		append_spaces(buf, padding);
	append_coloured(buf, text, cell->length, cell->colour);
	if (!table->columns[column].is_right && !is_last)
		append_spaces(buf, padding);
	hp_buf_append(buf, is_last ? "\n" : table->separator,
		      is_last ? 1 : strlen(table->separator));
}

static void append_header(const struct table *table, const size_t *widths, bool has_colour,
			  struct hp_buf *buf)
{
	for (size_t i = 0; i < table->column_count; i++) {
		const char *name = table->columns[i].name;
		struct table_cell cell = {.length = strlen(name),
					  .columns = strlen(name),
					  .colour = has_colour ? TABLE_HEADER : TABLE_PLAIN};

		append_cell(table, i, name, &cell, widths[i], buf);
	}
}

int table_write(const struct table *table, bool has_header, bool has_colour, struct hp_buf *buf)
{
	size_t *widths = calloc(table->column_count, sizeof(*widths));

	if (widths == NULL || table->failed || table->text.failed) {
		free(widths);
		return -ENOMEM;
	}
	assert(table->cell_count % table->column_count == 0);
	for (size_t i = 0; i < table->column_count; i++)
		widths[i] = column_width(table, i, has_header);
	if (has_header)
		append_header(table, widths, has_colour, buf);
	for (size_t i = 0; i < table->cell_count; i++) {
		struct table_cell cell = table->cells[i];
		size_t column = i % table->column_count;

		if (!has_colour)
			cell.colour = TABLE_PLAIN;
		append_cell(table, column, table->text.data + cell.offset, &cell, widths[column],
			    buf);
	}
	free(widths);
	return buf->failed ? -ENOMEM : 0;
}

void table_free(struct table *table)
{
	free(table->cells);
	hp_buf_free(&table->text);
	*table = (struct table){0};
}
