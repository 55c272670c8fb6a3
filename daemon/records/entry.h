/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "daemon/base/base.h"
#include "proto/base/buf.h"
#include "proto/messages/hooks.h"

/*
 * The format of the file of runs: a head, then entries one after the other. Only bytes, no files.
 */

/*
 * What is known of a run when it begins is in two entries, which are written together: REQUEST,
 * then BEGAN. Each of them is enough to know that its request id was used.
 */
enum entry_type {
	ENTRY_REQUEST = 1, /* text: the parameters of Run as they were received */
	ENTRY_BEGAN,	   /* text: the container */
	ENTRY_ENDED,	   /* text: a RunResult */
	ENTRY_FORGOTTEN,   /* no hook of the run was run, and the request may be repeated */
	ENTRY_RUNNERS, /* of no run; text: the runners that lists are handed to from here on; may be
			  empty: not known */
	ENTRY_LAST,    /* of no run; the end of the file: without it something was cut off */
	ENTRY_TYPE_COUNT,
};

struct entry {
	enum entry_type type;
	enum hp_stage stage;
	uid_t uid;
	const char *run;	/* id; NULL: of no run */
	const char *request_id; /* NULL: none */
	int64_t submitted_us;	/* CLOCK_REALTIME */
	int64_t at_ns;		/* CLOCK_BOOTTIME, when it was written */
	const char *text;	/* not NUL-terminated */
	size_t text_length;
};

/* ---- the head ---- */

#define ENTRY_HEAD_SIZE	  64
#define ENTRY_LAST_SIZE	  48 /* of ENTRY_LAST, which has no strings */
#define ENTRY_BOOT_ID_MAX 39

enum entry_head {
	ENTRY_HEAD_OURS,
	ENTRY_HEAD_OTHER_BOOT,
	ENTRY_HEAD_OTHER_VERSION,
	ENTRY_HEAD_DAMAGED, /* or not a file of this kind: the entries decide */
};

void entry_write_head(struct hp_buf *buf, const char *boot_id);
enum entry_head entry_read_head(const void *bytes, size_t length, const char *boot_id);

/*
 * The seed of the checksums of all entries, made of the version and the boot, so that an entry of
 * another boot is never taken for one of this boot, even if the head is damaged.
 */
uint64_t entry_seed(const char *boot_id);

/* ---- entries ---- */

/* -ENOMEM, -EMSGSIZE (4 GiB): the buffer is unchanged. */
int entry_write(struct hp_buf *buf, uint64_t seed, const struct entry *entry) must_check;

struct entry_reader {
	const char *bytes;
	size_t length;
	size_t offset; /* where entry_next() goes on */
	uint64_t seed;
};

enum entry_found { ENTRY_FOUND, ENTRY_NOT_VALID, ENTRY_NONE };

/*
 * Reads what is at reader->offset. FOUND: an entry, whose strings point into the bytes. NOT_VALID:
 * damage, up to the next valid entry or to the end of the bytes. *ret_offset is where it begins,
 * and reader->offset where it ends.
 */
enum entry_found entry_next(struct entry_reader *reader, struct entry *ret_entry,
			    size_t *ret_offset);

/* Whether bytes that are not valid are the beginning of an entry that is longer than they are. */
bool entry_is_unfinished(const char *bytes, size_t length);
