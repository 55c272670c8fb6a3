/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/daemon/records/records_world.h"

#include <stdio.h>
#include <sys/stat.h>

#include "daemon/base/log.h"
#include "daemon/base/loop.h"

struct event_base *base;
struct config config;
struct store *store;
struct records *records;
char directory[32];
char recorded_ids[4096];

static int on_starting(struct run *run, void *userdata)
{
	(void)userdata;
	return records_begin(records, run);
}

static void on_ending(struct run *run, void *userdata)
{
	(void)userdata;
	if (!run->is_turned_away) {
		records_end(records, run);
		return;
	}
	records_forget(records, run);
	store_drop(store, run);
}

static void on_done(struct run *run, void *userdata)
{
	(void)userdata;
	if (!run->is_turned_away)
		store_finished(store, run);
}

static const struct run_context context = {
    .config = &config, .starting = on_starting, .ending = on_ending, .done = on_done};

static void on_recorded(const char *run, void *userdata)
{
	size_t length = strlen(recorded_ids);

	assert_ptr_equal(userdata, &recorded_ids);
	if (length < sizeof(recorded_ids) - 64)
		snprintf(recorded_ids + length, 64, "%s ", run);
}

int world_open(void)
{
	struct records_options options = {
	    .directory = directory,
	    .context = &context,
	    .recorded = on_recorded,
	    .userdata = &recorded_ids,
	};
	int r;

	base = loop_new();
	assert_int_equal(store_new(base, &config, &store), 0);
	options.base = base;
	options.store = store;
	r = records_open(&options, &records);
	if (r < 0)
		records = NULL;
	return r;
}

void world_close_all(void)
{
	records = records_close(records);
	store = store_free(store);
	event_base_free(base);
}

void world_reopen(void)
{
	world_close_all();
	assert_int_equal(world_open(), 0);
}

int world_set_up(void **state)
{
	(void)state;
	log_set_level(-1);
	recorded_ids[0] = '\0';
	config = (struct config){.kept_runs = 4096,
				 .kept_ms = 3600 * 1000,
				 .kept_bytes = 64 * 1024 * 1024,
				 .default_timeout_ms = 1};
	temporary_directory(directory);
	return world_open();
}

int world_tear_down(void **state)
{
	char command[64];

	(void)state;
	world_close_all();
	snprintf(command, sizeof(command), "rm -rf %s", directory);
	return system(command);
}

char *request_text(const char *request_id, const char *state_extra)
{
	char *text;

	assert_true(asprintf(&text,
			     "{\"stage\":\"poststop\",\"state\":{\"id\":\"box\"%s},"
			     "\"hooks\":{}%s%s%s}",
			     state_extra, request_id ? ",\"requestId\":\"" : "",
			     request_id ? request_id : "", request_id ? "\"" : "") > 0);
	return text;
}

struct run *world_add(const char *text)
{
	const struct hook_target nobody = HOOK_TARGET_NONE;
	struct hp_json json = {0};
	struct hp_request request;
	struct hp_err err;
	struct run *run;
	char id[RUN_ID_SIZE];

	assert_int_equal(hp_json_parse(&json, text, strlen(text), &err), 0);
	assert_int_equal(hp_request_read(hp_json_root(&json), &request, &err), 0);
	hp_json_free(&json);
	assert_int_equal(store_make_id(store, id), 0);
	assert_int_equal(run_new(&context, id, 0, &request, &nobody, &run), 0);
	assert_int_equal(store_add(store, run), 0);
	return run;
}

const char *world_run(const char *request_id)
{
	static char id[48];
	char *text = request_text(request_id, "");
	struct run *run = world_add(text);

	snprintf(id, sizeof(id), "%s", run->id);
	run_start(run);
	free(text);
	return id;
}

struct run *world_find(const char *request_id)
{
	return store_find_request(store, 0, request_id);
}

const char *world_path(const char *name)
{
	static char path[64];

	snprintf(path, sizeof(path), "%s/%s", directory, name);
	return path;
}

size_t world_file_size(void)
{
	struct stat st;

	assert_int_equal(stat(world_path("runs"), &st), 0);
	return (size_t)st.st_size;
}

bool world_exists(const char *name)
{
	struct stat st;

	return lstat(world_path(name), &st) == 0;
}
