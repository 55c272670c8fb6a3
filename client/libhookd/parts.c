/* SPDX-License-Identifier: Apache-2.0 */

/*
 * hookd_run(): one Run of hookd for hooks given as text. A hook list may have functions in it and
 * is run in parts, as libcontainer's HookList.RunHooks does: in order, each function in this
 * process, and consecutive commands as one Run. The caller sees one run: one result, with indices
 * and the error sentence counted over the whole list.
 *
 * The result starts with all hooks skipped and is filled in as the parts end. After a failure the
 * rest stays skipped, except at poststop. If hookd cannot be asked to run a part, the call fails as
 * long as no hook was run; after that it is a failure in the result.
 */

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "client/libhookd/deadline.h"
#include "client/libhookd/hook_list.h"
#include "client/libhookd/result.h"
#include "client/libhookd/run.h"
#include "proto/base/limits.h"
#include "proto/messages/failure_text.h"

struct parts {
	struct hookd_client *client;
	const struct hookd_run_request *request;
	const struct hook_list *list;
	enum hp_stage stage;
	enum hp_dialect dialect;
	int64_t deadline;

	size_t next;	  /* hooks before it were run or passed over */
	size_t run_count; /* parts sent to hookd */
	bool has_begun;	  /* some hook was run */
	bool is_stopped;
	struct hp_run_result result;
};

static int parts_no_memory(struct parts *parts)
{
	return fault_set(&parts->client->fault, -ENOMEM, "out of memory");
}

/* The first failure sets the error of the run. Takes ownership of `text`. */
static void parts_set_error(struct parts *parts, enum hp_run_outcome outcome, char *text)
{
	assert(outcome != HP_RUN_SUCCEEDED && text);
	if (parts->result.outcome == HP_RUN_SUCCEEDED) {
		parts->result.outcome = outcome;
		parts->result.error = text;
	} else {
		free(text);
	}
	if (outcome != HP_RUN_FAILED || !hp_stage_continues_on_failure(parts->stage))
		parts->is_stopped = true;
}

/* "error running STAGE hook #N: WHY", in libcontainer's words. */
static int parts_fail(struct parts *parts, enum hp_run_outcome outcome, size_t index,
		      const char *why)
{
	char *text = hp_run_failure_text(parts->stage, index, why);

	if (!text)
		return parts_no_memory(parts);
	parts_set_error(parts, outcome, text);
	return 0;
}

/* ---- functions ---- */

static int64_t parts_clock_us(clockid_t clock)
{
	struct timespec now;

	clock_gettime(clock, &now);
	return now.tv_sec * 1000000ll + now.tv_nsec / 1000;
}

/* Both are >= 0. Saturates, since a server may send any number. */
static int64_t parts_add_us(int64_t a, int64_t b)
{
	assert(a >= 0 && b >= 0);
	return a > INT64_MAX - b ? INT64_MAX : a + b;
}

static int parts_run_function(struct parts *parts)
{
	const struct hook_function *function = &parts->list->functions[parts->next];
	struct hp_hook_result *hook = &parts->result.hooks[parts->next];
	int64_t begin_us = parts_clock_us(CLOCK_BOOTTIME);
	int r;

	assert(parts->next < parts->list->count && function->call);
	assert(!parts->client->is_busy && !parts->is_stopped);
	hook->started_us = parts_clock_us(CLOCK_REALTIME);
	parts->client->is_busy = true;
	r = function->call(parts->request->state, function->userdata);
	parts->client->is_busy = false;
	parts->has_begun = true;
	hook->duration_us = parts_clock_us(CLOCK_BOOTTIME) - begin_us;
	parts->result.duration_us = parts_add_us(parts->result.duration_us, hook->duration_us);
	hook->outcome = RESULT_RETURNED;
	hook->success = r >= 0;
	parts->next++;
	if (r >= 0)
		return 0;

	hook->failed_errno = -r;
	hook->error = strdup(strerror(-r));
	if (!hook->error)
		return parts_no_memory(parts);
	return parts_fail(parts, HP_RUN_FAILED, parts->next - 1, hook->error);
}

