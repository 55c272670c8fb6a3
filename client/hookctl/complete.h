/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "client/hookctl/hookctl.h"

/*
 * What the completions of shells ask (client/hookctl/completion): prints what may stand for the
 * last word, a value, a tab and a description on each line. ":files" and ":directories" leave it to
 * the shell.
 */
struct completion {
	struct ctl *ctl;
	int argc; /* > 0 */
	char **argv;
	uint64_t options;   /* that may be given */
	const char *before; /* "--name=", which the last word begins with; NULL: does not */
};

/* Prints the value if the last word is the beginning of it, and if it can stand on a line. */
void complete_offer(const struct completion *completion, const char *value,
		    const char *description);

/* The name of an option, or its value. False: it is neither. */
bool complete_option(struct completion *completion);

/*
 * An operand: `operands` is what help shows, such as "RUN|CONTAINER". `is_unfinished`: no runs that
 * are done.
 */
void complete_operand(struct completion *completion, const char *operands, bool is_unfinished);
