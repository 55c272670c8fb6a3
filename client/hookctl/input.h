/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "client/hookctl/document.h"
#include "client/hookctl/hookctl.h"
#include "client/hookctl/run_request.h"

/* Turns the command line into parameters of a call, for the verbs that send files. */

/*
 * How the files are written: --dialect, else as the documents look; a document whose members do not
 * tell (a list of hooks) is like the others. `second` may be NULL. 0, or an exit status after a
 * message, where the two differ.
 */
int input_find_dialect(const struct ctl *ctl, const struct document *first,
		       const struct document *second, enum hp_dialect *ret);

/* Reads the file that the option names. 0, or an exit status after a message. */
int input_read_document(const struct ctl *ctl, enum option_id id, struct document *ret);
/* Reports an error of that file: *err if it has a reason, else `r`. Returns CTL_EXIT_USAGE. */
int input_fail(const struct ctl *ctl, enum option_id id, int r, const struct hp_err *err);

/* The dialect's name for a call; NULL for the default. */
const char *input_dialect_name(enum hp_dialect dialect);
