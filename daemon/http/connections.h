/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <event2/bufferevent.h>
#include <event2/event.h>
#include <sys/queue.h>

#include "daemon/base/base.h"

/*
 * The connections of an evhttp server, of which libevent 2.1 limits neither the number nor the
 * lifetime: its timeout starts again with each byte.
 */
struct http_connections {
	TAILQ_HEAD(, http_connection) list; /* the oldest first */
	size_t count;
	struct event *tick; /* while there are connections */
};

int http_connections_init(struct http_connections *connections, struct event_base *base) must_check;
/* After evhttp_free(), which closes them. */
void http_connections_clear(struct http_connections *connections);

/* A stream for the next connection. NULL: no memory. */
struct bufferevent *http_connections_add(struct http_connections *connections,
					 struct event_base *base);
