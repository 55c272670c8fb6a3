/* SPDX-License-Identifier: Apache-2.0 */

/*
 * hookd_watch(): events of runs, over as many connections as it takes. Owns what it has told of
 * each run, so that nothing is told twice when a connection was lost and hookd is asked again.
 *
 *	sent --event--> told, or known already --lost--> asked again with sinceUSec
 *
 * What is asked for again is the last minute: hookd learns of what its runners have done in another
 * order than it has happened, but not by so much. It is more where that has not yet told all stored
 * runs, which come in the order of their submission: then since the submission of the newest one
 * that was told. A run that has ended before that time is forgotten.
 */

#include <assert.h>
#include <errno.h>
#include <search.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "client/libhookd/result.h"
#include "client/libhookd/runs.h"
#include "proto/json/base64.h"
#include "proto/messages/told.h"

#define LATE_US	     60000000
#define FORGET_COUNT 256 /* so many runs are remembered before it is looked for old ones */

struct known_run {
	const char *id;		    /* first: tsearch(3) compares it */
	bool is_submitted, is_done; /* these events were told */
	int64_t done_us;
	struct hp_told told; /* the other events */
	char text[];	     /* of the id */
};

struct watch_state {
	hookd_watch_fn callback;
	hookd_done_fn done;
	void *userdata;
	struct hookd_run_filter filter;
	struct hp_arena arena; /* its texts */
	int64_t begin_us;      /* of what is asked for */
	int64_t latest_us;     /* of the latest event; 0: none yet */
	int64_t frontier_us;   /* when the newest run was submitted of which something was told */
	struct known_run **runs;
	void *index; /* the same runs, by id: tsearch(3) */
	size_t count, capacity, forget_at;
};

static int64_t now_us(void)
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	return now.tv_sec * 1000000ll + now.tv_nsec / 1000;
}

/* ---- what is known ---- */

static int compare_runs(const void *left, const void *right)
{
	const struct known_run *a = left, *b = right;

	return strcmp(a->id, b->id);
}

static int known_reserve(struct watch_state *watch)
{
	size_t capacity = watch->capacity ? 2 * watch->capacity : 32;
	struct known_run **runs;

	if (watch->count < watch->capacity)
		return 0;
	runs = reallocarray(watch->runs, capacity, sizeof(struct known_run *));
	if (!runs)
		return -ENOMEM;
	watch->runs = runs;
	watch->capacity = capacity;
	return 0;
}

/* NULL: out of memory. */
static struct known_run *known_get(struct watch_state *watch, const char *id)
{
	const struct known_run key = {.id = id};
	struct known_run *const *found = tfind(&key, &watch->index, compare_runs), *run;
	size_t size = strlen(id) + 1;

	if (found)
		return *found;
	run = known_reserve(watch) < 0 ? NULL : calloc(1, sizeof(*run) + size);
	if (!run)
		return NULL;
	run->id = memcpy(run->text, id, size);
	if (!tsearch(run, &watch->index, compare_runs)) {
		free(run);
		return NULL;
	}
	watch->runs[watch->count++] = run;
	return run;
}

static void known_free(struct watch_state *watch, struct known_run *run)
{
	(void)tdelete(run, &watch->index, compare_runs);
	free(run);
}

/* From when on hookd is asked again. It never goes back. */
static int64_t watch_since_us(const struct watch_state *watch)
{
	int64_t since_us = watch->latest_us - LATE_US;

	if (since_us > watch->frontier_us)
		since_us = watch->frontier_us;
	return since_us > watch->begin_us ? since_us : watch->begin_us;
}

static void watch_forget_old(struct watch_state *watch)
{
	int64_t since_us = watch_since_us(watch);
	size_t kept = 0;

	if (watch->count < watch->forget_at)
		return;
	for (size_t i = 0; i < watch->count; i++) {
		struct known_run *run = watch->runs[i];

		if (run->is_done && run->done_us < since_us)
			known_free(watch, run);
		else
			watch->runs[kept++] = run;
	}
	watch->count = kept;
	watch->forget_at = 2 * kept > FORGET_COUNT ? 2 * kept : FORGET_COUNT;
}

