/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdio.h>
#include <sys/types.h>

#include "tests/bench/measure.h"

/* libcontainer's HookList.RunHooks in a separate process, runhooks.go, controlled by two pipes. */
struct runhooks {
	pid_t pid;
	FILE *orders, *answers;
};

int runhooks_start(struct runhooks *runhooks, const char *program);
void runhooks_stop(struct runhooks *runhooks);

struct runhooks_order {
	const char *hook;
	unsigned int hooks, calls, goroutines;
};

/*
 * Adds the time of each call to `times` (may be NULL), and returns the total. -EIO: it has failed.
 */
int runhooks_run(struct runhooks *runhooks, const struct runhooks_order *order,
		 struct samples *times, int64_t *ret_whole_ns);
