/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* An interpreter of classic BPF, as far as seccomp filters use it. */

/*
 * Checks what the kernel checks when it loads a filter: the length, that each instruction is valid
 * for filters (here: one that compilers of profiles generate), that loads and jumps are in bounds,
 * and that it ends with a return. Returns NULL, or what is wrong.
 */
const char *bpf_check(const struct sock_filter *program, size_t count);

/* The result of a checked program. *ret_steps, where it is not NULL, counts instructions. */
uint32_t bpf_run(const struct sock_filter *program, const struct seccomp_data *data,
		 size_t *ret_steps);
