/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <sys/types.h>

/* What a process and the machine hold, as /proc tells. Values in KB of 1000 bytes. */

/* "Rss" or "Pss" of the process's smaps_rollup. -ESRCH, -EACCES ... */
int footprint_process(pid_t pid, const char *field, double *ret_kb);
/*
 * What processes cost the whole machine: their own memory, and the kernel's for them (page tables,
 * slab, stacks). Of use as a difference only.
 */
int footprint_machine(double *ret_kb);
/* How many descriptors the process has open, or -errno. */
int footprint_fds(pid_t pid);
/* Raises the caller's soft limit of open files to the hard one. */
void footprint_raise_fds(void);
