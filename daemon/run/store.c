/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Owns all runs: a list of all, a list of those that are done, and two hash tables.
 *
 * Runs that are done are freed when there are too many, or when a timer finds them too old; never
 * within the calls by which they end. A dropped run is in no list or table any more, and is freed
 * from the event loop: until then its callers, and those of the calls that they start, may use it.
 */
#include "daemon/run/store.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>

#include "proto/base/limits.h"

#define LOOK_EVERY_S	 10
#define REQUEST_KEY_SIZE (sizeof(uid_t) + HP_ID_BYTES_MAX)

struct store {
	const struct config *config;
	TAILQ_HEAD(run_list, run) runs; /* newest first, as run_compare() says */
	struct run *added_last;	   /* where the next one is likely to come; NULL: at the head */
	TAILQ_HEAD(, run) done;	   /* oldest end first */
	TAILQ_HEAD(, run) dropped; /* by done_link; in no other list or table */
	struct run *by_id, *by_request; /* uthash tables */
	struct event *timer;
	size_t kept, kept_bytes, recorded_bytes;
};

/* A request id is unique per uid, so the uid is a part of the key. */
static size_t request_key(char key[static REQUEST_KEY_SIZE], uid_t uid, const char *request_id)
{
	size_t length = strnlen(request_id, HP_ID_BYTES_MAX);

	memcpy(key, &uid, sizeof(uid));
	memcpy(key + sizeof(uid), request_id, length);
	return sizeof(uid) + length;
}

/* ---- forgetting ---- */

void store_revive(struct store *store, struct run *run)
{
	if (!run->is_kept)
		return;
	assert(store->kept > 0 && store->kept_bytes >= run->kept_bytes);
	TAILQ_REMOVE(&store->done, run, done_link);
	run->is_kept = false;
	store->kept--;
	store->kept_bytes -= run->kept_bytes;
	run->kept_bytes = 0;
}

static void leave(struct store *store, struct run *run)
{
	if (store->added_last == run)
		store->added_last = TAILQ_NEXT(run, link);
	TAILQ_REMOVE(&store->runs, run, link);
	HASH_DELETE(by_id, store->by_id, run);
	if (run->request_key)
		HASH_DELETE(by_request, store->by_request, run);
	store_revive(store, run);
	store->recorded_bytes -= run->recorded_bytes;
	run->recorded_bytes = 0;
}

static void forget(struct store *store, struct run *run)
{
	leave(store, run);
	run_free(run);
}

void store_drop(struct store *store, struct run *run)
{
	assert(run->state == RUN_DONE);
	leave(store, run);
	TAILQ_INSERT_TAIL(&store->dropped, run, done_link);
	event_active(store->timer, EV_TIMEOUT, 0);
}

static void free_dropped(struct store *store)
{
	struct run *run;

	while ((run = TAILQ_FIRST(&store->dropped))) {
		TAILQ_REMOVE(&store->dropped, run, done_link);
		run_free(run);
	}
}

static bool holds_too_much(const struct store *store)
{
	return store->kept > store->config->kept_runs ||
	       store->kept_bytes > store->config->kept_bytes;
}

static bool is_over_limits(const struct store *store, const struct run *oldest)
{
	if (holds_too_much(store))
		return true;
	return (clock_ns(CLOCK_BOOTTIME) - oldest->finished_ns) / 1000000 >
	       (int64_t)store->config->kept_ms;
}

/* Runs with waiters are skipped. */
static void forget_old(struct store *store)
{
	struct run *run = TAILQ_FIRST(&store->done), *younger;

	for (; run && is_over_limits(store, run); run = younger) {
		younger = TAILQ_NEXT(run, done_link);
		if (TAILQ_EMPTY(&run->waiters))
			forget(store, run);
	}
}

static void on_timer(evutil_socket_t fd, short what, void *userdata)
{
	(void)fd, (void)what;
	free_dropped(userdata);
	forget_old(userdata);
}

/* ---- life ---- */

int store_new(struct event_base *base, const struct config *config, struct store **ret_store)
{
	struct store *store = calloc(1, sizeof(*store));
	const struct timeval period = {.tv_sec = LOOK_EVERY_S};

	if (!store)
		return -ENOMEM;
	TAILQ_INIT(&store->runs);
	TAILQ_INIT(&store->done);
	TAILQ_INIT(&store->dropped);
	store->config = config;
	store->timer = event_new(base, -1, EV_PERSIST, on_timer, store);
	if (!store->timer || event_add(store->timer, &period) < 0) {
		store_free(store);
		return -ENOMEM;
	}
	*ret_store = store;
	return 0;
}

