/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <sys/types.h>

#include "daemon/base/base.h"

/* Which process has what this hookd was to use: for messages of the start. */

#define HOLDER_SIZE 64

/* "hookd, pid 712"; without a pid "another process". */
void holder_describe(pid_t pid, char text[static HOLDER_SIZE]);

/* Logs why hookd cannot listen at `path`, where listener_bind() has returned r. */
void holder_log_socket(const char *path, int r);
