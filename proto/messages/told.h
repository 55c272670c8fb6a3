/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * What was told of a run's events. A client that attaches to a run again after a lost connection
 * gets all of them from the beginning, and what is kept of the output: this finds what is new.
 */
struct hp_told {
	bool is_accepted;
	char run[64];
	size_t started, finished; /* the hooks before these */
	size_t index;		  /* whose output was told last */
	uint64_t at[2];		  /* the next byte of its stdout and stderr */
};

/* Each is true for something new, and remembers it. */

/* "accepted"; run may be NULL. Another run than before begins anew. */
bool hp_told_accepted(struct hp_told *told, const char *run);
bool hp_told_started(struct hp_told *told, size_t index);
bool hp_told_finished(struct hp_told *told, size_t index);

struct hp_told_output {
	size_t index;
	int stream;	 /* 1 stdout, 2 stderr */
	bool has_offset; /* an older hookd says none, and sends nothing again */
	uint64_t offset;
	const char *data;
	size_t length;
};

/* Takes off the front of the data what was told; sets an offset that is missing. */
bool hp_told_output(struct hp_told *told, struct hp_told_output *output);
