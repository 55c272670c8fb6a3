/* SPDX-License-Identifier: Apache-2.0 */
/*
 * daemon/http: serves one text, the metrics, by HTTP/1.1 on a Unix socket or a loopback port. Knows
 * nothing of what the text says.
 *
 * May use: daemon/base, daemon/ipc, proto/base; libevent.
 */
#pragma once

#include <event2/event.h>
#include <stdbool.h>
#include <sys/types.h>

#include "daemon/base/base.h"
#include "proto/base/buf.h"

struct http;

/*
 * Appends the text in the one format or the other. Called from the event loop, at most once in
 * HTTP_TEXT_LIFETIME_S for each format: what is asked for meanwhile gets the same text.
 */
typedef void (*http_write)(bool is_openmetrics, struct hp_buf *buf, void *userdata);

struct http_options {
	struct event_base *base;
	const char *listen; /* as listen_address_parse() takes it */
	mode_t mode;	    /* of a Unix socket */
	gid_t gid;	    /* of a Unix socket; (gid_t)-1: hookd's own */
	bool waits;	    /* for a Unix socket that is in use, as listener_bind() does */
	http_write write;
	void *userdata;
};

/*
 * Listens, and answers GET and HEAD of /metrics; all else gets 404 or 405. Each connection has one
 * answer and is closed; one that takes longer than HTTP_LIFETIME_S is closed. At most
 * HTTP_ACCEPTS_MAX connections are accepted in HTTP_ACCEPTS_MS, others wait in the kernel. If there
 * are HTTP_CONNECTIONS_MAX, a new one replaces the one that has been without a whole request for
 * longest, if that is over a second, or else the oldest one, which then has had more than a second.
 * `listen` is not kept. A Unix socket that nobody listens on is replaced. -EADDRINUSE, or another
 * -errno.
 */
#define HTTP_LIFETIME_S	     10
#define HTTP_TEXT_LIFETIME_S 1
#define HTTP_CONNECTIONS_MAX 64
#define HTTP_ACCEPTS_MAX     5
#define HTTP_ACCEPTS_MS	     100
int http_new(const struct http_options *options, struct http **ret_http) must_check;
/* Closes the connections and removes the Unix socket. NULL is fine. */
struct http *http_free(struct http *http);
