/* SPDX-License-Identifier: Apache-2.0 */
/* What is written to the history is found again: filters, pages, order, summaries, bounds. */
#include "tests/daemon/history/history_world.h"

#define DAY_US (24 * 3600 * 1000000ll)

static struct history_filter all(void)
{
	return HISTORY_FILTER_ALL;
}

static void runs_are_found_after_a_restart(void **state)
{
	struct history_query *query;
	struct history_found *found;

	(void)state;
	past_open();
	past_add(&(struct past_run){.output = "hello\n"}, 1);
	past_close();
	past_open();
	query = history_query_new(HISTORY_LIST);
	query->wants_details = true;
	assert_int_equal(past_ask(query), 0);
	assert_int_equal(past.answer->found_count, 1);
	found = &past.answer->found[0];
	assert_string_equal(found->place.id, past_id(1));
	hp_buf_append(&past.answer->texts, "", 1);
	assert_non_null(strstr(past.answer->texts.data + found->run, "\"run\":\"000000000001\""));
	assert_non_null(strstr(past.answer->texts.data + found->result, "\"stdout\":\"hello\\n\""));
	assert_non_null(
	    strstr(past.answer->texts.data + found->request, "{\"stage\":\"prestart\""));
}

static void filters_choose_runs(void **state)
{
	struct history_filter filter;

	(void)state;
	past.config.history_ms = INT64_MAX / 1000;
	past_open();
	past_add(&(struct past_run){.container = "web-1", .submitted_us = DAY_US * 20000}, 1);
	past_add(&(struct past_run){.container = "web-2",
				    .stage = HP_STAGE_POSTSTOP,
				    .outcome = HP_RUN_FAILED,
				    .uid = 7,
				    .path = "/usr/bin/net-add",
				    .submitted_us = DAY_US * 20000 + 5},
		 2);
	past_add(&(struct past_run){.container = "db",
				    .outcome = HP_RUN_LOST,
				    .submitted_us = DAY_US * 20000 + 9},
		 0x300);
#define EXPECT(expected, ...)                                                                      \
	filter = all();                                                                            \
	__VA_ARGS__;                                                                               \
	assert_string_equal(past_list(&filter, 10), expected)
	EXPECT("768 2 1", (void)0);
	EXPECT("1", filter.container = "web-1");
	EXPECT("2 1", filter.container_prefix = "web");
	EXPECT("", filter.container_prefix = "eb");
	EXPECT("2", filter.run = past_id(2));
	EXPECT("768", filter.run_prefix = "0000000003");
	EXPECT("", filter.run_prefix = "3");
	EXPECT("2", filter.stage = HP_STAGE_POSTSTOP);
	EXPECT("768", filter.outcome = HP_RUN_LOST);
	EXPECT("768 2", filter.failed = true);
	EXPECT("2", filter.uid = 7);
	EXPECT("2", filter.path = "net-*");
	EXPECT("2", filter.path = "/usr/*/net-add");
	EXPECT("", filter.path = "/usr/*");
	EXPECT("768 2", filter.since_us = DAY_US * 20000 + 1);
	EXPECT("2 1", filter.until_us = DAY_US * 20000 + 5);
	EXPECT("2", filter.container_prefix = "web", filter.failed = true, filter.uid = 7);
	EXPECT("", filter.container_prefix = "web", filter.failed = true, filter.uid = 8);
}

static void a_run_is_in_it_once(void **state)
{
	struct past_run same = {.submitted_us = clock_ns(CLOCK_REALTIME) / 1000};
	struct history_filter filter = all();

	(void)state;
	past_open();
	past_add(&same, 1);
	past_add(&same, 1);
	assert_string_equal(past_list(&filter, 10), "1");
	past_close();
	past_open();
	past_add(&same, 1);
	assert_string_equal(past_list(&filter, 10), "1");
}

/* Runs of one microsecond and a clock that goes back: no run twice, and none missing. */
static void pages_have_each_run_once(void **state)
{
	int64_t now_us = clock_ns(CLOCK_REALTIME) / 1000;
	struct history_place from = {0};
	bool seen[100] = {false};
	size_t count = 0;

	(void)state;
	past_open();
	for (unsigned int i = 0; i < 100; i++)
		past_add(&(struct past_run){.submitted_us = now_us - (i * 37) % 20}, i);
	do {
		struct history_query *query = history_query_new(HISTORY_LIST);

		query->from = from;
		query->limit = 7;
		assert_int_equal(past_ask(query), 0);
		for (size_t i = 0; i < past.answer->found_count; i++) {
			long number = strtol(past.answer->found[i].place.id, NULL, 16);

			assert_false(seen[number]);
			assert_true(!from.id[0] ||
				    history_place_compare(&past.answer->found[i].place, &from) < 0);
			seen[number] = true;
			from = past.answer->found[i].place;
			count++;
		}
	} while (past.answer->has_more);
	assert_int_equal(count, 100);
}

