/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * Which events of a run were reported ("told") already. A client that attaches to a run again after
 * a lost connection gets all events from the beginning, and the kept output: this finds the new
 * ones.
 */
struct hp_told {
	bool is_accepted;
	char run[64];
	size_t started, finished; /* indices of the next hooks to report */
	size_t index;		  /* the hook whose output was reported last */
	uint64_t at[2];		  /* the next byte of its stdout and stderr */
};

/* Each returns true if the event is new, and records it. */

/* "accepted"; run may be NULL. Resets the state if it is another run than before. */
bool hp_told_accepted(struct hp_told *told, const char *run);
bool hp_told_started(struct hp_told *told, size_t index);
bool hp_told_finished(struct hp_told *told, size_t index);

struct hp_told_output {
	size_t index;
	int stream;	 /* 1 stdout, 2 stderr */
	bool has_offset; /* false: an older hookd, which never sends output twice */
	uint64_t offset;
	const char *data;
	size_t length;
	uint64_t missing; /* set: so many bytes before `offset` were not reported, nor are kept */
};

/* Removes bytes that were reported from the start of the data; sets `missing`, and the offset. */
bool hp_told_output(struct hp_told *told, struct hp_told_output *output);
