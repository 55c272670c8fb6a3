/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Results of hooks and of runs, written by the daemon, read by clients. A field without a value is
 * left out, so that a reader can tell "0" from "not known".
 */

#include "proto/messages/result.h"
#include "proto/base/names.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "proto/json/base64.h"

const char *const hp_hook_outcome_names[HP_HOOK_OUTCOME_COUNT] = {
    [HP_HOOK_EXITED] = "exited",       [HP_HOOK_SIGNALED] = "signaled",
    [HP_HOOK_TIMED_OUT] = "timed_out", [HP_HOOK_SPAWN_FAILED] = "spawn_failed",
    [HP_HOOK_CANCELLED] = "cancelled", [HP_HOOK_SKIPPED] = "skipped",
};

const char *const hp_run_outcome_names[HP_RUN_OUTCOME_COUNT] = {
    [HP_RUN_SUCCEEDED] = "succeeded",
    [HP_RUN_FAILED] = "failed",
    [HP_RUN_CANCELLED] = "cancelled",
    [HP_RUN_LOST] = "lost",
};

void hp_hook_result_clear(struct hp_hook_result *result)
{
	free(result->path);
	free(result->error);
	free(result->failed_step);
	free(result->failed_detail);
	free(result->output[0].bytes);
	free(result->output[1].bytes);
	*result = (struct hp_hook_result){0};
}

void hp_run_result_clear(struct hp_run_result *result)
{
	for (size_t i = 0; i < result->hook_count; i++)
		hp_hook_result_clear(&result->hooks[i]);
	free(result->hooks);
	free(result->run);
	free(result->container);
	free(result->error);
	free(result->ignored);
	*result = (struct hp_run_result){0};
}

/* ---- writing ---- */

/* The keys of the two streams, in the order of hp_hook_result.output. */
static const struct output_keys {
	const char *text, *base64, *total, *truncated;
} output_keys[2] = {
    {"stdout", "stdoutBase64", "stdoutBytes", "stdoutTruncated"},
    {"stderr", "stderrBase64", "stderrBytes", "stderrTruncated"},
};

static void write_output(struct hp_json_writer *writer, const struct output_keys *keys,
			 const struct hp_output *output)
{
	if (output->length > 0) {
		bool is_text = hp_json_is_text(output->bytes, output->length);

		hp_json_key(writer, is_text ? keys->text : keys->base64);
		if (is_text)
			hp_json_put_bytes(writer, output->bytes, output->length);
		else
			hp_json_put_base64(writer, output->bytes, output->length);
	}
	hp_json_key(writer, keys->total);
	hp_json_put_uint(writer, output->total);
	hp_json_add_bool(writer, keys->truncated, output->total > output->length);
}

/* Fields that only some outcomes have. */
static void write_outcome(struct hp_json_writer *writer, const struct hp_hook_result *result)
{
	char buffer[24];

	if (result->outcome == HP_HOOK_EXITED)
		hp_json_add_int(writer, "exitStatus", result->exit_status);
	if (result->outcome == HP_HOOK_SIGNALED)
		hp_json_add_string(writer, "signal", hp_signal_name(result->signal, buffer));
	if (result->oom_killed >= 0)
		hp_json_add_bool(writer, "oomKilled", result->oom_killed > 0);
	hp_json_add_string(writer, "error", result->error);
	if (result->outcome == HP_HOOK_SPAWN_FAILED) {
		hp_json_add_string(writer, "failedStep", result->failed_step);
		hp_json_add_string(writer, "errnoName",
				   hp_errno_name(result->failed_errno, buffer));
	}
}

static void write_process(struct hp_json_writer *writer, const struct hp_hook_result *result)
{
	if (result->pid > 0)
		hp_json_add_int(writer, "pid", result->pid);
	if (result->started_us > 0)
		hp_json_add_int(writer, "startedUSec", result->started_us);
	if (result->pid <= 0)
		return;
	hp_json_add_int(writer, "durationUSec", result->duration_us);
	hp_json_add_int(writer, "drainUSec", result->drain_us);
	hp_json_add_int(writer, "userUSec", result->user_us);
	hp_json_add_int(writer, "systemUSec", result->system_us);
	hp_json_add_int(writer, "maxRssBytes", result->max_rss_bytes);
}

