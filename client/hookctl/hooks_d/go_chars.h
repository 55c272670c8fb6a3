/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "proto/base/buf.h"

/* Characters and classes of ASCII in Go's regular expressions, and as PCRE2 gets them. */

#define GO_POINT_MAX 0x10ffff

/* [0-9], and with letters and '_'. */
bool go_is_digit(char letter);
bool go_is_word(char letter);

/* The next character of valid UTF-8 that is not at its end; *at is moved behind it. */
unsigned int go_take_utf8(const char **at);
/* The character of an escape, with *at at its backslash. False with a reason: Go refuses it. */
bool go_take_escaped(const char **at, unsigned int *ret, const char **ret_why);

void go_put_range(struct hp_buf *out, unsigned int low, unsigned int high);

struct go_class;
/* Of \d, \D and so on, or NULL. `at` is at the backslash. */
const struct go_class *go_class_perl(const char *at);
/* Of [:NAME:], or NULL. */
const struct go_class *go_class_posix(const char *name, size_t length);
/* What stands for it in brackets. */
void go_class_put(const struct go_class *class, bool is_negated, struct hp_buf *out);
