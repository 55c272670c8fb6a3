/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stddef.h>

/*
 * A second opinion on JSON: what jansson makes of a text must be what proto/json/json.c makes of
 * it, down to each member and each byte of a string.
 *
 * The differences that are meant are not compared: texts beyond a bound of limits.h, which jansson
 * does not have; texts with a number that jansson has no type for and json.c keeps as it is; and
 * texts with a NUL byte, some of which jansson passes over.
 */

enum oracle_verdict { ORACLE_TAKEN, ORACLE_REFUSED, ORACLE_NOT_COMPARED };

/*
 * Parses with both; NULL when they agree, else what they do not agree about. *ret_verdict may be
 * NULL.
 */
const char *oracle_compare(const char *text, size_t length, enum oracle_verdict *ret_verdict);
