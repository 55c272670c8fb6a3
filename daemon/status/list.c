/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Handler of io.hookd.status.List. Owns the calls that wait for the history:
 *
 *	LOCATING --the history has the run `before`, which memory has not--> ASKED
 *	ASKED --the history's runs are there--> answered
 *	each --the client has gone--> freed
 *
 * A page is merged from the runs in memory, as they are when the history is asked, and the
 * history's answer. Each has its newest ones in the order of run_compare(), and a run that has left
 * memory was passed to the history before: so none is missing, and one that is in both is told
 * once.
 */
#include <stdio.h>

#include "daemon/history/history.h"
#include "daemon/history/run_json.h"
#include "daemon/ipc/dispatch.h"
#include "daemon/status/page.h"
#include "daemon/status/query.h"

#define LIST_LIMIT 1000
/*
 * A page ends earlier where it is longer, which it is with long error texts. With those of one more
 * run it is within HP_REPLY_BYTES_MAX.
 */
#define PAGE_BYTES (4u * 1024 * 1024)

struct listing {
	struct conn_call of_conn;
	struct conn *conn;
	struct query query;
	struct history_query *asked; /* NULL: nothing is */
	struct history_place from;   /* only older ones; id "": all */
	struct page page;	     /* of the runs in memory */
	bool more;
};

static void listing_free(struct listing *listing)
{
	if (listing->asked)
		history_cancel(listing->asked);
	page_clear(&listing->page);
	query_free(&listing->query);
	free(listing);
}

static void on_conn_gone(struct conn_call *of_conn)
{
	listing_free(container_of(of_conn, struct listing, of_conn));
}

static size_t limit_of(const struct listing *listing)
{
	return listing->query.limit < 0 ? LIST_LIMIT : (size_t)listing->query.limit;
}

/* ---- the reply ---- */

static void write_has_more(struct hp_json_writer *writer, const struct page *page)
{
	if (page->has_more)
		hp_json_add_bool(writer, "hasMore", true);
}

static void reply_once(struct conn *conn, const struct page *page)
{
	struct hp_json_writer writer = hp_reply_begin(conn_reply(conn), NULL, false);

	hp_json_key(&writer, "runs");
	hp_json_begin(&writer, '[');
	for (size_t i = 0; i < page->count; i++)
		hp_json_put_raw(&writer, page_text(page, i), page->rows[i].length);
	hp_json_end(&writer, ']');
	write_has_more(&writer, page);
	hp_reply_end(&writer);
}

/* One run in each reply; the last one has "hasMore", and no "continues". */
static void reply_each(struct conn *conn, const struct page *page)
{
	struct hp_json_writer writer;
	size_t i = 0;

	do {
		writer = hp_reply_begin(conn_reply(conn), NULL, i + 1 < page->count);
		if (i < page->count) {
			hp_json_key(&writer, "run");
			hp_json_put_raw(&writer, page_text(page, i), page->rows[i].length);
		}
		if (i + 1 >= page->count)
			write_has_more(&writer, page);
		hp_reply_end(&writer);
	} while (++i < page->count);
}

static int reply(struct listing *listing, const struct history_query *answer, struct hp_err *err)
{
	struct page page = {0};
	int r = page_merge(&listing->page, answer, limit_of(listing), PAGE_BYTES, &page);

	if (r < 0)
		r = hp_err_no_memory(err);
	else if (listing->more)
		reply_each(listing->conn, &page);
	else
		reply_once(listing->conn, &page);
	page_clear(&page);
	return r;
}

/* ---- runs in memory ---- */

static int collect(struct listing *listing)
{
	struct run *run = store_newest(listing->conn->hookd->store);
	int r = 0;

	for (; run && r == 0; run = store_older(run)) {
		struct history_place place = run_place(run);

		if (listing->from.id[0] && history_place_compare(&place, &listing->from) >= 0)
			continue;
		if (!query_matches(&listing->query, &listing->conn->peer, run))
			continue;
		if (listing->page.count > limit_of(listing) ||
		    listing->page.texts.length > PAGE_BYTES)
			break;
		r = page_add_run(&listing->page, run);
	}
	return r;
}

/* ---- the history ---- */

static int ask_for_runs(struct listing *listing, struct hp_err *err);

