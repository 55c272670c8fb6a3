/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <limits.h>

/*
 * The file that the kernel opens in addition to a program when it executes it: the interpreter of a
 * script, or the dynamic loader named by an ELF file (elf(5), PT_INTERP). The program is not
 * trusted. Only raw system calls are made, as in program_check.h.
 */
enum interpreter { INTERPRETER_NONE, INTERPRETER_OF_SCRIPT, INTERPRETER_OF_ELF };

#define INTERPRETER_SIZE      PATH_MAX /* the kernel's limit for both kinds */
#define INTERPRETERS_MAX      5	       /* the kernel's limit: an interpreter may be a script */
#define INTERPRETER_HEAD_SIZE 256      /* the kernel decides by so many first bytes */

/* Reads the open file `fd`. *path is "" if it has no interpreter. `head` is scratch space. */
enum interpreter interpreter_read(int fd, char head[static INTERPRETER_HEAD_SIZE],
				  char path[static INTERPRETER_SIZE]);
