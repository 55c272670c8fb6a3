/* SPDX-License-Identifier: Apache-2.0 */
/* Parses values of the configuration and checks their bounds. No state. */
#include "daemon/base/config_value.h"

#include <assert.h>
#include <inttypes.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include "daemon/base/config.h"
#include "daemon/base/listen_address.h"
#include "proto/base/limits.h"
#include "proto/base/runtime_keys.h"

#define AGE_SECONDS_MAX (INT64_MAX / 1000)

#define DIRECTORY_FILE_MAX 64 /* for the names of files in it */

#define PROCESSES_MAX 4194304 /* PID_MAX_LIMIT of 64-bit kernels */

static int parse_word(const char *word, const char *const words[], const uint64_t values[],
		      size_t count, uint64_t *ret)
{
	for (size_t i = 0; i < count; i++) {
		if (strcmp(word, words[i]) == 0) {
			*ret = values[i];
			return 0;
		}
	}
	return -EINVAL;
}

int config_parse_log_target(const char *word, uint64_t *ret)
{
	static const char *const words[] = {"auto", "journal", "stderr"};
	static const uint64_t values[] = {LOG_TARGET_AUTO, LOG_TARGET_JOURNAL, LOG_TARGET_STDERR};

	static_assert(ELEMENTS(words) == ELEMENTS(values), "a value for each word");
	return parse_word(word, words, values, ELEMENTS(words), ret);
}

int config_parse_log_level(const char *word, uint64_t *ret)
{
	static const char *const words[] = {"error", "warning", "info", "debug"};
	static const uint64_t values[] = {LOG_ERR, LOG_WARNING, LOG_INFO, LOG_DEBUG};

	static_assert(ELEMENTS(words) == ELEMENTS(values), "a value for each word");
	return parse_word(word, words, values, ELEMENTS(words), ret);
}

int config_parse_boolean(const char *text, uint64_t *ret)
{
	static const char *const words[] = {"yes", "true", "on", "1", "no", "false", "off", "0"};
	static const uint64_t values[] = {1, 1, 1, 1, 0, 0, 0, 0};

	static_assert(ELEMENTS(words) == ELEMENTS(values), "a value for each word");
	return parse_word(text, words, values, ELEMENTS(words), ret);
}

int config_parse_number(const char *text, uint64_t *ret)
{
	char *end;

	if (*text < '0' || *text > '9')
		return -EINVAL;
	errno = 0;
	*ret = strtoull(text, &end, 10);
	return errno || *end || *ret > INT64_MAX / 1000 ? -EINVAL : 0;
}

int config_parse_count(const char *text, uint64_t *ret)
{
	uint64_t value;

	if (config_parse_number(text, &value) < 0 || value == 0)
		return -EINVAL;
	*ret = value;
	return 0;
}

/* Each hook is at least one process. */
int config_parse_hooks(const char *text, uint64_t *ret)
{
	uint64_t value;

	if (config_parse_count(text, &value) < 0 || value > PROCESSES_MAX)
		return -EINVAL;
	*ret = value;
	return 0;
}

int config_parse_runners(const char *text, uint64_t *ret)
{
	uint64_t value;

	if (config_parse_number(text, &value) < 0 || value > CONFIG_RUNNERS_MAX)
		return -EINVAL;
	*ret = value;
	return 0;
}

/*
 * Every folder must be absolute. A relative or empty one would be searched in the hook's working
 * directory, a bundle or a container's root, where others may be able to write.
 */
int config_parse_path(const char *text, uint64_t *ret)
{
	const char *folder = text, *colon;

	(void)ret;
	while (*folder == '/' && (colon = strchr(folder, ':')))
		folder = colon + 1;
	return *folder == '/' ? 0 : -EINVAL;
}

static int parse_seconds_as_ms(const char *text, uint64_t max_s, uint64_t *ret)
{
	uint64_t value;

	if (config_parse_number(text, &value) < 0 || value > max_s)
		return -EINVAL;
	*ret = value * 1000;
	return 0;
}

/* The same bound as in a request: in nanoseconds and added to a clock, the value still fits. */
int config_parse_timeout_as_ms(const char *text, uint64_t *ret)
{
	return parse_seconds_as_ms(text, HP_TIMEOUT_SECONDS_MAX, ret);
}

/* Ages are compared in milliseconds, as signed numbers. */
int config_parse_age_as_ms(const char *text, uint64_t *ret)
{
	return parse_seconds_as_ms(text, AGE_SECONDS_MAX, ret);
}

int config_parse_directory(const char *text, uint64_t *ret)
{
	(void)ret;
	return text[0] == '/' && strlen(text) < PATH_MAX - DIRECTORY_FILE_MAX ? 0 : -EINVAL;
}

/* Bytes with an optional K, M, G or T to the base of 1024, as in systemd.resource-control(5). */
int config_parse_bytes(const char *text, uint64_t *ret)
{
	static const char suffixes[] = "KMGT";
	const char *suffix;
	uint64_t value;
	char *end;

	if (*text < '0' || *text > '9')
		return -EINVAL;
	errno = 0;
	value = strtoull(text, &end, 10);
	suffix = *end ? strchr(suffixes, *end) : NULL;
	if (errno || (*end && (!suffix || end[1])))
		return -EINVAL;
	for (ptrdiff_t i = 0; suffix && i <= suffix - suffixes; i++)
		if (__builtin_mul_overflow(value, 1024, &value))
			return -EINVAL;
	if (value == 0 || value > INT64_MAX)
		return -EINVAL;
	*ret = value;
	return 0;
}

