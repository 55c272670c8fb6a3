/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <sys/types.h>

#include "daemon/base/base.h"

/*
 * A process held by a pidfd. What was read by its number was read of it where it is alive
 * afterwards, for the kernel does not give a number again before.
 */

/* The caller's to close. -ESRCH: no process has this number, or only a thread; or -errno. */
int pidfd_of(pid_t pid) must_check;
/* False from the exit on, and where the kernel does not tell. */
bool pidfd_is_alive(int pidfd);
