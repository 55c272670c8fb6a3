/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "proto/base/buf.h"
#include "proto/base/names.h"
#include "proto/settings/fields.h"

/*
 * Random documents of settings, made by the tables that read them: so a new row is in them without
 * a change here. Each value is one that its row accepts; rules about several members may still
 * refuse the document. Equal seeds give equal documents.
 */
void random_begin(uint64_t seed);
unsigned int at_random(unsigned int below);

/* Appends the document. Old spellings, which are never written, are left out with `only_written`.
 */
void random_settings(enum hp_dialect dialect, bool only_written, struct hp_buf *buf);

/* Calls the function for each row that random_settings() can use, and tells in how many documents
 * since random_begin() it was: of the ones for which random_count() was called. */
void random_count(void);
void random_each_row(enum hp_dialect dialect,
		     void (*function)(const struct hp_field *field, size_t count));