/* ---- life ---- */

static void watch_free(struct watch_state *watch)
{
	for (size_t i = 0; i < watch->count; i++)
		known_free(watch, watch->runs[i]);
	free(watch->runs);
	hp_arena_free(&watch->arena);
	free(watch);
}

static int watch_copy_filter(struct watch_state *watch, const struct hookd_run_filter *filter)
{
	const char **const texts[] = {&watch->filter.run, &watch->filter.container,
				      &watch->filter.stage};

	watch->filter = *filter;
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		if (!*texts[i])
			continue;
		*texts[i] = hp_arena_copy(&watch->arena, *texts[i], strlen(*texts[i]));
		if (!*texts[i])
			return -ENOMEM;
	}
	return 0;
}

/* NULL: out of memory. */
static struct watch_state *watch_new(const struct hookd_run_filter *filter)
{
	struct watch_state *watch = calloc(1, sizeof(*watch));

	if (!watch)
		return NULL;
	watch->forget_at = FORGET_COUNT;
	watch->begin_us = filter->since_us != 0 ? filter->since_us : now_us();
	if (watch_copy_filter(watch, filter) == 0)
		return watch;
	watch_free(watch);
	return NULL;
}

/* ---- events ---- */

static const char *const event_names[] = {"submitted", "started", "output",
					  "finished",  "done",	  "dropped"};
static_assert(sizeof(event_names) / sizeof(event_names[0]) == HOOKD_WATCH_DROPPED,
	      "a name for each event");

/* One event, with the memory that its members point to. */
struct watched_event {
	struct hookd_watch_event view;
	struct hookd_run_info run;
	struct hp_arena arena;
	struct hp_hook_result hook;
	struct result_hook hook_view;
};

static void event_clear(struct watched_event *event)
{
	hp_hook_result_clear(&event->hook);
	hp_arena_free(&event->arena);
}

static void read_data(struct member_reader *detail, struct watched_event *event)
{
	const char *text = NULL, *base64 = NULL, *stream = NULL;
	struct hookd_watch_event *view = &event->view;
	char *bytes;

	read_text(detail, "stream", &stream);
	read_text(detail, "data", &text);
	read_text(detail, "dataBase64", &base64);
	read_uint64(detail, "offset", &view->offset);
	if (detail->r < 0)
		return;
	view->stream = stream && strcmp(stream, "stderr") == 0 ? 2 : 1;
	view->data = text ? text : "";
	view->data_length = strlen(view->data);
	if (!base64)
		return;
	bytes = hp_arena_copy(&event->arena, base64, strlen(base64));
	if (!bytes)
		detail->r = hp_err_no_memory(detail->err);
	else if (hp_base64_decode(bytes, bytes, strlen(bytes), &view->data_length) < 0)
		detail->r = hp_err_invalid(detail->err, "dataBase64", "must be Base64");
	view->data = bytes;
}

static void read_hook(struct member_reader *detail, struct watched_event *event)
{
	if (detail->r < 0)
		return;
	detail->r =
	    hp_hook_result_read(hp_json_member(detail->object, "hook"), &event->hook, detail->err);
	if (detail->r < 0) {
		(void)hp_err_prefix(detail->err, detail->r, "hook");
		return;
	}
	result_hook_fill(&event->hook_view, &event->hook);
	event->view.hook = &event->hook_view.view;
}

static int read_detail(struct hp_json_value value, struct watched_event *event, struct hp_err *err)
{
	struct member_reader detail = member_reader_new(value, &event->arena, err);
	uint64_t index = 0;

	read_uint64(&detail, "index", &index);
	event->view.index = index;
	switch (event->view.type) {
	case HOOKD_WATCH_STARTED:
		read_int(&detail, "pid", &event->view.pid);
		break;
	case HOOKD_WATCH_OUTPUT:
		read_data(&detail, event);
		break;
	case HOOKD_WATCH_FINISHED:
		read_hook(&detail, event);
		break;
	case HOOKD_WATCH_DROPPED:
		read_uint64(&detail, "dropped", &event->view.dropped);
		break;
	case HOOKD_WATCH_SUBMITTED:
	case HOOKD_WATCH_DONE:
		break;
	}
	return detail.r < 0 ? hp_err_prefix(err, detail.r, "detail") : 0;
}

