/* SPDX-License-Identifier: Apache-2.0 */

/* The store of runs: finding them, and which are forgotten. No process is started. */

#include "tests/daemon/support/support.h"

#include "daemon/run/store.h"
#include "tests/daemon/support/requests.h"

#define HOUR_MS (3600 * 1000ull)

static struct event_base *base;
static struct config config;
static struct store *store;

/* A run begins: nothing is recorded. */
static int begin_run(struct run *run, void *userdata)
{
	(void)run, (void)userdata;
	return 0;
}

static void ignore_run(struct run *run, void *userdata)
{
	(void)run, (void)userdata;
}

/* What ipc/ does at a run's end. */
static void on_done(struct run *run, void *userdata)
{
	(void)userdata;
	store_finished(store, run);
}

static const struct run_context context = {
    .config = &config, .starting = begin_run, .ending = ignore_run, .done = on_done};

static int set_up(void **state)
{
	(void)state;
	base = loop_new();
	config = (struct config){
	    .kept_runs = 3, .kept_ms = HOUR_MS, .kept_bytes = UINT64_MAX, .default_timeout_ms = 1};
	return store_new(base, &config, &store);
}

static int tear_down(void **state)
{
	(void)state;
	store = store_free(store);
	event_base_free(base);
	return 0;
}

static struct run *make(uid_t uid, const char *request_id)
{
	struct hp_request request = request_make("c", HP_STAGE_POSTSTOP, NULL, 0);
	char id[RUN_ID_SIZE];
	struct run *run;

	if (request_id)
		request.request_id = hp_arena_copy(&request.arena, request_id, strlen(request_id));
	assert_int_equal(store_make_id(store, id), 0);
	run = run_make(&context, id, request);
	run->uid = uid;
	return run;
}

/* Each is submitted a microsecond later than the one before. */
static struct run *add(uid_t uid, const char *request_id)
{
	static int64_t submitted_us = 1;
	struct run *run = make(uid, request_id);

	run->submitted_us = submitted_us++;
	assert_int_equal(store_add(store, run), 0);
	return run;
}

/* A run without hooks is done when it starts. */
static struct run *add_done(void)
{
	struct run *run = add(0, NULL);

	run_start(run);
	assert_int_equal(run->state, RUN_DONE);
	return run;
}

static size_t count(void)
{
	size_t runs = 0;

	for (struct run *run = store_newest(store); run; run = store_older(run))
		runs++;
	return runs;
}

/* ---- finding ---- */

static void runs_are_found_by_their_id(void **state)
{
	char ids[50][48];
	struct run *runs[50];

	(void)state;
	for (size_t i = 0; i < ELEMENTS(runs); i++) {
		runs[i] = add(0, NULL);
		memcpy(ids[i], runs[i]->id, sizeof(ids[i]));
		for (size_t j = 0; j < i; j++)
			assert_string_not_equal(ids[i], ids[j]);
	}
	for (size_t i = 0; i < ELEMENTS(runs); i++)
		assert_ptr_equal(store_find(store, ids[i]), runs[i]);
	ids[7][strlen(ids[7]) - 1] ^= 1;
	assert_ptr_not_equal(store_find(store, ids[7]), runs[7]);
	assert_null(store_find(store, ""));
	assert_null(store_find(store, "0000000000000"));
}

/* A client may send an id that is longer than any id. */
static void a_long_id_is_nobodys(void **state)
{
	struct run *run = add(0, NULL);
	char id[300];

	(void)state;
	memset(id, '0', sizeof(id) - 1);
	id[sizeof(id) - 1] = '\0';
	memcpy(id, run->id, strlen(run->id));
	assert_null(store_find(store, id));
}

static void ids_are_hex_digits(void **state)
{
	struct run *run = add(0, NULL);

	(void)state;
	assert_int_equal(strlen(run->id), RUN_ID_DIGITS);
	assert_int_equal(strspn(run->id, "0123456789abcdef"), RUN_ID_DIGITS);
}

/* What getrandom(2) returns next; NULL: what the kernel returns. */
static const char *const *draws;

ssize_t __real_getrandom(void *buffer, size_t size, unsigned int flags);
ssize_t __wrap_getrandom(void *buffer, size_t size, unsigned int flags);

ssize_t __wrap_getrandom(void *buffer, size_t size, unsigned int flags)
{
	if (!draws)
		return __real_getrandom(buffer, size, flags);
	memcpy(buffer, *draws++, size);
	return (ssize_t)size;
}

