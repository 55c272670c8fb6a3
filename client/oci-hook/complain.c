/* SPDX-License-Identifier: Apache-2.0 */

/* Messages of hookd-oci-hook itself, on stderr. No state. */

#include "client/oci-hook/oci-hook.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>

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
