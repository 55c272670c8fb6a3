/* SPDX-License-Identifier: Apache-2.0 */
/*
 * daemon/raw: code that uses no state of libc. It is compiled into hookd and into hookd-run; in
 * hookd it runs in a child that shares hookd's memory until its exec. It makes raw system calls
 * only and allocates nothing.
 *
 * May use: nothing.
 */
#pragma once

/*
 * System calls without libc, whose errno would be hookd's. They return what the kernel returns: a
 * negative errno on failure.
 */

#ifndef __x86_64__
#error "raw system calls exist for x86-64 only: add this architecture"
#endif

static inline long call5(long number, long a, long b, long c, long d, long e)
{
	register long r10 __asm__("r10") = d;
	register long r8 __asm__("r8") = e;
	long result;

	__asm__ volatile("syscall"
			 : "=a"(result)
			 : "a"(number), "D"(a), "S"(b), "d"(c), "r"(r10), "r"(r8)
			 : "rcx", "r11", "memory");
	return result;
}

static inline long call2(long number, long a, long b)
{
	return call5(number, a, b, 0, 0, 0);
}
