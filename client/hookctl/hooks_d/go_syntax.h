/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>

#include "proto/base/buf.h"

#define GO_SYNTAX_REASON_SIZE 96

/*
 * GO_SYNTAX_UNKNOWN: it may be valid, but means what is not known here, such as an operator behind
 * a group of flags.
 */
enum go_syntax_answer { GO_SYNTAX_WRONG, GO_SYNTAX_OK, GO_SYNTAX_UNKNOWN };

/*
 * Reads a regular expression of Go's package regexp and appends one for PCRE2 with the same
 * meaning, for the options PCRE2_UTF and PCRE2_ALT_CIRCUMFLEX. Wrong, with the reason: Go refuses
 * it. Names of scripts and the size are not judged. ret->failed is for the caller.
 */
enum go_syntax_answer go_syntax_translate(const char *expression, struct hp_buf *ret,
					  char ret_reason[static GO_SYNTAX_REASON_SIZE]);
