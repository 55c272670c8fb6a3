/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <sys/types.h>

/* Memory and descriptors of a process and of the machine, from /proc. In KB of 1000 bytes. */

/* "Rss" or "Pss" of the smaps_rollup of hookd and its runners. -ESRCH, -EACCES ... */
int footprint_hookd(pid_t pid, const char *field, double *ret_kb);
/*
 * The memory that all processes use: their own, and the kernel's for them (page tables, slab,
 * stacks). Only differences are meaningful.
 */
int footprint_machine(double *ret_kb);
/* The number of descriptors that hookd and its runners have open, or -errno. */
int footprint_fds(pid_t pid);
/* Raises the caller's soft limit of open files to the hard one. */
void footprint_raise_fds(void);
