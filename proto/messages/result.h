/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "proto/json/json.h"
#include "proto/json/json_writer.h"
#include "proto/messages/hooks.h"

/* HookResult and RunResult of io.hookd.hooks. */

enum hp_hook_outcome {
	HP_HOOK_EXITED,
	HP_HOOK_SIGNALED,
	HP_HOOK_TIMED_OUT,
	HP_HOOK_SPAWN_FAILED,
	HP_HOOK_CANCELLED,
	HP_HOOK_SKIPPED,
	HP_HOOK_OUTCOME_COUNT,
};
extern const char *const hp_hook_outcome_names[HP_HOOK_OUTCOME_COUNT];

enum hp_run_outcome {
	HP_RUN_SUCCEEDED,
	HP_RUN_FAILED,
	HP_RUN_CANCELLED,
	HP_RUN_LOST,
	HP_RUN_OUTCOME_COUNT,
};
extern const char *const hp_run_outcome_names[HP_RUN_OUTCOME_COUNT];

/* One stream of a hook's output, as far as it was kept. */
struct hp_output {
	char *bytes;	/* head and tail, joined; owned */
	size_t length;	/* of what is kept */
	uint64_t total; /* that the hook wrote */
	size_t head;	/* where bytes are missing: the length of the first part; 0: not known */
};

struct hp_hook_result {
	size_t index;
	char *path;
	enum hp_hook_outcome outcome;
	bool success;
	int exit_status;     /* outcome exited */
	int signal;	     /* outcome signaled */
	int oom_killed;	     /* 1, 0, or -1: not known on this machine */
	char *error;	     /* NULL on success */
	char *failed_step;   /* outcome spawn_failed */
	int failed_errno;    /* outcome spawn_failed */
	char *failed_detail; /* more about the step, for `error` only; NULL: nothing */
	pid_t pid;	     /* 0: no process was made */
	int64_t started_us;  /* CLOCK_REALTIME; 0: never */
	int64_t duration_us; /* to its exit */
	int64_t drain_us;    /* from its exit to the end of its output */
	int64_t user_us, system_us;
	int64_t max_rss_bytes;
	struct hp_output output[2]; /* stdout, stderr */
	bool lingering;
};

struct hp_run_result {
	char *run;
	char *container;
	enum hp_stage stage;
	enum hp_run_outcome outcome;
	char *error;   /* NULL on success */
	char *ignored; /* what was left out of the settings; NULL: nothing */
	struct hp_hook_result *hooks;
	size_t hook_count;
	int64_t queued_us;
	int64_t duration_us;
};

void hp_hook_result_clear(struct hp_hook_result *result);
void hp_run_result_clear(struct hp_run_result *result);

/* As one JSON object each. */
void hp_hook_result_write(struct hp_json_writer *writer, const struct hp_hook_result *result);
/* A hook that runs: with what it has written so far, and the outcome "running". */
void hp_running_hook_write(struct hp_json_writer *writer, const struct hp_hook_result *result);
void hp_run_result_write(struct hp_json_writer *writer, const struct hp_run_result *result);

/* Reads them, for clients. Unknown members are ignored. -EINVAL, -ENOMEM with *err. */
int hp_hook_result_read(struct hp_json_value value, struct hp_hook_result *ret, struct hp_err *err);
/* The same of a hook that may run: then its outcome is not set. */
int hp_hook_progress_read(struct hp_json_value value, bool *ret_is_running,
			  struct hp_hook_result *ret, struct hp_err *err);
int hp_run_result_read(struct hp_json_value value, struct hp_run_result *ret, struct hp_err *err);
