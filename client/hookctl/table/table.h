/* SPDX-License-Identifier: Apache-2.0 */
/*
 * client/hookctl/table: how rows, times and text from outside are printed for a terminal.
 *
 * May use: proto/base, proto/json.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "proto/base/buf.h"

/* A table of text; a column is as wide as its widest cell. Cells are escaped when added. */

enum table_colour { TABLE_PLAIN, TABLE_GOOD, TABLE_BAD, TABLE_DIM, TABLE_HEADER };

struct table_column {
	const char *name;
	bool is_right; /* aligned at the right, for numbers */
	/* For a terminal that is too narrow. The last column is cut first. */
	unsigned char max; /* columns of the screen at most; 0: no limit */
	bool is_optional;  /* left out before others are cut to less than 16 */
	bool is_whole;	   /* never cut: an id */
};

struct table {
	const struct table_column *columns;
	size_t column_count;
	const char *separator;
	struct table_cell *cells;
	size_t cell_count, cell_capacity;
	struct hp_buf text; /* of all cells */
	bool failed;	    /* out of memory; table_write() reports it */
};

#define TABLE_INIT(c)                                                                              \
	((struct table){                                                                           \
	    .columns = (c), .column_count = sizeof(c) / sizeof((c)[0]), .separator = "  "})

/* Adds the next cell, row by row. NULL and "" show as "-". */
void table_add(struct table *table, const char *text);
/* Adds and frees the text, which need not be terminated. */
void table_add_buf(struct table *table, struct hp_buf *text);
void table_add_coloured(struct table *table, const char *text, enum table_colour colour);
void table_addf(struct table *table, const char *format, ...) __attribute__((format(printf, 2, 3)));

struct table_style {
	bool has_header, has_colour;
	size_t width; /* of the terminal; 0: nothing is cut */
	/*
	 * The last column goes on in further lines, between words, instead
	 * of being cut; the others are not cut.
	 */
	bool wraps;
};

/* Appends all rows. -ENOMEM, also if a cell could not be added. */
int table_write(const struct table *table, const struct table_style *style, struct hp_buf *buf);
void table_free(struct table *table);
