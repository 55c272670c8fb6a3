/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>

/*
 * hookd executes itself to compile a seccomp profile: run/filters.c starts the process,
 * run/compiled.h is what they say to each other. Profiles come from strangers, libseccomp has had
 * its memory errors with them, and some take it seconds; all that then dies is this process.
 */

/* To be asked before anything else is done. */
bool compiler_is_asked_for(int argc, char **argv);
/* Reads stdin, writes stdout or a sentence on stderr. Returns the exit status. */
int compiler_main(void);
