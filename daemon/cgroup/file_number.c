/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The kernel's readers of numbers: memparse() behind strstrip() for memory
 * (page_counter_memparse()), kstrtoll() behind strstrip() for pids.max, kstrtoull() and kstrtoll()
 * for the files of cpu. No state.
 */
#include "daemon/cgroup/file_number.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum form { AMOUNT, COUNT, WEIGHT, NICE, SWITCH, FORMS };

static const char *const form_texts[FORMS] = {
    [AMOUNT] = "must be a number of bytes, with or without a unit, or max",
    [COUNT] = "must be a number, or max",
    [WEIGHT] = "must be a number",
    [NICE] = "must be from -20 to 19",
    [SWITCH] = "must be 0 or 1",
};

static const struct {
	const char *file;
	enum form form;
} files[] = {
    {"memory.min", AMOUNT}, {"memory.low", AMOUNT},	 {"memory.high", AMOUNT},
    {"memory.max", AMOUNT}, {"memory.swap.max", AMOUNT}, {"pids.max", COUNT},
    {"cpu.weight", WEIGHT}, {"cpu.weight.nice", NICE},	 {"cpu.idle", SWITCH},
};

static enum form find_form(const char *file)
{
	for (size_t i = 0; i < ELEMENTS(files); i++)
		if (strcmp(file, files[i].file) == 0)
			return files[i].form;
	return FORMS;
}

const char *file_number_form(const char *file)
{
	enum form form = find_form(file);

	return form == FORMS ? NULL : form_texts[form];
}

/* Digits, without a sign. strtoull() gets the base, since by itself it knows "0b1" too. */
static bool read_digits(const char *text, uint64_t *ret, const char **ret_end)
{
	int base = 10;
	char *end;

	if (!isdigit((unsigned char)*text))
		return false;
	if (*text == '0')
		base = tolower((unsigned char)text[1]) == 'x' && isxdigit((unsigned char)text[2])
			   ? 16
			   : 8;
	errno = 0;
	*ret = strtoull(text, &end, base);
	*ret_end = end;
	return errno == 0;
}

static bool read_amount(const char *text, uint64_t *ret)
{
	static const char units[] = "kmgtpe";
	const char *end, *unit;
	unsigned int shift = 0;

	if (!read_digits(text, ret, &end))
		return false;
	unit = *end ? strchr(units, tolower((unsigned char)*end)) : NULL;
	if (unit)
		shift = 10 * (unsigned int)(unit - units + 1);
	if (end[unit != NULL] != '\0' || *ret > UINT64_MAX >> shift)
		return false;
	*ret <<= shift;
	return true;
}

/* kstrtoull() takes a newline at the end. */
static bool read_unsigned(const char *text, uint64_t max, uint64_t *ret)
{
	const char *end;

	if (!read_digits(text + (*text == '+'), ret, &end) || *ret > max)
		return false;
	return end[*end == '\n'] == '\0';
}

/* sched_prio_to_weight[] of the kernel, of which cpu.weight shows hundredths of 1024. */
static bool read_nice(const char *text, uint64_t *ret)
{
	static const unsigned int weights[40] = {
	    88761, 71755, 56483, 46273, 36291, 29154, 23254, 18705, 14949, 11916,
	    9548,  7620,  6100,	 4904,	3906,  3121,  2501,  1991,  1586,  1277,
	    1024,  820,	  655,	 526,	423,   335,   272,   215,   172,   137,
	    110,   87,	  70,	 56,	45,    36,    29,    23,    18,	   15,
	};
	bool is_negative = *text == '-' && isdigit((unsigned char)text[1]);
	uint64_t amount;
	int nice;

	if (!read_unsigned(text + is_negative, is_negative ? 20 : 19, &amount))
		return false;
	nice = is_negative ? -(int)amount : (int)amount;
	*ret = (weights[nice + 20] * 100 + 512) / 1024;
	return true;
}

/* Without the blanks around it. False: it is too long for a number. */
static bool strip(const char *text, char *ret, size_t size)
{
	size_t length;

	while (isspace((unsigned char)*text))
		text++;
	length = strlen(text);
	while (length > 0 && isspace((unsigned char)text[length - 1]))
		length--;
	if (length >= size)
		return false;
	memcpy(ret, text, length);
	ret[length] = '\0';
	return true;
}

bool file_number_read(const char *file, const char *text, uint64_t *ret)
{
	enum form form = find_form(file);
	char stripped[64];

	if (form == AMOUNT || form == COUNT) {
		if (!strip(text, stripped, sizeof(stripped)))
			return false;
		if (strcmp(stripped, "max") == 0) {
			*ret = UINT64_MAX;
			return true;
		}
	}
	switch (form) {
	case AMOUNT:
		return read_amount(stripped, ret);
	case COUNT:
		return read_unsigned(stripped, INT64_MAX, ret);
	case WEIGHT:
		return read_unsigned(text, UINT64_MAX, ret);
	case NICE:
		return read_nice(text, ret);
	case SWITCH:
		return read_unsigned(text, 1, ret);
	case FORMS:
		break;
	}
	return false;
}
