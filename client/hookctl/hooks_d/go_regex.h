/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>

/*
 * Regular expressions as Go's package regexp has them. Time and memory are bounded. Where the
 * answer would need more, or is not known, that is an answer of its own, so that none is wrong.
 */

#define GO_REGEX_REASON_SIZE 96

enum go_regex_answer { GO_REGEX_NO, GO_REGEX_YES, GO_REGEX_UNKNOWN };

/* False with the reason: Go refuses it. True also if only Go can tell. */
bool go_regex_check(const char *expression, char ret_reason[static GO_REGEX_REASON_SIZE]);
/* Whether it matches a part of the text. */
enum go_regex_answer go_regex_match(const char *expression, const char *text);