/* The type stays 0 for "end", which done() tells, and for an event that a newer hookd has added. */
static int event_read(struct hp_json_value parameters, struct watched_event *event,
		      struct hp_err *err)
{
	struct member_reader reader = member_reader_new(parameters, &event->arena, err);
	struct hp_json_value name = hp_json_member(parameters, "event");
	int r;

	for (int i = 0; i < HOOKD_WATCH_DROPPED; i++)
		if (hp_json_equals(name, event_names[i]))
			event->view.type = (enum hookd_watch_type)(i + 1);
	if (event->view.type == 0)
		return 0;
	read_int64(&reader, "timeUSec", &event->view.time_us);
	if (reader.r < 0)
		return reader.r;
	r = read_detail(hp_json_member(parameters, "detail"), event, err);
	if (r < 0 || event->view.type == HOOKD_WATCH_DROPPED)
		return r;
	r = run_info_read(hp_json_member(parameters, "run"), &event->arena, &event->run, err);
	if (r < 0)
		return hp_err_prefix(err, r, "run");
	event->view.run = &event->run;
	return 0;
}

/* ---- each one once ---- */

static bool cut_output(struct known_run *run, struct hookd_watch_event *view)
{
	struct hp_told_output output = {
	    .index = view->index,
	    .stream = view->stream,
	    .has_offset = true,
	    .offset = view->offset,
	    .data = view->data,
	    .length = view->data_length,
	};

	if (!hp_told_output(&run->told, &output))
		return false;
	view->offset = output.offset;
	view->data = output.data;
	view->data_length = output.length;
	return true;
}

static bool set_once(bool *flag)
{
	bool was_set = *flag;

	*flag = true;
	return !was_set;
}

static bool is_new(struct known_run *run, struct hookd_watch_event *view)
{
	switch (view->type) {
	case HOOKD_WATCH_SUBMITTED:
		return set_once(&run->is_submitted);
	case HOOKD_WATCH_STARTED:
		return hp_told_started(&run->told, view->index);
	case HOOKD_WATCH_OUTPUT:
		return cut_output(run, view);
	case HOOKD_WATCH_FINISHED:
		return hp_told_finished(&run->told, view->index);
	case HOOKD_WATCH_DONE:
		run->done_us = view->time_us;
		return set_once(&run->is_done);
	case HOOKD_WATCH_DROPPED:
		break;
	}
	return true;
}

/* 1: it is to be told; 0: it was told already; -ENOMEM. */
static int watch_take(struct watch_state *watch, struct watched_event *event)
{
	struct hookd_watch_event *view = &event->view;
	struct known_run *run;
	int r;

	if (view->type == HOOKD_WATCH_DROPPED)
		return 1;
	run = known_get(watch, view->run->run);
	if (!run)
		return -ENOMEM;
	r = is_new(run, view);
	if (view->time_us > watch->latest_us)
		watch->latest_us = view->time_us;
	if (view->run->submitted_us > watch->frontier_us)
		watch->frontier_us = view->run->submitted_us;
	watch_forget_old(watch);
	return r;
}

/* ---- telling ---- */

static int watch_tell(struct hookd_client *client, struct watch_state *watch,
		      const struct hookd_watch_event *view)
{
	int r = watch->callback(client, view, watch->userdata);

	return r < 0 ? fault_set(&client->fault, r, "the caller ended the call") : 0;
}

static int watch_tell_reply(struct hookd_client *client, struct watch_state *watch,
			    struct watched_event *event, struct hp_json_value parameters)
{
	size_t length;
	const char *text = hp_json_text(parameters, &length);

	/* In the message the text is not terminated. */
	event->view.json = hp_arena_copy(&event->arena, text, length);
	if (!event->view.json)
		return fault_set(&client->fault, -ENOMEM, "out of memory");
	return watch_tell(client, watch, &event->view);
}

