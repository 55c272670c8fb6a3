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

void table_add_buf(struct table *table, struct hp_buf *text)
{
	hp_buf_append(text, "", 1);
	table_add(table, text->failed ? NULL : text->data);
	table->failed |= text->failed;
	hp_buf_free(text);
}

void table_addf(struct table *table, const char *format, ...)
{
	struct hp_buf text = HP_BUF_INIT;
	va_list arguments;

	va_start(arguments, format);
	hp_buf_vformat(&text, format, arguments);
	va_end(arguments);
	table_add_buf(table, &text);
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

/* ---- widths ---- */

#define LAST_MIN  16 /* before other columns are touched */
#define WIDTH_MIN 4  /* of a column that is cut */
#define LEFT_OUT  SIZE_MAX

static size_t total_width(const struct table *table, const size_t *widths)
{
	size_t total = 0, shown = 0;

	for (size_t i = 0; i < table->column_count; i++) {
		if (widths[i] == LEFT_OUT)
			continue;
		total += widths[i];
		shown++;
	}
	return shown > 0 ? total + (shown - 1) * strlen(table->separator) : 0;
}

/* Cuts the column as far as needed, but not below `least`. */
static void cut_column(const struct table *table, size_t *widths, size_t column, size_t least,
		       size_t width)
{
	size_t total = total_width(table, widths), excess = total > width ? total - width : 0;

	if (widths[column] == LEFT_OUT || widths[column] <= least)
		return;
	widths[column] -= excess < widths[column] - least ? excess : widths[column] - least;
}

static void leave_out(const struct table *table, size_t *widths, size_t width)
{
	for (size_t i = table->column_count; i-- > 0;)
		if (table->columns[i].is_optional && total_width(table, widths) > width)
			widths[i] = LEFT_OUT;
}

/* The widest of those that may be cut further; LEFT_OUT: none. */
static size_t widest_column(const struct table *table, const size_t *widths)
{
	size_t widest = LEFT_OUT;

	for (size_t i = 0; i < table->column_count; i++) {
		if (widths[i] == LEFT_OUT || widths[i] <= WIDTH_MIN || table->columns[i].is_right ||
		    table->columns[i].is_whole)
			continue;
		if (widest == LEFT_OUT || widths[i] > widths[widest])
			widest = i;
	}
	return widest;
}

static void fit_widths(const struct table *table, size_t *widths, size_t width)
{
	size_t last = table->column_count - 1, last_width, widest;

	for (size_t i = 0; i < table->column_count; i++)
		if (table->columns[i].max != 0 && widths[i] > table->columns[i].max)
			widths[i] = table->columns[i].max;
	last_width = widths[last];
	cut_column(table, widths, last, LAST_MIN, width);
	leave_out(table, widths, width);
	if (widths[last] != LEFT_OUT)
		widths[last] = last_width;
	cut_column(table, widths, last, LAST_MIN, width);
	while (total_width(table, widths) > width &&
	       (widest = widest_column(table, widths)) != LEFT_OUT)
		widths[widest]--;
}

/* ---- rows ---- */

static void append_ellipsis(struct hp_buf *buf)
{
	if (MB_CUR_MAX > 1)
		hp_buf_append(buf, "\u2026", strlen("\u2026"));
	else
		hp_buf_append(buf, ">", 1);
}

/* The cell's text, cut to the width. Returns the columns of the screen that it takes. */
static size_t append_text(struct hp_buf *buf, const char *text, const struct table_cell *cell,
			  size_t width)
{
	size_t columns = 0, length;

	if (cell->columns <= width) {
		hp_buf_append(buf, text, cell->length);
		return cell->columns;
	}
	length = escape_cut(text, cell->length, width > 0 ? width - 1 : 0, &columns);
	hp_buf_append(buf, text, length);
	append_ellipsis(buf);
	return columns + 1;
}

static void append_colour(struct hp_buf *buf, enum table_colour colour)
{
	if (colour != TABLE_PLAIN)
		hp_buf_append(buf, colour_codes[colour], strlen(colour_codes[colour]));
}

static void append_colour_end(struct hp_buf *buf, enum table_colour colour)
{
	if (colour != TABLE_PLAIN)
		hp_buf_append(buf, "\x1b[0m", 4);
}

/* Where to end a line of so many bytes at most: behind a word, or behind one that is too long. */
static size_t line_end(const char *text, size_t length, size_t most)
{
	size_t end = most;

	if (most >= length)
		return length;
	while (end > 0 && text[end] != ' ')
		end--;
	if (end == 0)
		for (end = most; end < length && text[end] != ' ';)
			end++;
	return end;
}

/* The last cell of a row, in as many lines as it takes, which begin in the column `indent`. */
static void append_wrapped(struct hp_buf *buf, const char *text, const struct table_cell *cell,
			   size_t indent, size_t width)
{
	size_t length = cell->length, columns;

	append_colour(buf, cell->colour);
	while (length > 0) {
		size_t end = line_end(text, length, escape_cut(text, length, width, &columns));

		hp_buf_append(buf, text, end);
		while (end < length && text[end] == ' ')
			end++;
		text += end;
		length -= end;
		if (length == 0)
			break;
		hp_buf_append(buf, "\n", 1);
		append_spaces(buf, indent);
	}
	append_colour_end(buf, cell->colour);
}

/* One cell with its padding. */
static void append_cell(const struct table *table, size_t column, const char *text,
			const struct table_cell *cell, size_t width, struct hp_buf *buf)
{
	size_t padding = width > cell->columns ? width - cell->columns : 0;
	bool is_last = column + 1 == table->column_count;

	if (table->columns[column].is_right)
		append_spaces(buf, padding);
	append_colour(buf, cell->colour);
	width -= append_text(buf, text, cell, width);
	append_colour_end(buf, cell->colour);
	if (!table->columns[column].is_right && !is_last)
		append_spaces(buf, width);
}

/* `text` is the memory that the cells' offsets are into. */
static void append_row(const struct table *table, const char *text, const struct table_cell *cells,
		       const size_t *widths, const struct table_style *style, struct hp_buf *buf)
{
	size_t last = table->column_count - 1;
	bool is_first = true;

	for (size_t i = 0; i < table->column_count; i++) {
		struct table_cell cell = cells[i];

		if (widths[i] == LEFT_OUT)
			continue;
		if (!style->has_colour)
			cell.colour = TABLE_PLAIN;
		if (!is_first)
			hp_buf_append(buf, table->separator, strlen(table->separator));
		if (i == last && style->wraps)
			append_wrapped(buf, text + cell.offset, &cell,
				       total_width(table, widths) - widths[last], widths[last]);
		else
			append_cell(table, i, text + cell.offset, &cell, widths[i], buf);
		is_first = false;
	}
	hp_buf_append(buf, "\n", 1);
}

static void append_header(const struct table *table, const size_t *widths, bool has_colour,
			  struct hp_buf *buf)
{
	bool is_first = true;

	for (size_t i = 0; i < table->column_count; i++) {
		const char *name = table->columns[i].name;
		struct table_cell cell = {.length = strlen(name),
					  .columns = strlen(name),
					  .colour = has_colour ? TABLE_HEADER : TABLE_PLAIN};

		if (widths[i] == LEFT_OUT)
			continue;
		if (!is_first)
			hp_buf_append(buf, table->separator, strlen(table->separator));
		append_cell(table, i, name, &cell, widths[i], buf);
		is_first = false;
	}
	hp_buf_append(buf, "\n", 1);
}

int table_write(const struct table *table, const struct table_style *style, struct hp_buf *buf)
{
	size_t *widths = calloc(table->column_count, sizeof(*widths));

	if (widths == NULL || table->failed || table->text.failed) {
		free(widths);
		return -ENOMEM;
	}
	assert(table->cell_count % table->column_count == 0);
	for (size_t i = 0; i < table->column_count; i++)
		widths[i] = column_width(table, i, style->has_header);
	if (style->width > 0 && style->wraps)
		cut_column(table, widths, table->column_count - 1, LAST_MIN, style->width);
	else if (style->width > 0)
		fit_widths(table, widths, style->width);
	if (style->has_header)
		append_header(table, widths, style->has_colour, buf);
	for (size_t i = 0; i < table->cell_count; i += table->column_count)
		append_row(table, table->text.data, &table->cells[i], widths, style, buf);
	free(widths);
	return buf->failed ? -ENOMEM : 0;
}

void table_free(struct table *table)
{
	free(table->cells);
	hp_buf_free(&table->text);
	*table = (struct table){0};
}
