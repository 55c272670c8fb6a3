/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdatomic.h>
#include <stdint.h>

#include "daemon/base/base.h"

/*
 * How many STARTs of its front a runner has read, in memory that it shares with hookd. So hookd
 * knows of a runner that was killed which lists it has certainly not begun.
 */
struct counter {
	int fd;			/* of the memory, in the runner; -1: none */
	_Atomic uint64_t *read; /* NULL: none, and the number is not known */
};
#define COUNTER_NONE ((struct counter){.fd = -1})

/* In the runner. -errno: none. */
int counter_make(struct counter *ret_counter) must_check;
/* In hookd: maps the runner's memory. -EBADMSG: it is not such memory; -ENOMEM. */
int counter_map(int fd, struct counter *ret_counter) must_check;
void counter_clear(struct counter *counter);