int config_parse_history_bytes(const char *text, uint64_t *ret)
{
	uint64_t value;

	if (config_parse_bytes(text, &value) < 0 || value < 1024 * 1024)
		return -EINVAL;
	*ret = value;
	return 0;
}

/*
 * "12.5%" of one CPU, as systemd's CPUQuota=. A percent of the period is 1000 us; the smallest
 * quota that the kernel takes is 1000 us too.
 */
int config_parse_quota_us(const char *text, uint64_t *ret)
{
	uint64_t unit_us = CONFIG_CPU_PERIOD_US / 100, value_us;
	size_t digits = strspn(text, "0123456789");
	char *end;

	if (digits == 0 || digits > 6)
		return -EINVAL;
	value_us = strtoull(text, &end, 10) * unit_us;
	digits = *end == '.' ? strspn(end + 1, "0123456789") : 0;
	if (*end == '.' && (digits == 0 || digits > 2))
		return -EINVAL;
	for (end += *end == '.'; digits > 0; digits--, end++) {
		unit_us /= 10;
		value_us += (uint64_t)(*end - '0') * unit_us;
	}
	if (strcmp(end, "%") != 0 || value_us < 1000)
		return -EINVAL;
	*ret = value_us;
	return 0;
}

int config_parse_nice(const char *text, uint64_t *ret)
{
	char *end;
	long value;

	errno = 0;
	value = strtol(text, &end, 10);
	if (end == text || *end || errno || value < -20 || value > 19)
		return -EINVAL;
	*ret = (uint64_t)value;
	return 0;
}

int config_parse_mode(const char *text, uint64_t *ret)
{
	size_t digits = strspn(text, "01234567");

	if (digits == 0 || text[digits] || digits > 4)
		return -EINVAL;
	*ret = strtoull(text, NULL, 8);
	return *ret > 0777 ? -EINVAL : 0;
}

int config_parse_listen(const char *text, uint64_t *ret)
{
	struct listen_address address;

	(void)ret;
	return text[0] ? listen_address_parse(text, &address) : 0;
}

int config_parse_gid(const char *text, uint64_t *ret)
{
	uint64_t value;

	if (config_parse_number(text, &value) < 0 || value >= UINT32_MAX)
		return -EINVAL;
	*ret = value;
	return 0;
}

int config_parse_program(const char *text, uint64_t *ret)
{
	(void)ret;
	return hp_runtime_is_path(text) ? 0 : -EINVAL;
}

int config_parse_address(const char *text, uint64_t *ret)
{
	(void)ret;
	return hp_runtime_is_address(text) ? 0 : -EINVAL;
}

int config_parse_if_down(const char *text, uint64_t *ret)
{
	(void)ret;
	return hp_runtime_is_if_down(text) ? 0 : -EINVAL;
}

static const struct {
	config_parse *parse;
	const char *takes;
} rows[] = {
    {config_parse_log_target, "auto, journal or stderr"},
    {config_parse_log_level, "error, warning, info or debug"},
    {config_parse_boolean, "yes or no"},
    {config_parse_number, "a number"},
    {config_parse_count, "a number above 0"},
    {config_parse_path, "folders that begin with / and a : between them"},
    {config_parse_bytes, "a number of bytes above 0, with K, M, G or T, or infinity"},
    {config_parse_directory, "a folder that begins with /"},
    {config_parse_history_bytes, "a number of bytes from 1M on, with K, M, G or T"},
    {config_parse_quota_us, "a percentage of one CPU, such as 150% or 12.5%, or infinity"},
    {config_parse_nice, "a number, from -20 to 19"},
    {config_parse_mode, "an octal number, up to 0777"},
    {config_parse_listen, "unix:/PATH, 127.0.0.1:PORT or [::1]:PORT: only this machine is served"},
    {config_parse_program, "the path of a program, which begins with /"},
    {config_parse_address, "unix:/PATH"},
    {config_parse_if_down, "fail, run-local, ignore or spool"},
    {config_parse_gid, "the number of a group, from 0 to 4294967294"},
};

void config_print_takes(config_parse *parse, char ret_text[static CONFIG_TAKES_SIZE])
{
	if (parse == config_parse_timeout_as_ms || parse == config_parse_age_as_ms)
		snprintf(ret_text, CONFIG_TAKES_SIZE, "seconds, from 0 to %" PRIu64,
			 parse == config_parse_age_as_ms ? (uint64_t)AGE_SECONDS_MAX
							 : (uint64_t)HP_TIMEOUT_SECONDS_MAX);
	else if (parse == config_parse_hooks)
		snprintf(ret_text, CONFIG_TAKES_SIZE, "a number, from 1 to %d", PROCESSES_MAX);
	else if (parse == config_parse_runners)
		snprintf(ret_text, CONFIG_TAKES_SIZE, "a number, up to %d", CONFIG_RUNNERS_MAX);
	for (size_t i = 0; i < ELEMENTS(rows); i++)
		if (parse == rows[i].parse)
			snprintf(ret_text, CONFIG_TAKES_SIZE, "%s", rows[i].takes);
}
