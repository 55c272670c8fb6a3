/* SPDX-License-Identifier: Apache-2.0 */
/* The replies of Watch as JSON. No state of its own. */
#include "daemon/history/run_json.h"
#include "daemon/ipc/dispatch.h"
#include "daemon/status/watch_all.h"

static struct hp_json_writer begin(struct watch *watch, const char *event, int64_t time_us,
				   struct run *run, bool continues)
{
	struct hp_json_writer writer = hp_reply_begin(conn_reply(watch->conn), NULL, continues);

	hp_json_add_string(&writer, "event", event);
	hp_json_add_int(&writer, "timeUSec", time_us);
	if (run) {
		hp_json_key(&writer, "run");
		run_json_write(&writer, run);
	}
	return writer;
}

static struct hp_json_writer begin_detail(struct watch *watch, const char *event, int64_t time_us,
					  struct run *run)
{
	struct hp_json_writer writer = begin(watch, event, time_us, run, true);

	hp_json_key(&writer, "detail");
	hp_json_begin(&writer, '{');
	return writer;
}

static void end_detail(struct hp_json_writer *writer)
{
	hp_json_end(writer, '}');
	hp_reply_end(writer);
}

int64_t watch_now_us(void)
{
	return clock_ns(CLOCK_REALTIME) / 1000;
}

void watch_write_dropped(struct watch *watch)
{
	struct hp_json_writer writer;

	if (watch->dropped == 0)
		return;
	writer = begin_detail(watch, "dropped", watch_now_us(), NULL);
	hp_json_add_int(&writer, "dropped", (int64_t)watch->dropped);
	end_detail(&writer);
	watch->dropped = 0;
}

void watch_write_submitted(struct watch *watch, struct run *run)
{
	struct hp_json_writer writer = begin(watch, "submitted", run->submitted_us, run, true);

	hp_reply_end(&writer);
}

void watch_write_started(struct watch *watch, struct run *run, const struct hp_hook_result *hook)
{
	struct hp_json_writer writer = begin_detail(watch, "started", hook->started_us, run);

	hp_json_add_int(&writer, "index", (int64_t)hook->index);
	if (hook->pid > 0)
		hp_json_add_int(&writer, "pid", hook->pid);
	end_detail(&writer);
}

void watch_write_output(struct watch *watch, struct run *run, size_t index,
			const struct hook_output *output)
{
	struct hp_json_writer writer = begin_detail(watch, "output", watch_now_us(), run);

	hp_json_add_int(&writer, "index", (int64_t)index);
	output_write(&writer, output);
	end_detail(&writer);
}

/* What was written has "output" events, or Get. */
void watch_write_finished(struct watch *watch, struct run *run, int64_t time_us,
			  const struct hp_hook_result *hook)
{
	struct hp_hook_result without_output = *hook;
	struct hp_json_writer writer = begin_detail(watch, "finished", time_us, run);

	without_output.output[0].length = without_output.output[1].length = 0;
	hp_json_add_int(&writer, "index", (int64_t)hook->index);
	hp_json_key(&writer, "hook");
	hp_hook_result_write(&writer, &without_output);
	end_detail(&writer);
}

int64_t watch_end_us(const struct run *run)
{
	return run->submitted_us + run->result.queued_us + run->result.duration_us;
}

void watch_write_done(struct watch *watch, struct run *run, bool continues)
{
	struct hp_json_writer writer = begin(watch, "done", watch_end_us(run), run, continues);

	hp_reply_end(&writer);
}

void watch_write_end(struct watch *watch)
{
	struct hp_json_writer writer = begin(watch, "end", watch->query.until_us, NULL, false);

	hp_reply_end(&writer);
}

/* Those parts of what is kept that the client has not got. */
void watch_write_kept(struct watch *watch, struct run *run, struct output_position *position,
		      const struct hp_hook_result *hook)
{
	struct hook_output parts[2], rest;

	for (int i = 0; i < 2; i++) {
		size_t count = output_kept(&hook->output[i], parts);

		for (size_t k = 0; k < count; k++) {
			parts[k].stream = i + 1;
			parts[k].is_kept = true;
			if (output_position_take(position, hook->index, &parts[k], &rest))
				watch_write_output(watch, run, hook->index, &rest);
		}
	}
}
