/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The lists of a runner.
 *
 *	RUNNING --the list ends--> ENDED --ACKNOWLEDGE--> freed
 *
 * Every result is sent at once and kept until ACKNOWLEDGE. A front that connects later gets all of
 * them again, a few messages in each turn of the loop, since there may be hundreds of lists. Until
 * that is done for a list (is_resent), its new events are not sent separately.
 */
#include "daemon/runner/owned.h"

#include <assert.h>
#include <string.h>

#include "daemon/base/pidfd.h"
#include "proto/json/json.h"

/* If more than that waits to be sent, reading of output is paused. */
#define FULL_BYTES (256u * 1024)

struct finished_result {
	bool is_there;
	struct finished_body body;
	char *payload;
	size_t length;
};

static void resend_next(struct owned *owned);

/* If a message is lost the connection ends, and the next front gets everything again. */
static void send_now(struct owned *owned, const struct message *message)
{
	if (owned->runner->front && owned->is_resent)
		channel_send_or_break(owned->runner->front, message);
}

/*
 * For events that only a streaming caller waits for. Without one they are posted, and usually sent
 * in one packet with the end of the list.
 */
static void send_news(struct owned *owned, const struct message *message)
{
	if (!owned->runner->front || !owned->is_resent)
		return;
	if (owned->is_listened_to)
		channel_send_or_break(owned->runner->front, message);
	else
		channel_post(owned->runner->front, message);
}

/* ---- events ---- */

/* If this process dies the front has to kill the hook: by the runner's cgroups or by the pidfd. */
static bool needs_pidfd(const struct owned *owned)
{
	return !owned->runner->has_cgroups || hook_target_runs_image(&owned->order.target);
}

static void send_started(struct owned *owned, enum message_type type)
{
	struct started_body body = {
	    .pid = owned->list ? owned->list->operations->pid(owned->list) : 0,
	    .started_us = owned->started_us,
	};
	struct message message =
	    message_make(type, owned->run, owned->current, &body, sizeof(body), NULL, 0);
	cleanup_close int pidfd = body.pid > 0 && needs_pidfd(owned) ? pidfd_of(body.pid) : -1;

	message.fds = &pidfd;
	message.fd_count = pidfd >= 0;
	/* Else operators would see the pid of hookd-run, which has ended. */
	if (pidfd >= 0 || type == MESSAGE_MOVED)
		send_now(owned, &message);
	else
		send_news(owned, &message);
}

static void on_started(void *userdata, size_t index, pid_t pid, int64_t started_us)
{
	struct owned *owned = userdata;

	(void)pid;
	owned->current = index;
	owned->started_us = started_us;
	send_started(owned, MESSAGE_STARTED);
}

static void on_moved(void *userdata, size_t index, pid_t pid)
{
	(void)index, (void)pid;
	send_started(userdata, MESSAGE_MOVED);
}

static void on_output(void *userdata, size_t index, const struct hook_output *output)
{
	struct owned *owned = userdata;
	struct output_body body = {
	    .stream = output->stream,
	    .is_kept = output->is_kept,
	    .offset = output->offset,
	};
	struct message message = message_make(MESSAGE_OUTPUT, owned->run, index, &body,
					      sizeof(body), output->bytes, output->length);
	struct runner *runner = owned->runner;

	send_now(owned, &message);
	if (runner->front && !runner->is_full && channel_waiting(runner->front) > FULL_BYTES) {
		runner->is_full = true;
		owned_pause_all(runner);
	}
}

static struct message message_of(struct owned *owned, size_t index)
{
	const struct finished_result *result = &owned->results[index];

	assert(result->is_there);
	return message_make(MESSAGE_FINISHED, owned->run, index, &result->body,
			    sizeof(result->body), result->payload, result->length);
}

/* If there is no memory for output and texts, the result is kept without them. */
static void keep_result(struct owned *owned, size_t index, struct hp_hook_result *result,
			bool is_refusal)
{
	struct finished_result *kept = &owned->results[index];
	struct message message;

	assert(!kept->is_there);
	if (message_from_result(result, &kept->body, &kept->payload, &kept->length) < 0)
		message_from_outcome(result, &kept->body);
	kept->body.is_refusal = is_refusal;
	kept->is_there = true;
	hp_hook_result_clear(result);
	owned->current = index;
	message = message_of(owned, index);
	send_news(owned, &message);
}

static void on_finished(void *userdata, size_t index, struct hp_hook_result *result)
{
	keep_result(userdata, index, result, false);
}

static void send_ended(struct owned *owned)
{
	size_t length = owned->ignored ? strlen(owned->ignored) : 0;
	struct message message =
	    message_make(MESSAGE_ENDED, owned->run, owned->current, &owned->end, sizeof(owned->end),
			 owned->ignored, length);

	send_now(owned, &message);
}

