/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "client/hookctl/hookctl.h"

/*
 * What hooks have written, on its way to the stream of the same name: unchanged into a pipe or a
 * file, with control characters escaped onto a terminal.
 */

struct output_stream {
	char tail[4]; /* the start of a character that the next bytes complete */
	size_t tail_length;
	bool is_terminal;
	bool is_mid_line;
};

struct output {
	const struct ctl *ctl;
	struct output_stream streams[2]; /* stdout, stderr */
	struct hp_buf *buf;		 /* NULL, or where all of it goes: for a pager */
};

struct output output_new(const struct ctl *ctl);
/* `stream`: 1 stdout, 2 stderr. 0 or a negative errno. */
int output_write(struct output *output, int stream, const char *data, size_t length);
/* Says how many bytes hookd has not kept: "[12M left out]", on a line of its own. */
int output_write_gap(struct output *output, int stream, uint64_t missing);
/* Writes what is left of a character, and ends an incomplete line on a terminal. */
void output_end_lines(struct output *output);

/* A piece of what a hook has written. */
struct output_piece {
	const char *run, *stage;
	int64_t submitted_us; /* of the run */
	size_t index;
	int stream;
	uint64_t offset;
	const char *data;
	size_t length;
};

/* {"run":"...","stage":"...","index":0,"stream":"stdout","offset":0,"data":"..."} and a newline. */
int output_put_json(const struct output_piece *piece);
