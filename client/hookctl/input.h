/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "client/hookctl/document.h"
#include "client/hookctl/hookctl.h"
#include "client/hookctl/run_request.h"
#include "proto/json/json_writer.h"

/* Turns the command line into parameters of a call, for the verbs that send files. */

/* How the files are written: --dialect. */
enum hp_dialect input_dialect(const struct ctl *ctl);

/* A file whose content is a parameter of a call. */
struct input_file {
	const char *parameter; /* "hooks" */
	const char *path;
	struct document document;
	struct slice slice; /* what hookd gets of it; in the document */
	char *text;	    /* the same, ended with a NUL; NULL: there is no file */
};
/*
 * Reads the file, as --state, --hooks or --settings would be read; a `path` of NULL is no file. 0,
 * or an exit status after a message. Free it in any case.
 */
int input_file_read(const struct ctl *ctl, enum option_id id, const char *path,
		    struct input_file *ret);
void input_file_free(struct input_file *file);

/*
 * As ctl_call_failed(), but of a mistake in one of the files it says where it is, as validate does:
 * "f.json:14:21: hooks.poststop[0].path: must be an absolute path".
 */
int input_call_failed(const struct ctl *ctl, int r, const struct input_file *files, size_t count);

/* Writes one member of the parameters, or nothing if there is no text. */
void input_put_text(struct hp_json_writer *writer, const char *key, const char *text);
void input_put_slice(struct hp_json_writer *writer, const char *key, const struct slice *slice);
