/* SPDX-License-Identifier: Apache-2.0 */

/* Messages of hookd-oci-hook itself, on stderr. No state. */

#include "client/oci-hook/oci-hook.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

int shim_complain(const char *format, ...)
{
	char text[768];
	va_list args;

	va_start(args, format);
	(void)vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	(void)fprintf(stderr, "hookd-oci-hook: %s\n", text);
	return -EINVAL;
}

const char *shim_words(int error)
{
	switch (error) {
	case ENOENT:
	case ENOTDIR:
		return "No such file";
	case EACCES:
	case EPERM:
		return "it may not be read";
	default:
		return strerror(error);
	}
}