static void begin_hook(struct hp_json_writer *writer, const struct hp_hook_result *result,
		       const char *outcome)
{
	hp_json_begin(writer, '{');
	hp_json_key(writer, "index");
	hp_json_put_uint(writer, result->index);
	hp_json_add_string(writer, "path", result->path);
	hp_json_add_string(writer, "outcome", outcome);
	hp_json_add_bool(writer, "success", result->success);
}

static void end_hook(struct hp_json_writer *writer, const struct hp_hook_result *result)
{
	for (size_t i = 0; i < 2; i++)
		write_output(writer, &output_keys[i], &result->output[i]);
	hp_json_add_bool(writer, "lingering", result->lingering);
	hp_json_end(writer, '}');
}

void hp_hook_result_write(struct hp_json_writer *writer, const struct hp_hook_result *result)
{
	begin_hook(writer, result, hp_hook_outcome_names[result->outcome]);
	write_outcome(writer, result);
	write_process(writer, result);
	end_hook(writer, result);
}

void hp_running_hook_write(struct hp_json_writer *writer, const struct hp_hook_result *result)
{
	begin_hook(writer, result, "running");
	if (result->pid > 0)
		hp_json_add_int(writer, "pid", result->pid);
	hp_json_add_int(writer, "startedUSec", result->started_us);
	hp_json_add_int(writer, "durationUSec", result->duration_us);
	end_hook(writer, result);
}

void hp_run_result_write(struct hp_json_writer *writer, const struct hp_run_result *result)
{
	hp_json_begin(writer, '{');
	hp_json_add_string(writer, "run", result->run);
	hp_json_add_string(writer, "container", result->container);
	hp_json_add_string(writer, "stage", hp_stage_names[result->stage]);
	hp_json_add_string(writer, "outcome", hp_run_outcome_names[result->outcome]);
	hp_json_add_string(writer, "error", result->error);
	hp_json_add_string(writer, "ignored", result->ignored);
	hp_json_key(writer, "hooks");
	hp_json_begin(writer, '[');
	for (size_t i = 0; i < result->hook_count; i++)
		hp_hook_result_write(writer, &result->hooks[i]);
	hp_json_end(writer, ']');
	hp_json_add_int(writer, "queuedUSec", result->queued_us);
	hp_json_add_int(writer, "durationUSec", result->duration_us);
	hp_json_end(writer, '}');
}

/* ---- reading ---- */

enum hook_field {
	HOOK_INDEX,
	HOOK_PATH,
	HOOK_OUTCOME,
	HOOK_SUCCESS,
	HOOK_EXIT_STATUS,
	HOOK_SIGNAL,
	HOOK_OOM_KILLED,
	HOOK_ERROR,
	HOOK_FAILED_STEP,
	HOOK_ERRNO_NAME,
	HOOK_PID,
	HOOK_STARTED,
	HOOK_DURATION,
	HOOK_DRAIN,
	HOOK_USER,
	HOOK_SYSTEM,
	HOOK_MAX_RSS,
	HOOK_STDOUT,
	HOOK_STDOUT_BASE64,
	HOOK_STDOUT_BYTES,
	HOOK_STDERR,
	HOOK_STDERR_BASE64,
	HOOK_STDERR_BYTES,
	HOOK_LINGERING,
	HOOK_FIELD_COUNT,
};

