/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "daemon/base/base.h"

/*
 * Room in the file system of the state that hookd has taken before it is full, so that it can then
 * still record how runs have ended, or write the file of runs anew. It is a file without a name: a
 * killed hookd leaves nothing.
 */
struct reserve {
	int fd; /* -1: it is given back */
};

#define RESERVE_NONE  ((struct reserve){.fd = -1})
#define RESERVE_BYTES (128 * 1024)

/* Takes it, if it is not taken. -ENOSPC: there is no room. Where files cannot be made: 0. */
int reserve_take(struct reserve *reserve, int directory);
/* Gives it back. False: it was not taken. */
bool reserve_give_back(struct reserve *reserve);
