/* SPDX-License-Identifier: Apache-2.0 */
/* Sizes and bounds of messages, and the conversion of a hook's result. No state. */
#include "daemon/runner/message.h"

#include <assert.h>
#include <signal.h>
#include <string.h>
#include <syslog.h>

#include "proto/base/limits.h"

#define NO_TEXT UINT32_MAX

/* ---- checking ---- */

static const struct bounds {
	size_t body;
	bool is_about_a_run, has_payload;
	size_t fds_max;
} bounds[MESSAGE_TYPE_COUNT] = {
    [MESSAGE_HELLO] = {sizeof(struct hello_body), .fds_max = 1},
    [MESSAGE_CONFIGURE] = {sizeof(struct configure_body)},
    [MESSAGE_START] = {sizeof(struct start_body), true, true, MESSAGE_FDS_MAX},
    [MESSAGE_CANCEL] = {0, true},
    [MESSAGE_LISTEN] = {0, true},
    [MESSAGE_PAUSE] = {sizeof(struct pause_body), true},
    [MESSAGE_ACKNOWLEDGE] = {0, true},
    [MESSAGE_STOP] = {sizeof(struct stop_body)},
    [MESSAGE_OWNED] = {0, true},
    [MESSAGE_SYNCED] = {0},
    [MESSAGE_STARTED] = {sizeof(struct started_body), true, .fds_max = 1},
    [MESSAGE_MOVED] = {sizeof(struct started_body), true, .fds_max = 1},
    [MESSAGE_OUTPUT] = {sizeof(struct output_body), true, true},
    [MESSAGE_FINISHED] = {sizeof(struct finished_body), true, true},
    [MESSAGE_ENDED] = {sizeof(struct ended_body), true, true},
    [MESSAGE_SEVERAL] = {0, .has_payload = true},
    [MESSAGE_PING] = {0},
    [MESSAGE_PONG] = {0},
    [MESSAGE_SOCKET] = {0, .fds_max = 1},
    [MESSAGE_COUNTER] = {0, .fds_max = 1},
    [MESSAGE_RECALL] = {0, true},
    [MESSAGE_DIRECTORY] = {0, .fds_max = 1},
};

static bool is_configuration_in_bounds(const struct configure_body *body)
{
	return body->umask >= -1 && body->umask <= 0777 && body->nice >= -20 && body->nice <= 19 &&
	       body->log_level >= 0 && body->log_level <= LOG_DEBUG;
}

static bool is_start_in_bounds(const struct message *message)
{
	const struct start_body *start = message->body;
	uint64_t filter = (uint64_t)start->filter_count * sizeof(struct sock_filter);
	size_t fd_count = (start->caller > 0) + (start->container > 0) + (start->has_rdt != 0) +
			  (start->has_rdt_mon != 0);

	return (uint64_t)start->request_length + start->path_length + filter ==
		   message->header.payload_length &&
	       start->path_length > 0 && start->caller >= 0 && start->container >= 0 &&
	       message->payload[start->request_length + start->path_length - 1] == '\0' &&
	       start->filter_count <= BPF_MAXINSNS && start->first <= HP_HOOKS_MAX &&
	       start->failed_step >= 0 && start->failed_step < SPAWN_STEP_COUNT &&
	       start->failed_errno >= 0 && start->waited_ns >= 0 &&
	       memchr(start->failed_detail, '\0', sizeof(start->failed_detail)) &&
	       message->fd_count == fd_count;
}

static uint64_t length_of(uint32_t length)
{
	return length == NO_TEXT ? 0 : length;
}

static bool is_finished_in_bounds(const struct message *message)
{
	const struct finished_body *finished = message->body;
	uint64_t sum = length_of(finished->step_length) + length_of(finished->detail_length);

	for (int i = 0; i < 2; i++) {
		if (finished->output_length[i] > HP_CAPTURE_HEAD_BYTES + HP_CAPTURE_TAIL_BYTES ||
		    finished->output_head[i] > finished->output_length[i] ||
		    finished->output_total[i] < finished->output_length[i])
			return false;
		sum += finished->output_length[i];
	}
	return sum == message->header.payload_length && finished->outcome >= 0 &&
	       finished->outcome < HP_HOOK_OUTCOME_COUNT && finished->outcome != HP_HOOK_SKIPPED &&
	       finished->pid >= 0 &&
	       (finished->outcome != HP_HOOK_SIGNALED ||
		(finished->signal >= 0 && finished->signal < NSIG));
}

static bool is_body_in_bounds(const struct message *message)
{
	const struct hello_body *hello = message->body;
	const struct started_body *started = message->body;
	const struct output_body *output = message->body;

	switch (message->header.type) {
	case MESSAGE_HELLO:
		return hello->pid > 0;
	case MESSAGE_CONFIGURE:
		return is_configuration_in_bounds(message->body);
	case MESSAGE_START:
		return is_start_in_bounds(message);
	case MESSAGE_STARTED:
	case MESSAGE_MOVED:
		return started->pid >= 0;
	case MESSAGE_OUTPUT:
		return output->stream == 1 || output->stream == 2;
	case MESSAGE_FINISHED:
		return is_finished_in_bounds(message);
	case MESSAGE_SOCKET:
	case MESSAGE_COUNTER:
	case MESSAGE_DIRECTORY:
		return message->fd_count == 1;
	default:
		return true;
	}
}

