/* SPDX-License-Identifier: Apache-2.0 */

/* Replaces functions of libc for libhookd: counts calls, and skips pauses. See calls.h. */

#include "tests/client/calls.h"

#include <poll.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

struct calls calls;

static _Thread_local bool is_counted;
static bool skips_pauses;
static _Atomic long long skipped_ms;

void calls_reset(void)
{
	is_counted = true;
	calls.sends = calls.recvs = calls.polls = 0;
	atomic_store(&calls.connects, 0);
}

void calls_skip_pauses(bool skip)
{
	skips_pauses = skip;
}

void calls_advance_ms(unsigned int ms)
{
	skipped_ms += ms;
}

int connect(int fd, const struct sockaddr *address, socklen_t length)
{
	if (is_counted)
		atomic_fetch_add(&calls.connects, 1);
	return (int)syscall(SYS_connect, fd, address, length);
}

ssize_t send(int fd, const void *data, size_t length, int flags)
{
	calls.sends += is_counted;
	return syscall(SYS_sendto, fd, data, length, flags, NULL, 0);
}

ssize_t recv(int fd, void *data, size_t length, int flags)
{
	calls.recvs += is_counted;
	return syscall(SYS_recvfrom, fd, data, length, flags, NULL, NULL);
}

int poll(struct pollfd *fds, nfds_t count, int timeout_ms)
{
	calls.polls += is_counted;
	if (count == 0 && skips_pauses && is_counted) {
		skipped_ms += timeout_ms;
		return 0;
	}
	return (int)syscall(SYS_poll, fds, count, timeout_ms);
}

int clock_gettime(clockid_t clock, struct timespec *ret)
{
	int r = (int)syscall(SYS_clock_gettime, clock, ret);

	if (clock == CLOCK_MONOTONIC)
		ret->tv_sec += skipped_ms / 1000;
	if (clock == CLOCK_MONOTONIC)
		ret->tv_nsec += skipped_ms % 1000 * 1000000;
	if (ret->tv_nsec >= 1000000000) {
		ret->tv_nsec -= 1000000000;
		ret->tv_sec++;
	}
	return r;
}