static int watch_on_reply(struct hookd_client *client, const struct hp_reply *reply)
{
	struct watch_state *watch = client->of.watch;
	struct watched_event event = {0};
	struct hp_err err = {0};
	int r = event_read(reply->parameters, &event, &err);

	if (r == 0 && event.view.type != 0) {
		r = watch_take(watch, &event);
		if (r > 0)
			r = watch_tell_reply(client, watch, &event, reply->parameters);
		else if (r < 0)
			r = ask_misread(client, r, &err);
	} else if (r < 0) {
		r = ask_misread(client, r, &err);
	}
	event_clear(&event);
	return r;
}

/* ---- the call ---- */

static void watch_write(struct hookd_client *client, const struct hookd_run_filter *filter)
{
	struct hp_json_writer writer;

	client_clear_call(client);
	writer = hp_call_begin(&client->call, "io.hookd.status.Watch", true, false);
	filter_write(&writer, filter);
	hp_call_end(&writer);
}

/* What happens at a time that is earlier than what was told cannot be asked for. */
static int watch_on_repeat(struct hookd_client *client)
{
	const struct hookd_watch_event missed = {.type = HOOKD_WATCH_DROPPED, .time_us = now_us()};
	struct watch_state *watch = client->of.watch;

	watch->filter.since_us = watch_since_us(watch);
	watch_write(client, &watch->filter);
	return missed.time_us < watch->filter.since_us ? watch_tell(client, watch, &missed) : 0;
}

static void watch_on_end(struct hookd_client *client, int r)
{
	struct watch_state *watch = client->of.watch;
	hookd_done_fn done = watch->done;
	void *userdata = watch->userdata;

	watch_free(watch);
	done(client, r < 0 ? r : 0, NULL, userdata);
}

static void watch_on_stop(struct hookd_client *client)
{
	watch_free(client->of.watch);
}

static int watch_start(struct hookd_client *client, const struct hookd_run_filter *filter,
		       hookd_watch_fn callback, hookd_done_fn done, void *userdata)
{
	static const struct exchange_type type = {.on_reply = watch_on_reply,
						  .on_end = watch_on_end,
						  .on_repeat = watch_on_repeat,
						  .on_stop = watch_on_stop};
	struct hookd_run_filter known;
	struct watch_state *watch;
	int r = filter_read(client, filter,
			    FILTER_RUN | FILTER_CONTAINER | FILTER_STAGE | FILTER_FAILED |
				FILTER_OUTPUT | FILTER_SINCE | FILTER_UNTIL,
			    &known);

	if (r < 0)
		return r;
	watch = watch_new(&known);
	if (!watch)
		return fault_set(&client->fault, -ENOMEM, "out of memory");
	watch->callback = callback;
	watch->done = done;
	watch->userdata = userdata;
	watch_write(client, &watch->filter);
	client->of.watch = watch;
	r = exchange_start(client, &type, SENDS_UNTIL_ANSWERED, true);
	if (r < 0)
		watch_free(watch);
	return r;
}

int hookd_watch_start(struct hookd_client *client, const struct hookd_run_filter *filter,
		      hookd_watch_fn callback, hookd_done_fn done, void *userdata)
{
	int r = client_begin(client, false);

	return r < 0 ? r : watch_start(client, filter, callback, done, userdata);
}

/* What a function that waits has for the other form. */
struct watch_answer {
	hookd_watch_fn callback;
	void *userdata;
	int error;
};

static int watch_on_event(struct hookd_client *client, const struct hookd_watch_event *event,
			  void *userdata)
{
	const struct watch_answer *answer = userdata;

	return answer->callback(client, event, answer->userdata);
}

static void watch_on_done(struct hookd_client *client, int error, struct hookd_reply *reply,
			  void *userdata)
{
	struct watch_answer *answer = userdata;

	(void)client, (void)reply;
	answer->error = error;
}

int hookd_watch(struct hookd_client *client, const struct hookd_run_filter *filter,
		hookd_watch_fn callback, void *userdata)
{
	struct watch_answer answer = {.callback = callback, .userdata = userdata};
	int r = client_begin(client, true);

	if (r >= 0)
		r = watch_start(client, filter, watch_on_event, watch_on_done, &answer);
	if (r < 0)
		return r;
	exchange_await(client);
	return answer.error;
}