static void end(struct listing *listing, int r, const struct hp_err *err)
{
	struct conn *conn = listing->conn;

	if (r < 0)
		conn_reply_err(conn, err, NULL);
	listing_free(listing);
	conn_end_call(conn);
}

static void on_runs(struct history_query *answer)
{
	struct listing *listing = answer->userdata;
	struct hp_err err = {0};
	int r = query_check_answer(answer, &err);

	listing->asked = NULL;
	if (r == 0)
		r = reply(listing, answer, &err);
	end(listing, r, &err);
}

static void on_located(struct history_query *answer)
{
	struct listing *listing = answer->userdata;
	struct hp_err err = {0};
	int r = query_check_answer(answer, &err);

	listing->asked = NULL;
	if (r == 0 && answer->found_count == 0)
		r = err_no_such_run(&err, HP_ERR_STATUS_NO_SUCH_RUN, listing->query.before);
	if (r == 0) {
		listing->from = answer->found[0].place;
		r = ask_for_runs(listing, &err);
	}
	if (r != 1)
		end(listing, r, &err);
}

/* 1: it was asked. 0: there is no history. */
static int ask(struct listing *listing, const struct history_filter *filter, size_t limit,
	       void (*done)(struct history_query *), struct hp_err *err)
{
	struct history_query *query = history_query_new(HISTORY_LIST);
	int r = query ? history_query_filter(query, filter) : -ENOMEM;

	if (r == 0) {
		query->from = listing->from;
		query->limit = limit;
		query->bytes_max = PAGE_BYTES;
		query->done = done;
		query->userdata = listing;
		r = history_ask(listing->conn->hookd->history, query);
	}
	if (r == 0) {
		listing->asked = query;
		return 1;
	}
	history_query_free(query);
	return r == -ENODATA ? 0 : query_asking_failed(listing->conn->hookd->history, r, err);
}

/* 1: the history was asked; 0: the reply was written. */
static int ask_for_runs(struct listing *listing, struct hp_err *err)
{
	struct history_filter filter = query_history(&listing->query, &listing->conn->peer);
	const bool is_of_done = listing->query.state < 0 || listing->query.state == RUN_DONE;
	int r = collect(listing);

	if (r < 0)
		return hp_err_no_memory(err);
	if (is_of_done)
		r = ask(listing, &filter, limit_of(listing) + 1, on_runs, err);
	return r == 0 ? reply(listing, NULL, err) : r;
}

/* The runs that are older than `before`. */
static int begin(struct listing *listing, struct exchange *exchange, struct hp_err *err)
{
	struct history_filter filter = HISTORY_FILTER_ALL;
	const char *before = listing->query.before;
	struct run *run;
	int r;

	if (!before)
		return ask_for_runs(listing, err);
	run = find_visible_run(exchange, before, err);
	if (run) {
		listing->from = run_place(run);
		return ask_for_runs(listing, err);
	}
	filter.run = before;
	filter.uid = query_uid(&listing->conn->peer);
	r = ask(listing, &filter, 1, on_located, err);
	return r == 0 ? -ENOENT : r; /* *err is of find_visible_run() */
}

int handle_list(struct exchange *exchange, struct hp_err *err)
{
	const unsigned int accepted = QUERY(RUN_PREFIX) | QUERY(CONTAINER) |
				      QUERY(CONTAINER_PREFIX) | QUERY(STAGE) | QUERY(STATE) |
				      QUERY(OUTCOME) | QUERY(FAILED) | QUERY(PATH) | QUERY(SINCE) |
				      QUERY(UNTIL) | QUERY(LIMIT) | QUERY(BEFORE);
	struct listing *listing = calloc(1, sizeof(*listing));
	int r;

	if (!listing)
		return hp_err_no_memory(err);
	listing->of_conn.gone = on_conn_gone;
	listing->conn = exchange->conn;
	listing->more = exchange->call.more;
	r = query_read(exchange, accepted, &listing->query, err);
	if (r == 0 && !exchange->call.oneway)
		r = begin(listing, exchange, err);
	if (r == 1)
		conn_begin_call(exchange->conn, &listing->of_conn);
	else
		listing_free(listing);
	return r < 0 ? r : 0;
}
