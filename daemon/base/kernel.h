/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "daemon/base/base.h"

#define KERNEL_PARTS_MAX 40

/* A system call, or an option of one, that hookd uses. */
struct kernel_part {
	const char *name;
	const char *without; /* what follows where it is missing */
	bool is_needed;	     /* without it no hook can be run as promised */
	int error;	     /* 0: it is there; what it says instead, positive */
};

struct kernel {
	struct kernel_part parts[KERNEL_PARTS_MAX];
	size_t count;
};

/*
 * Tries each part once, with arguments that change nothing; a child is started and killed. What is
 * missing is missing from the kernel, or forbidden by a filter that hookd runs under (an engine's
 * default profile where hookd runs in a container): no difference is made. Waits for the child for
 * some seconds at most, on a machine that works for less than a millisecond.
 */
void kernel_probe(struct kernel *ret_kernel);
