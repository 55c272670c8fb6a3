/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "proto/base/buf.h"
#include "proto/json/json.h"

#define JSON_PRINT_COMPACT 0
#define JSON_PRINT_INDENT  4

/*
 * Appends a value as it was received: members in their order, numbers digit by digit, whatever
 * their size. `indent` columns per level, JSON_PRINT_COMPACT for one line; `depth` is the level of
 * the value. Strings keep their meaning, but control characters of terminals become \uXXXX.
 */
void json_print(struct hp_buf *buf, struct hp_json_value value, unsigned indent, unsigned depth);
/* The line break and the indentation between two values; nothing for JSON_PRINT_COMPACT. */
void json_print_break(struct hp_buf *buf, unsigned indent, unsigned depth);
