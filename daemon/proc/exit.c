/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reads the exit status of a child, and watches for it. Owns the events on the child's pidfd.
 *
 *	WATCHED --readable, but waitid() has no exit--> HELD --pause--> waitid() again
 *	    \__________________________________________/
 *	                       | waitid() returns the exit
 *	                       v
 *	                   (stopped)
 */
#include "daemon/proc/exit.h"

#include <assert.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "daemon/base/pidfd.h"

#define AGAIN_MS_MIN 2
#define AGAIN_MS_MAX 128

static int64_t timeval_us(const struct timeval *time)
{
	return time->tv_sec * 1000000ll + time->tv_usec;
}

/*
 * The raw system call, since libc's waitid() has no argument for the resource usage. Errors other
 * than ECHILD (such as ENOSYS by a seccomp filter on hookd) do not mean that the child has exited.
 */
bool process_exit_take(int pidfd, struct process_exit *ret_exit)
{
	siginfo_t info = {0};
	struct rusage usage;

	*ret_exit = (struct process_exit){0};
	if (syscall(SYS_waitid, P_PIDFD, pidfd, &info, WEXITED | WNOHANG | __WALL, &usage) < 0)
		return errno == ECHILD;
	if (info.si_pid == 0)
		return false;
	*ret_exit = (struct process_exit){
	    .code = info.si_code,
	    .status = info.si_status,
	    .user_us = timeval_us(&usage.ru_utime),
	    .system_us = timeval_us(&usage.ru_stime),
	    .max_rss_bytes = usage.ru_maxrss * 1024ll,
	};
	return true;
}

/* ---- the watch ---- */

static void on_event(evutil_socket_t fd, short what, void *userdata)
{
	struct exit_watch *watch = userdata;

	(void)fd, (void)what;
	watch->on_exit(watch->userdata);
}

int exit_watch_start(struct exit_watch *watch, struct event_base *base, int pidfd,
		     void (*on_exit)(void *userdata), void *userdata)
{
	assert(!exit_watch_is_on(watch) && pidfd >= 0);
	*watch = (struct exit_watch){.pidfd = pidfd, .on_exit = on_exit, .userdata = userdata};
	watch->readable = event_new(base, pidfd, EV_READ, on_event, watch);
	if (watch->readable && event_add(watch->readable, NULL) == 0)
		return 0;
	exit_watch_stop(watch);
	return -ENOMEM;
}

void exit_watch_stop(struct exit_watch *watch)
{
	if (watch->readable)
		event_free(take_ptr(watch->readable));
	if (watch->again)
		event_free(take_ptr(watch->again));
}

/* The pidfd stays readable, so its event is removed: it would be active all the time. */
static int ask_again_later(struct exit_watch *watch)
{
	int after_ms = watch->again_after_ms ? 2 * watch->again_after_ms : AGAIN_MS_MIN;

	if (after_ms > AGAIN_MS_MAX)
		after_ms = AGAIN_MS_MAX;
	watch->again_after_ms = after_ms;
	event_del(watch->readable);
	if (!watch->again)
		watch->again = event_new(event_get_base(watch->readable), -1, 0, on_event, watch);
	if (!watch->again)
		return -ENOMEM;
	return event_add(watch->again, &(struct timeval){.tv_usec = after_ms * 1000});
}

/* Also true if poll(2) fails: asking again is harmless. */
static bool may_have_exited(const struct exit_watch *watch)
{
	return !pidfd_is_alive(watch->pidfd);
}

int exit_watch_take(struct exit_watch *watch, struct process_exit *ret_exit)
{
	int r;

	if (process_exit_take(watch->pidfd, ret_exit)) {
		exit_watch_stop(watch);
		return 1;
	}
	if (!exit_watch_is_on(watch))
		return 0;
	r = may_have_exited(watch) ? ask_again_later(watch) : event_add(watch->readable, NULL);
	if (r == 0)
		return 0;
	exit_watch_stop(watch);
	return -ENOMEM;
}

bool exit_watch_is_on(const struct exit_watch *watch)
{
	return watch->readable != NULL;
}

bool exit_watch_is_held(const struct exit_watch *watch)
{
	return watch->again_after_ms > 0;
}

void exit_watch_hurry(struct exit_watch *watch)
{
	if (!watch->again)
		return;
	watch->again_after_ms = AGAIN_MS_MIN;
	(void)event_add(watch->again, &(struct timeval){.tv_usec = AGAIN_MS_MIN * 1000});
}
