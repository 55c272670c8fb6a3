/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "proto/settings/fields.h"
#include "proto/settings/settings.h"

/* Sets of CPUs and NUMA nodes. Internal to proto/. */

/* A struct hp_mask from a list as cpuset writes it, "0-3,7"; nothing but digits, '-' and ','. */
extern const struct hp_field_type hp_field_mask_list;
/* From the array of 64-bit words that Go's unix.CPUSet is in JSON. */
extern const struct hp_field_type hp_field_mask_words;

/* -EINVAL if the text is not a list, or has a number beyond the bits of a mask. */
int hp_mask_parse(const char *list, struct hp_mask *ret_mask, struct hp_err *err);

/*
 * The same into a bit field of another length, which must be zeros: sets the bits. False: it is not
 * a list of numbers below `bits`, a multiple of 64.
 */
bool hp_mask_parse_bits(const char *list, uint64_t *words, unsigned int bits);

#define HP_MASK_LIST(key, object, member, ...)                                                     \
	HP_FIELD(key, hp_field_mask_list, object, member, struct hp_mask, __VA_ARGS__)
#define HP_MASK_WORDS(key, object, member, ...)                                                    \
	HP_FIELD(key, hp_field_mask_words, object, member, struct hp_mask, __VA_ARGS__)
