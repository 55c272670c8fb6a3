/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdint.h>

#include "proto/messages/result.h"

/*
 * Why a hook or a run failed, in the words of runc's libcontainer (configs/config.go, Command.Run
 * and HookList.RunHooks), which operators and scripts know:
 *	exit status 1, stdout: ..., stderr: ...
 *	signal: killed, stdout: ..., stderr: ...
 *	hook ran past specified timeout of 1.0s
 *	fork/exec /bin/nothing: no such file or directory
 * All three functions return a string that the caller frees, or NULL when out of memory.
 */
char *hp_failure_text(const struct hp_hook_result *result, uint64_t timeout_ns);

/* The same without stdout and stderr. */
char *hp_failure_cause(const struct hp_hook_result *result, uint64_t timeout_ns);

/* With the stage's name, the hook's index in the list (from 0) and the hook's own text. */
#define HP_RUN_FAILURE_FORMAT HP_RUN_FAILURE_PREFIX "%zu: %s"
#define HP_RUN_FAILURE_PREFIX "error running %s hook #"

/* `cause` may be NULL: there was no memory for the hook's text. */
char *hp_run_failure_text(enum hp_stage stage, size_t index, const char *cause);
