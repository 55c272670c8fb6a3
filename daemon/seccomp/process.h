/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>

/*
 * To compile a seccomp profile hookd executes itself: cache.c starts the process, answer.h is their
 * protocol. Profiles come from untrusted callers; libseccomp has had memory errors with some, and
 * others take it seconds. In a separate process neither harms hookd.
 */

/* True in the compiler process. main() calls it first. */
bool compiler_is_asked_for(int argc, char **argv);
/* Reads a profile from stdin, writes the answer to stdout. Returns the exit status. */
int compiler_main(void);
