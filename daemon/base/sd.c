/* SPDX-License-Identifier: Apache-2.0 */
/*
 * hookd as a service of systemd: passed sockets, readiness, the watchdog. The only file that calls
 * sd-daemon(3). No state.
 */
#include "daemon/base/sd.h"

#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <systemd/sd-daemon.h>

/* A shorter period would keep the event loop busy. */
#define HALF_US_MIN 1000

/* A single socket is taken whatever its name; of several only those named "varlink" (UAPI.20). */
static bool is_ours(const char *name, int count)
{
	return count == 1 || strcmp(name, "varlink") == 0;
}

int sd_take_sockets(int *ret_fds, int max)
{
	char **names = NULL;
	int count = sd_listen_fds_with_names(1, &names);
	int taken = 0;

	for (int i = 0; i < count; i++) {
		int fd = SD_LISTEN_FDS_START + i;
		int flags = fcntl(fd, F_GETFL);

		if (taken < max && flags >= 0 && is_ours(names ? names[i] : "", count) &&
		    sd_is_socket_unix(fd, SOCK_STREAM, -1, NULL, 0) > 0 &&
		    fcntl(fd, F_SETFL, flags | O_NONBLOCK) == 0)
			ret_fds[taken++] = fd;
		else
			close(fd);
	}
	for (int i = 0; names && names[i]; i++)
		free(names[i]);
	free(names);
	return taken;
}

int sd_take_connection(void)
{
	int count = sd_listen_fds(1);

	if (count <= 0)
		return -ENOENT;
	return count == 1 && sd_is_socket(SD_LISTEN_FDS_START, AF_UNIX, SOCK_SEQPACKET, 0) > 0
		   ? SD_LISTEN_FDS_START
		   : -EINVAL;
}

bool sd_tell(const char *format, ...)
{
	char state[256];
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(state, sizeof(state), format, arguments);
	va_end(arguments);
	return sd_notify(0, state) > 0;
}

static void on_watchdog(evutil_socket_t fd, short what, void *userdata)
{
	(void)fd, (void)what, (void)userdata;
	sd_tell("WATCHDOG=1");
}

int sd_start_watchdog(struct event_base *base, struct event **ret_timer)
{
	uint64_t period_us = 0, half_us;
	struct timeval half;
	struct event *timer;

	if (sd_watchdog_enabled(0, &period_us) <= 0) {
		*ret_timer = NULL;
		return 0;
	}
	half_us = period_us / 2 > HALF_US_MIN ? period_us / 2 : HALF_US_MIN;
	half = (struct timeval){.tv_sec = (time_t)(half_us / 1000000),
				.tv_usec = (suseconds_t)(half_us % 1000000)};
	timer = event_new(base, -1, EV_PERSIST, on_watchdog, NULL);
	if (!timer)
		return -ENOMEM;
	if (event_add(timer, &half) < 0) {
		event_free(timer);
		return -ENOMEM;
	}
	*ret_timer = timer;
	return 0;
}
