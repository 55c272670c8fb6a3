/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <sys/types.h>

#include "daemon/base/base.h"

/*
 * Pidfds. The kernel does not reuse a pid before its process is reaped. So where the pidfd is still
 * alive after the pid was used, that pid meant this process the whole time.
 */

/* A pidfd, which the caller closes, or -errno. -ESRCH: no such process, or the id of a thread. */
int pidfd_of(pid_t pid) must_check;
/* False once the process has exited, and where poll(2) fails. */
bool pidfd_is_alive(int pidfd);