static void release_inputs(struct owned *owned)
{
	hook_target_clear(&owned->order.target);
	for (int i = 0; i < 2; i++)
		close_fd(&owned->rdt_fds[i]);
	free(take_ptr(owned->filter));
}

static void on_ended(void *userdata, struct list_end *end)
{
	struct owned *owned = userdata;

	assert(!owned->has_ended);
	owned->list = NULL;
	owned->has_ended = true;
	owned->end.is_cancelled = end->is_cancelled;
	owned->ignored = take_ptr(end->ignored);
	if (end->refusal)
		keep_result(owned, owned->order.first, end->refusal, true);
	release_inputs(owned);
	send_ended(owned);
	owned->runner->changed(owned->runner);
}

static const struct list_listener listener = {
    .started = on_started,
    .moved = on_moved,
    .output = on_output,
    .finished = on_finished,
    .ended = on_ended,
};

/* ---- start ---- */

static int read_request(struct owned *owned, const char *text, size_t length)
{
	struct hp_json json = {0};
	struct hp_err err;
	int r = hp_json_parse(&json, text, length, &err);

	if (r == 0)
		r = hp_request_read(hp_json_root(&json), &owned->request, &err);
	hp_json_free(&json);
	return r == -ENOMEM ? r : r < 0 ? -EBADMSG : 0;
}

static int copy_payload(struct owned *owned, const struct start_body *start, const char *payload)
{
	size_t size = start->filter_count * sizeof(struct sock_filter);
	int r = read_request(owned, payload, start->request_length);

	if (r < 0)
		return r;
	if (start->first > owned->request.hooks.count)
		return -EBADMSG;
	payload += start->request_length;
	owned->path = strdup(payload);
	owned->filter = malloc(size + 1);
	owned->results = calloc(owned->request.hooks.count + 1, sizeof(*owned->results));
	if (!owned->path || !owned->filter || !owned->results)
		return -ENOMEM;
	memcpy(owned->filter, payload + start->path_length, size);
	return 0;
}

static int take(struct message *message, size_t *at)
{
	return take_fd(&message->fds[(*at)++]);
}

static void take_fds(struct owned *owned, const struct start_body *start, struct message *message)
{
	struct hook_target *target = &owned->order.target;
	size_t at = 0;

	*target = HOOK_TARGET_NONE;
	target->is_image_program = start->is_image_program;
	if (start->caller > 0)
		target->caller = (struct target_process){start->caller, take(message, &at)};
	if (start->container > 0)
		target->container = (struct target_process){start->container, take(message, &at)};
	if (start->has_rdt)
		owned->rdt_fds[0] = take(message, &at);
	if (start->has_rdt_mon)
		owned->rdt_fds[1] = take(message, &at);
}

static void fill_order(struct owned *owned, const struct start_body *start)
{
	const struct hp_request *request = &owned->request;
	const struct hook_target target = owned->order.target;

	owned->order = (struct list_order){
	    .run = owned->run,
	    .request = request->text,
	    .request_length = request->text_length,
	    .stage = request->stage,
	    .dialect = request->dialect,
	    .hooks = &request->hooks,
	    .first = start->first,
	    .state = request->state,
	    .state_length = request->state_length,
	    .bundle = request->bundle,
	    .traceparent = request->traceparent,
	    .default_path = owned->path,
	    .default_timeout_ns = start->default_timeout_ns,
	    .waited_ns = start->waited_ns,
	    .any_owner = start->any_owner,
	    .may_be_refused = start->may_be_refused,
	    .is_listened_to = start->is_listened_to,
	    .is_paused = start->is_paused || owned->runner->is_full,
	    .target = target,
	    .settings = {.settings = request->settings,
			 .filter = start->filter_count ? owned->filter : NULL,
			 .filter_count = start->filter_count,
			 .filter_flags = start->filter_flags,
			 .needs_listener = start->needs_listener,
			 .rdt_tasks = owned->rdt_fds[0],
			 .rdt_mon_tasks = owned->rdt_fds[1]},
	    .failure = {.step = (enum spawn_step)start->failed_step, .error = start->failed_errno},
	};
	memcpy(owned->order.failure.detail, start->failed_detail, sizeof(start->failed_detail));
	owned->current = start->first;
	owned->is_listened_to = start->is_listened_to;
	owned->is_paused = start->is_paused;
}

