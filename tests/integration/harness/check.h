/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "tests/integration/harness/client.h"

/*
 * Checks members of a client's last reply. A path is relative to the reply's parameters, such as
 * "result.hooks[1].outcome". A difference fails the test at the caller's line and shows the reply.
 */
#define check_string(c, path, text)  check_string_at(c, path, text, __FILE__, __LINE__)
#define check_int(c, path, number)   check_int_at(c, path, number, __FILE__, __LINE__)
#define check_bool(c, path, value)   check_bool_at(c, path, value, __FILE__, __LINE__)
#define check_absent(c, path)	     check_absent_at(c, path, __FILE__, __LINE__)
#define check_count(c, path, number) check_count_at(c, path, number, __FILE__, __LINE__)
/* The string contains the whole line; or contains the text. */
#define check_line(c, path, line) check_line_at(c, path, line, __FILE__, __LINE__)
#define check_part(c, path, part) check_part_at(c, path, part, __FILE__, __LINE__)
#define check_error(c, name)	  check_error_at(c, name, __FILE__, __LINE__)
/* The error io.hookd.INTERFACE.Invalid with that path and a reason. */
#define check_invalid(c, interface, path)                                                          \
	do {                                                                                       \
		check_error(c, "io.hookd." interface ".Invalid");                                  \
		check_string(c, "path", path);                                                     \
		check_part(c, "detail", " ");                                                      \
	} while (0)
/* No error, and the run's only hook has succeeded, or the run has the outcome. */
#define check_success(client) check_outcome(client, "succeeded")
#define check_outcome(client, outcome)                                                             \
	do {                                                                                       \
		check_error(client, "");                                                           \
		check_string(client, "result.outcome", outcome);                                   \
	} while (0)

void check_string_at(struct client *client, const char *path, const char *want, const char *file,
		     int line);
void check_int_at(struct client *client, const char *path, int64_t want, const char *file,
		  int line);
void check_bool_at(struct client *client, const char *path, bool want, const char *file, int line);
void check_absent_at(struct client *client, const char *path, const char *file, int line);
void check_count_at(struct client *client, const char *path, uint32_t want, const char *file,
		    int line);
void check_line_at(struct client *client, const char *path, const char *want, const char *file,
		   int line);
void check_part_at(struct client *client, const char *path, const char *want, const char *file,
		   int line);
void check_error_at(struct client *client, const char *want, const char *file, int line);

/* Return the value; a missing one fails the test. The last four strings are valid. */
struct hp_json_value reply_value(struct client *client, const char *path);
int64_t reply_int(struct client *client, const char *path);
const char *reply_string(struct client *client, const char *path);
bool reply_has(struct client *client, const char *path);
