/* SPDX-License-Identifier: Apache-2.0 */

/*
 * The runs as Trace Event Format (JSON), which Perfetto and chrome://tracing read: a process for
 * the container, in it a thread for each run, in that complete events ("X").
 */

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "client/hookctl/plot/plot.h"
#include "proto/json/json_writer.h"

#define PROCESS 1

static void put_name(struct hp_json_writer *writer, const char *what, int64_t thread,
		     const char *name)
{
	hp_json_begin(writer, '{');
	hp_json_add_string(writer, "name", what);
	hp_json_add_string(writer, "ph", "M");
	hp_json_add_int(writer, "pid", PROCESS);
	hp_json_add_int(writer, "tid", thread);
	hp_json_key(writer, "args");
	hp_json_begin(writer, '{');
	hp_json_add_string(writer, "name", name);
	hp_json_end(writer, '}');
	hp_json_end(writer, '}');
}

static void put_args(struct hp_json_writer *writer, const struct plot_run *run,
		     const struct plot_hook *hook)
{
	char status[PLOT_STATUS_SIZE];

	hp_json_key(writer, "args");
	hp_json_begin(writer, '{');
	hp_json_add_string(writer, "run", run->info->run);
	if (hook->result != NULL) {
		hp_json_add_string(writer, "path", hook->result->path);
		hp_json_add_string(writer, "outcome", hook->result->outcome);
		hp_json_add_string(writer, "error", hook->result->error);
		if (hook->result->pid > 0)
			hp_json_add_int(writer, "pid", hook->result->pid);
	}
	if (*plot_hook_status(run, hook, status) != '\0')
		hp_json_add_string(writer, "status", status);
	hp_json_end(writer, '}');
}

static void put_event(struct hp_json_writer *writer, const struct plot_run *run, int64_t thread,
		      const struct plot_hook *hook, const char *category, const char *name,
		      int64_t begin_us, int64_t end_us)
{
	hp_json_begin(writer, '{');
	hp_json_add_string(writer, "name", name);
	hp_json_add_string(writer, "cat", category);
	hp_json_add_string(writer, "ph", "X");
	hp_json_add_int(writer, "ts", begin_us);
	hp_json_add_int(writer, "dur", end_us - begin_us);
	hp_json_add_int(writer, "pid", PROCESS);
	hp_json_add_int(writer, "tid", thread);
	put_args(writer, run, hook);
	hp_json_end(writer, '}');
}

static int put_hook(struct hp_json_writer *writer, const struct plot_run *run, int64_t thread,
		    const struct plot_hook *hook)
{
	const char *path =
	    hook->result != NULL && hook->result->path != NULL ? hook->result->path : "-";
	char *name = NULL;

	if (hook->begun_us > hook->queued_us)
		put_event(writer, run, thread, hook, "queue", "queued", hook->queued_us,
			  hook->begun_us);
	if (hook->result == NULL || hook->result->started_us <= 0)
		return 0;
	if (asprintf(&name, "#%zu %s", hook->result->index, path) < 0)
		return -ENOMEM;
	put_event(writer, run, thread, hook, "hook", name, hook->begun_us, hook->exited_us);
	free(name);
	if (hook->end_us > hook->exited_us)
		put_event(writer, run, thread, hook, "drain", "drained", hook->exited_us,
			  hook->end_us);
	return 0;
}

static int put_run(struct hp_json_writer *writer, const struct plot_run *run, int64_t thread)
{
	char *name = NULL;
	int r = 0;

	if (asprintf(&name, "%s %s", run->info->stage != NULL ? run->info->stage : "-",
		     run->info->run) < 0)
		return -ENOMEM;
	put_name(writer, "thread_name", thread, name);
	free(name);
	for (size_t i = 0; i < run->count && r == 0; i++)
		r = put_hook(writer, run, thread, &run->hooks[i]);
	return r;
}

int plot_write_trace(const struct plot *plot, struct hp_buf *buf)
{
	struct hp_json_writer writer = HP_JSON_WRITER_INIT(buf);
	int r = 0;

	hp_json_begin(&writer, '{');
	hp_json_add_string(&writer, "displayTimeUnit", "ms");
	hp_json_key(&writer, "traceEvents");
	hp_json_begin(&writer, '[');
	put_name(&writer, "process_name", 0, plot->title);
	for (size_t i = 0; i < plot->count && r == 0; i++)
		r = put_run(&writer, &plot->runs[i], (int64_t)i + 1);
	hp_json_end(&writer, ']');
	hp_json_end(&writer, '}');
	hp_buf_append(buf, "\n", 1);
	return r < 0 ? r : buf->failed ? -ENOMEM : 0;
}
