/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stddef.h>

/* What somebody may have meant to type. */

struct nearest {
	const char *word;
	const char *name; /* the best so far; NULL: none is near */
	size_t length;	  /* of `name` */
	size_t distance;
};

/* `word` is what was typed. */
struct nearest nearest_new(const char *word);
/* A name that would have been right; `length` bytes, which must stay. */
void nearest_offer(struct nearest *nearest, const char *name, size_t length);
/* Offers each part of a list that is divided by '|'. */
void nearest_offer_list(struct nearest *nearest, const char *list);
