/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Errors for a client: fixed memory, filled where the error is found; each function on the way up
 * puts its part before the path. Texts that are too long are cut between two characters, since both
 * go out in JSON.
 */

#include "proto/base/err.h"

#include <errno.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

/* Removes an incomplete UTF-8 sequence from the end of a text that was cut. */
static void cut_partial_character(char *text)
{
	size_t length = strlen(text);
	size_t start = length;
	size_t wanted;
	unsigned char first;

	while (start > 0 && ((unsigned char)text[start - 1] & 0xc0) == 0x80)
		start--;
	if (start == 0)
		return;
	first = (unsigned char)text[start - 1];
	wanted = first >= 0xf0 ? 4 : first >= 0xe0 ? 3 : first >= 0xc0 ? 2 : 1;
	if (length - (start - 1) < wanted)
		text[start - 1] = '\0';
}

static void __attribute__((format(printf, 3, 0)))
print_cut(char *text, size_t size, const char *format, va_list arguments)
{
	int length = vsnprintf(text, size, format, arguments);

	if (length < 0)
		text[0] = '\0';
	else if ((size_t)length >= size)
		cut_partial_character(text);
}

static void __attribute__((format(printf, 2, 3)))
print_path(struct hp_err *err, const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	print_cut(err->path, sizeof(err->path), format, arguments);
	va_end(arguments);
}

int hp_err_invalid(struct hp_err *err, const char *path, const char *reason, ...)
{
	va_list arguments;

	err->code = HP_ERR_INVALID;
	print_path(err, "%s", path ? path : "");
	va_start(arguments, reason);
	print_cut(err->reason, sizeof(err->reason), reason, arguments);
	va_end(arguments);
	return -EINVAL;
}

int hp_err_no_parameter(struct hp_err *err, const char *name)
{
	(void)hp_err_invalid(err, name, "is required");
	err->code = HP_ERR_NO_PARAMETER;
	return -EINVAL;
}

int hp_err_setting(struct hp_err *err, int r, const char *path, const char *reason, ...)
{
	va_list arguments;

	err->code = r == -EOPNOTSUPP ? HP_ERR_NOT_SUPPORTED : HP_ERR_SETTING_FAILED;
	err->error = -r;
	print_path(err, "%s", path ? path : "");
	va_start(arguments, reason);
	print_cut(err->reason, sizeof(err->reason), reason, arguments);
	va_end(arguments);
	return r;
}

int hp_err_busy(struct hp_err *err, const char *reason, ...)
{
	va_list arguments;

	*err = (struct hp_err){.code = HP_ERR_BUSY};
	va_start(arguments, reason);
	print_cut(err->reason, sizeof(err->reason), reason, arguments);
	va_end(arguments);
	return -EBUSY;
}

int hp_err_no_memory(struct hp_err *err)
{
	*err = (struct hp_err){.code = HP_ERR_NO_MEMORY, .reason = "out of memory"};
	return -ENOMEM;
}

int hp_err_protocol(struct hp_err *err, const char *reason, ...)
{
	va_list arguments;

	err->code = HP_ERR_PROTOCOL;
	err->path[0] = '\0';
	va_start(arguments, reason);
	print_cut(err->reason, sizeof(err->reason), reason, arguments);
	va_end(arguments);
	return -EPROTO;
}

/* "[" and an empty path need no dot before them. */
static const char *separator(const char *path)
{
	return path[0] == '\0' || path[0] == '[' ? "" : ".";
}

static bool is_about_a_field(enum hp_err_code code)
{
	return code == HP_ERR_INVALID || code == HP_ERR_SETTING_FAILED ||
	       code == HP_ERR_NOT_SUPPORTED;
}

int hp_err_prefix(struct hp_err *err, int r, const char *prefix)
{
	char path[HP_ERR_PATH_SIZE];

	if (r >= 0 || !is_about_a_field(err->code))
		return r;
	memcpy(path, err->path, sizeof(path));
	print_path(err, "%s%s%s", prefix, separator(path), path);
	return r;
}

int hp_err_prefix_index(struct hp_err *err, int r, unsigned long index)
{
	char prefix[2 + 3 * sizeof(index) + 1];

	snprintf(prefix, sizeof(prefix), "[%lu]", index);
	return hp_err_prefix(err, r, prefix);
}
