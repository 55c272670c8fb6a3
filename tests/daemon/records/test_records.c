/* SPDX-License-Identifier: Apache-2.0 */
/* Records of runs: what is known again when they are opened again, and what happens without room.
 */
#include "tests/daemon/records/records_world.h"

#include <signal.h>
#include <stdio.h>
#include <sys/resource.h>

#include "daemon/base/log.h"
#include "proto/base/limits.h"

/* ---- what is known again ---- */

static void a_run_and_its_result_are_known_again(void **state)
{
	char id[48];
	struct run *run;
	size_t size;

	(void)state;
	snprintf(id, sizeof(id), "%s", world_run("start-1"));
	run = store_find(store, id);
	size = run_size(run);
	assert_int_equal(strncmp(recorded_ids, id, strlen(id)), 0);
	world_reopen();
	run = world_find("start-1");
	assert_non_null(run);
	assert_string_equal(run->id, id);
	assert_int_equal(run->state, RUN_DONE);
	assert_int_equal(run->result.outcome, HP_RUN_SUCCEEDED);
	assert_false(run->is_open);
	assert_non_null(run->request.text);
	assert_string_equal(run->request.container, "box");
	assert_int_equal(store_kept(store), 1);
	assert_int_equal(run_size(run), size);
}

static void one_that_had_not_ended_is_open(void **state)
{
	char *text = request_text("start-1", "");
	struct run *run = world_add(text);

	(void)state;
	assert_int_equal(records_begin(records, run), 0);
	records_set_runners(records, "1 2");
	world_reopen();
	run = world_find("start-1");
	assert_true(run && run->is_open && run->is_lost);
	assert_int_equal(store_kept(store), 0);
	assert_string_equal(records_runners(records), "1 2");
	records_settle(records, true);
	world_reopen();
	run = world_find("start-1");
	assert_false(run->is_open);
	assert_int_equal(run->result.outcome, HP_RUN_LOST);
	free(text);
}

static void one_that_was_turned_away_is_not_known(void **state)
{
	char *text = request_text("start-1", "");
	struct run *run = world_add(text);

	(void)state;
	assert_int_equal(records_begin(records, run), 0);
	run_turn_away(run, "no memory");
	assert_null(world_find("start-1"));
	world_reopen();
	assert_null(world_find("start-1"));
	world_run("start-1");
	world_reopen();
	assert_non_null(world_find("start-1"));
	free(text);
}

/* Its caller was told that it is cancelled, so it must not be run later. */
static void one_that_was_cancelled_in_the_queue_is_known(void **state)
{
	char *text = request_text("start-1", "");

	(void)state;
	run_cancel(world_add(text));
	world_reopen();
	assert_int_equal(world_find("start-1")->result.outcome, HP_RUN_CANCELLED);
	free(text);
}

static void the_order_and_the_age_stay(void **state)
{
	char ids[3][48];
	int64_t finished_ns[3];
	struct run *run;

	(void)state;
	for (int i = 0; i < 3; i++) {
		snprintf(ids[i], sizeof(ids[i]), "%s", world_run(NULL));
		finished_ns[i] = store_find(store, ids[i])->finished_ns;
	}
	world_reopen();
	run = store_newest(store);
	for (int i = 2; i >= 0; i--, run = store_older(run)) {
		assert_string_equal(run->id, ids[i]);
		assert_int_equal(run->finished_ns, finished_ns[i]);
	}
	assert_null(run);
}

/* A run may begin before one that was submitted earlier, for another container. */
static void the_order_is_that_of_submission(void **state)
{
	char *text = request_text(NULL, "");
	struct run *runs[3];
	char ids[3][48];
	struct run *run;

	(void)state;
	for (int i = 0; i < 3; i++) {
		runs[i] = world_add(text);
		runs[i]->submitted_us = 1000 + i;
		memcpy(ids[i], runs[i]->id, sizeof(ids[i]));
	}
	for (int i = 2; i >= 0; i--)
		assert_int_equal(records_begin(records, runs[i]), 0);
	world_reopen();
	run = store_newest(store);
	for (int i = 2; i >= 0; i--, run = store_older(run))
		assert_string_equal(run->id, ids[i]);
	free(text);
}