/* ---- commands ---- */

/* The error of a part. hookd counts from the start of the part, which is `offset` in the list. */
static int parts_take_error(struct parts *parts, struct hp_run_result *run, size_t offset)
{
	const char *why;
	size_t index;

	if (!run->error)
		return parts_fail(parts, run->outcome, offset, hp_run_outcome_names[run->outcome]);
	why = result_error_why(run->error, parts->stage, &index);
	if (why)
		return parts_fail(parts, run->outcome, offset + index, why);
	parts_set_error(parts, run->outcome, run->error);
	run->error = NULL;
	return 0;
}

/* Moves the results of `count` hooks into the result of the list. */
static int parts_take(struct parts *parts, struct hp_run_result *run, size_t count)
{
	struct hp_run_result *result = &parts->result;
	size_t offset = parts->next;
	char *id = result->run;

	assert(count <= result->hook_count - offset);
	for (size_t i = 0; i < count && i < run->hook_count; i++) {
		struct hp_hook_result *hook = &result->hooks[offset + i];

		hp_hook_result_clear(hook);
		*hook = run->hooks[i];
		hook->index = offset + i;
		run->hooks[i] = (struct hp_hook_result){0};
	}
	result->run = run->run;
	run->run = id;
	result->queued_us = parts_add_us(result->queued_us, run->queued_us);
	result->duration_us = parts_add_us(result->duration_us, run->duration_us);
	parts->next += count;
	parts->has_begun = true;
	return run->outcome == HP_RUN_SUCCEEDED ? 0 : parts_take_error(parts, run, offset);
}

/* hookd could not be asked to run the next `count` hooks, or did not answer. */
static int parts_miss(struct parts *parts, int r, size_t count)
{
	bool is_known = r != -EPIPE && r != -ETIMEDOUT && r != -EBADMSG;
	size_t offset = parts->next;

	assert(r < 0 && count <= parts->result.hook_count - offset);
	if (!parts->has_begun || r == -ENOMEM)
		return r;
	for (size_t i = 0; i < count && !is_known; i++)
		parts->result.hooks[offset + i].outcome = RESULT_UNKNOWN;
	parts->next += count;
	return parts_fail(parts, is_known ? HP_RUN_FAILED : HP_RUN_LOST, offset,
			  parts->client->fault.sentence);
}

/* Writes the next `count` commands as the hooks of a request. */
static int parts_write(struct parts *parts, size_t count, struct hp_buf *text)
{
	struct hp_err err;
	int r = hook_list_write(text, parts->stage, parts->list->hooks + parts->next, count,
				parts->dialect, &err);

	if (r < 0)
		return fault_set(&parts->client->fault, r, "hooks cannot be written: %s %s",
				 err.path, err.reason);
	return 0;
}

static int parts_run_commands(struct parts *parts, size_t count)
{
	struct hookd_run_request request = *parts->request;
	char id[HP_ID_BYTES_MAX + 1];
	struct hp_buf text = HP_BUF_INIT;
	struct hp_run_result run = {0};
	int r = parts_write(parts, count, &text);

	if (r >= 0) {
		request.hooks = text.data;
		request.dialect = hp_dialect_names[parts->dialect];
		if (count < parts->list->count) {
			(void)snprintf(id, sizeof(id), "%s-%zu", parts->request->request_id,
				       parts->run_count++);
			request.request_id = id;
		}
		r = run_once(parts->client, &request, parts->deadline, &run);
	}
	r = r < 0 ? parts_miss(parts, r, count) : parts_take(parts, &run, count);
	hp_run_result_clear(&run);
	hp_buf_free(&text);
	return r;
}

/* ---- the whole list ---- */

static size_t parts_count_commands(const struct parts *parts)
{
	size_t end = parts->next;

	while (end < parts->list->count && !parts->list->functions[end].call)
		end++;
	return end - parts->next;
}