static void an_id_that_is_taken_is_drawn_again(void **state)
{
	static const char *const numbers[] = {
	    "\x00\x01\x02\x03\xff\xfe", "\x00\x01\x02\x03\xff\xfe", "\x00\x01\x02\x03\xff\xff"};
	struct run *first, *second;

	(void)state;
	draws = numbers;
	first = add(0, NULL);
	second = add(0, NULL);
	draws = NULL;
	assert_string_equal(first->id, "00010203fffe");
	assert_string_equal(second->id, "00010203ffff");
	assert_ptr_equal(store_find(store, first->id), first);
}

static void request_ids_belong_to_a_uid(void **state)
{
	struct run *root = add(0, "again"), *user = add(1000, "again"), *none = add(1000, NULL);
	struct run *slash = add(1, "000/again");

	(void)state;
	assert_ptr_equal(store_find_request(store, 0, "again"), root);
	assert_ptr_equal(store_find_request(store, 1000, "again"), user);
	assert_ptr_equal(store_find_request(store, 1, "000/again"), slash);
	assert_null(store_find_request(store, 1001, "again"));
	assert_null(store_find_request(store, 1000, "agai"));
	assert_ptr_equal(store_find(store, none->id), none);
}

static void the_list_goes_from_new_to_old_and_back(void **state)
{
	struct run *oldest = add(0, NULL), *middle = add(0, NULL), *newest = add(0, NULL);

	(void)state;
	assert_ptr_equal(store_newest(store), newest);
	assert_ptr_equal(store_older(newest), middle);
	assert_ptr_equal(store_older(middle), oldest);
	assert_null(store_older(oldest));
	assert_ptr_equal(store_newer(oldest), middle);
	assert_null(store_newer(newest));
}

/* ---- forgetting ---- */

static void the_oldest_leave_beyond_the_count(void **state)
{
	char ids[8][48];

	(void)state;
	for (size_t i = 0; i < ELEMENTS(ids); i++)
		memcpy(ids[i], add_done()->id, sizeof(ids[i]));
	add(0, NULL);
	assert_int_equal(store_kept(store), 3);
	for (size_t i = 0; i < ELEMENTS(ids); i++)
		assert_int_equal(store_find(store, ids[i]) != NULL, i >= 5);
}

static void they_leave_beyond_the_bytes(void **state)
{
	struct run *first = add_done(), *second = add_done();
	char first_id[48], second_id[48];

	(void)state;
	memcpy(first_id, first->id, sizeof(first_id));
	memcpy(second_id, second->id, sizeof(second_id));
	config.kept_bytes = run_size(first) + run_size(second);
	add(0, NULL);
	assert_int_equal(store_kept(store), 2);
	config.kept_bytes--;
	add(0, NULL);
	assert_int_equal(store_kept(store), 1);
	assert_null(store_find(store, first_id));
	assert_non_null(store_find(store, second_id));
}

/* In memory or in the file, whichever is larger. */
static void what_is_recorded_counts_too(void **state)
{
	struct run *run = add(0, NULL);
	size_t in_memory = run_size(run);

	(void)state;
	store_recorded(store, run, in_memory - 1);
	assert_int_equal(run_size(run), in_memory);
	store_recorded(store, run, 5001);
	assert_int_equal(store_recorded_bytes(store), in_memory + 5000);
	run_start(run);
	assert_int_equal(run_size(run), in_memory + 5000);
	config.kept_bytes = run_size(run) - 1;
	add(0, NULL);
	assert_int_equal(store_recorded_bytes(store), 0);
	assert_int_equal(store_kept(store), 0);
	/* The counts are 0 again. */
	config.kept_bytes = run_size(add_done());
	add(0, NULL);
	assert_int_equal(store_kept(store), 1);
}

static void they_leave_when_they_are_too_old(void **state)
{
	struct run *old = add_done(), *young = add_done();
	char old_id[48], young_id[48];

	(void)state;
	memcpy(old_id, old->id, sizeof(old_id));
	memcpy(young_id, young->id, sizeof(young_id));
	old->finished_ns -= (HOUR_MS + 1000) * 1000000ll;
	young->finished_ns -= (HOUR_MS - 1000) * 1000000ll;
	add(0, NULL);
	assert_null(store_find(store, old_id));
	assert_non_null(store_find(store, young_id));
}

/* The age of a run counts from its end, not from its submission. */
static void a_young_end_does_not_shield_an_old_one(void **state)
{
	struct run *long_one = add(0, NULL), *short_one = add_done();
	char id[RUN_ID_SIZE];

	(void)state;
	memcpy(id, short_one->id, sizeof(id));
	short_one->finished_ns -= 2 * HOUR_MS * 1000000ll;
	run_start(long_one);
	add(0, NULL);
	assert_null(store_find(store, id));
}

