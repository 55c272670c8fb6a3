/* SPDX-License-Identifier: Apache-2.0 */
/*
 * evhttp does not tell when it closes a connection of which no request was read. So each
 * bufferevent has a second reference here. evhttp drops its own by bufferevent_free(), which
 * removes the callbacks at once: that is how a closed connection is recognised. Its socket is shut
 * down then, and is closed together with the events on it when the last reference is dropped.
 *
 *	open --evhttp closes it------------------------------------> closed --sweep()--> forgotten
 *	   `----too old, or one of too many: as if it timed out----------^
 */
#include "daemon/http/connections.h"

#include <event2/buffer.h>

#include "daemon/http/http.h"

#define TICK_S	   1
#define UNREAD_MAX (16 * 1024) /* more than a request can have */
/* The time that a client has to send its request where there are too many connections. */
#define REQUEST_WITHIN_NS NS_PER_S

/* So that the oldest of too many connections has existed for longer than a second. */
_Static_assert(HTTP_CONNECTIONS_MAX > HTTP_ACCEPTS_MAX * (1000 / HTTP_ACCEPTS_MS + 1),
	       "connections are accepted faster than they can be served");

struct http_connection {
	struct bufferevent *stream;
	int64_t began_ns; /* CLOCK_MONOTONIC */
	TAILQ_ENTRY(http_connection) link;
};

static bool is_closed(const struct http_connection *connection)
{
	bufferevent_event_cb on_event;

	bufferevent_getcb(connection->stream, NULL, NULL, &on_event, NULL);
	return !on_event;
}

static void forget(struct http_connections *connections, struct http_connection *connection)
{
	TAILQ_REMOVE(&connections->list, connection, link);
	connections->count--;
	bufferevent_decref(connection->stream);
	free(connection);
}

/* evhttp frees a connection whose stream has timed out, from within. */
static void end(struct http_connection *connection)
{
	bufferevent_trigger_event(connection->stream, BEV_EVENT_READING | BEV_EVENT_TIMEOUT, 0);
}

static void sweep(struct http_connections *connections)
{
	int64_t oldest_ns = clock_ns(CLOCK_MONOTONIC) - HTTP_LIFETIME_S * NS_PER_S;
	struct http_connection *connection, *next;

	for (connection = TAILQ_FIRST(&connections->list); connection; connection = next) {
		next = TAILQ_NEXT(connection, link);
		if (!is_closed(connection) && connection->began_ns <= oldest_ns)
			end(connection);
		if (is_closed(connection))
			forget(connections, connection);
	}
}

static void on_tick(evutil_socket_t fd, short what, void *userdata)
{
	struct http_connections *connections = userdata;

	(void)fd, (void)what;
	sweep(connections);
	if (connections->count > 0)
		(void)event_add(connections->tick, &(struct timeval){.tv_sec = TICK_S});
}

int http_connections_init(struct http_connections *connections, struct event_base *base)
{
	TAILQ_INIT(&connections->list);
	connections->count = 0;
	connections->tick = event_new(base, -1, 0, on_tick, connections);
	return connections->tick ? 0 : -ENOMEM;
}

void http_connections_clear(struct http_connections *connections)
{
	while (connections->count > 0)
		forget(connections, TAILQ_FIRST(&connections->list));
	if (connections->tick)
		event_free(connections->tick);
	connections->tick = NULL;
}

/* evhttp writes the answer as soon as it has read the request. */
static bool has_answer(const struct http_connection *connection)
{
	return evbuffer_get_length(bufferevent_get_output(connection->stream)) > 0;
}

static struct http_connection *least_needed(struct http_connections *connections)
{
	int64_t oldest_ns = clock_ns(CLOCK_MONOTONIC) - REQUEST_WITHIN_NS;
	struct http_connection *connection;

	TAILQ_FOREACH (connection, &connections->list, link)
		if (connection->began_ns <= oldest_ns && !has_answer(connection))
			return connection;
	return TAILQ_FIRST(&connections->list);
}

static void make_room(struct http_connections *connections)
{
	sweep(connections);
	if (connections->count < HTTP_CONNECTIONS_MAX)
		return;
	end(least_needed(connections));
	sweep(connections);
}

struct bufferevent *http_connections_add(struct http_connections *connections,
					 struct event_base *base)
{
	struct http_connection *connection = calloc(1, sizeof(*connection));

	make_room(connections);
	if (connection)
		connection->stream = bufferevent_socket_new(base, -1, BEV_OPT_CLOSE_ON_FREE);
	if (!connection || !connection->stream ||
	    (!event_pending(connections->tick, EV_TIMEOUT, NULL) &&
	     event_add(connections->tick, &(struct timeval){.tv_sec = TICK_S}) < 0)) {
		if (connection && connection->stream)
			bufferevent_free(connection->stream);
		free(connection);
		return NULL;
	}
	bufferevent_setwatermark(connection->stream, EV_READ, 0, UNREAD_MAX);
	bufferevent_incref(connection->stream);
	connection->began_ns = clock_ns(CLOCK_MONOTONIC);
	TAILQ_INSERT_TAIL(&connections->list, connection, link);
	connections->count++;
	return connection->stream;
}
