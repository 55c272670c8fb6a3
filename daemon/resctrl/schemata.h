/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "daemon/base/base.h"
#include "proto/base/arena.h"
#include "proto/base/err.h"

/*
 * Schemata of resctrl (kernel: Documentation/arch/x86/resctrl.rst "Reading/writing the schemata
 * file") as numbers, so that they can be compared. No I/O.
 *
 *	L3:0=fffff;1=3ff
 *	MB:0=50;1=100
 *
 * Ids of domains are decimal. Values are hexadecimal bit masks, with or without "0x", except
 * bandwidths (MB, SMBA), which are decimal. All have 64 bits. Blanks around names and numbers are
 * accepted, since the kernel prints some. Only the kernel checks whether the machine supports a
 * value.
 */
struct schemata_value {
	char resource[16];
	uint64_t id, value;
	unsigned int source; /* the number of the text that it was read from */
};

struct schemata {
	struct schemata_value *values;
	size_t count, room;
	struct hp_arena arena;
};

#define SCHEMATA_INIT ((struct schemata){0})

/*
 * Adds the lines of a text, except those of the resource `left_out`, which are not even read; NULL:
 * all. A domain that an earlier source has named gets the new value, as if
 * both texts were written one after the other. -EINVAL with a reason and no path, also where a
 * domain is named twice in one text; -ENOMEM.
 */
int schemata_add(struct schemata *schemata, const char *text, const char *left_out,
		 unsigned int source, struct hp_err *err) must_check;
/* The same for a text of the kernel; lines that cannot be parsed are ignored. -ENOMEM. */
int schemata_add_kernels(struct schemata *schemata, const char *text) must_check;
void schemata_clear(struct schemata *schemata);

/* Rounds up the values of one resource to a multiple of the step, as the kernel does for MB. */
void schemata_round_up(struct schemata *schemata, const char *resource, uint64_t step);

/*
 * Returns the first value of `wanted` that differs or is missing in `present`, and NULL where there
 * is none. *ret_present is then the differing value, or NULL where it is missing. The order of the
 * values does not matter.
 */
const struct schemata_value *schemata_find_difference(const struct schemata *wanted,
						      const struct schemata *present,
						      const struct schemata_value **ret_present);

/* Prints the values of one text, a line for each resource, into the arena. NULL: out of memory. */
const char *schemata_print(struct schemata *schemata, unsigned int source);
