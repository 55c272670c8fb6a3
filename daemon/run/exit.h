/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

/* How a process ended, and what it had used by then. */
struct process_exit {
	int code;   /* waitid(2), si_code: CLD_EXITED, CLD_KILLED, CLD_DUMPED; 0: not known */
	int status; /* waitid(2), si_status: the exit status, or the signal's number */
	int64_t user_us, system_us;
	int64_t max_rss_bytes;
};

/*
 * Waits for a child that has exited, and never blocks. False: it has not. Where there is no such
 * child, since somebody else has waited for it, ret_exit->code stays 0.
 */
bool process_exit_take(int pidfd, struct process_exit *ret_exit);