static const char *const hook_fields[HOOK_FIELD_COUNT] = {
    [HOOK_INDEX] = "index",
    [HOOK_PATH] = "path",
    [HOOK_OUTCOME] = "outcome",
    [HOOK_SUCCESS] = "success",
    [HOOK_EXIT_STATUS] = "exitStatus",
    [HOOK_SIGNAL] = "signal",
    [HOOK_OOM_KILLED] = "oomKilled",
    [HOOK_ERROR] = "error",
    [HOOK_FAILED_STEP] = "failedStep",
    [HOOK_ERRNO_NAME] = "errnoName",
    [HOOK_PID] = "pid",
    [HOOK_STARTED] = "startedUSec",
    [HOOK_DURATION] = "durationUSec",
    [HOOK_DRAIN] = "drainUSec",
    [HOOK_USER] = "userUSec",
    [HOOK_SYSTEM] = "systemUSec",
    [HOOK_MAX_RSS] = "maxRssBytes",
    [HOOK_STDOUT] = "stdout",
    [HOOK_STDOUT_BASE64] = "stdoutBase64",
    [HOOK_STDOUT_BYTES] = "stdoutBytes",
    [HOOK_STDERR] = "stderr",
    [HOOK_STDERR_BASE64] = "stderrBase64",
    [HOOK_STDERR_BYTES] = "stderrBytes",
    [HOOK_LINGERING] = "lingering",
};

/*
 * Reads members into a struct. The first error ends reading, so that r is checked once, after all
 * fields.
 */
struct result_reader {
	const struct hp_json_value *values;
	const char *const *names;
	struct hp_err *err;
	int r;
};

static bool reader_skips(const struct result_reader *reader, int field)
{
	return reader->r < 0 || hp_json_is_absent(reader->values[field]);
}

static void reader_done(struct result_reader *reader, int field, int r)
{
	reader->r = hp_err_prefix(reader->err, r, reader->names[field]);
}

static void require(struct result_reader *reader, int field)
{
	if (reader->r == 0 && hp_json_is_absent(reader->values[field]))
		reader->r = hp_err_invalid(reader->err, reader->names[field], "is required");
}

/* A NUL-terminated string, which the caller frees. */
static void read_string(struct result_reader *reader, int field, char **ret, size_t *ret_length)
{
	struct hp_json_value value = reader->values[field];
	size_t size;
	char *text;

	if (reader_skips(reader, field))
		return;
	if (hp_json_type(value) != HP_JSON_STRING) {
		reader_done(reader, field, hp_err_invalid(reader->err, NULL, "must be a string"));
		return;
	}
	hp_json_text(value, &size);
	text = malloc(size);
	if (!text) {
		reader_done(reader, field, hp_err_no_memory(reader->err));
		return;
	}
	*ret_length = hp_json_decode(value, text);
	*ret = text;
}

static void read_text(struct result_reader *reader, int field, char **ret)
{
	size_t length;

	read_string(reader, field, ret, &length);
}

static void read_int(struct result_reader *reader, int field, int64_t min, int64_t max,
		     int64_t *ret)
{
	if (!reader_skips(reader, field))
		reader_done(reader, field,
			    hp_json_get_int64(reader->values[field], min, max, ret, reader->err));
}

static void read_uint(struct result_reader *reader, int field, uint64_t *ret)
{
	if (!reader_skips(reader, field))
		reader_done(
		    reader, field,
		    hp_json_get_uint64(reader->values[field], 0, UINT64_MAX, ret, reader->err));
}

static void read_small_int(struct result_reader *reader, int field, int *ret)
{
	int64_t value = *ret;

	read_int(reader, field, 0, INT32_MAX, &value);
	*ret = (int)value;
}

static void read_bool(struct result_reader *reader, int field, bool *ret)
{
	if (!reader_skips(reader, field))
		reader_done(reader, field,
			    hp_json_get_bool(reader->values[field], ret, reader->err));
}

static void read_enum(struct result_reader *reader, int field, const char *const names[],
		      size_t count, int *ret)
{
	if (!reader_skips(reader, field))
		reader_done(
		    reader, field,
		    hp_json_get_enum(reader->values[field], names, count, ret, reader->err));
}

