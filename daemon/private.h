/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "daemon/base/base.h"
#include "daemon/base/config.h"

/*
 * A private hookd (--private) serves the process that has started it, over one connection that it
 * inherits, and ends when that is closed and the runs have ended. It has no socket, no state
 * directory, no runners, no history, no metrics and no cgroups, so it takes nothing from another
 * hookd. What the configuration says about hooks holds.
 */

/*
 * Takes descriptor 3, a connected Unix stream socket, closes all above it and clears the
 * environment, which are those of the process that has started hookd. This process becomes a child
 * subreaper, and is continued when that one ends. -errno after a message.
 */
int private_take_connection(int *ret_fd) must_check;

/*
 * To be called when the last run has ended: it is not continued any more. SIGCONT would discard the
 * SIGSTOP of whoever attaches to this process then, and LeakSanitizer would wait for ever for it.
 */
void private_leave(void);

/*
 * Turns off what a private hookd does not have, and the check of who owns the files of hooks where
 * it cannot be made: in a user namespace without root.
 */
void private_restrict(struct config *config);
