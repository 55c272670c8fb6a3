/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "proto/base/arena.h"
#include "proto/base/buf.h"
#include "proto/json/json.h"

/* While the directory is written, files are there whose names begin with it. */
#define DELEGATED_OWN_NAME ".hookctl-delegate"

struct delegated_own_file {
	char *name;
	uint64_t digest; /* of its bytes, by delegated_digest() */
};

/*
 * Which files of the directory are ours: {"files": [{"name": "a.json", "digest":
 * "0123456789abcdef"}]}. A name may be there twice, with what the file had before a change that was
 * cut off and what it was to get. So a file that somebody has changed or put there is not taken for
 * ours.
 */
struct delegated_own {
	struct delegated_own_file *list;
	size_t count;
	struct hp_arena arena; /* of the list */
};

uint64_t delegated_digest(const struct hp_buf *text);

/* Zeros in *ret before. -EINVAL: it is damaged. Free *ret in any case. */
int delegated_own_read(const struct hp_buf *text, struct delegated_own *ret);
void delegated_own_free(struct delegated_own *own);

bool delegated_own_has_name(const struct delegated_own *own, const char *name);
bool delegated_own_has(const struct delegated_own *own, const char *name, uint64_t digest);

/* Appends the list. */
void delegated_own_write(const struct delegated_own_file *list, size_t count, struct hp_buf *ret);
