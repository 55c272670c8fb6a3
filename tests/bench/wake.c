/* SPDX-License-Identifier: Apache-2.0 */
/* Two processes that wake each other: what a request costs on any way between processes. */
#include "tests/bench/wake.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/bench/cpus.h"
#include "tests/bench/measure.h"

#define ROUND_TRIPS    2000
#define ROUNDS_IGNORED 200

/* The first or the last CPU of the set. */
static int pin_to(const cpu_set_t *allowed, bool to_last)
{
	cpu_set_t one;
	int found = -1;

	for (int cpu = 0; cpu < CPU_SETSIZE; cpu++) {
		if (CPU_ISSET(cpu, allowed) && (to_last || found < 0))
			found = cpu;
	}
	CPU_ZERO(&one);
	CPU_SET(found, &one);
	return sched_setaffinity(0, sizeof(one), &one) < 0 ? -errno : 0;
}

static bool take_byte(int fd)
{
	struct pollfd waited = {.fd = fd, .events = POLLIN};
	char byte;

	return poll(&waited, 1, -1) == 1 && read(fd, &byte, 1) == 1;
}

static void answer(int fd)
{
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	while (take_byte(fd) && write(fd, "", 1) == 1)
		continue;
	_exit(0);
}

static int make_round_trips(int fd, struct samples *trips)
{
	for (int i = 0; i < ROUND_TRIPS; i++) {
		int64_t begin = now_ns();

		if (write(fd, "", 1) != 1 || !take_byte(fd))
			return -EIO;
		if (i == ROUNDS_IGNORED)
			samples_forget(trips);
		if (samples_add(trips, now_ns() - begin) < 0)
			return -ENOMEM;
	}
	return 0;
}

int wake_measure(int64_t *ret_ns)
{
	struct samples trips = {0};
	cpu_set_t allowed;
	int fds[2], r;
	pid_t pid;

	if (sched_getaffinity(0, sizeof(allowed), &allowed) < 0 ||
	    socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds) < 0)
		return -errno;
	pid = fork();
	if (pid == 0) {
		close(fds[0]);
		if (pin_to(&allowed, true) == 0)
			answer(fds[1]);
		_exit(1);
	}
	close(fds[1]);
	r = pid < 0 ? -EAGAIN : pin_to(&allowed, false);
	if (r == 0)
		r = make_round_trips(fds[0], &trips);
	close(fds[0]);
	if (pid > 0)
		waitpid(pid, NULL, 0);
	(void)sched_setaffinity(0, sizeof(allowed), &allowed);
	*ret_ns = (int64_t)(samples_median_ns(&trips) / 2);
	samples_free(&trips);
	return r;
}
