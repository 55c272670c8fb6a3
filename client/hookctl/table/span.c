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

	if (strcmp(text, "Z") == 0 || strcmp(text, "z") == 0) {
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

/* ".25", any number of digits: microseconds. */
static int parse_fraction(const char **text, int64_t *ret_us)
{
	const char *digit = *text + 1;
	int64_t part = SECOND;

	if (*digit < '0' || *digit > '9')
		return -EINVAL;
	for (; *digit >= '0' && *digit <= '9'; digit++) {
		part /= 10;
		*ret_us += (*digit - '0') * part;
	}
	*text = digit;
	return 0;
}

static int parse_date(const char *text, int64_t *ret_us)
{
	static const char *const formats[] = {"%Y-%m-%dT%H:%M:%S", "%Y-%m-%d %H:%M:%S",
					      "%Y-%m-%dT%H:%M", "%Y-%m-%d %H:%M", "%Y-%m-%d"};
	long zone_seconds;
	struct tm tm;
	const char *rest = NULL;
	bool has_seconds = false;
	time_t seconds;
	int64_t us = 0;

	for (size_t i = 0; i < sizeof(formats) / sizeof(formats[0]) && rest == NULL; i++) {
		tm = (struct tm){.tm_isdst = -1};
		rest = strptime(text, formats[i], &tm);
		has_seconds = i < 2;
	}
	if (rest == NULL || !is_real_date(&tm))
		return -EINVAL;
	if (has_seconds && *rest == '.') {
		int r = parse_fraction(&rest, &us);

		if (r < 0)
			return r;
	}
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
	*ret_us = (int64_t)seconds * SECOND + us;
	return 0;
}

/* Midnight, or a time of the day of `now_us`, some days before it. */
static int of_day(int64_t now_us, int days_before, const struct tm *time_of_day, int64_t *ret_us)
{
	time_t now = (time_t)(now_us / SECOND);
	struct tm tm;

	if (localtime_r(&now, &tm) == NULL)
		return -EINVAL;
	tm.tm_mday -= days_before;
	tm.tm_hour = time_of_day != NULL ? time_of_day->tm_hour : 0;
	tm.tm_min = time_of_day != NULL ? time_of_day->tm_min : 0;
	tm.tm_sec = time_of_day != NULL ? time_of_day->tm_sec : 0;
	tm.tm_isdst = -1;
	*ret_us = (int64_t)mktime(&tm) * SECOND;
	return 0;
}

/* "now", "today", "yesterday", "09:30", "09:30:15" */
static int parse_day(const char *text, int64_t now_us, int64_t *ret_us)
{
	static const char *const formats[] = {"%H:%M:%S", "%H:%M"};

	if (strcmp(text, "now") == 0) {
		*ret_us = now_us;
		return 0;
	}
	if (strcmp(text, "today") == 0)
		return of_day(now_us, 0, NULL, ret_us);
	if (strcmp(text, "yesterday") == 0)
		return of_day(now_us, 1, NULL, ret_us);
	for (size_t i = 0; i < sizeof(formats) / sizeof(formats[0]); i++) {
		struct tm tm = {0};
		const char *rest = strptime(text, formats[i], &tm);

		if (rest != NULL && *rest == '\0')
			return of_day(now_us, 0, &tm, ret_us);
	}
	return -EINVAL;
}

/* "1769860800", with a fraction or without. */
static int parse_epoch(const char *text, int64_t *ret_us)
{
	int64_t seconds = 0, us = 0;
	const char *digits = text;

	for (; *text >= '0' && *text <= '9'; text++)
		if (__builtin_mul_overflow(seconds, 10, &seconds) ||
		    __builtin_add_overflow(seconds, *text - '0', &seconds))
			return -EINVAL;
	if (text == digits)
		return -EINVAL;
	if (*text == '.' && parse_fraction(&text, &us) < 0)
		return -EINVAL;
	if (*text != '\0' || __builtin_mul_overflow(seconds, SECOND, &seconds) ||
	    __builtin_add_overflow(seconds, us, ret_us))
		return -EINVAL;
	return 0;
}

/* "10m", "-10m", "10m ago", "+10m" */
static int parse_offset(const char *text, int64_t now_us, int64_t *ret_us)
{
	size_t length = strlen(text);
	char copy[64];
	int64_t us;

	if (length >= sizeof(copy))
		return -EINVAL;
	memcpy(copy, text, length + 1);
	if (*text != '+' && length > 4 && strcmp(copy + length - 4, " ago") == 0)
		copy[length - 4] = '\0';
	if (parse_span(copy + (*text == '+' || *text == '-'), &us) < 0)
		return -EINVAL;
	if (*text == '+')
		return __builtin_add_overflow(now_us, us, ret_us) ? -EINVAL : 0;
	*ret_us = us < now_us ? now_us - us : 0;
	return 0;
}

int span_parse_time(const char *text, int64_t now_us, int64_t *ret_us)
{
	if (parse_offset(text, now_us, ret_us) == 0 || parse_day(text, now_us, ret_us) == 0 ||
	    parse_epoch(text, ret_us) == 0)
		return 0;
	return parse_date(text, ret_us);
}

int span_parse_duration(const char *text, int64_t *ret_us)
{
	int64_t us;

	if (parse_span(text, &us) < 0 && parse_epoch(text, &us) < 0)
		return -EINVAL;
	if (us == 0)
		return -EINVAL;
	*ret_us = us;
	return 0;
}

int64_t span_now_us(void)
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	return (int64_t)now.tv_sec * SECOND + now.tv_nsec / 1000;
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

/* "7.1ms", "12ms": one digit behind the point below ten, but for whole ones. */
static const char *format_one(uint64_t us, uint64_t unit_us, const char *unit,
			      char buffer[static SPAN_SIZE])
{
	if (us < 10 * unit_us && us % unit_us != 0)
		snprintf(buffer, SPAN_SIZE, "%" PRIu64 ".%" PRIu64 "%s", us / unit_us,
			 us % unit_us * 10 / unit_us, unit);
	else
		snprintf(buffer, SPAN_SIZE, "%" PRIu64 "%s", us / unit_us, unit);
	return buffer;
}

const char *span_format(uint64_t us, char buffer[static SPAN_SIZE])
{
	if (us < MS)
		snprintf(buffer, SPAN_SIZE, "%" PRIu64 "us", us);
	else if (us < SECOND)
		return format_one(us, MS, "ms", buffer);
	else if (us < MINUTE)
		return format_one(us, SECOND, "s", buffer);
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
	    strftime(buffer, SPAN_SIZE, "%a %Y-%m-%d %H:%M:%S %Z", &tm) == 0)
		snprintf(buffer, SPAN_SIZE, "%" PRIu64 "us", us);
	return buffer;
}

const char *span_format_moment(uint64_t us, char buffer[static SPAN_SIZE])
{
	time_t seconds = (time_t)(us / SECOND);
	size_t used;
	struct tm tm;

	if (localtime_r(&seconds, &tm) == NULL ||
	    (used = strftime(buffer, SPAN_SIZE, "%b %d %H:%M:%S", &tm)) == 0)
		snprintf(buffer, SPAN_SIZE, "%" PRIu64 "us", us);
	else
		snprintf(buffer + used, SPAN_SIZE - used, ".%03u", (unsigned)(us % SECOND / MS));
	return buffer;
}
