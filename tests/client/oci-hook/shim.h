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
	int status;	 /* as in a shell */
	char text[8192]; /* its stdout and stderr, to the end */
	bool has_read_state;
};

/* A file of these bytes, to be closed. */
int file_of(const char *text);

struct shim start_shim(const char *state, char *const env[], char *const argv[]);
struct outcome end_shim(const struct shim *shim);
/* As start_shim() and end_shim(), without one of the descriptors 0 to 2. */
struct outcome run_shim_without(int closed, const char *state, char *const env[],
				char *const argv[]);
/* start_shim() and then end_shim(). */
struct outcome run_shim_with(const char *state, char *const env[], char *const argv[]);

#define HOOK_OF(outcome, more)                                                                     \
	"{\"index\":0,\"path\":\"/x\",\"outcome\":\"" outcome "\",\"success\":false," more         \
	"\"stdoutBytes\":0,\"stdoutTruncated\":false,\"stderrBytes\":0,\"stderrTruncated\":false," \
	"\"lingering\":false}"
#define REPLY_OF(run_outcome, outcome, more)                                                       \
	FAKE_RESULT("r1", run_outcome, "\"error\":\"why\",", HOOK_OF(outcome, more))

/* "--address=unix:PATH", in a static buffer. */
char *shim_address_option(const struct fake_server *server);
/* Waits for its last step, and frees it. */
void fake_server_end(struct fake_server *server);

#define NOBODY "--address=unix:/nonexistent/s"
/* For ARGV(): what has hooks run in a private hookd. */
#define HOOKD_OPTION	(char *)"--hookd=" HOOKD
#define PRIVATE_OPTIONS (char *)"--if-down=run-local", HOOKD_OPTION

#define ENV	      ((char *const[]){(char *)"A=1", (char *)"PATH=/usr/bin:/bin", NULL})
#define run_shim(...) run_shim_with(STATE, ENV, ARGV(__VA_ARGS__))
#define ARGV(...)     ((char *const[]){(char *)"hookd-oci-hook", __VA_ARGS__, NULL})
