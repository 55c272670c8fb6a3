/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <event2/buffer.h>

#include "daemon/http/http.h"

/* The last text of one format. Zeroed: there is none. */
struct http_text {
	struct http_bytes *bytes; /* shared with the answers that are being sent */
	int64_t made_ns;	  /* CLOCK_MONOTONIC */
};

/*
 * Appends the text to `body` without copying it. write() makes it anew if it is older than
 * HTTP_TEXT_LIFETIME_S. -ENOMEM.
 */
int http_text_add(struct http_text *text, bool is_openmetrics, http_write write, void *userdata,
		  struct evbuffer *body) must_check;
void http_text_clear(struct http_text *text);
