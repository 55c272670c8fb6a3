/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "client/hookctl/document.h"
#include "client/hookctl/hookctl.h"
#include "client/hookctl/run_request.h"

/* Turns the command line into parameters of a call, for the verbs that send files. */

enum input_kind { INPUT_STATE, INPUT_HOOKS, INPUT_SETTINGS, INPUT_SECCOMP };

/* A file whose content is a parameter of a call. */
struct input_file {
	enum input_kind kind;
	const char *path; /* NULL: there is no file */
	struct document document;
	struct slice slice; /* what hookd gets of it; in the document */
	char *text;	    /* the same, ended with a NUL; NULL: there is no file */
};
/*
 * Reads the files, whose kinds and paths the caller has set; the rest is zeros. *ret_dialect is how
 * they are written: --dialect, else as the documents look; a document whose members do not tell (a
 * list of hooks) is like the others. 0, or an exit status after a message: also where two of them
 * are written differently. Free each file in any case.
 */
int input_read(const struct ctl *ctl, struct input_file *files, size_t count,
	       enum hp_dialect *ret_dialect);
void input_file_free(struct input_file *file);

/* The dialect's name for a call; NULL for the default. */
const char *input_dialect_name(enum hp_dialect dialect);

/*
 * As ctl_call_failed(), but of a mistake in one of the files it says where it is, as validate does:
 * "f.json:14:21: hooks.poststop[0].path: must be an absolute path".
 */
int input_call_failed(const struct ctl *ctl, int r, const struct input_file *files, size_t count);
