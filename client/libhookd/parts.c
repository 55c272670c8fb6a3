/* SPDX-License-Identifier: Apache-2.0 */

/*
 * A hook list that may have functions in it, run in parts as libcontainer's HookList.RunHooks does:
 * in order, each function in this process, and consecutive commands as one Run. The caller sees one
 * run: one result, with events, indices and the error sentence counted over the whole list.
 *
 *	parts_go_on --functions return--> parts_go_on --a part is sent--> waits
 *	   ^  `--all were run, or it is stopped--> run_done()               |
 *	   `----------------------------parts_end---------------------------'
 *
 * The result starts with all hooks skipped and is filled in as the parts end. After a failure the
 * rest stays skipped, except at poststop. If hookd cannot be asked to run a part, the call fails as
 * long as no hook was run; after that it is a failure in the result.
 */

#include "client/libhookd/parts.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "client/libhookd/hook_list.h"
#include "client/libhookd/result.h"
#include "proto/base/limits.h"
#include "proto/messages/failure_text.h"

struct parts {
	struct hookd_client *client;
	struct run_state *state;
	struct hookd_run_request request; /* its texts are in the arena */
	struct hp_arena arena;
	const struct hook_list *list; /* the caller's */
	enum hp_stage stage;
	enum hp_dialect dialect;