/* The highest index of the type. That of OWNED can be the number of hooks: all have ended. */
static size_t highest_index(enum message_type type)
{
	bool is_of_a_hook = type == MESSAGE_STARTED || type == MESSAGE_MOVED ||
			    type == MESSAGE_OUTPUT || type == MESSAGE_FINISHED;

	return is_of_a_hook ? HP_HOOKS_MAX - 1 : HP_HOOKS_MAX;
}

int message_check(const struct message *message)
{
	const struct message_header *header = &message->header;
	enum message_type type = (enum message_type)header->type;
	bool is_well;

	if (header->type >= MESSAGE_TYPE_COUNT)
		return -ENOMSG;
	is_well = header->type > 0 && header->body_length == bounds[type].body &&
		  header->payload_length <= (bounds[type].has_payload ? MESSAGE_PAYLOAD_MAX : 0) &&
		  memchr(header->run, '\0', sizeof(header->run)) &&
		  (header->run[0] != '\0') == bounds[type].is_about_a_run &&
		  header->index <= highest_index(type) && message->fd_count <= bounds[type].fds_max;
	return is_well && is_body_in_bounds(message) ? 0 : -EBADMSG;
}

/* ---- a hook's result ---- */

static void put(char **end, const void *bytes, size_t length)
{
	if (length > 0)
		memcpy(*end, bytes, length);
	*end += length;
}

static uint32_t text_length(const char *text)
{
	return text ? (uint32_t)strlen(text) : NO_TEXT;
}

void message_from_outcome(const struct hp_hook_result *result, struct finished_body *ret_body)
{
	*ret_body = (struct finished_body){
	    .step_length = NO_TEXT,
	    .detail_length = NO_TEXT,
	    .outcome = (int32_t)result->outcome,
	    .exit_status = result->exit_status,
	    .signal = result->signal,
	    .oom_killed = result->oom_killed,
	    .failed_errno = result->failed_errno,
	    .pid = result->pid,
	    .started_us = result->started_us,
	    .duration_us = result->duration_us,
	    .drain_us = result->drain_us < UINT32_MAX ? (uint32_t)result->drain_us : UINT32_MAX,
	    .user_us = result->user_us,
	    .system_us = result->system_us,
	    .max_rss_bytes = result->max_rss_bytes,
	    .success = result->success,
	    .lingering = result->lingering,
	};
}

int message_from_result(const struct hp_hook_result *result, struct finished_body *ret_body,
			char **ret_payload, size_t *ret_length)
{
	struct finished_body body;
	size_t length;
	char *payload, *end;

	message_from_outcome(result, &body);
	body.step_length = text_length(result->failed_step);
	body.detail_length = text_length(result->failed_detail);
	length = length_of(body.step_length) + length_of(body.detail_length);
	for (int i = 0; i < 2; i++) {
		body.output_length[i] = (uint32_t)result->output[i].length;
		body.output_head[i] = (uint32_t)result->output[i].head;
		body.output_total[i] = result->output[i].total;
		length += result->output[i].length;
	}
	payload = end = malloc(length + 1);
	if (!payload)
		return -ENOMEM;
	put(&end, result->failed_step, length_of(body.step_length));
	put(&end, result->failed_detail, length_of(body.detail_length));
	for (int i = 0; i < 2; i++)
		put(&end, result->output[i].bytes, result->output[i].length);
	assert((size_t)(end - payload) == length);
	*ret_body = body;
	*ret_payload = payload;
	*ret_length = length;
	return 0;
}

static int take_text(const char **at, uint32_t length, char **ret_text)
{
	if (length == NO_TEXT)
		return 0;
	*ret_text = strndup(*at, length);
	*at += length;
	return *ret_text ? 0 : -ENOMEM;
}

static int take_output(const char **at, const struct finished_body *body, int i,
		       struct hp_output *ret_output)
{
	size_t length = body->output_length[i];

	ret_output->total = body->output_total[i];
	if (length == 0)
		return 0;
	ret_output->bytes = malloc(length);
	if (!ret_output->bytes)
		return -ENOMEM;
	memcpy(ret_output->bytes, *at, length);
	ret_output->length = length;
	ret_output->head = body->output_head[i];
	*at += length;
	return 0;
}

int message_to_result(const struct message *message, struct hp_hook_result *ret_result)
{
	const struct finished_body *body = message->body;
	const char *at = message->payload;
	struct hp_hook_result result = {
	    .index = message->header.index,
	    .outcome = (enum hp_hook_outcome)body->outcome,
	    .success = body->success,
	    .exit_status = body->exit_status,
	    .signal = body->signal,
	    .oom_killed = body->oom_killed,
	    .failed_errno = body->failed_errno,
	    .pid = body->pid,
	    .started_us = body->started_us,
	    .duration_us = body->duration_us,
	    .drain_us = body->drain_us,
	    .user_us = body->user_us,
	    .system_us = body->system_us,
	    .max_rss_bytes = body->max_rss_bytes,
	    .lingering = body->lingering,
	};
	int r = take_text(&at, body->step_length, &result.failed_step);

	if (r == 0)
		r = take_text(&at, body->detail_length, &result.failed_detail);
	for (int i = 0; i < 2 && r == 0; i++)
		r = take_output(&at, body, i, &result.output[i]);
	if (r < 0)
		hp_hook_result_clear(&result);
	else
		*ret_result = result;
	return r;
}