/* Those of the store that were not written before hookd was killed. */
static void runs_of_the_store_are_added(void **state)
{
	struct history_filter filter = all();

	(void)state;
	past_open();
	past_add(&(struct past_run){.submitted_us = 0}, 1);
	past_close();
	for (unsigned int i = 1; i <= 200; i++) {
		struct run *run = past_make(&(struct past_run){0}, i);

		assert_int_equal(store_add(past.store, run), 0);
		store_finished(past.store, run);
	}
	past_open();
	for (int i = 0; i < 1000 && past_count() < 200; i++)
		usleep(1000);
	assert_int_equal(past_count(), 200);
	filter.run = past_id(200);
	assert_string_equal(past_list(&filter, 10), "200");
}

/* 100,000 runs page by page; prints how long the newest 100 take, of so many and of 100. */
static void a_hundred_thousand_runs_are_paged(void **state)
{
	int64_t now_us = clock_ns(CLOCK_REALTIME) / 1000, times_ns[2];
	const unsigned int sizes[] = {100, 100000};
	struct history_filter filter = all();
	struct history_place from = {0};
	unsigned int added = 0;
	size_t count = 0;

	(void)state;
	past.config.history_bytes = 1024ull * 1024 * 1024;
	past_open();
	for (int size = 0; size < 2; size++) {
		for (; added < sizes[size]; added++) {
			past_add(&(struct past_run){.submitted_us = now_us + added}, added);
			if (added % 5000 == 0)
				(void)past_list(&filter, 1); /* the queue is bounded */
		}
		(void)past_list(&filter, 100);
		times_ns[size] = INT64_MAX;
		for (int i = 0; i < 20; i++) {
			int64_t begin_ns = clock_ns(CLOCK_MONOTONIC), end_ns;

			(void)past_list(&filter, 100);
			end_ns = clock_ns(CLOCK_MONOTONIC) - begin_ns;
			times_ns[size] = end_ns < times_ns[size] ? end_ns : times_ns[size];
		}
	}
	print_message("the newest 100 of 100: %ld us, of 100,000: %ld us\n",
		      (long)times_ns[0] / 1000, (long)times_ns[1] / 1000);
	do {
		struct history_query *query = history_query_new(HISTORY_LIST);

		query->from = from;
		query->limit = 1000;
		assert_int_equal(past_ask(query), 0);
		count += past.answer->found_count;
		from = past.answer->found[past.answer->found_count - 1].place;
	} while (past.answer->has_more);
	assert_int_equal(count, 100000);
	assert_int_equal(history_dropped(past.history), 0);
}

/* ---- counting ---- */

static size_t counted_runs, counted_hooks, lost_hooks;

static bool on_run(void *userdata, int64_t submitted_us)
{
	(void)userdata, (void)submitted_us;
	counted_runs++;
	return true;
}

static bool on_hook(void *userdata, const struct history_hook *hook)
{
	(void)userdata;
	counted_hooks++;
	lost_hooks += hook->outcome < 0;
	return true;
}

static void on_counted(void *userdata)
{
	(void)userdata;
}

static struct history_query *counting(void)
{
	struct history_query *query = history_query_new(HISTORY_COUNT);

	query->count_run = on_run;
	query->count_hook = on_hook;
	query->counted = on_counted;
	counted_runs = counted_hooks = lost_hooks = 0;
	return query;
}

static void hooks_are_counted_but_of_runs_that_are_left_out(void **state)
{
	struct history_query *query;

	(void)state;
	past_open();
	past_add(&(struct past_run){.path = "/bin/a"}, 1);
	past_add(&(struct past_run){.path = "/bin/b", .outcome = HP_RUN_LOST}, 2);
	past_add(&(struct past_run){.path = "/bin/b"}, 3);
	assert_int_equal(past_ask(counting()), 0);
	assert_int_equal(counted_runs, 3);
	assert_int_equal(counted_hooks, 3);
	assert_int_equal(lost_hooks, 1);
	query = counting();
	query->ids = calloc(1, sizeof(query->ids[0]));
	snprintf(query->ids[0], sizeof(query->ids[0]), "%s", past_id(3));
	query->id_count = 1;
	query->filter.path = "b";
	assert_int_equal(past_ask(query), 0);
	assert_int_equal(counted_runs, 1);
	assert_int_equal(counted_hooks, 1);
}

