/* SPDX-License-Identifier: Apache-2.0 */

/* What the terminal can do. No state: it may be resized at any time. */

#include "client/hookctl/terminal/terminal.h"

#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

bool terminal_is(int fd)
{
	return isatty(fd) == 1;
}

bool terminal_redraws(int fd)
{
	const char *term = getenv("TERM");

	return terminal_is(fd) && term != NULL && strcmp(term, "dumb") != 0;
}

bool terminal_has_colour(int fd)
{
	const char *no_color = getenv("NO_COLOR");

	return terminal_redraws(fd) && (no_color == NULL || *no_color == '\0');
}

/* Of a variable that shells set; `otherwise` where it is not a sensible number. */
static size_t of_environment(const char *name, size_t otherwise)
{
	const char *text = getenv(name);
	unsigned long value = text != NULL ? strtoul(text, NULL, 10) : 0;

	return value > 0 && value < 65536 ? (size_t)value : otherwise;
}

struct terminal_size terminal_size(int fd)
{
	struct terminal_size size = {0};
	struct winsize kernel;

	if (ioctl(fd, TIOCGWINSZ, &kernel) == 0) {
		size.columns = kernel.ws_col;
		size.rows = kernel.ws_row;
	}
	if (size.columns == 0)
		size.columns = of_environment("COLUMNS", 80);
	if (size.rows == 0)
		size.rows = of_environment("LINES", 24);
	return size;
}
