/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <linux/filter.h>
#include <stdint.h>

/*
 * The protocol between hookd and its compiler process: the canonical text of a profile
 * (hp_seccomp_write()) on stdin, struct compiled on stdout. Both ends are the same executable, so
 * the struct needs no fixed byte order or padding.
 */

/* argv[0] of the process; main() recognizes it by this. */
#define COMPILER_NAME "hookd-seccomp"

/*
 * Followed by the instructions, then the unknown names, each with its NUL. Where `error` is set
 * nothing follows: stderr has the reason, and the exit status is 1.
 */
struct compiled {
	int32_t error; /* errno */
	uint32_t count, flags, needs_listener;
	uint32_t names_length;
};

/* The whole answer must fit in what a capture keeps of an output: two times 32 KiB. */
#define COMPILED_NAMES_BYTES_MAX (28 * 1024)
_Static_assert(sizeof(struct compiled) + BPF_MAXINSNS * sizeof(struct sock_filter) +
		       COMPILED_NAMES_BYTES_MAX <=
		   64 * 1024,
	       "the longest answer must fit in what is kept of an output");
