/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <limits.h>

/*
 * What the kernel opens beside a program when it executes it: the interpreter of a script, or the
 * dynamic loader that an ELF file names (elf(5), PT_INTERP). The file may be anybody's, and say
 * anything. Raw system calls only, as in program_check.h.
 */
enum interpreter { INTERPRETER_NONE, INTERPRETER_OF_SCRIPT, INTERPRETER_OF_ELF };

#define INTERPRETER_SIZE      PATH_MAX /* the kernel's bound of either kind */
#define INTERPRETERS_MAX      5	       /* as the kernel's: an interpreter may be a script, too */
#define INTERPRETER_HEAD_SIZE 256      /* as much of a file as the kernel reads to tell its kind */

/* Of an open file. *path is "" where there is none; `head` is for the function's own use. */
enum interpreter interpreter_read(int fd, char head[static INTERPRETER_HEAD_SIZE],
				  char path[static INTERPRETER_SIZE]);
