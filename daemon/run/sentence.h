/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdint.h>

#include "proto/messages/result.h"

/*
 * What went wrong, in the words that runc's libcontainer uses (configs/config.go, Command.Run and
 * HookList.RunHooks), since operators and scripts know them:
 *	exit status 1, stdout: ..., stderr: ...
 *	signal: killed, stdout: ..., stderr: ...
 *	hook ran past specified timeout of 1.0s
 *	fork/exec /bin/nothing: no such file or directory
 * Strings are the caller's to free; NULL when memory is out.
 */
char *sentence_of_hook(const struct hp_hook_result *result, uint64_t timeout_ns);

/* "error running createRuntime hook #1: " and the hook's own sentence; hooks count from 0. */
char *sentence_of_run(enum hp_stage stage, const struct hp_hook_result *result);
