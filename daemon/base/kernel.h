/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "daemon/base/base.h"

#define KERNEL_PARTS_MAX 40

/* A system call, or an option of one, that hookd uses. */
struct kernel_part {
	const char *name;
	const char *without; /* the consequence where it is missing */
	bool is_needed;	     /* hookd refuses to start without it */
	int error;	     /* 0: it works; else a positive errno */
};

struct kernel {
	struct kernel_part parts[KERNEL_PARTS_MAX];
	size_t count;
};

/*
 * Tries each part once, with arguments that change nothing; starts and kills one child. A part can
 * be missing from the kernel, or forbidden by a seccomp filter that hookd runs under (a container
 * engine's default profile): both are reported the same way. A part that cannot be tried for lack
 * of memory, processes or descriptors counts as there. Blocks until the child has exited, usually
 * less than 1 ms, 5 s at most.
 */
void kernel_probe(struct kernel *ret_kernel);
