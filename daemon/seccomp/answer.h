/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <linux/filter.h>
#include <stdint.h>

/*
 * What hookd and its own compiler process say to each other: the canonical text of a profile
 * (hp_seccomp_write()) on stdin, this on stdout. Both are one program, so the layout is that of
 * the compiler.
 */

/* argv[0] of the process, by which main() knows what it is. */
#define COMPILER_NAME "hookd-seccomp"

/*
 * Followed by the instructions, and by the unknown names, each with its NUL. Where `error` is set
 * there is nothing behind it: stderr has a sentence, and the exit status is 1.
 */
struct compiled {
	int32_t error; /* errno */
	uint32_t count, flags, needs_listener;
	uint32_t names_length;
};

/* So that all of it is within what a capture keeps of an output: two times 32 KiB. */
#define COMPILED_NAMES_BYTES_MAX (28 * 1024)
_Static_assert(sizeof(struct compiled) + BPF_MAXINSNS * sizeof(struct sock_filter) +
		       COMPILED_NAMES_BYTES_MAX <=
		   64 * 1024,
	       "a program must be within what is kept of an output");
