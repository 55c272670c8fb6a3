/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The events of a run as replies to one client. Output comes in order, from two sources:
 *
 *	read from the hook's pipes: sent to all clients at once
 *	kept by hookd: sent to a client that has attached late; all clients get these events
 *
 * Of both, a client gets the bytes past those that it has. Output from the pipes that arrives
 * before the kept output is skipped, since it is kept as well. If the hook ends first, its result
 * contains the kept output.
 */
#include "daemon/ipc/events.h"

static struct hp_json_writer begin(struct events *events, const char *event)
{
	struct hp_json_writer writer = hp_reply_begin(conn_reply(events->conn), NULL, true);

	hp_json_key(&writer, "event");
	hp_json_put_string(&writer, event);
	hp_json_key(&writer, "run");
	hp_json_put_string(&writer, events->run->id);
	return writer;
}

static struct hp_json_writer begin_of_hook(struct events *events, const char *event, size_t index)
{
	struct hp_json_writer writer = begin(events, event);

	hp_json_key(&writer, "index");
	hp_json_put_uint(&writer, index);
	return writer;
}

void output_write(struct hp_json_writer *writer, const struct hook_output *output)
{
	hp_json_key(writer, "stream");
	hp_json_put_string(writer, output->stream == 1 ? "stdout" : "stderr");
	hp_json_key(writer, "offset");
	hp_json_put_uint(writer, output->offset);
	if (hp_json_is_text(output->bytes, output->length)) {
		hp_json_key(writer, "data");
		hp_json_put_bytes(writer, output->bytes, output->length);
	} else {
		hp_json_key(writer, "dataBase64");
		hp_json_put_base64(writer, output->bytes, output->length);
	}
}

static bool write_output(struct events *events, size_t index, const struct hook_output *output)
{
	struct hook_output rest;
	struct hp_json_writer writer;

	if (!output_position_take(&events->position, index, output, &rest))
		return false;
	writer = begin_of_hook(events, "output", index);
	output_write(&writer, &rest);
	hp_reply_end(&writer);
	return true;
}

static void write_started(struct events *events, size_t index)
{
	struct hp_json_writer writer = begin_of_hook(events, "started", index);

	hp_reply_end(&writer);
}

static void write_finished(struct events *events, const struct hp_hook_result *hook)
{
	struct hook_output parts[2];
	struct hp_json_writer writer;

	for (int i = 0; i < 2; i++) {
		size_t count = output_kept(&hook->output[i], parts);

		for (size_t k = 0; k < count; k++) {
			parts[k].stream = i + 1;
			(void)write_output(events, hook->index, &parts[k]);
		}
	}
	writer = begin_of_hook(events, "finished", hook->index);
	hp_json_key(&writer, "hook");
	hp_hook_result_write(&writer, hook);
	hp_reply_end(&writer);
}

bool events_write(struct events *events, const struct run_event *event)
{
	switch (event->type) {
	case RUN_EVENT_STARTED:
		write_started(events, event->index);
		return true;
	case RUN_EVENT_OUTPUT:
		return write_output(events, event->index, event->output);
	case RUN_EVENT_FINISHED:
		write_finished(events, event->hook);
		return true;
	default:
		return false;
	}
}

/* Hooks that were skipped, or cancelled before their start, have no events. */
static bool has_finished(const struct hp_hook_result *hook)
{
	return hook->outcome != HP_HOOK_SKIPPED &&
	       (hook->outcome != HP_HOOK_CANCELLED || hook->started_us > 0);
}

void events_write_past(struct events *events)
{
	const struct hp_run_result *result = &events->run->result;
	struct hp_json_writer writer = begin(events, "accepted");

	hp_reply_end(&writer);
	for (size_t i = 0; i < result->hook_count; i++) {
		const struct hp_hook_result *hook = &result->hooks[i];

		if (hook->started_us > 0)
			write_started(events, i);
		if (has_finished(hook))
			write_finished(events, hook);
	}
}
