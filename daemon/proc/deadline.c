/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Deadlines of hooks. Owns a timerfd that reports when the machine resumes from suspend: the kernel
 * cancels a timer on CLOCK_REALTIME with TFD_TIMER_CANCEL_ON_SET when that clock is set, which it
 * also does at a resume (timerfd_create(2)). Then all timers are set again. When an administrator
 * has set the time, this changes nothing.
 */
#include "daemon/proc/deadline.h"

#include <assert.h>
#include <sys/timerfd.h>

/* In about 270 years: the timer is not to expire, and the kernel refuses much larger values. */
#define FAR_AWAY_S (1ll << 33)

static void on_woken(evutil_socket_t fd, short what, void *userdata)
{
	uint64_t expirations;

	(void)what;
	/* Fails with ECANCELED, and makes the descriptor not readable again. */
	(void)!read(fd, &expirations, sizeof(expirations));
	deadlines_rearm(userdata);
}

int deadlines_init(struct deadlines *deadlines, struct event_base *base)
{
	const struct itimerspec far_away = {.it_value.tv_sec = FAR_AWAY_S};
	int fd = timerfd_create(CLOCK_REALTIME, TFD_NONBLOCK | TFD_CLOEXEC);
	int r;

	*deadlines = (struct deadlines){.base = base};
	LIST_INIT(&deadlines->all);
	if (fd < 0)
		return -errno;
	r = timerfd_settime(fd, TFD_TIMER_ABSTIME | TFD_TIMER_CANCEL_ON_SET, &far_away, NULL) < 0
		? -errno
		: 0;
	if (r == 0)
		deadlines->woken = event_new(base, fd, EV_READ | EV_PERSIST, on_woken, deadlines);
	if (r == 0 && (!deadlines->woken || event_add(deadlines->woken, NULL) < 0))
		r = -ENOMEM;
	if (!deadlines->woken)
		close(fd);
	if (r < 0)
		deadlines_clear(deadlines);
	return r;
}

void deadlines_clear(struct deadlines *deadlines)
{
	struct event *woken = take_ptr(deadlines->woken);
	int fd;

	if (!woken)
		return;
	fd = event_get_fd(woken);
	event_free(woken);
	close(fd);
}

void deadlines_rearm(struct deadlines *deadlines)
{
	struct deadline *deadline;

	LIST_FOREACH (deadline, &deadlines->all, link)
		if (event_pending(deadline->timer, EV_TIMEOUT, NULL))
			(void)deadline_wait_on(deadline);
}

/* ---- one deadline ---- */

int deadline_init(struct deadline *deadline, struct deadlines *deadlines,
		  event_callback_fn callback, void *userdata)
{
	*deadline =
	    (struct deadline){.timer = event_new(deadlines->base, -1, 0, callback, userdata)};
	if (!deadline->timer)
		return -ENOMEM;
	LIST_INSERT_HEAD(&deadlines->all, deadline, link);
	return 0;
}

void deadline_clear(struct deadline *deadline)
{
	if (!deadline->timer)
		return;
	LIST_REMOVE(deadline, link);
	event_free(take_ptr(deadline->timer));
}

int deadline_set(struct deadline *deadline, clockid_t clock, int64_t after_ns)
{
	assert(deadline->timer && (clock == CLOCK_BOOTTIME || clock == CLOCK_MONOTONIC));
	deadline->clock = clock;
	deadline->at_ns = ns_add(clock_ns(clock), after_ns);
	return deadline_wait_on(deadline);
}

int64_t deadline_left_ns(const struct deadline *deadline)
{
	return deadline->at_ns ? deadline->at_ns - clock_ns(deadline->clock) : INT64_MAX;
}

int deadline_wait_on(struct deadline *deadline)
{
	int64_t left_ns = deadline_left_ns(deadline);
	struct timeval left = {.tv_sec = (time_t)(left_ns / NS_PER_S),
			       .tv_usec = (suseconds_t)(left_ns % NS_PER_S / 1000)};

	assert(deadline->timer && deadline->at_ns);
	if (left_ns < 0)
		left = (struct timeval){0};
	return event_add(deadline->timer, &left) == 0 ? 0 : -ENOMEM;
}

void deadline_stop(struct deadline *deadline)
{
	if (deadline->timer)
		event_del(deadline->timer);
}