	size_t next;	  /* hooks before it were run or passed over */
	size_t sent;	  /* commands from `next` on that hookd runs now */
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

static void parts_tell(const struct parts *parts, enum hookd_event_type type)
{
	struct run_state *state = parts->state;
	struct hookd_event event = {.type = type, .index = parts->next};
	struct result_hook hook;

	if (!state->wants_events)
		return;
	if (type == HOOKD_EVENT_FINISHED) {
		result_hook_fill(&hook, &parts->result.hooks[parts->next]);
		event.hook = &hook.view;
	}
	state->on_event(parts->client, &event, state->userdata);
}

static int parts_call(struct parts *parts, struct hp_hook_result *hook)
{
	const struct hook_function *function = &parts->list->functions[parts->next];
	int64_t begin_us = parts_clock_us(CLOCK_BOOTTIME);
	int r;

	hook->started_us = parts_clock_us(CLOCK_REALTIME);
	r = function->call(parts->request.state, function->userdata);
	parts->has_begun = true;
	hook->duration_us = parts_clock_us(CLOCK_BOOTTIME) - begin_us;
	parts->result.duration_us = parts_add_us(parts->result.duration_us, hook->duration_us);
	hook->outcome = RESULT_RETURNED;
	hook->success = r >= 0;
	if (r >= 0)
		return 0;
	hook->failed_errno = -r;
	hook->error = strdup(strerror(-r));
	return hook->error ? 0 : parts_no_memory(parts);
}

static int parts_run_function(struct parts *parts)
{
	struct hp_hook_result *hook = &parts->result.hooks[parts->next];
	int r;

	assert(parts->next < parts->list->count && parts->list->functions[parts->next].call);
	assert(!parts->client->is_busy && !parts->is_stopped);
	parts->client->is_busy = true;
	parts_tell(parts, HOOKD_EVENT_STARTED);
	r = parts_call(parts, hook);
	if (r >= 0)
		parts_tell(parts, HOOKD_EVENT_FINISHED);
	parts->client->is_busy = false;
	parts->next++;
	if (r < 0 || hook->success)
		return r;
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

/* Sends the next `count` commands. parts_end() comes when they were run. */
static int parts_send(struct parts *parts, size_t count)
{
	struct hookd_run_request request = parts->request;
	char id[HP_ID_BYTES_MAX + 1];
	struct hp_buf text = HP_BUF_INIT;
	int r = parts_write(parts, count, &text);

	if (r >= 0) {
		request.hooks = text.data;
		request.dialect = hp_dialect_names[parts->dialect];
		if (count < parts->list->count) {
			(void)snprintf(id, sizeof(id), "%s-%zu", parts->request.request_id,
				       parts->run_count);
			request.request_id = id;
		}
		parts->run_count++;
		parts->sent = count;
		parts->state->first = parts->next;
		r = run_send(parts->client, parts->state, &request);
	}
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

/* The run is over: with a result, or because of `r`. */
static void parts_finish(struct parts *parts, int r)
{
	struct hp_run_result result = parts->result;

	parts->result = (struct hp_run_result){0};
	if (r < 0) {
		hp_run_result_clear(&result);
		run_done(parts->client, parts->state, NULL, r);
	} else {
		run_done(parts->client, parts->state, &result, 0);
		hp_run_result_clear(&result);
	}
}

/* Runs functions, until commands were sent or all is over. */
static void parts_go_on(struct parts *parts)
{
	int r = 0;

	while (r >= 0 && !parts->is_stopped && parts->next < parts->list->count) {
		size_t count = parts_count_commands(parts);

		if (count == 0) {
			r = parts_run_function(parts);
			continue;
		}
		r = parts_send(parts, count);
		if (r >= 0)
			return;
		r = parts_miss(parts, r, count);
	}
	parts_finish(parts, r);
}

void parts_end(struct hookd_client *client, struct run_state *state, int r)
{
	struct parts *parts = state->parts;

	assert(parts->client == client && parts->state == state);
	r = r < 0 ? parts_miss(parts, r, parts->sent) : parts_take(parts, &state->of, parts->sent);
	hp_run_result_clear(&state->of);
	if (r < 0)
		parts_finish(parts, r);
	else
		parts_go_on(parts);
}

/* ---- the start ---- */

static void parts_on_delay(struct hookd_client *client, int r)
{
	(void)r;
	parts_go_on(client->of.run->parts);
}

static void parts_on_stop(struct hookd_client *client)
{
	run_drop(client->of.run);
}

/* A function must not run before the function that starts the run has returned. */
static int parts_delay(struct parts *parts)
{
	static const struct exchange_type type = {
	    .on_end = parts_on_delay, .on_stop = parts_on_stop, .is_delay = true};

	parts->client->of.run = parts->state;
	return exchange_delay(parts->client, &type);
}

/* libcontainer's dialect can express every hook, but settings have to be in the same dialect. */
static int parts_dialect(const struct hookd_run_request *request)
{
	return request->settings ? hook_dialect(request->dialect) : HP_DIALECT_LIBCONTAINER;
}

/* Copies the texts, which are the caller's for the start only. */
static int parts_copy(struct parts *parts, const struct hookd_run_request *request)
{
	const char **const texts[] = {&parts->request.stage,	     &parts->request.state,
				      &parts->request.dialect,	     &parts->request.settings,
				      &parts->request.namespaces,    &parts->request.request_id,
				      &parts->request.on_disconnect, &parts->request.traceparent};

	parts->request = *request;
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		if (!*texts[i])
			continue;
		*texts[i] = hp_arena_copy(&parts->arena, *texts[i], strlen(*texts[i]));
		if (!*texts[i])
			return parts_no_memory(parts);
	}
	return 0;
}

static int parts_read(struct parts *parts, const struct hookd_run_request *request)
{
	struct fault *fault = &parts->client->fault;
	int dialect = parts_dialect(request);

	parts->stage = hook_stage(request->stage);
	if (parts->stage == HP_STAGE_COUNT)
		return fault_set_parameter(fault, "stage", "is not a stage");
	if (dialect < 0)
		return fault_set_parameter(fault, "dialect", "is not known");
	if (strlen(request->request_id) > HP_ID_BYTES_MAX - strlen("-255"))
		return fault_set_parameter(fault, "requestId", "is too long");
	parts->list = &request->hook_list->stages[parts->stage];
	parts->dialect = (enum hp_dialect)dialect;
	return parts_copy(parts, request);
}

void parts_free(struct parts *parts)
{
	if (!parts)
		return;
	hp_run_result_clear(&parts->result);
	hp_arena_free(&parts->arena);
	free(parts);
}

int parts_start(struct hookd_client *client, struct run_state *state,
		const struct hookd_run_request *request)
{
	struct parts *parts = calloc(1, sizeof(*parts));
	size_t count;
	int r;

	if (!parts)
		return fault_set(&client->fault, -ENOMEM, "out of memory");
	parts->client = client;
	parts->state = state;
	state->parts = parts;
	r = parts_read(parts, request);
	if (r >= 0)
		r = parts_prepare(parts);
	if (r < 0)
		return r;
	count = parts_count_commands(parts);
	/* An empty list is sent too: hookd checks the rest of the request and records it. */
	return count > 0 || parts->list->count == 0 ? parts_send(parts, count) : parts_delay(parts);
}