static int parts_prepare(struct parts *parts)
{
	struct hp_run_result *result = &parts->result;
	size_t count = parts->list->count;

	*result = (struct hp_run_result){.stage = parts->stage, .outcome = HP_RUN_SUCCEEDED};
	result->hooks = calloc(count ? count : 1, sizeof(*result->hooks));
	if (!result->hooks)
		return parts_no_memory(parts);
	for (size_t i = 0; i < count; i++) {
		result->hooks[i] = (struct hp_hook_result){
		    .index = i, .outcome = HP_HOOK_SKIPPED, .oom_killed = -1};
		result->hook_count = i + 1;
		result->hooks[i].path = strdup(parts->list->hooks[i].path);
		if (!result->hooks[i].path)
			return parts_no_memory(parts);
	}
	return 0;
}

static int parts_run_all(struct parts *parts)
{
	int r = parts_prepare(parts);

	/* An empty list is sent too: hookd checks the rest of the request and records it. */
	if (r >= 0 && parts->list->count == 0)
		r = parts_run_commands(parts, 0);
	while (r >= 0 && !parts->is_stopped && parts->next < parts->list->count) {
		size_t count = parts_count_commands(parts);

		r = count > 0 ? parts_run_commands(parts, count) : parts_run_function(parts);
	}
	return r;
}

/* libcontainer's dialect can express every hook, but settings have to be in the same dialect. */
static int parts_dialect(const struct hookd_run_request *request)
{
	return request->settings ? hook_dialect(request->dialect) : HP_DIALECT_LIBCONTAINER;
}

static int parts_run(struct hookd_client *client, const struct hookd_run_request *request,
		     int64_t deadline, struct hookd_result **ret)
{
	struct parts parts = {.client = client, .request = request, .deadline = deadline};
	int dialect = parts_dialect(request), r;

	parts.stage = hook_stage(request->stage);
	if (parts.stage == HP_STAGE_COUNT)
		return fault_set_parameter(&client->fault, "stage", "is not a stage");
	if (dialect < 0)
		return fault_set_parameter(&client->fault, "dialect", "is not known");
	if (strlen(request->request_id) > HP_ID_BYTES_MAX - strlen("-255"))
		return fault_set_parameter(&client->fault, "requestId", "is too long");
	parts.list = &request->hook_list->stages[parts.stage];
	parts.dialect = (enum hp_dialect)dialect;

	r = parts_run_all(&parts);
	if (r >= 0) {
		r = result_new(&parts.result, ret);
		if (r < 0)
			(void)parts_no_memory(&parts);
	}
	hp_run_result_clear(&parts.result);
	return r;
}

/* ---- either way ---- */

int hookd_run(struct hookd_client *client, const struct hookd_run_request *request,
	      struct hookd_result **ret)
{
	int64_t deadline = deadline_after_ms(client->timeout_ms);
	struct hp_run_result run = {0};
	struct hookd_run_request known;
	char id[RUN_ID_SIZE];
	int r;

	r = client_begin(client);
	if (r >= 0)
		r = run_read(client, request, id, &known);
	if (r < 0)
		return r;
	if (known.hook_list)
		return parts_run(client, &known, deadline, ret);
	r = run_once(client, &known, deadline, &run);
	if (r < 0)
		return r;
	r = result_new(&run, ret);
	if (r < 0) {
		hp_run_result_clear(&run);
		return fault_set(&client->fault, r, "out of memory");
	}
	return 0;
}

int run_follow(struct hookd_client *client, const struct hookd_run_request *request,
	       hookd_event_fn on_event, void *userdata, struct hookd_result **ret)
{
	int r = client_begin(client);

	if (r < 0)
		return r;
	if (request->hook_list)
		return fault_set(&client->fault, -EOPNOTSUPP, "a hook_list has no events");
	assert(on_event && !client->on_event);
	client->on_event = on_event;
	client->userdata = userdata;
	client->told = (struct hp_told){0};
	r = hookd_run(client, request, ret);
	client->on_event = NULL;
	return r;
}
