/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <asm/unistd.h>

/*
 * What the hooks of the benchmarks stand on instead of libc. A libc's start costs many times what
 * it takes to make the process, most of all in a virtual machine where CPUID traps, and would hide
 * in every ratio what hookd adds.
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

/* Where the kernel enters; the stack is aligned here and not where a function expects it. */
__attribute__((force_align_arg_pointer, noreturn)) void _start(void);