/* ---- large ones ---- */

static void expect_known_again(char *text)
{
	size_t length = strlen(text);
	struct run *run = world_add(text);

	run_start(run);
	world_reopen();
	run = world_find("large");
	assert_non_null(run);
	assert_int_equal(run->result.outcome, HP_RUN_SUCCEEDED);
	assert_int_equal(run->request.text_length, length);
	assert_memory_equal(run->request.text, text, length);
	assert_false(world_exists("runs.bad"));
	free(text);
}

static void as_many_values_as_are_accepted(void **state)
{
	struct hp_buf list = HP_BUF_INIT;
	struct hp_json json = {0};
	char *text;
	struct hp_err err;
	size_t used;

	(void)state;
	text = request_text("large", ",\"x\":[]");
	assert_int_equal(hp_json_parse(&json, text, strlen(text), &err), 0);
	used = json.count;
	free(text);
	hp_buf_append(&list, ",\"x\":[1", 7);
	for (size_t i = used + 1; i < HP_JSON_TOKENS_MAX; i++)
		hp_buf_append(&list, ",1", 2);
	hp_buf_append(&list, "]", 2);
	text = request_text("large", list.data);
	assert_int_equal(hp_json_parse(&json, text, strlen(text), &err), 0);
	assert_int_equal(json.count, HP_JSON_TOKENS_MAX);
	expect_known_again(text);
	hp_json_free(&json);
	hp_buf_free(&list);
}

static void as_deep_as_is_accepted(void **state)
{
	char deep[200], opening[64], closing[64];
	int depth = HP_JSON_DEPTH_MAX - 2; /* below the parameters and the state */

	(void)state;
	memset(opening, '[', sizeof(opening));
	memset(closing, ']', sizeof(closing));
	snprintf(deep, sizeof(deep), ",\"x\":%.*s%.*s", depth, opening, depth, closing);
	expect_known_again(request_text("large", deep));
}

static void as_long_as_is_accepted(void **state)
{
	size_t length = HP_MESSAGE_BYTES_MAX - 200;
	char *state_extra = malloc(length + 16);
	char *at = mempcpy(state_extra, ",\"x\":\"", 6);

	(void)state;
	memset(at, 'y', length);
	memcpy(at + length, "\"", 2);
	expect_known_again(request_text("large", state_extra));
	free(state_extra);
}

/* 256 hooks whose output is all that is kept, in bytes that take the most room as JSON. */
static void the_largest_result(void **state)
{
	size_t length = 1024 * 1024 / (2 * HP_HOOKS_MAX);
	char *text = request_text("large", "");
	struct run *run = world_add(text);
	struct hp_run_result *result = &run->result;

	(void)state;
	assert_int_equal(records_begin(records, run), 0);
	free(result->hooks);
	result->hooks = calloc(HP_HOOKS_MAX, sizeof(*result->hooks));
	result->hook_count = HP_HOOKS_MAX;
	for (size_t i = 0; i < HP_HOOKS_MAX; i++) {
		struct hp_hook_result *hook = &result->hooks[i];

		hook->index = i;
		hook->path = strdup("/usr/libexec/oci/hooks.d/hook");
		hook->error = strdup("exit status 1");
		for (int k = 0; k < 2; k++)
			hook->output[k] = (struct hp_output){malloc(length), length, length, 0};
		memset(hook->output[0].bytes, 1, length);
		memset(hook->output[1].bytes, 0xff, length);
	}
	run->is_lost = false;
	run->state = RUN_DONE;
	records_end(records, run);
	world_reopen();
	result = &world_find("large")->result;
	assert_int_equal(result->hook_count, HP_HOOKS_MAX);
	for (size_t i = 0; i < HP_HOOKS_MAX; i++)
		for (int k = 0; k < 2; k++) {
			assert_int_equal(result->hooks[i].output[k].length, length);
			assert_int_equal(
			    (unsigned char)result->hooks[i].output[k].bytes[length - 1],
			    k ? 0xff : 1);
		}
	free(text);
}

