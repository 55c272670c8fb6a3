/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Sets of CPUs and NUMA nodes: from and to JSON, as both dialects write them. An empty mask is
 * unset; the kernel does not accept one either.
 */

#include "proto/settings/mask.h"

#include <errno.h>
#include <string.h>

#define WORDS (HP_MASK_BITS / 64)

/*
 * Reads digits at *at and moves *at after them; false if there are none or the number is too big.
 */
static bool take_bit(const char **at, unsigned int bits, unsigned int *ret)
{
	unsigned int bit = 0;
	const char *start = *at;

	for (; **at >= '0' && **at <= '9'; ++*at) {
		bit = bit * 10 + (unsigned int)(**at - '0');
		if (bit >= bits)
			return false;
	}
	*ret = bit;
	return *at > start;
}

/* The first `used` numbers of each group of `group`, from `first` to `last`. */
struct range {
	unsigned int first, last, used, group;
};

/* "7", "0-3", "0-15:2/4" */
static bool take_range(const char **at, unsigned int bits, struct range *ret)
{
	*ret = (struct range){.used = 1, .group = 1};
	if (!take_bit(at, bits, &ret->first))
		return false;
	ret->last = ret->first;
	if (**at != '-')
		return true;
	++*at;
	if (!take_bit(at, bits, &ret->last) || ret->first > ret->last)
		return false;
	if (**at != ':')
		return true;
	++*at;
	if (!take_bit(at, bits, &ret->used) || *(*at)++ != '/' || !take_bit(at, bits, &ret->group))
		return false;
	return ret->used > 0 && ret->used <= ret->group;
}

static bool is_separator(char c)
{
	return c == ',' || c == ' ' || c == '\t';
}

bool hp_mask_parse_bits(const char *list, uint64_t *words, unsigned int bits)
{
	struct range range;
	bool is_empty = true;

	for (;;) {
		while (is_separator(*list))
			list++;
		if (*list == '\0' && !is_empty)
			return true;
		if (!take_range(&list, bits, &range) || (*list != '\0' && !is_separator(*list)))
			return false;
		is_empty = false;
		for (unsigned int bit = range.first; bit <= range.last; bit++)
			if ((bit - range.first) % range.group < range.used)
				words[bit / 64] |= 1ull << (bit % 64);
	}
}

int hp_mask_parse(const char *list, struct hp_mask *ret_mask, struct hp_err *err)
{
	struct hp_mask mask = {.is_set = true};

	if (hp_mask_parse_bits(list, mask.words, HP_MASK_BITS)) {
		*ret_mask = mask;
		return 0;
	}
	return hp_err_invalid(err, NULL, "must be a list such as 0-3,7 of numbers up to %d",
			      HP_MASK_BITS - 1);
}

static int read_list(const struct hp_field *field, struct hp_json_value value,
		     struct hp_arena *arena, void *object, struct hp_err *err)
{
	char *list;
	int r = hp_json_get_string(value, arena, &list, err);

	if (r < 0 || list[0] == '\0')
		return r;
	return hp_mask_parse(list, hp_field_at(field, object), err);
}

static int read_words(const struct hp_field *field, struct hp_json_value value,
		      struct hp_arena *arena, void *object, struct hp_err *err)
{
	struct hp_mask mask = {0};
	struct hp_json_value key, word;
	size_t i = 0;

	(void)arena;
	if (hp_json_type(value) != HP_JSON_ARRAY || hp_json_count(value) > WORDS)
		return hp_err_invalid(err, NULL, "must be a list of at most %d integers", WORDS);
	HP_JSON_FOREACH (key, word, value) {
		int r = hp_json_get_uint64(word, 0, UINT64_MAX, &mask.words[i], err);

		r = hp_json_go_on(value, hp_err_prefix_index(err, r, i), err);
		if (r < 0)
			return r;
		mask.is_set |= mask.words[i++] != 0;
	}
	memcpy(hp_field_at(field, object), &mask, sizeof(mask));
	return 0;
}

static bool is_mask_set(const struct hp_field *field, const void *object)
{
	return ((const struct hp_mask *)hp_field_const_at(field, object))->is_set;
}

static int write_words(const struct hp_field *field, struct hp_json_writer *writer,
		       const void *object, struct hp_err *err)
{
	const struct hp_mask *mask = hp_field_const_at(field, object);

	(void)err;
	hp_json_begin(writer, '[');
	for (size_t i = 0; i < WORDS; i++)
		hp_field_put_uint(writer, mask->words[i]);
	hp_json_end(writer, ']');
	return 0;
}

const struct hp_field_type hp_field_mask_list = {read_list, is_mask_set, NULL};
const struct hp_field_type hp_field_mask_words = {read_words, is_mask_set, write_words};
