/* SPDX-License-Identifier: Apache-2.0 */
/* Handler of io.hookd.status.List. No state. */
#include <stdio.h>

#include "daemon/ipc/dispatch.h"
#include "daemon/status/query.h"
#include "daemon/status/run_json.h"

#define LIST_LIMIT 1000
/*
 * A page ends earlier where it is longer, which it is with long error texts. With those of one more
 * run it is within HP_REPLY_BYTES_MAX.
 */
#define PAGE_BYTES (4u * 1024 * 1024)

/* The runs that are asked for, one after another, until there is none or the limit is reached. */
struct listing {
	struct exchange *exchange;
	const struct query *query;
	struct run *next; /* NULL: there are no more */
	int64_t left;	  /* of the limit */
	size_t start;	  /* where the page begins in the connection's buffer */
};

static struct run *find_from(const struct listing *listing, struct run *run)
{
	while (run && !query_matches(listing->query, &listing->exchange->conn->peer, run))
		run = store_older(run);
	return run;
}

static bool is_at_end(const struct listing *listing)
{
	size_t length = conn_reply(listing->exchange->conn)->length - listing->start;

	return !listing->next || listing->left == 0 || length > PAGE_BYTES;
}

static struct run *take_next(struct listing *listing)
{
	struct run *run = listing->next;

	if (is_at_end(listing))
		return NULL;
	listing->left--;
	listing->next = find_from(listing, store_older(run));
	return run;
}

/* The runs that are older than `before`. */
static int begin(struct exchange *exchange, const struct query *query, struct listing *ret_listing,
		 struct hp_err *err)
{
	struct listing listing = {.exchange = exchange, .query = query, .left = query->limit};
	const struct hp_buf *out = conn_reply(exchange->conn);
	struct run *first = store_newest(exchange->hookd->store);

	if (query->before) {
		first = find_visible_run(exchange, query->before, err);
		if (!first)
			return -ENOENT;
		first = store_older(first);
	}
	listing.start = out->length;
	if (listing.left < 0)
		listing.left = LIST_LIMIT;
	listing.next = find_from(&listing, first);
	*ret_listing = listing;
	return 0;
}

static void write_has_more(struct hp_json_writer *writer, const struct listing *listing)
{
	if (listing->next)
		hp_json_add_bool(writer, "hasMore", true);
}

static void reply_once(struct listing *listing)
{
	struct hp_json_writer writer =
	    hp_reply_begin(conn_reply(listing->exchange->conn), NULL, false);
	struct run *run;

	hp_json_key(&writer, "runs");
	hp_json_begin(&writer, '[');
	while ((run = take_next(listing)))
		run_json_write(&writer, run);
	hp_json_end(&writer, ']');
	write_has_more(&writer, listing);
	hp_reply_end(&writer);
}

/* One run in each reply; the last one has "hasMore", and no "continues". */
static void reply_each(struct listing *listing)
{
	struct hp_buf *out = conn_reply(listing->exchange->conn);
	struct run *run = take_next(listing), *next;
	struct hp_json_writer writer;

	do {
		next = take_next(listing);
		writer = hp_reply_begin(out, NULL, next != NULL);
		if (run) {
			hp_json_key(&writer, "run");
			run_json_write(&writer, run);
		}
		if (!next)
			write_has_more(&writer, listing);
		hp_reply_end(&writer);
	} while ((run = next));
}

int handle_list(struct exchange *exchange, struct hp_err *err)
{
	const unsigned int accepted = QUERY(RUN_PREFIX) | QUERY(CONTAINER) |
				      QUERY(CONTAINER_PREFIX) | QUERY(STAGE) | QUERY(STATE) |
				      QUERY(OUTCOME) | QUERY(FAILED) | QUERY(PATH) | QUERY(SINCE) |
				      QUERY(UNTIL) | QUERY(LIMIT) | QUERY(BEFORE);
	struct listing listing;
	struct query query;
	int r = query_read(exchange, accepted, &query, err);

	if (r == 0)
		r = begin(exchange, &query, &listing, err);
	if (r == 0 && exchange->call.more)
		reply_each(&listing);
	else if (r == 0)
		reply_once(&listing);
	query_free(&query);
	return r;
}
