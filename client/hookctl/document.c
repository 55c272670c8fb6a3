/* SPDX-License-Identifier: Apache-2.0 */

/* Reads the JSON files that are named on the command line. A document owns its text. */

#include "client/hookctl/document.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
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

int document_load(struct hp_buf *text, const char *path, struct hp_err *err)
{
	bool is_stdin = strcmp(path, "-") == 0;
	int fd = is_stdin ? STDIN_FILENO : open(path, O_RDONLY | O_CLOEXEC);
	int r;

	if (fd < 0)
		return -errno;
	r = read_all(fd, text, err);
	if (!is_stdin)
		close(fd);
	return r;
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
		place = hp_json_place(document->text.data, json->error_offset);
		snprintf(ret_text, DOCUMENT_ERROR_SIZE, "%s:%u:%u: %s", path, place.line,
			 place.column, json->error);
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