/* ---- bounds ---- */

static void old_runs_are_deleted(void **state)
{
	int64_t now_us = clock_ns(CLOCK_REALTIME) / 1000;
	struct history_filter filter = all();

	(void)state;
	past.config.history_ms = 24 * 3600 * 1000;
	past_open();
	past_add(&(struct past_run){.submitted_us = now_us - 2 * DAY_US}, 1);
	past_add(&(struct past_run){.submitted_us = now_us}, 2);
	past_close();
	past_open();
	for (int i = 0; i < 5000 && past_count() > 1; i++)
		usleep(1000);
	assert_string_equal(past_list(&filter, 10), "2");
}

static void the_file_stays_within_its_bound(void **state)
{
	static char output[3000];
	struct history_filter filter = all();
	struct history_view view;

	(void)state;
	memset(output, 'x', sizeof(output) - 1);
	past.config.history_bytes = 1024 * 1024;
	past_open();
	for (unsigned int i = 1; i <= 2000; i++)
		past_add(&(struct past_run){.output = output}, i);
	assert_string_equal(past_list(&filter, 2), "2000 1999");
	history_view(past.history, &view);
	assert_true(view.bytes <= 1024 * 1024);
	assert_true(view.runs > 100 && view.runs < 400);
	assert_int_equal(history_dropped(past.history), 0);
}

static void a_run_that_is_larger_than_that_is_dropped(void **state)
{
	struct history_filter filter = all();
	char *output = calloc(1, 600000);

	(void)state;
	memset(output, 'x', 600000 - 1);
	past.config.history_bytes = 1024 * 1024;
	past_open();
	past_add(&(struct past_run){.output = output}, 1);
	past_add(&(struct past_run){0}, 2);
	assert_string_equal(past_list(&filter, 2), "2");
	assert_int_equal(history_dropped(past.history), 1);
	free(output);
}

/* ---- the configuration ---- */

static void it_can_be_switched_off_and_on(void **state)
{
	struct history_filter filter = all();

	(void)state;
	past_open();
	past_add(&(struct past_run){0}, 1);
	past_await(HISTORY_READY);
	past.config.history = 0;
	history_configure(past.history);
	past_await(HISTORY_OFF);
	assert_false(history_can_answer(past.history));
	past_add(&(struct past_run){0}, 2);
	past.config.history = 1;
	history_configure(past.history);
	past_add(&(struct past_run){0}, 3);
	assert_string_equal(past_list(&filter, 10), "3 1");
}

static void it_moves_to_another_directory(void **state)
{
	struct history_filter filter = all();
	char other[128];

	(void)state;
	snprintf(other, sizeof(other), "%s", past_path("other"));
	past_open();
	past_add(&(struct past_run){0}, 1);
	assert_string_equal(past_list(&filter, 10), "1");
	past.config.history_directory = other;
	history_configure(past.history);
	assert_string_equal(past_list(&filter, 10), "");
	past_add(&(struct past_run){0}, 2);
	assert_string_equal(past_list(&filter, 10), "2");
	assert_true(past_exists("other/history.db"));
	past.config.history_directory = NULL;
	history_configure(past.history);
	assert_string_equal(past_list(&filter, 10), "1");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    PAST_TEST(runs_are_found_after_a_restart),
	    PAST_TEST(filters_choose_runs),
	    PAST_TEST(a_run_is_in_it_once),
	    PAST_TEST(pages_have_each_run_once),
	    PAST_TEST(runs_of_the_store_are_added),
	    PAST_TEST(a_hundred_thousand_runs_are_paged),
	    PAST_TEST(hooks_are_counted_but_of_runs_that_are_left_out),
	    PAST_TEST(old_runs_are_deleted),
	    PAST_TEST(the_file_stays_within_its_bound),
	    PAST_TEST(a_run_that_is_larger_than_that_is_dropped),
	    PAST_TEST(it_can_be_switched_off_and_on),
	    PAST_TEST(it_moves_to_another_directory),
	};

	bound_time();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
