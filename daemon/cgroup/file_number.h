/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "daemon/base/base.h"

/*
 * Numbers in texts for files of cgroup v2, read as the kernel reads them: a number that begins with
 * 0x is hexadecimal, another one that begins with 0 octal.
 *
 *	memory.max, .high, .low, .min, .swap.max	"max", or bytes with a unit, K to E; blanks
 *	pids.max					"max", or a number; + and blanks
 *	cpu.weight					a number; +
 *	cpu.weight.nice					-20 to 19; *ret gets the cpu.weight of it
 *	cpu.idle					0 or 1; +
 *
 * "max" is UINT64_MAX. False: another file, or a text without a number in that form; that includes
 * the texts whose value the kernel leaves to chance ("K", a number beyond 64 bits).
 */
bool file_number_read(const char *file, const char *text, uint64_t *ret);
/* What the number must be, for an error; NULL: the file is none of those above. */
const char *file_number_form(const char *file);
