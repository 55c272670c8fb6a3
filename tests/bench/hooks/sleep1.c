/* SPDX-License-Identifier: Apache-2.0 */
/* A hook that sleeps for one second; many of them run at the same time. */
#include <linux/time_types.h>

#include "nolibc.h"

void _start(void)
{
	struct __kernel_timespec second = {.tv_sec = 1};

	leave(call3(__NR_nanosleep, (long)&second, 0, 0) == 0 ? 0 : 1);
}
