/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>

/*
 * Regular expressions as Go's package regexp has them, as far as those of POSIX with \w, \s and \b
 * mean the same. That is nearly all that files of hooks.d contain; the rest (flags, \d, Unicode
 * classes) is told apart, so that no answer is wrong.
 */

#define GO_REGEX_REASON_SIZE 96

enum go_regex_answer { GO_REGEX_NO, GO_REGEX_YES, GO_REGEX_UNKNOWN };

/* False with the reason: neither Go nor POSIX would take it. True if only Go can tell. */
bool go_regex_check(const char *expression, char ret_reason[static GO_REGEX_REASON_SIZE]);
/* Whether it matches a part of the text. */
enum go_regex_answer go_regex_match(const char *expression, const char *text);
