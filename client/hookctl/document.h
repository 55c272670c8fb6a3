/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "proto/base/buf.h"
#include "proto/json/json.h"

/* A JSON file, read and checked; its values can be copied out byte for byte. */
struct document {
	struct hp_buf text;
	struct hp_json json;
};

/*
 * Reads the file, or stdin for "-". A negative errno of reading it; with *err filled -EMSGSIZE when
 * it is longer than a message may be, and those of hp_json_parse().
 */
int document_read(struct document *document, const char *path, struct hp_err *err);
/* If the text is no JSON since an object has a key twice: its path, with a NUL; else "". */
void document_duplicate_key(const struct document *document, struct hp_buf *path);
/* Only reads it. The caller frees the text in any case. */
int document_load(struct hp_buf *text, const char *path, struct hp_err *err);
/*
 * Why document_read() has failed with `r`, or a reader of the document, with the path in *err:
 * "f.json:1:6: a colon is expected", "f.json:3:10: hooks.poststop: must be an array", "f.json: No
 * such file or directory". What is too long is cut.
 */
#define DOCUMENT_ERROR_SIZE 512
void document_print_error(const struct document *document, const char *path, int r,
			  const struct hp_err *err, char ret_text[static DOCUMENT_ERROR_SIZE]);
/* The same for a mistake at `path` below the value of the token `index` in a parsed text. */
void document_print_mistake(const struct hp_json *json, const char *file, uint32_t index,
			    const char *path, const char *reason,
			    char ret_text[static DOCUMENT_ERROR_SIZE]);
void document_free(struct document *document);
