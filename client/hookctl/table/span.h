/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdint.h>

/* Times and durations in the form that people write. All in microseconds. */

/*
 * Parses a point in time: a span before `now_us` ("10m", "1h30m", "2d", "90s", "500ms", "1w"; also
 * "-10m", and "10m ago"), or after it ("+10m"); "now", "today", "yesterday"; a time of today
 * ("09:30"); a date ("2026-01-31", "2026-01-31 08:30", "2026-01-31T08:30:15Z", "...+02:00");
 * seconds since the epoch. Local time where no zone is given. Microseconds since the epoch. -EINVAL
 * for anything else.
 */
int span_parse_time(const char *text, int64_t now_us, int64_t *ret_us);

/* "90s", "2min", "1h30m", and "90" as seconds. -EINVAL for anything else, and for 0. */
int span_parse_duration(const char *text, int64_t *ret_us);

/* CLOCK_REALTIME. */
int64_t span_now_us(void);

#define SPAN_SIZE 48

/* "850us", "7.1ms", "12ms", "1.2s", "5s", "2min 3s", "3h 5min", "4d 2h". */
const char *span_format(uint64_t us, char buffer[static SPAN_SIZE]);
/* For ages, in whole units: "0s", "59s", "2min", "3h", "4d". */
const char *span_format_age(uint64_t us, char buffer[static SPAN_SIZE]);
/* "Sat 2026-01-31 08:30:15 CET" in local time. */
const char *span_format_time(uint64_t us, char buffer[static SPAN_SIZE]);
/* "Jan 31 08:30:15.862", as journalctl's short-precise. */
const char *span_format_moment(uint64_t us, char buffer[static SPAN_SIZE]);
