/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <linux/seccomp.h>
#include <stdint.h>

#include "proto/base/arena.h"
#include "proto/settings/seccomp.h"

/* Profiles for tests, and calls to try them with. */

/* xorshift: the same numbers in every run. */
struct random {
	uint64_t state;
};
uint64_t random_next(struct random *random);
/* 0 to count - 1 */
size_t random_below(struct random *random, size_t count);

/*
 * Any default, some architectures, up to 40 rules over calls of every kind (with 64-bit arguments,
 * behind multiplexers, unknown), tests at the edges of 32 and 64 bits.
 */
struct hp_seccomp *random_profile(struct random *random, struct hp_arena *arena);

/* An argument at an edge of the profile's tests, or anywhere. */
uint64_t random_argument(struct random *random, const struct hp_seccomp *profile);

/* The value of hp_seccomp.archs for a name of runtime-spec. */
uint32_t arch_index(const char *oci);
