/* SPDX-License-Identifier: Apache-2.0 */

/* Reads the JSON files that are named on the command line. A document owns its text. */

#include "client/hookctl/document.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "proto/base/limits.h"
#include "proto/json/mistakes.h"

static int read_all(int fd, struct hp_buf *text, struct hp_err *err)
{
	for (;;) {
		char *room = hp_buf_reserve(text, 64 * 1024);
		ssize_t got;

		if (room == NULL)
			return -ENOMEM;
		got = read(fd, room, 64 * 1024);
		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return -errno;
		if (got == 0)
			return 0;
		text->length += (size_t)got;
		if (text->length > HP_MESSAGE_BYTES_MAX) {
			hp_err_invalid(err, NULL, "more than %u bytes", HP_MESSAGE_BYTES_MAX);
			return -EMSGSIZE;
		}
	}
}

/* Without waiting for somebody who writes to a FIFO; a pipe is read to its end. */
static int open_file(const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);

	if (fd >= 0)
		(void)fcntl(fd, F_SETFL, 0);
	return fd < 0 ? -errno : fd;
}

static bool is_fifo(int fd)
{
	struct stat status;

	return fstat(fd, &status) == 0 && S_ISFIFO(status.st_mode);
}

int document_load(struct hp_buf *text, const char *path, struct hp_err *err)
{
	bool is_stdin = strcmp(path, "-") == 0;
	int fd = is_stdin ? STDIN_FILENO : open_file(path);
	int r;

	if (fd < 0)
		return fd;
	r = read_all(fd, text, err);
	if (r == 0 && text->length == 0 && !is_stdin && is_fifo(fd)) {
		hp_err_invalid(err, NULL, "a FIFO that nobody writes to");
		r = -ENODATA;
	}
	if (!is_stdin)
		close(fd);
	return r;
}

/* ---- a key that is there twice ---- */

#define DEPTH_MAX 64

struct place {
	const char *key; /* in an object: its last key, with the quotes; NULL: an array */
	size_t length, index;
};

static void put_path(const struct place *places, size_t depth, struct hp_buf *path)
{
	for (size_t i = 0; i < depth; i++) {
		if (places[i].key == NULL)
			hp_buf_format(path, "[%zu]", places[i].index);
		else if (places[i].length > 2)
			hp_buf_format(path, "%s%.*s", i > 0 ? "." : "", (int)places[i].length - 2,
				      places[i].key + 1);
	}
	hp_buf_append(path, "", 1);
}

/* Behind the string that begins there. */
static size_t skip_string(const char *text, size_t at, size_t end)
{
	for (at++; at < end && text[at] != '"'; at++)
		at += text[at] == '\\';
	return at + 1;
}

void document_duplicate_key(const struct document *document, struct hp_buf *path)
{
	const char *text = document->text.data;
	size_t end = document->text.length, at = 0, depth = 0;
	struct place places[DEPTH_MAX];
	bool wants_key = false;

	if (strcmp(document->json.error, "duplicate key") != 0)
		end = 0;
	/* What is before the key is JSON. */
	while (at <= document->json.error_offset && at < end) {
		char c = text[at];

		if (c == '"') {
			size_t next = skip_string(text, at, end);

			if (wants_key && depth > 0 && next <= end)
				places[depth - 1] = (struct place){text + at, next - at, 0};
			wants_key = false;
			at = next;
			continue;
		}
		if ((c == '{' || c == '[') && at < document->json.error_offset) {
			if (depth == DEPTH_MAX)
				break;
			places[depth++] = (struct place){c == '{' ? "" : NULL, 0, 0};
			wants_key = c == '{';
		} else if ((c == '}' || c == ']') && depth > 0) {
			depth--;
		} else if (c == ',' && depth > 0) {
			places[depth - 1].index++;
			wants_key = places[depth - 1].key != NULL;
		}
		at++;
	}
	put_path(places, depth, path);
}

int document_read(struct document *document, const char *path, struct hp_err *err)
{
	int r = document_load(&document->text, path, err);

	if (r < 0)
		return r;
	return hp_json_parse(&document->json, document->text.data, document->text.length, err);
}

void document_print_mistake(const struct hp_json *json, const char *file, uint32_t index,
			    const char *path, const char *reason,
			    char ret_text[static DOCUMENT_ERROR_SIZE])
{
	struct hp_json_mistake mistake = {.index = index};
	struct hp_json_place place;
	struct hp_buf whole = HP_BUF_INIT;

	snprintf(mistake.err.path, sizeof(mistake.err.path), "%s", path);
	place = hp_json_place(json->text, hp_json_mistake_offset(json, &mistake));
	hp_json_mistake_path(json, &mistake, &whole);
	snprintf(ret_text, DOCUMENT_ERROR_SIZE, "%s:%u:%u: %.*s%s%s", file, place.line,
		 place.column, (int)whole.length, whole.data != NULL ? whole.data : "",
		 whole.length > 0 ? ": " : "", reason);
	hp_buf_free(&whole);
}

void document_print_error(const struct document *document, const char *path, int r,
			  const struct hp_err *err, char ret_text[static DOCUMENT_ERROR_SIZE])
{
	const struct hp_json *json = &document->json;
	struct hp_json_place place;

	if (json->error) {
		struct hp_buf where = HP_BUF_INIT;
		const char *at;

		document_duplicate_key(document, &where);
		at = where.failed ? "" : where.data;
		place = hp_json_place(document->text.data, json->error_offset);
		snprintf(ret_text, DOCUMENT_ERROR_SIZE, "%s:%u:%u: %s%s%s", path, place.line,
			 place.column, at, at[0] != '\0' ? ": " : "", json->error);
		hp_buf_free(&where);
	} else if (json->count > 0 && r == -EINVAL) {
		document_print_mistake(json, path, 0, err->path, err->reason, ret_text);
	} else {
		snprintf(ret_text, DOCUMENT_ERROR_SIZE, "%s: %s", path,
			 err->reason[0] != '\0' ? err->reason : strerror(-r));
	}
}

void document_free(struct document *document)
{
	hp_json_free(&document->json);
	hp_buf_free(&document->text);
}
