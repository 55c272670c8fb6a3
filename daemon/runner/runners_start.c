/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Starts runners, and replaces those that have ended.
 *
 * With a socket of the service manager they are units, which keep running when hookd's own unit
 * ends. If the manager does not start one, hookd starts it itself, and later asks the manager
 * again.
 *
 *	REQUESTED --HELLO--> a runner as any other
 *	    `--the connection ends, UNIT_WAIT_S--> removed; hookd starts another one itself
 */
#include <assert.h>
#include <string.h>

#include "daemon/base/log.h"
#include "daemon/base/loop.h"
#include "daemon/runner/runners_all.h"

/* Between two rounds of starts, so that runners that fail at once do not cause a busy loop. */
#define PAUSE_NS NS_PER_S
/* How long to wait for the HELLO of a new unit; and the pause after a failure. */
#define UNIT_WAIT_S   15
#define UNIT_PAUSE_NS (10 * NS_PER_S)

size_t runners_count_ready(const struct runners *runners)
{
	const struct link *link;
	size_t count = 0;

	TAILQ_FOREACH (link, &runners->links, siblings)
		count += !link->is_retiring && !link->is_silent;
	return count;
}

static struct link *find_number(struct runners *runners, unsigned int number)
{
	struct link *link;

	TAILQ_FOREACH (link, &runners->links, siblings)
		if (link->number == number)
			return link;
	return NULL;
}

/* ---- starting ---- */

void runners_unit_has_failed(struct runners *runners, const char *reason)
{
	int64_t now_ns = clock_ns(CLOCK_MONOTONIC);

	/* Otherwise it was logged for another unit, requested at the same time. */
	if (now_ns >= runners->unit_after_ns)
		log_warning(
		    "%s: %s: hookd starts the runner itself, and the hooks that it runs end with "
		    "hookd.service",
		    runners->options.socket, reason);
	runners->unit_after_ns = now_ns + UNIT_PAUSE_NS;
}

/* Starts a runner as a unit of the service manager, or as a child. */
static int start(struct runners *runners, unsigned int number, struct link **ret_link)
{
	int r;

	if (runners->options.socket && clock_ns(CLOCK_MONOTONIC) >= runners->unit_after_ns) {
		r = link_start_unit(runners, number, ret_link);
		if (r == 0) {
			timer_set(runners->unit_timeout, &(struct timeval){.tv_sec = UNIT_WAIT_S});
			return 0;
		}
		runners_unit_has_failed(runners, strerror(-r));
	}
	return link_spawn(runners, number, ret_link);
}

static int start_one(struct runners *runners)
{
	struct link *link;
	int r = -EBUSY;

	for (unsigned int number = 0; r == -EBUSY && number < RUNNERS_NUMBERS_MAX; number++)
		if (!find_number(runners, number))
			r = start(runners, number, &link);
	if (r < 0)
		return r;
	TAILQ_INSERT_TAIL(&runners->links, link, siblings);
	runners_report_change(runners);
	return 0;
}

int runners_start_missing(struct runners *runners)
{
	int r = 0;

	while (r == 0 && runners_count_ready(runners) < runners->options.count)
		r = start_one(runners);
	runners->cannot_start = r < 0;
	return r;
}

/* ---- again ---- */

void runners_replace_soon(struct runners *runners)
{
	int64_t wait_ns = runners->started_ns + PAUSE_NS - clock_ns(CLOCK_MONOTONIC);
	struct timeval wait = {.tv_usec = 10000}; /* to replace several at once */

	if (runners->is_ending)
		return;
	if (runners->started_ns > 0 && wait_ns > 0)
		wait = (struct timeval){.tv_sec = (time_t)(wait_ns / NS_PER_S),
					.tv_usec = (suseconds_t)(wait_ns % NS_PER_S / 1000)};
	timer_set(runners->respawn, &wait);
}

void runners_replace(struct runners *runners, bool has_worked)
{
	int64_t now_ns = clock_ns(CLOCK_MONOTONIC);
	int r;

	if (runners->is_ending || runners_count_ready(runners) >= runners->options.count)
		return;
	if (!has_worked && runners->started_ns > 0 && now_ns < runners->started_ns + PAUSE_NS) {
		runners_replace_soon(runners);
		return;
	}
	runners->started_ns = now_ns;
	r = runners_start_missing(runners);
	if (r < 0) {
		log_error("cannot start a runner: %s", strerror(-r));
		runners_replace_soon(runners);
	}
}

/* Connects again to runners without a connection, and starts those that are missing. */
static void on_respawn(evutil_socket_t fd, short what, void *userdata)
{
	struct runners *runners = userdata;
	struct link *link, *next;

	(void)fd, (void)what;
	for (link = TAILQ_FIRST(&runners->links); link; link = next) {
		next = TAILQ_NEXT(link, siblings);
		if (!link->channel)
			runners_connect_again(link);
	}
	runners_replace(runners, false);
	runners_leave_if_synced(runners);
}

/* ---- units that do not start ---- */

/* The service manager has closed the connection, or has not started the unit in time. */
void runners_unit_did_not_start(struct link *link, const char *reason)
{
	assert(link->offer_fd >= 0);
	runners_unit_has_failed(link->runners, reason);
	runners_remove(link);
}

static void on_unit_timeout(evutil_socket_t fd, short what, void *userdata)
{
	struct runners *runners = userdata;
	struct link *link, *next;

	(void)fd, (void)what;
	for (link = TAILQ_FIRST(&runners->links); link; link = next) {
		next = TAILQ_NEXT(link, siblings);
		if (link->offer_fd >= 0)
			runners_unit_did_not_start(link, "the runner was not started in time");
	}
}

int runners_start_init(struct runners *runners)
{
	runners->respawn = event_new(runners->base, -1, 0, on_respawn, runners);
	runners->unit_timeout = event_new(runners->base, -1, 0, on_unit_timeout, runners);
	return runners->respawn && runners->unit_timeout ? 0 : -ENOMEM;
}
