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
 * file") as numbers, so that two of them can be compared. Touches nothing.
 *
 *	L3:0=fffff;1=3ff
 *	MB:0=50;1=100
 *
 * Ids of domains are decimal. Values are bit masks in hexadecimal, with or without "0x", but for
 * bandwidths (MB, SMBA), which are decimal. All have 64 bits and are kept exactly; blanks around
 * names and numbers are what the kernel itself prints. Whether a value can be had is the kernel's
 * to say.
 */
struct schemata_value {
	char resource[16];
	uint64_t id, value;
	unsigned int source; /* which text it came from */
};

struct schemata {
	struct schemata_value *values;
	size_t count, room;
	struct hp_arena arena;
};

#define SCHEMATA_INIT ((struct schemata){0})

/*
 * Adds the lines of a text. -EINVAL with a reason and no path, among others where a domain is said
 * twice, by this text or one before; -ENOMEM.
 */
int schemata_add(struct schemata *schemata, const char *text, unsigned int source,
		 struct hp_err *err) must_check;
/* The same for what the kernel prints: lines that are no schemata are passed over. -ENOMEM. */
int schemata_add_kernels(struct schemata *schemata, const char *text) must_check;
void schemata_clear(struct schemata *schemata);

/* Takes out the values of one resource that came from a text. */
void schemata_drop(struct schemata *schemata, const char *resource, unsigned int source);

/* Rounds up the values of one resource to a multiple of the step, as the kernel does for MB. */
void schemata_round_up(struct schemata *schemata, const char *resource, uint64_t step);

/*
 * What of `wanted` is not so in `present`: the first value that is another or is missing, NULL
 * where all is so. *ret_present is the other value, NULL where there is none. The order does not
 * matter.
 */
const struct schemata_value *schemata_find_difference(const struct schemata *wanted,
						      const struct schemata *present,
						      const struct schemata_value **ret_present);

/* The values that came from one text, a line for each resource, in the arena; NULL: no memory. */
const char *schemata_print(struct schemata *schemata, unsigned int source);