/* ---- how much is kept ---- */

/* What could be attached to before can be attached to afterwards: no bound of the file's own. */
static void all_that_is_kept_is_known_again(void **state)
{
	const int count = 600;
	size_t length = 70 * 1024;
	char *state_extra = malloc(length + 16);
	char *at = mempcpy(state_extra, ",\"x\":\"", 6);
	char id[32];

	(void)state;
	memset(at, 'y', length);
	memcpy(at + length, "\"", 2);
	config.kept_bytes = 256ull * 1024 * 1024;
	for (int i = 0; i < count; i++) {
		char *text;

		snprintf(id, sizeof(id), "start-%d", i);
		text = request_text(id, state_extra);
		run_start(world_add(text));
		free(text);
	}
	world_reopen();
	for (int i = 0; i < count; i++) {
		snprintf(id, sizeof(id), "start-%d", i);
		assert_non_null(world_find(id));
	}
	free(state_extra);
}

/* In turns of the loop; what is kept is known, and what was forgotten meanwhile is not. */
static void the_file_is_rewritten_when_most_is_forgotten(void **state)
{
	char id[32];
	struct run *away;
	char *text = request_text("away", "");
	size_t before = 0, largest = 0;

	(void)state;
	config.kept_runs = 50;
	away = world_add(text);
	assert_int_equal(records_begin(records, away), 0);
	for (int i = 0; i < 20000; i++) {
		snprintf(id, sizeof(id), "start-%d", i);
		world_run(id);
		event_base_loop(base, EVLOOP_NONBLOCK);
		if (world_file_size() > largest)
			largest = world_file_size();
		if (world_file_size() < before && away) {
			run_turn_away(away, NULL);
			away = NULL;
		}
		before = world_file_size();
	}
	assert_null(away);
	assert_in_range(largest, 1, 4 * 1024 * 1024);
	world_reopen();
	assert_null(world_find("away"));
	for (int i = 20000 - 50; i < 20000; i++) {
		snprintf(id, sizeof(id), "start-%d", i);
		assert_non_null(world_find(id));
	}
	free(text);
}

/* The new file has its begin already when it is forgotten. */
static void one_that_is_forgotten_during_a_rewrite(void **state)
{
	char *text = request_text("away", "");
	struct run *away = world_add(text);
	char id[32];
	int i = 0;

	(void)state;
	config.kept_runs = 3000; /* more than one piece */
	assert_int_equal(records_begin(records, away), 0);
	while (!world_exists("runs.new")) {
		snprintf(id, sizeof(id), "start-%d", i++);
		world_run(id);
		event_base_loop(base, EVLOOP_ONCE | EVLOOP_NONBLOCK);
	}
	run_turn_away(away, NULL);
	wait_for(base, !world_exists("runs.new"));
	world_reopen();
	assert_null(world_find("away"));
	assert_non_null(world_find(id));
	free(text);
}

static void it_is_rewritten_after_the_start(void **state)
{
	char id[32];
	size_t before;

	(void)state;
	config.kept_runs = 5;
	for (int i = 0; i < 200; i++) {
		snprintf(id, sizeof(id), "start-%d", i);
		world_run(id);
	}
	before = world_file_size();
	world_reopen();
	wait_for(base, world_file_size() < before / 10);
	for (int pass = 0; pass < 2; pass++) {
		for (int i = 195; i < 200; i++) {
			snprintf(id, sizeof(id), "start-%d", i);
			assert_non_null(world_find(id));
		}
		world_reopen();
	}
}

/* ---- without room ---- */

static void limit_file(size_t bytes)
{
	struct rlimit limit = {bytes, RLIM_INFINITY};

	assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
}