/* Reads one of "stdout" and "stdoutBase64"; `field` is the first of the two. */
static void read_output(struct result_reader *reader, int field, struct hp_output *output)
{
	int base64_field = field + 1, total_field = field + 2;
	size_t length = 0;

	read_string(reader, field, &output->bytes, &output->length);
	if (!output->bytes) {
		read_string(reader, base64_field, &output->bytes, &length);
		if (output->bytes &&
		    hp_base64_decode(output->bytes, output->bytes, length, &output->length) < 0)
			reader_done(reader, base64_field,
				    hp_err_invalid(reader->err, NULL, "must be Base64"));
		else if (output->bytes)
			output->bytes[output->length] = '\0';
	}
	read_uint(reader, total_field, &output->total);
}

static void read_names(struct result_reader *reader, struct hp_hook_result *result)
{
	char *signal = NULL, *errno_name = NULL;

	read_text(reader, HOOK_SIGNAL, &signal);
	read_text(reader, HOOK_ERRNO_NAME, &errno_name);
	if (signal)
		result->signal = hp_signal_from_name(signal);
	if (errno_name)
		result->failed_errno = hp_errno_from_name(errno_name);
	free(signal);
	free(errno_name);
}

static int read_hook_fields(struct result_reader *reader, bool is_running,
			    struct hp_hook_result *result)
{
	static const enum hook_field required[] = {
	    HOOK_INDEX,	       HOOK_PATH,	  HOOK_OUTCOME,	 HOOK_SUCCESS,
	    HOOK_STDOUT_BYTES, HOOK_STDERR_BYTES, HOOK_LINGERING};
	int64_t index = 0;
	int outcome = 0;
	bool oom_killed;

	for (size_t i = 0; i < sizeof(required) / sizeof(required[0]); i++)
		require(reader, required[i]);
	read_int(reader, HOOK_INDEX, 0, INT32_MAX, &index);
	result->index = (size_t)index;
	read_text(reader, HOOK_PATH, &result->path);
	if (is_running)
		outcome = HP_HOOK_SKIPPED;
	else
		read_enum(reader, HOOK_OUTCOME, hp_hook_outcome_names, HP_HOOK_OUTCOME_COUNT,
			  &outcome);
	result->outcome = (enum hp_hook_outcome)outcome;
	read_bool(reader, HOOK_SUCCESS, &result->success);
	read_small_int(reader, HOOK_EXIT_STATUS, &result->exit_status);
	result->oom_killed = -1;
	if (!reader_skips(reader, HOOK_OOM_KILLED)) {
		read_bool(reader, HOOK_OOM_KILLED, &oom_killed);
		result->oom_killed = reader->r == 0 ? oom_killed : -1;
	}
	read_text(reader, HOOK_ERROR, &result->error);
	read_text(reader, HOOK_FAILED_STEP, &result->failed_step);
	read_names(reader, result);
	read_small_int(reader, HOOK_PID, &result->pid);
	read_int(reader, HOOK_STARTED, 0, INT64_MAX, &result->started_us);
	read_int(reader, HOOK_DURATION, 0, INT64_MAX, &result->duration_us);
	read_int(reader, HOOK_DRAIN, 0, INT64_MAX, &result->drain_us);
	read_int(reader, HOOK_USER, 0, INT64_MAX, &result->user_us);
	read_int(reader, HOOK_SYSTEM, 0, INT64_MAX, &result->system_us);
	read_int(reader, HOOK_MAX_RSS, 0, INT64_MAX, &result->max_rss_bytes);
	read_output(reader, HOOK_STDOUT, &result->output[0]);
	read_output(reader, HOOK_STDERR, &result->output[1]);
	read_bool(reader, HOOK_LINGERING, &result->lingering);
	return reader->r;
}

static int read_hook(struct hp_json_value value, bool is_running, struct hp_hook_result *ret,
		     struct hp_err *err)
{
	struct hp_json_value values[HOOK_FIELD_COUNT];
	struct hp_hook_result result = {0};
	struct result_reader reader = {.values = values, .names = hook_fields, .err = err};
	int r = hp_json_members(value, hook_fields, HOOK_FIELD_COUNT, false, values, err);

