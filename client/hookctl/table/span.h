/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdint.h>

/* Times and durations in the form that people write. All in microseconds. */

/*
 * Parses a point in time: a span before `now_us` ("10m", "1h30m", "2d", "90s", "500ms", "1w") or a
 * date ("2026-01-31", "2026-01-31 08:30", "2026-01-31T08:30:15Z", "...+02:00"; local time without a
 * zone). Microseconds since the epoch. -EINVAL for anything else.
 */
int span_parse_since(const char *text, int64_t now_us, int64_t *ret_us);

#define SPAN_SIZE 48

/* "850us", "12.3ms", "1.23s", "2min 3s", "3h 5min", "4d 2h". */
const char *span_format(uint64_t us, char buffer[static SPAN_SIZE]);
/* For ages, in whole units: "0s", "59s", "2min", "3h", "4d". */
const char *span_format_age(uint64_t us, char buffer[static SPAN_SIZE]);
/* "2026-01-31 08:30:15 CET" in local time. */
const char *span_format_time(uint64_t us, char buffer[static SPAN_SIZE]);