struct store *store_free(struct store *store)
{
	if (!store)
		return NULL;
	while (!TAILQ_EMPTY(&store->runs))
		forget(store, TAILQ_FIRST(&store->runs));
	free_dropped(store);
	if (store->timer)
		event_free(store->timer);
	free(store);
	return NULL;
}

int store_make_id(struct store *store, char ret_id[static RUN_ID_SIZE])
{
	unsigned char random[RUN_ID_DIGITS / 2];

	do {
		if (getrandom(random, sizeof(random), 0) != sizeof(random))
			return -EIO;
		for (size_t i = 0; i < sizeof(random); i++)
			snprintf(ret_id + 2 * i, 3, "%02x", random[i]);
	} while (store_find(store, ret_id));
	return 0;
}

static int add_request(struct store *store, struct run *run)
{
	char key[REQUEST_KEY_SIZE];
	size_t length = request_key(key, run->uid, run->request.request_id);

	run->request_key = hp_arena_copy(&run->request.arena, key, length);
	if (!run->request_key)
		return -ENOMEM;
	HASH_ADD_KEYPTR(by_request, store->by_request, run->request_key, length, run);
	return run->by_request.tbl ? 0 : -ENOMEM;
}

/* Where the clock was set back, that is not at the head; then it is beside the last one. */
static void insert(struct store *store, struct run *run)
{
	struct run *older = store->added_last, *newer;

	if (!older)
		older = TAILQ_FIRST(&store->runs);
	while (older && (newer = TAILQ_PREV(older, run_list, link)) && run_compare(newer, run) < 0)
		older = newer;
	while (older && run_compare(older, run) > 0)
		older = TAILQ_NEXT(older, link);
	if (older)
		TAILQ_INSERT_BEFORE(older, run, link);
	else
		TAILQ_INSERT_TAIL(&store->runs, run, link);
	store->added_last = run;
}

int store_add(struct store *store, struct run *run)
{
	forget_old(store);
	HASH_ADD_KEYPTR(by_id, store->by_id, run->id, strlen(run->id), run);
	if (!run->by_id.tbl)
		return -ENOMEM;
	if (run->request.request_id && add_request(store, run) < 0) {
		HASH_DELETE(by_id, store->by_id, run);
		return -ENOMEM;
	}
	insert(store, run);
	return 0;
}

/* In the event loop, since the run may still be in use by its callers. */
static void forget_soon(struct store *store)
{
	if (holds_too_much(store))
		event_active(store->timer, EV_TIMEOUT, 0);
}

void store_finished(struct store *store, struct run *run)
{
	assert(run->state == RUN_DONE && !run->is_kept);
	TAILQ_INSERT_TAIL(&store->done, run, done_link);
	run->is_kept = true;
	store->kept++;
	run->kept_bytes = run_size(run);
	store->kept_bytes += run->kept_bytes;
	forget_soon(store);
}

void store_recorded(struct store *store, struct run *run, size_t bytes)
{
	run->recorded_bytes += bytes;
	store->recorded_bytes += bytes;
}

size_t store_recorded_bytes(const struct store *store)
{
	return store->recorded_bytes;
}

/* ---- finding ---- */

struct run *store_find(struct store *store, const char *id)
{
	struct run *run;

	HASH_FIND(by_id, store->by_id, id, strlen(id), run);
	return run;
}

struct run *store_find_request(struct store *store, uid_t uid, const char *request_id)
{
	char key[REQUEST_KEY_SIZE];
	size_t length = request_key(key, uid, request_id);
	struct run *run;

	HASH_FIND(by_request, store->by_request, key, length, run);
	return run;
}

struct run *store_newest(struct store *store)
{
	return TAILQ_FIRST(&store->runs);
}

struct run *store_older(struct run *run)
{
	return TAILQ_NEXT(run, link);
}

struct run *store_newer(struct run *run)
{
	return TAILQ_PREV(run, run_list, link);
}

size_t store_kept(const struct store *store)
{
	return store->kept;
}

size_t store_kept_bytes(const struct store *store)
{
	return store->kept_bytes;
}
