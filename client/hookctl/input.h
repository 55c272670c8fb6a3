/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "client/hookctl/document.h"
#include "client/hookctl/hookctl.h"
#include "client/hookctl/run_request.h"
#include "proto/json/json_writer.h"

/* Turns the command line into parameters of a call, for the verbs that send files. */

/* How the files are written: --dialect. */
enum hp_dialect input_dialect(const struct ctl *ctl);

/* Reads the file that the option names. 0, or an exit status after a message. */
int input_read_document(const struct ctl *ctl, enum option_id id, struct document *ret);
/* Reports an error of that file: *err if it has a reason, else `r`. Returns CTL_EXIT_USAGE. */
int input_fail(const struct ctl *ctl, enum option_id id, int r, const struct hp_err *err);

/* A parameter of a call, and where it comes from. Without a slice it was not given. */
struct input_part {
	const char *parameter; /* "hooks" */
	const char *path;      /* of the file */
	const struct document *document;
	struct slice slice; /* of the document */
};
/*
 * As ctl_call_failed(), but of a mistake in one of the parts it says where it is in the file, as
 * validate does: "f.json:14:21: hooks.poststop[0].path: must be an absolute path".
 */
int input_call_failed(const struct ctl *ctl, int r, const struct input_part *parts, size_t count);

/* Writes one member of the parameters, or nothing if there is no text. */
void input_put_text(struct hp_json_writer *writer, const char *key, const char *text);
void input_put_slice(struct hp_json_writer *writer, const char *key, const struct slice *slice);
