/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <asm/unistd.h>

/*
 * Replaces libc in the hooks of the benchmarks. The start of a libc takes many times as long as
 * making the process, most of all in a virtual machine where CPUID traps, and would hide what hookd
 * adds.
 */

#ifndef __x86_64__
#error "the system calls are written for x86-64: add the other architecture's"
#endif

static inline long call3(long number, long a, long b, long c)
{
	long result;

	__asm__ volatile("syscall"
			 : "=a"(result)
			 : "a"(number), "D"(a), "S"(b), "d"(c)
			 : "rcx", "r11", "memory");
	return result;
}

static inline __attribute__((noreturn)) void leave(int status)
{
	for (;;)
		call3(__NR_exit_group, status, 0, 0);
}

/* The entry point. The kernel aligns the stack differently than a function expects. */
__attribute__((force_align_arg_pointer, noreturn)) void _start(void);
