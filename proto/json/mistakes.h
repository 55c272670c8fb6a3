/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <errno.h>
#include <stddef.h>

#include "proto/base/buf.h"
#include "proto/json/json.h"

/*
 * All mistakes in a document, and where they are in its text.
 *
 * A reader of hookd's ends at the first mistake, which is all that a caller needs. For somebody who
 * mends a file the same readers can go on: they report to hp_json_go_on() that a part is wrong, and
 * where a document has a list for mistakes, it keeps this one and lets them read the other parts.
 * Without a list, which is the usual case, nothing differs.
 */

#define HP_JSON_MISTAKES_MAX 1000

struct hp_json_mistake {
	uint32_t index;	   /* of the token that the path is relative to */
	struct hp_err err; /* path and reason */
};

struct hp_json_mistakes {
	struct hp_json_mistake *list;
	size_t count; /* at most HP_JSON_MISTAKES_MAX */
	size_t capacity;
};

void hp_json_mistakes_free(struct hp_json_mistakes *mistakes);

/* hp_json_go_on() where `r` is -EINVAL. */
int hp_json_add_mistake(struct hp_json_value value, int r, const struct hp_err *err);
/*
 * For readers, after a part of `value` was read with the result `r`; the path in *err is relative
 * to `value`. Returns 0 if the reader is to go on: there is no mistake, or it was added to the list
 * of the document. The part then stays as it was before, such as zeros. Returns `r` otherwise:
 * there is no list, it is full, or `r` is not -EINVAL but says that something else has failed;
 * -ENOMEM.
 */
static inline int hp_json_go_on(struct hp_json_value value, int r, const struct hp_err *err)
{
	return r == -EINVAL ? hp_json_add_mistake(value, r, err) : r;
}
/*
 * How many mistakes are in the list of the value's document; 0 if it has none. What checks several
 * parts together must not be called if this has grown while they were read: they are incomplete.
 */
size_t hp_json_mistake_count(struct hp_json_value value);

/*
 * Appends the whole path of the mistake, from the root of the document, such as
 * "hooks.poststop[0].path". Nothing for the root itself.
 */
void hp_json_mistake_path(const struct hp_json *json, const struct hp_json_mistake *mistake,
			  struct hp_buf *buf);
/* The byte where the wrong value begins; of one that is missing, where its object begins. */
size_t hp_json_mistake_offset(const struct hp_json *json, const struct hp_json_mistake *mistake);

/*
 * The same for a path alone: the value that it leads to from `value`, as far as it leads to
 * something. Keys of the document may have dots in them.
 */
struct hp_json_value hp_json_follow(struct hp_json_value value, const char *path);

struct hp_json_place {
	unsigned int line, column; /* from 1; the column counts bytes */
};
/* Of the byte at `offset`, which may be the end of the text. */
struct hp_json_place hp_json_place(const char *text, size_t offset);