int owned_start(struct runner *runner, struct message *message)
{
	const struct start_body *start = message->body;
	struct owned *owned;
	int r;

	if (owned_find(runner, message->header.run))
		return -EEXIST;
	owned = calloc(1, sizeof(*owned));
	if (!owned)
		return -ENOMEM;
	owned->runner = runner;
	owned->is_resent = true; /* nothing to resend to the front that has sent START */
	owned->rdt_fds[0] = owned->rdt_fds[1] = -1;
	owned->order.target = HOOK_TARGET_NONE;
	memcpy(owned->run, message->header.run, sizeof(owned->run));
	r = copy_payload(owned, start, message->payload);
	if (r == 0) {
		HASH_ADD_KEYPTR(by_run, runner->lists, owned->run, strlen(owned->run), owned);
		r = owned->by_run.tbl ? 0 : -ENOMEM;
	}
	if (r == 0) {
		take_fds(owned, start, message);
		fill_order(owned, start);
		r = runner->starter->start(runner->starter, &owned->order, &listener, owned,
					   &owned->list);
	}
	if (r < 0)
		owned_free(owned);
	else
		runner->changed(runner);
	return r;
}

/* ---- messages from the front ---- */

struct owned *owned_find(struct runner *runner, const char *run)
{
	struct owned *owned;

	HASH_FIND(by_run, runner->lists, run, strlen(run), owned);
	return owned;
}

void owned_cancel(struct owned *owned)
{
	if (owned->list)
		owned->list->operations->cancel(owned->list);
}

/* The front accepts output only after STARTED of the hook and the results before it. */
static void resend_all(struct owned *owned)
{
	while (!owned->is_resent)
		resend_next(owned);
}

void owned_listen(struct owned *owned)
{
	owned->is_listened_to = true;
	resend_all(owned);
	if (owned->list)
		owned->list->operations->listen(owned->list);
}

void owned_recall(struct owned *owned)
{
	resend_all(owned);
	if (owned->list)
		owned->list->operations->recall(owned->list);
}

static void set_pause(struct owned *owned)
{
	if (owned->list)
		owned->list->operations->pause(owned->list,
					       owned->is_listened_to &&
						   (owned->is_paused || owned->runner->is_full));
}

void owned_pause(struct owned *owned, bool is_paused)
{
	owned->is_paused = is_paused;
	set_pause(owned);
}

void owned_pause_all(struct runner *runner)
{
	struct owned *owned, *next;

	HASH_ITER(by_run, runner->lists, owned, next)
	set_pause(owned);
}

void owned_resume_all(struct runner *runner)
{
	struct owned *owned, *next;

	HASH_ITER(by_run, runner->lists, owned, next)
	owned->is_paused = false;
	runner->is_full = false;
	owned_pause_all(runner);
}

/* ---- for a new front ---- */

void owned_resend_all(struct runner *runner)
{
	struct owned *owned, *next;

	TAILQ_INIT(&runner->not_resent);
	HASH_ITER(by_run, runner->lists, owned, next)
	{
		owned->is_resent = owned->is_announced = false;
		owned->resent_results = owned->order.first;
		TAILQ_INSERT_TAIL(&runner->not_resent, owned, not_resent);
	}
}

static void send_owned(struct owned *owned)
{
	struct message message =
	    message_make(MESSAGE_OWNED, owned->run, owned->order.first, NULL, 0, NULL, 0);

	owned->is_announced = true;
	channel_send_or_break(owned->runner->front, &message);
}

static void set_resent(struct owned *owned)
{
	owned->is_resent = true;
	TAILQ_REMOVE(&owned->runner->not_resent, owned, not_resent);
}

static void resend_next(struct owned *owned)
{
	struct message message;

	assert(!owned->is_resent);
	if (!owned->is_announced) {
		send_owned(owned);
		return;
	}
	if (owned->resent_results < owned->request.hooks.count &&
	    owned->results[owned->resent_results].is_there) {
		message = message_of(owned, owned->resent_results++);
		channel_send_or_break(owned->runner->front, &message);
		return;
	}
	set_resent(owned);
	if (owned->list && owned->list->operations->pid(owned->list) > 0)
		send_started(owned, MESSAGE_STARTED);
	if (owned->has_ended)
		send_ended(owned);
}

bool owned_resend_next(struct runner *runner)
{
	struct owned *owned = TAILQ_FIRST(&runner->not_resent);

	assert(runner->front);
	if (owned)
		resend_next(owned);
	return owned != NULL;
}

void owned_free(struct owned *owned)
{
	if (!owned->is_resent)
		TAILQ_REMOVE(&owned->runner->not_resent, owned, not_resent);
	if (owned->by_run.tbl)
		HASH_DELETE(by_run, owned->runner->lists, owned);
	if (owned->list)
		owned->list->operations->free(owned->list);
	release_inputs(owned);
	for (size_t i = 0; owned->results && i < owned->request.hooks.count; i++)
		free(owned->results[i].payload);
	free(owned->results);
	free(owned->path);
	free(owned->ignored);
	hp_request_free(&owned->request);
	free(owned);
}
