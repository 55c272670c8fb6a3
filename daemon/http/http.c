/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The server: evhttp with bounds. Its listening socket has two states:
 *
 *	accepting --accept(2) fails---------------------------> paused --RETRY_AFTER_MS--> accepting
 *		  `-HTTP_ACCEPTS_MAX in HTTP_ACCEPTS_MS-------> paused --HTTP_ACCEPTS_MS-> accepting
 */
#include "daemon/http/http.h"

#include <event2/buffer.h>
#include <event2/http.h>
#include <event2/keyvalq_struct.h>
#include <event2/listener.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/queue.h>

#include "daemon/base/loop.h"
#include "daemon/http/accept.h"
#include "daemon/http/connections.h"
#include "daemon/http/socket.h"
#include "daemon/http/text.h"

#define HEADERS_MAX    8192
#define BODY_MAX       1024
#define RETRY_AFTER_MS 1000

struct http {
	LIST_ENTRY(http) link;
	struct evhttp *server;
	struct http_connections connections;
	struct evconnlistener *listener; /* the server's */
	struct event *retry;
	int64_t accepts_began_ns; /* CLOCK_MONOTONIC: since then `accepts` are counted */
	int accepts;
	struct http_text texts[2]; /* the second is OpenMetrics */
	http_write write;
	void *userdata;
	struct http_socket socket;
};

static LIST_HEAD(, http) servers = LIST_HEAD_INITIALIZER(servers); /* see on_accept_error() */

/* ---- answers ---- */

static void add_header(struct evhttp_request *request, const char *name, const char *value)
{
	(void)evhttp_add_header(evhttp_request_get_output_headers(request), name, value);
}

/* HEAD gets the headers of GET. evhttp leaves out the length then, and would send the body. */
static void reply(struct evhttp_request *request, int status, const char *type,
		  struct evbuffer *body)
{
	bool is_head = evhttp_request_get_command(request) == EVHTTP_REQ_HEAD;
	char length[24];

	snprintf(length, sizeof(length), "%zu", evbuffer_get_length(body));
	add_header(request, "Content-Type", type);
	add_header(request, "Content-Length", length);
	add_header(request, "Connection", "close");
	evhttp_send_reply(request, status, NULL, is_head ? NULL : body);
}

static void reply_error(struct evhttp_request *request, int status, const char *text)
{
	struct evbuffer *body = evbuffer_new();

	if (!body || evbuffer_add(body, text, strlen(text)) < 0)
		evhttp_send_error(request, HTTP_INTERNAL, NULL);
	else
		reply(request, status, "text/plain; charset=utf-8", body);
	if (body)
		evbuffer_free(body);
}

static void reply_text(struct http *http, struct evhttp_request *request, bool is_openmetrics)
{
	struct evbuffer *body = evbuffer_new();

	if (!body || http_text_add(&http->texts[is_openmetrics], is_openmetrics, http->write,
				   http->userdata, body) < 0) {
		reply_error(request, HTTP_INTERNAL, "out of memory\n");
	} else {
		add_header(request, "Vary", "Accept");
		reply(request, HTTP_OK,
		      is_openmetrics ? "application/openmetrics-text; version=1.0.0; charset=utf-8"
				     : "text/plain; version=0.0.4; charset=utf-8",
		      body);
	}
	if (body)
		evbuffer_free(body);
}

static void on_request(struct evhttp_request *request, void *userdata)
{
	const struct evhttp_uri *uri = evhttp_request_get_evhttp_uri(request);
	const char *path = uri ? evhttp_uri_get_path(uri) : NULL;
	enum evhttp_cmd_type method = evhttp_request_get_command(request);
	const char *accept =
	    evhttp_find_header(evhttp_request_get_input_headers(request), "Accept");

	if (!path || strcmp(path, "/metrics") != 0) {
		reply_error(request, HTTP_NOTFOUND, "hookd has only /metrics\n");
	} else if (method != EVHTTP_REQ_GET && method != EVHTTP_REQ_HEAD) {
		add_header(request, "Allow", "GET, HEAD");
		reply_error(request, HTTP_BADMETHOD, "only GET and HEAD\n");
	} else {
		reply_text(userdata, request, accept_prefers_openmetrics(accept));
	}
}

/* ---- the listening socket ---- */

static void pause_accepting(struct http *http, int64_t ms)
{
	const struct timeval after = {.tv_sec = ms / 1000, .tv_usec = ms % 1000 * 1000};

	if (event_add(http->retry, &after) == 0)
		evconnlistener_disable(http->listener);
}

/*
 * The socket stays readable, and would wake the event loop all the time. The userdata is evhttp's,
 * so the server is found by its listener.
 */
static void on_accept_error(struct evconnlistener *listener, void *userdata)
{
	struct http *http;

	(void)userdata;
	LIST_FOREACH (http, &servers, link)
		if (http->listener == listener)
			pause_accepting(http, RETRY_AFTER_MS);
}

static void on_retry(evutil_socket_t fd, short what, void *userdata)
{
	struct http *http = userdata;

	(void)fd, (void)what;
	if (evconnlistener_enable(http->listener) < 0)
		timer_set(http->retry, &(struct timeval){.tv_usec = RETRY_AFTER_MS * 1000});
}

/* Of evhttp, when it has accepted. NULL: it makes a connection that is not limited. */
static struct bufferevent *on_accepted(struct event_base *base, void *userdata)
{
	struct http *http = userdata;
	int64_t now_ns = clock_ns(CLOCK_MONOTONIC);

	if (now_ns - http->accepts_began_ns >= HTTP_ACCEPTS_MS * (NS_PER_S / 1000)) {
		http->accepts_began_ns = now_ns;
		http->accepts = 0;
	}
	if (++http->accepts >= HTTP_ACCEPTS_MAX)
		pause_accepting(http, HTTP_ACCEPTS_MS);
	return http_connections_add(&http->connections, base);
}

static int listen_on(struct http *http, const struct http_options *options)
{
	struct evhttp_bound_socket *bound;
	int fd, r = http_socket_open(options, &http->socket, &fd);

	if (r < 0)
		return r;
	bound = evhttp_accept_socket_with_handle(http->server, fd);
	if (!bound) {
		close_fd(&fd);
		return -ENOMEM;
	}
	http->listener = evhttp_bound_socket_get_listener(bound);
	evconnlistener_set_error_cb(http->listener, on_accept_error);
	return 0;
}

/* ---- the server ---- */

static int make_server(struct http *http, const struct http_options *options)
{
	int r = http_connections_init(&http->connections, options->base);

	http->server = evhttp_new(options->base);
	http->retry = event_new(options->base, -1, 0, on_retry, http);
	if (r < 0 || !http->server || !http->retry)
		return -ENOMEM;
	evhttp_set_max_headers_size(http->server, HEADERS_MAX);
	evhttp_set_max_body_size(http->server, BODY_MAX);
	evhttp_set_timeout(http->server, HTTP_LIFETIME_S);
	/* All of them, so that on_request() refuses them: evhttp itself answers 501. */
	evhttp_set_allowed_methods(http->server, UINT16_MAX);
	evhttp_set_bevcb(http->server, on_accepted, http);
	evhttp_set_gencb(http->server, on_request, http);
	return listen_on(http, options);
}

int http_new(const struct http_options *options, struct http **ret_http)
{
	struct http *http = calloc(1, sizeof(*http));
	int r;

	if (!http)
		return -ENOMEM;
	LIST_INSERT_HEAD(&servers, http, link);
	http->write = options->write;
	http->userdata = options->userdata;
	r = make_server(http, options);
	if (r < 0)
		http_free(http);
	else
		*ret_http = http;
	return r;
}

struct http *http_free(struct http *http)
{
	if (!http)
		return NULL;
	LIST_REMOVE(http, link);
	http_socket_remove(&http->socket);
	if (http->server)
		evhttp_free(http->server);
	http_connections_clear(&http->connections);
	for (size_t i = 0; i < ELEMENTS(http->texts); i++)
		http_text_clear(&http->texts[i]);
	if (http->retry)
		event_free(http->retry);
	free(http);
	return NULL;
}