static void what_cannot_be_recorded_is_not_begun(void **state)
{
	char *text = request_text("start-2", "");

	(void)state;
	world_run("start-1");
	for (size_t room = 0; room < 400; room += 7) {
		limit_file(world_file_size() + room);
		if (records_begin(records, world_add(text)) == 0)
			break;
		limit_file(RLIM_INFINITY);
		world_reopen();
		assert_non_null(world_find("start-1"));
		assert_null(world_find("start-2"));
		assert_false(world_exists("runs.bad"));
	}
	limit_file(RLIM_INFINITY);
	world_reopen();
	assert_true(world_find("start-2")->is_open);
	free(text);
}

/* Its runner keeps it until then: it is told that it is recorded only when it is. */
static void an_end_is_written_when_there_is_room_again(void **state)
{
	char *text = request_text("start-1", "");
	struct run *run = world_add(text);
	char id[50];

	(void)state;
	snprintf(id, sizeof(id), "%s ", run->id);
	assert_int_equal(records_begin(records, run), 0);
	run->is_kept_by_runner = true;
	limit_file(world_file_size());
	run_cancel(run);
	event_base_loop(base, EVLOOP_NONBLOCK);
	assert_string_equal(recorded_ids, "");
	assert_true(records_begin(records, world_add("{\"stage\":\"poststop\",\"state\":{\"id\":"
						     "\"box\"},\"hooks\":{}}")) < 0);
	limit_file(RLIM_INFINITY);
	wait_for(base, recorded_ids[0]);
	assert_string_equal(recorded_ids, id);
	world_reopen();
	assert_int_equal(world_find("start-1")->result.outcome, HP_RUN_CANCELLED);
	free(text);
}

/* Together with others, at the end of the loop's turn; at once where no runner keeps it. */
static void ends_are_written_together(void **state)
{
	char *text = request_text(NULL, "");
	struct run *runs[3];
	size_t before;

	(void)state;
	for (int i = 0; i < 3; i++) {
		runs[i] = world_add(text);
		assert_int_equal(records_begin(records, runs[i]), 0);
	}
	before = world_file_size();
	for (int i = 0; i < 2; i++) {
		runs[i]->is_kept_by_runner = true;
		run_cancel(runs[i]);
		assert_int_equal(world_file_size(), before);
	}
	event_base_loop(base, EVLOOP_NONBLOCK);
	assert_in_range(world_file_size(), before + 1, before + 10000);
	assert_non_null(strstr(recorded_ids, runs[1]->id));
	before = world_file_size();
	run_cancel(runs[2]);
	assert_in_range(world_file_size(), before + 1, before + 10000);
	free(text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    WORLD_TEST(a_run_and_its_result_are_known_again),
	    WORLD_TEST(one_that_had_not_ended_is_open),
	    WORLD_TEST(one_that_was_turned_away_is_not_known),
	    WORLD_TEST(one_that_was_cancelled_in_the_queue_is_known),
	    WORLD_TEST(the_order_and_the_age_stay),
	    WORLD_TEST(the_order_is_that_of_submission),
	    WORLD_TEST(as_many_values_as_are_accepted),
	    WORLD_TEST(as_deep_as_is_accepted),
	    WORLD_TEST(as_long_as_is_accepted),
	    WORLD_TEST(the_largest_result),
	    WORLD_TEST(all_that_is_kept_is_known_again),
	    WORLD_TEST(the_file_is_rewritten_when_most_is_forgotten),
	    WORLD_TEST(one_that_is_forgotten_during_a_rewrite),
	    WORLD_TEST(it_is_rewritten_after_the_start),
	    WORLD_TEST(what_cannot_be_recorded_is_not_begun),
	    WORLD_TEST(an_end_is_written_when_there_is_room_again),
	    WORLD_TEST(ends_are_written_together),
	};

	bound_time();
	signal(SIGXFSZ, SIG_IGN);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