static void what_is_not_done_stays(void **state)
{
	struct run *queued = add(0, "queued"), *running = add(0, "running");

	(void)state;
	running->state = RUN_RUNNING;
	config.kept_runs = 0;
	config.kept_ms = 0;
	config.kept_bytes = 0;
	for (int i = 0; i < 5; i++)
		add_done();
	add(0, NULL);
	assert_ptr_equal(store_find_request(store, 0, "queued"), queued);
	assert_ptr_equal(store_find_request(store, 0, "running"), running);
	assert_int_equal(store_kept(store), 0);
	assert_int_equal(count(), 3);
}

static void ignore(struct run_waiter *waiter, const struct run_event *event)
{
	(void)waiter, (void)event;
}

static void what_somebody_listens_to_stays(void **state)
{
	struct run_waiter waiter = {.notify = ignore};
	struct run *run = add(0, "heard");

	(void)state;
	config.kept_runs = 0;
	run_add_waiter(run, &waiter);
	run_start(run);
	add_done();
	add(0, NULL);
	assert_ptr_equal(store_find_request(store, 0, "heard"), run);
	run_remove_waiter(run, &waiter);
	add(0, NULL);
	assert_null(store_find_request(store, 0, "heard"));
}

static void a_request_id_is_free_again_after_its_run_left(void **state)
{
	struct run *run = add(7, "once"), *second;

	(void)state;
	run_start(run);
	config.kept_runs = 0;
	add(0, NULL);
	assert_null(store_find_request(store, 7, "once"));
	second = add(7, "once");
	assert_ptr_equal(store_find_request(store, 7, "once"), second);
}

/* The limits hold at once, not only when the next run comes. */
static void as_many_stay_as_it_says(void **state)
{
	struct run *newest = NULL;

	(void)state;
	config.kept_runs = 2;
	for (int i = 0; i < 5; i++)
		newest = add_done();
	event_base_loop(base, EVLOOP_NONBLOCK);
	assert_int_equal(store_kept(store), 2);
	assert_int_equal(count(), 2);
	assert_ptr_equal(store_newest(store), newest);
	config.kept_runs = 0;
	add_done();
	event_base_loop(base, EVLOOP_NONBLOCK);
	assert_int_equal(store_kept(store), 0);
}

/* ---- while a run ends ---- */

/* As a connection with two pipelined calls: after the reply it dispatches the next one. */
static void ask_again(struct run_waiter *waiter, const struct run_event *event)
{
	struct run *run = store_find_request(store, 0, "long");

	if (event->type != RUN_EVENT_DONE)
		return;
	run_remove_waiter(run, waiter);
	add(0, "next");
}

static void a_run_does_not_leave_within_its_own_end(void **state)
{
	struct run_waiter waiter = {.notify = ask_again};
	struct run *run = add(0, "long");

	(void)state;
	config.kept_runs = 1;
	add_done();
	add_done();
	run_add_waiter(run, &waiter);
	run_start(run);
	assert_non_null(store_find_request(store, 0, "next"));
	assert_in_range(store_kept(store), 1, 3);
}

static int make_due(const struct event_base *of, const struct event *event, void *userdata)
{
	(void)of, (void)userdata;
	event_active((struct event *)event, EV_TIMEOUT, 0);
	return 0;
}

/* The timer of the store is the only event: it is activated instead of waiting for it. */
static void a_timer_finds_the_old_ones_too(void **state)
{
	struct run *run = add_done();

	(void)state;
	run->finished_ns -= 2 * HOUR_MS * 1000000ll;
	event_base_foreach_event(base, make_due, NULL);
	event_base_loop(base, EVLOOP_NONBLOCK);
	assert_int_equal(store_kept(store), 0);
	assert_null(store_newest(store));
}

#define STORE_TEST(function) cmocka_unit_test_setup_teardown(function, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    STORE_TEST(runs_are_found_by_their_id),
	    STORE_TEST(a_long_id_is_nobodys),
	    STORE_TEST(ids_are_hex_digits),
	    STORE_TEST(an_id_that_is_taken_is_drawn_again),
	    STORE_TEST(request_ids_belong_to_a_uid),
	    STORE_TEST(the_list_goes_from_new_to_old_and_back),
	    STORE_TEST(the_oldest_leave_beyond_the_count),
	    STORE_TEST(they_leave_beyond_the_bytes),
	    STORE_TEST(what_is_recorded_counts_too),
	    STORE_TEST(they_leave_when_they_are_too_old),
	    STORE_TEST(a_young_end_does_not_shield_an_old_one),
	    STORE_TEST(what_is_not_done_stays),
	    STORE_TEST(what_somebody_listens_to_stays),
	    STORE_TEST(a_request_id_is_free_again_after_its_run_left),
	    STORE_TEST(as_many_stay_as_it_says),
	    STORE_TEST(a_timer_finds_the_old_ones_too),
	    STORE_TEST(a_run_does_not_leave_within_its_own_end),
	};

	bound_time();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