	if (r < 0)
		return r;
	r = read_hook_fields(&reader, is_running, &result);
	if (r < 0) {
		hp_hook_result_clear(&result);
		return r;
	}
	*ret = result;
	return 0;
}

int hp_hook_result_read(struct hp_json_value value, struct hp_hook_result *ret, struct hp_err *err)
{
	return read_hook(value, false, ret, err);
}

int hp_hook_progress_read(struct hp_json_value value, bool *ret_is_running,
			  struct hp_hook_result *ret, struct hp_err *err)
{
	*ret_is_running = hp_json_equals(hp_json_member(value, "outcome"), "running");
	return read_hook(value, *ret_is_running, ret, err);
}

enum run_field {
	RUN_ID,
	RUN_CONTAINER,
	RUN_STAGE,
	RUN_OUTCOME,
	RUN_ERROR,
	RUN_IGNORED,
	RUN_HOOKS,
	RUN_QUEUED,
	RUN_DURATION,
	RUN_FIELD_COUNT,
};

static const char *const run_fields[RUN_FIELD_COUNT] = {
    [RUN_ID] = "run",	       [RUN_CONTAINER] = "container", [RUN_STAGE] = "stage",
    [RUN_OUTCOME] = "outcome", [RUN_ERROR] = "error",	      [RUN_IGNORED] = "ignored",
    [RUN_HOOKS] = "hooks",     [RUN_QUEUED] = "queuedUSec",   [RUN_DURATION] = "durationUSec",
};

static int read_hook_list(struct hp_json_value list, struct hp_run_result *result,
			  struct hp_err *err)
{
	struct hp_json_value key, value;

	if (hp_json_type(list) != HP_JSON_ARRAY)
		return hp_err_invalid(err, NULL, "must be a list");
	if (hp_json_count(list) == 0)
		return 0;
	result->hooks = calloc(hp_json_count(list), sizeof(*result->hooks));
	if (!result->hooks)
		return hp_err_no_memory(err);
	HP_JSON_FOREACH (key, value, list) {
		int r = hp_hook_result_read(value, &result->hooks[result->hook_count], err);

		if (r < 0)
			return hp_err_prefix_index(err, r, result->hook_count);
		result->hook_count++;
	}
	return 0;
}

static int read_run_fields(struct result_reader *reader, struct hp_run_result *result)
{
	int stage = 0, outcome = 0;

	for (int field = 0; field < RUN_FIELD_COUNT; field++) {
		if (field != RUN_ERROR && field != RUN_IGNORED)
			require(reader, field);
	}
	read_text(reader, RUN_ID, &result->run);
	read_text(reader, RUN_CONTAINER, &result->container);
	read_enum(reader, RUN_STAGE, hp_stage_names, HP_STAGE_COUNT, &stage);
	result->stage = (enum hp_stage)stage;
	read_enum(reader, RUN_OUTCOME, hp_run_outcome_names, HP_RUN_OUTCOME_COUNT, &outcome);
	result->outcome = (enum hp_run_outcome)outcome;
	read_text(reader, RUN_ERROR, &result->error);
	read_text(reader, RUN_IGNORED, &result->ignored);
	read_int(reader, RUN_QUEUED, 0, INT64_MAX, &result->queued_us);
	read_int(reader, RUN_DURATION, 0, INT64_MAX, &result->duration_us);
	if (reader->r == 0)
		reader_done(reader, RUN_HOOKS,
			    read_hook_list(reader->values[RUN_HOOKS], result, reader->err));
	return reader->r;
}

int hp_run_result_read(struct hp_json_value value, struct hp_run_result *ret, struct hp_err *err)
{
	struct hp_json_value values[RUN_FIELD_COUNT];
	struct hp_run_result result = {0};
	struct result_reader reader = {.values = values, .names = run_fields, .err = err};
	int r = hp_json_members(value, run_fields, RUN_FIELD_COUNT, false, values, err);

	if (r < 0)
		return r;
	r = read_run_fields(&reader, &result);
	if (r < 0) {
		hp_run_result_clear(&result);
		return r;
	}
	*ret = result;
	return 0;
}
