/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The text that is served. It is made at most once in HTTP_TEXT_LIFETIME_S, so that clients that
 * ask in a loop do not keep hookd from running hooks. Answers that are still being sent share it,
 * so a client that does not read holds no text of its own.
 */
#include "daemon/http/text.h"

struct http_bytes {
	struct hp_buf buf;
	size_t references;
};

static void release(struct http_bytes *bytes)
{
	if (!bytes || --bytes->references > 0)
		return;
	hp_buf_free(&bytes->buf);
	free(bytes);
}

static void on_sent(const void *data, size_t length, void *userdata)
{
	(void)data, (void)length;
	release(userdata);
}

static int make(struct http_text *text, bool is_openmetrics, http_write write, void *userdata)
{
	struct http_bytes *bytes = calloc(1, sizeof(*bytes));

	if (!bytes)
		return -ENOMEM;
	bytes->references = 1;
	write(is_openmetrics, &bytes->buf, userdata);
	if (bytes->buf.failed) {
		release(bytes);
		return -ENOMEM;
	}
	release(text->bytes);
	text->bytes = bytes;
	text->made_ns = clock_ns(CLOCK_MONOTONIC);
	return 0;
}

int http_text_add(struct http_text *text, bool is_openmetrics, http_write write, void *userdata,
		  struct evbuffer *body)
{
	int64_t oldest_ns = clock_ns(CLOCK_MONOTONIC) - HTTP_TEXT_LIFETIME_S * NS_PER_S;
	int r = 0;

	if (!text->bytes || text->made_ns <= oldest_ns)
		r = make(text, is_openmetrics, write, userdata);
	if (r < 0)
		return r;
	if (evbuffer_add_reference(body, text->bytes->buf.data, text->bytes->buf.length, on_sent,
				   text->bytes) < 0)
		return -ENOMEM;
	text->bytes->references++;
	return 0;
}

void http_text_clear(struct http_text *text)
{
	release(text->bytes);
	*text = (struct http_text){0};
}
