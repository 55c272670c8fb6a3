/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Parses and formats times: the values of --since, and the durations and ages of tables. Pure
 * functions, except for the time zone of the environment.
 */

#include "client/hookctl/table/span.h"

#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define MS     INT64_C(1000)
#define SECOND (1000 * MS)
#define MINUTE (60 * SECOND)
#define HOUR   (60 * MINUTE)
#define DAY    (24 * HOUR)
#define WEEK   (7 * DAY)

static const struct {
	const char *name;
	int64_t us;
} units[] = {
    {"us", 1},	     {"ms", MS},  {"s", SECOND}, {"sec", SECOND}, {"m", MINUTE},
    {"min", MINUTE}, {"h", HOUR}, {"d", DAY},	 {"w", WEEK},
};

static int64_t unit_us(const char *name, size_t length)
{
	for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++)
		if (strlen(units[i].name) == length && memcmp(units[i].name, name, length) == 0)
			return units[i].us;
	return 0;
}

/* "1h30m": numbers, each with its unit. */
static int parse_span(const char *text, int64_t *ret_us)
{
	int64_t sum = 0;

	if (*text == '\0')
		return -EINVAL;
	while (*text != '\0') {
		int64_t number = 0, part;
		const char *digits = text;
		size_t length;

		for (; *text >= '0' && *text <= '9'; text++)
			if (__builtin_mul_overflow(number, 10, &number) ||
			    __builtin_add_overflow(number, *text - '0', &number))
				return -EINVAL;
		length = strspn(text, "abcdefghijklmnopqrstuvwxyz");
		if (text == digits ||
		    __builtin_mul_overflow(number, unit_us(text, length), &part) ||
		    __builtin_add_overflow(sum, part, &sum) || unit_us(text, length) == 0)
			return -EINVAL;
		text += length;
	}
	*ret_us = sum;
	return 0;
}

/* "Z", "+02:00", "-0530": seconds east of Greenwich. */
static int parse_zone(const char *text, long *ret_seconds)
{
	int sign = *text == '-' ? -1 : 1;
	unsigned hours, minutes;
	int used = 0;

	if (strcmp(text, "Z") == 0) {
		*ret_seconds = 0;
		return 0;
	}
	if ((*text != '+' && *text != '-') ||
	    (sscanf(text + 1, "%2u:%2u%n", &hours, &minutes, &used) != 2 &&
	     sscanf(text + 1, "%2u%2u%n", &hours, &minutes, &used) != 2) ||
	    text[1 + used] != '\0' || hours > 14 || minutes > 59)
		return -EINVAL;
	*ret_seconds = sign * (long)(hours * 3600 + minutes * 60);
	return 0;
}

/* True for a day that exists: timegm(3) would make the 3rd of March of 31 February. */
static bool is_real_date(const struct tm *tm)
{
	struct tm copy = *tm;

	return timegm(&copy) != (time_t)-1 && copy.tm_mday == tm->tm_mday &&
	       copy.tm_mon == tm->tm_mon;
}

static int parse_date(const char *text, int64_t *ret_us)
{
	static const char *const formats[] = {"%Y-%m-%dT%H:%M:%S", "%Y-%m-%d %H:%M:%S",
					      "%Y-%m-%dT%H:%M", "%Y-%m-%d %H:%M", "%Y-%m-%d"};
	long zone_seconds;
	struct tm tm;
	const char *rest = NULL;
	time_t seconds;

	for (size_t i = 0; i < sizeof(formats) / sizeof(formats[0]) && rest == NULL; i++) {
		tm = (struct tm){.tm_isdst = -1};
		rest = strptime(text, formats[i], &tm);
	}
	if (rest == NULL || !is_real_date(&tm))
		return -EINVAL;
	if (*rest == '\0') {
		seconds = mktime(&tm);
	} else {
		int r = parse_zone(rest, &zone_seconds);

		if (r < 0)
			return r;
		seconds = timegm(&tm) - zone_seconds;
	}
	if (seconds < 0)
		return -EINVAL;
	*ret_us = (int64_t)seconds * SECOND;
	return 0;
}

int span_parse_since(const char *text, int64_t now_us, int64_t *ret_us)
{
	int64_t us;

	if (parse_span(text, &us) < 0)
		return parse_date(text, ret_us);
	*ret_us = us < now_us ? now_us - us : 0;
	return 0;
}

/* "2min 3s": the larger unit, and the smaller where there is some of it. */
static const char *format_two(uint64_t us, uint64_t large_us, const char *large, uint64_t small_us,
			      const char *small, char buffer[static SPAN_SIZE])
{
	uint64_t rest = us % large_us / small_us;
	int used = snprintf(buffer, SPAN_SIZE, "%" PRIu64 "%s", us / large_us, large);

	assert(us >= large_us && large_us > small_us);
	if (rest > 0)
		snprintf(buffer + used, SPAN_SIZE - (size_t)used, " %" PRIu64 "%s", rest, small);
	return buffer;
}

const char *span_format(uint64_t us, char buffer[static SPAN_SIZE])
{
	if (us < MS)
		snprintf(buffer, SPAN_SIZE, "%" PRIu64 "us", us);
	else if (us < SECOND)
		snprintf(buffer, SPAN_SIZE, "%" PRIu64 ".%" PRIu64 "ms", us / MS, us % MS / 100);
	else if (us < MINUTE)
		snprintf(buffer, SPAN_SIZE, "%" PRIu64 ".%02" PRIu64 "s", us / SECOND,
			 us % SECOND / (10 * MS));
	else if (us < HOUR)
		return format_two(us, MINUTE, "min", SECOND, "s", buffer);
	else if (us < DAY)
		return format_two(us, HOUR, "h", MINUTE, "min", buffer);
	else
		return format_two(us, DAY, "d", HOUR, "h", buffer);
	return buffer;
}

const char *span_format_age(uint64_t us, char buffer[static SPAN_SIZE])
{
	static const struct {
		uint64_t us;
		const char *name;
	} steps[] = {{DAY, "d"}, {HOUR, "h"}, {MINUTE, "min"}, {SECOND, "s"}};
	size_t i = 0;

	while (i < 3 && us < steps[i].us)
		i++;
	snprintf(buffer, SPAN_SIZE, "%" PRIu64 "%s", us / steps[i].us, steps[i].name);
	return buffer;
}

const char *span_format_time(uint64_t us, char buffer[static SPAN_SIZE])
{
	time_t seconds = (time_t)(us / SECOND);
	struct tm tm;

	if (localtime_r(&seconds, &tm) == NULL ||
	    strftime(buffer, SPAN_SIZE, "%Y-%m-%d %H:%M:%S %Z", &tm) == 0)
		snprintf(buffer, SPAN_SIZE, "%" PRIu64 "us", us);
	return buffer;
}
