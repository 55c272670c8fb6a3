/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/daemon/history/history_world.h"

#include <sys/mount.h>
#include <sys/stat.h>

#include "daemon/base/log.h"
#include "daemon/base/loop.h"

struct past past;
static struct run_context context = {.config = &past.config};
static bool is_answered;
static char numbers[4096];

int past_set_up(void **state)
{
	(void)state;
	past = (struct past){.config = {.kept_runs = 4096,
					.kept_ms = 3600 * 1000,
					.kept_bytes = 64 * 1024 * 1024,
					.history = 1,
					.history_ms = 3600 * 1000,
					.history_bytes = 64 * 1024 * 1024,
					.default_timeout_ms = 1}};
	log_set_level(getenv("HOOKD_TEST_LOG") ? LOG_DEBUG : -1);
	snprintf(past.directory, sizeof(past.directory), "/dev/shm/hookd-history-XXXXXX");
	assert_non_null(mkdtemp(past.directory));
	past.base = loop_new();
	assert_int_equal(store_new(past.base, &past.config, &past.store), 0);
	return 0;
}

int past_tear_down(void **state)
{
	char command[96];

	(void)state;
	past_close();
	history_query_free(past.answer);
	store_free(past.store);
	event_base_free(past.base);
	(void)umount2(past.directory, MNT_DETACH); /* where the test has mounted something */
	snprintf(command, sizeof(command), "rm -rf %s", past.directory);
	return system(command);
}

void past_open(void)
{
	const struct history_options options = {.base = past.base,
						.config = &past.config,
						.directory = past.directory,
						.store = past.store};

	assert_null(past.history);
	assert_int_equal(history_new(&options, &past.history), 0);
}

void past_close(void)
{
	past.history = history_free(past.history);
}

const char *past_path(const char *name)
{
	static char path[128];

	snprintf(path, sizeof(path), "%s/%s", past.directory, name);
	return path;
}

bool past_exists(const char *name)
{
	struct stat st;

	return lstat(past_path(name), &st) == 0;
}

enum history_state past_state(void)
{
	struct history_view view;

	history_view(past.history, &view);
	return view.state;
}

/* The thread has no event for it. */
void past_await(enum history_state state)
{
	int64_t end_ns = clock_ns(CLOCK_MONOTONIC) + WAIT_NS;

	while (past_state() != state && clock_ns(CLOCK_MONOTONIC) < end_ns) {
		event_base_loop(past.base, EVLOOP_NONBLOCK);
		usleep(1000);
	}
	assert_int_equal(past_state(), state);
}

const char *past_id(unsigned int number)
{
	static char id[RUN_ID_SIZE];

	snprintf(id, sizeof(id), "%012x", number);
	return id;
}

static void make_result(struct run *run, const struct past_run *from)
{
	struct hp_run_result *result = &run->result;
	struct hp_hook_result *hook = &result->hooks[0];

	result->outcome = from->outcome;
	result->duration_us = from->duration_us;
	if (from->outcome == HP_RUN_LOST) {
		while (result->hook_count > 0)
			hp_hook_result_clear(&result->hooks[--result->hook_count]);
		return;
	}
	hook->outcome = HP_HOOK_EXITED;
	hook->success = from->outcome == HP_RUN_SUCCEEDED;
	hook->exit_status = !hook->success;
	hook->started_us = run->submitted_us;
	hook->duration_us = from->duration_us;
	if (from->output) {
		hook->output[0].bytes = strdup(from->output);
		hook->output[0].length = hook->output[0].total = strlen(from->output);
	}
}

struct run *past_make(const struct past_run *from, unsigned int number)
{
	const char *container = from->container ? from->container : "box";
	struct hp_json json = {0};
	struct hp_request request;
	struct hp_err err;
	struct run *run;
	char text[512];

	snprintf(text, sizeof(text),
		 "{\"stage\":\"%s\",\"state\":{\"id\":\"%s\",\"bundle\":\"/b\"},\"hooks\":{\"%s\":"
		 "[{\"path\":\"%s\"}]}}",
		 hp_stage_names[from->stage], container, hp_stage_names[from->stage],
		 from->path ? from->path : "/bin/true");
	assert_int_equal(hp_json_parse(&json, text, strlen(text), &err), 0);
	assert_int_equal(hp_request_read(hp_json_root(&json), &request, &err), 0);
	hp_json_free(&json);
	assert_int_equal(
	    run_new_lost(&context, past_id(number), from->uid, &request,
			 from->submitted_us ? from->submitted_us : clock_ns(CLOCK_REALTIME) / 1000,
			 &run),
	    0);
	hp_run_result_clear(&run->result);
	run->result = (struct hp_run_result){
	    .run = strdup(run->id),
	    .container = strdup(container),
	    .stage = from->stage,
	    .hooks = calloc(1, sizeof(struct hp_hook_result)),
	    .hook_count = 1,
	};
	run->result.hooks[0] = (struct hp_hook_result){
	    .path = strdup(run->request.hooks.hooks[0].path), .oom_killed = -1};
	run->is_open = false;
	make_result(run, from);
	return run;
}

void past_add(const struct past_run *from, unsigned int number)
{
	struct run *run = past_make(from, number);

	history_add(past.history, run);
	run_free(run);
}

static void on_done(struct history_query *query)
{
	struct history_query *copy = history_query_new(query->type);

	copy->r = query->r;
	copy->is_late = query->is_late;
	copy->has_more = query->has_more;
	copy->found_count = query->found_count;
	copy->found = take_ptr(query->found);
	copy->texts = query->texts;
	copy->ids = take_ptr(query->ids);
	copy->id_count = query->id_count;
	query->texts = HP_BUF_INIT;
	history_query_free(past.answer);
	past.answer = copy;
	is_answered = true;
}

int past_ask(struct history_query *query)
{
	int r;

	query->done = on_done;
	is_answered = false;
	r = history_ask(past.history, query);
	if (r < 0) {
		history_query_free(query);
		return r;
	}
	wait_for(past.base, is_answered);
	assert_false(past.answer->is_late);
	return past.answer->r;
}

const char *past_list(const struct history_filter *filter, size_t limit)
{
	struct history_query *query = history_query_new(HISTORY_LIST);
	size_t length = 0;

	assert_int_equal(history_query_filter(query, filter), 0);
	query->limit = limit;
	assert_int_equal(past_ask(query), 0);
	numbers[0] = '\0';
	for (size_t i = 0; i < past.answer->found_count && length < sizeof(numbers) - 32; i++)
		length += (size_t)snprintf(numbers + length, sizeof(numbers) - length, "%s%ld",
					   i ? " " : "",
					   strtol(past.answer->found[i].place.id, NULL, 16));
	return numbers;
}

size_t past_count(void)
{
	struct history_view view;

	(void)past_list(&HISTORY_FILTER_ALL, 1);
	history_view(past.history, &view);
	return view.runs;
}
