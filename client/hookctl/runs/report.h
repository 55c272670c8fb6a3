/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>

#include "proto/base/buf.h"
#include "proto/messages/result.h"

/* The result of a run, as text and as an exit status. */

struct report_style {
	bool has_legend;
	bool has_colour;
	bool has_all_output; /* not only that of hooks that failed */
};

/* Appends the table of hooks and then their output. -ENOMEM. */
int report_write(const struct hp_run_result *result, const struct report_style *style,
		 struct hp_buf *buf);

/*
 * 0 if it succeeded; else by the first failed hook: 124 it timed out, 126 it could not be spawned,
 * 1 anything else, also a cancelled run. 125 for a lost run, of which nothing is known.
 */
int report_exit_status(const struct hp_run_result *result);

#define REPORT_WORDS_SIZE 128

/* "exited with 3", "killed by SIGSEGV", "could not be started: exec, ENOENT", ... */
const char *report_hook_words(const struct hp_hook_result *hook,
			      char buffer[static REPORT_WORDS_SIZE]);
