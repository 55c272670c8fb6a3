/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stddef.h>

/*
 * Compares proto/json/json.c with jansson: both must read the same value from a text, down to each
 * member and each byte of a string.
 *
 * Intended differences are not compared: texts beyond a bound of limits.h, which jansson does not
 * have; texts with a number that does not fit into a type of jansson's and that json.c keeps as it
 * is; and texts with a NUL byte, some of which jansson ignores.
 */

enum oracle_verdict { ORACLE_TAKEN, ORACLE_REFUSED, ORACLE_NOT_COMPARED };

/*
 * Parses with both. NULL if they agree, else the name of the difference. *ret_verdict may be NULL.
 */
const char *oracle_compare(const char *text, size_t length, enum oracle_verdict *ret_verdict);
