/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The memory of what was run.
 *
 * One list of all runs by age, two search trees over it. Done runs leave at the old end when a new
 * one comes, or when a timer finds them too old; never while their own end is still on the stack.
 * Called by ipc/ to find runs, by sched.c's owner to book them.
 */
#include "daemon/run/store.h"

#include <search.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>

#define LOOK_EVERY_S 10

struct store {
	const struct config *config;
	TAILQ_HEAD(run_list, run) runs; /* newest first */
	void *by_id, *by_request;	/* tsearch(3) trees of struct run */
	struct event *timer;
	uint64_t instance; /* random part of the ids */
	uint64_t made;
	size_t kept, kept_bytes;
};

static int compare_ids(const void *a, const void *b)
{
	return strcmp(((const struct run *)a)->id, ((const struct run *)b)->id);
}

static int compare_requests(const void *a, const void *b)
{
	const struct run *left = a, *right = b;

	if (left->uid != right->uid)
		return left->uid < right->uid ? -1 : 1;
	return strcmp(left->request.request_id, right->request.request_id);
}

/* ---- leaving ---- */

static void forget(struct store *store, struct run *run)
{
	TAILQ_REMOVE(&store->runs, run, link);
	tdelete(run, &store->by_id, compare_ids);
	if (run->request.request_id)
		tdelete(run, &store->by_request, compare_requests);
	if (run->state == RUN_DONE) {
		store->kept--;
		store->kept_bytes -= run->bytes;
	}
	run_free(run);
}

static bool is_over_limits(const struct store *store, const struct run *oldest)
{
	int64_t age_ns = clock_ns(CLOCK_BOOTTIME) - oldest->finished_ns;

	return store->kept > store->config->kept_runs ||
	       store->kept_bytes > store->config->kept_bytes ||
	       age_ns / 1000000 > (int64_t)store->config->kept_ms;
}

/* A run that is not done, or that somebody still listens to, is passed over. */
static void forget_old(struct store *store)
{
	struct run *run = TAILQ_LAST(&store->runs, run_list), *newer;

	for (; run; run = newer) {
		newer = TAILQ_PREV(run, run_list, link);
		if (run->state != RUN_DONE || !TAILQ_EMPTY(&run->waiters))
			continue;
		if (!is_over_limits(store, run))
			break;
		forget(store, run);
	}
}

static void on_timer(evutil_socket_t fd, short what, void *userdata)
{
	(void)fd, (void)what;
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
	store->config = config;
	store->timer = event_new(base, -1, EV_PERSIST, on_timer, store);
	if (!store->timer || event_add(store->timer, &period) < 0 ||
	    getrandom(&store->instance, sizeof(store->instance), 0) < 0) {
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
	if (store->timer)
		event_free(store->timer);
	free(store);
	return NULL;
}

void store_make_id(struct store *store, char *ret_id, size_t size)
{
	snprintf(ret_id, size, "%016llx-%llu", (unsigned long long)store->instance,
		 (unsigned long long)++store->made);
}

int store_add(struct store *store, struct run *run)
{
	forget_old(store);
	if (!tsearch(run, &store->by_id, compare_ids))
		return -ENOMEM;
	if (run->request.request_id && !tsearch(run, &store->by_request, compare_requests)) {
		tdelete(run, &store->by_id, compare_ids);
		return -ENOMEM;
	}
	TAILQ_INSERT_HEAD(&store->runs, run, link);
	return 0;
}

void store_finished(struct store *store, struct run *run)
{
	store->kept++;
	store->kept_bytes += run->bytes;
}

/* ---- finding ---- */

struct run *store_find(struct store *store, const char *id)
{
	struct run key = {0};
	struct run **node;

	snprintf(key.id, sizeof(key.id), "%s", id);
	node = tfind(&key, &store->by_id, compare_ids);
	return node ? *node : NULL;
}

struct run *store_find_request(struct store *store, uid_t uid, const char *request_id)
{
	struct run key = {.uid = uid, .request.request_id = (char *)request_id};
	struct run **node = tfind(&key, &store->by_request, compare_requests);

	return node ? *node : NULL;
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
