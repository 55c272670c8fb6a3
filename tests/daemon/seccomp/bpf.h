/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The machine that the kernel runs seccomp filters on: so much of classic BPF as filters use. */

/*
 * Whether the kernel would load it: the length, every instruction one that filters may have (here:
 * that compilers of profiles write), every load and jump within bounds, a return at the end. NULL,
 * or what is wrong.
 */
const char *bpf_check(const struct sock_filter *program, size_t count);

/* What a checked program answers. *ret_steps, where it is not NULL, counts instructions. */
uint32_t bpf_run(const struct sock_filter *program, const struct seccomp_data *data,
		 size_t *ret_steps);
