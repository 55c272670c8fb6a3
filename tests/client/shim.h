/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <sys/types.h>

#include "tests/client/client_test.h"

/* Starts hookd-oci-hook as a runtime does, the state on its stdin. */

struct shim {
	pid_t pid;
	int in, out;
};

struct outcome {
	int status;	 /* as a shell has it */
	char text[8192]; /* its stdout and stderr, to the end */
	bool has_read_state;
};

/* A file of these bytes, to be closed. */
int file_of(const char *text);

struct shim start_shim(const char *state, char *const env[], char *const argv[]);
struct outcome end_shim(const struct shim *shim);
/* The one, then the other. */
struct outcome run_shim_with(const char *state, char *const env[], char *const argv[]);

#define NOBODY "--address=unix:/nonexistent/s"

#define ENV	      ((char *const[]){(char *)"A=1", (char *)"PATH=/usr/bin:/bin", NULL})
#define run_shim(...) run_shim_with(STATE, ENV, ARGV(__VA_ARGS__))
#define ARGV(...)     ((char *const[]){(char *)"hookd-oci-hook", __VA_ARGS__, NULL})
