/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#define HASH_NONFATAL_OOM 1
#include <uthash.h>

#include "daemon/records/entry.h"

/* What the entries of a file say of each run. All texts point into the bytes that were read. */
struct recorded_run {
	const char *id;
	const char *request_id; /* NULL: none */
	uid_t uid;
	enum hp_stage stage;
	int64_t submitted_us, ended_ns;
	const char *container, *request, *result; /* NULL: there is no such entry */
	size_t container_length, request_length, result_length;
	size_t bytes; /* of its entries */
	bool is_forgotten;
	UT_hash_handle by_id;
};

#define RECORDED_PLACES_MAX 8

struct recorded {
	struct recorded_run *runs; /* by_id; in the order of their first entries */
	const char *runners;	   /* of the last ENTRY_RUNNERS; NULL: not known */
	size_t runners_length;
	size_t end;	 /* of the last valid entry before ENTRY_LAST */
	bool is_cut_off; /* ENTRY_LAST is not at the end: something is missing */
	/* Nothing else is wrong, and the file ends within an entry: as if killed while it wrote. */
	bool is_unfinished;
	/* Damage between entries; of the first places also where. */
	size_t damage_count;
	struct recorded_place {
		size_t offset, length;
	} places[RECORDED_PLACES_MAX];
};

/* Reads the entries of a file with its head. -ENOMEM. */
int recorded_read(const char *bytes, size_t length, uint64_t seed,
		  struct recorded *ret_recorded) must_check;
void recorded_clear(struct recorded *recorded);
