/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Messages of hookd-runtime. No state.
 *
 * syslog(3) would wait while nobody reads the socket, and so would each container.
 */

#include "client/runtime/report.h"

#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <syslog.h>
#include <unistd.h>

#define NAME	  "hookd-runtime"
#define LINE_SIZE 2048

/* A datagram as syslog(3) sends it, without the time, which the reader adds. */
static bool send_to_syslog(int priority, const char *text)
{
	const struct sockaddr_un address = {.sun_family = AF_UNIX, .sun_path = "/dev/log"};
	char line[LINE_SIZE + 64];
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	bool is_sent;

	if (fd < 0)
		return false;
	snprintf(line, sizeof(line), "<%d>%s[%d]: %s", LOG_DAEMON | priority, NAME, (int)getpid(),
		 text);
	is_sent = sendto(fd, line, strlen(line), MSG_NOSIGNAL, (const struct sockaddr *)&address,
			 sizeof(address)) >= 0;
	close(fd);
	return is_sent;
}

void report(int priority, const char *format, ...)
{
	char text[LINE_SIZE];
	va_list arguments;

	va_start(arguments, format);
	(void)vsnprintf(text, sizeof(text), format, arguments);
	va_end(arguments);
	if (isatty(STDERR_FILENO) || (!send_to_syslog(priority, text) && priority <= LOG_WARNING))
		(void)fprintf(stderr, "%s: %s\n", NAME, text);
}

void report_failure(const char *format, ...)
{
	char text[LINE_SIZE];
	va_list arguments;

	va_start(arguments, format);
	(void)vsnprintf(text, sizeof(text), format, arguments);
	va_end(arguments);
	(void)fprintf(stderr, "%s: %s\n", NAME, text);
}
