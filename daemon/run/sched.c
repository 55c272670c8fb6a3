/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Queues of runs, one queue ("lane") per container that has any.
 *
 * A lane is ready if its first run has not been started and none of its runs is running. Ready
 * lanes are served in the order in which they became ready. A run may end within run_start() (no
 * program, no hooks), which calls sched_finished(): so all runs are started by the one loop in
 * pump().
 */
#include "daemon/run/sched.h"

#include <assert.h>
#include <search.h>
#include <stdio.h>
#include <string.h>

#include "proto/base/limits.h"

struct lane {
	TAILQ_HEAD(, run) runs; /* the first one may be running */
	bool is_ready;
	TAILQ_ENTRY(lane) link; /* sched::ready */
	char container[HP_ID_BYTES_MAX + 1];
};

struct sched {
	void *lanes; /* tsearch(3) tree of struct lane */
	TAILQ_HEAD(, lane) ready;
	size_t limit, running, queued;
	bool is_pumping;
	bool has_ended; /* a run has, since on_idle() was called */
	sched_idle_fn on_idle;
	void *userdata;
};

static int compare(const void *a, const void *b)
{
	return strcmp(((const struct lane *)a)->container, ((const struct lane *)b)->container);
}

int sched_new(size_t concurrent_hooks, struct sched **ret_sched)
{
	struct sched *sched = calloc(1, sizeof(*sched));

	if (!sched)
		return -ENOMEM;
	TAILQ_INIT(&sched->ready);
	sched->limit = concurrent_hooks;
	*ret_sched = sched;
	return 0;
}

static void free_lane(void *node)
{
	free(node);
}

struct sched *sched_free(struct sched *sched)
{
	if (sched)
		tdestroy(sched->lanes, free_lane);
	free(sched);
	return NULL;
}

void sched_on_idle(struct sched *sched, sched_idle_fn on_idle, void *userdata)
{
	sched->on_idle = on_idle;
	sched->userdata = userdata;
}

static struct lane *find_or_make_lane(struct sched *sched, const char *container)
{
	struct lane *lane = calloc(1, sizeof(*lane));
	struct lane **node;

	if (!lane)
		return NULL;
	snprintf(lane->container, sizeof(lane->container), "%s", container);
	node = tfind(lane, &sched->lanes, compare);
	if (node) {
		free(lane);
		return *node;
	}
	TAILQ_INIT(&lane->runs);
	if (!tsearch(lane, &sched->lanes, compare)) {
		free(lane);
		return NULL;
	}
	return lane;
}

static void make_ready(struct sched *sched, struct lane *lane)
{
	assert(!lane->is_ready && !TAILQ_EMPTY(&lane->runs));
	lane->is_ready = true;
	TAILQ_INSERT_TAIL(&sched->ready, lane, link);
}

/*
 * A run that was cancelled while queued is done, but still in its lane, when its waiters are
 * notified. They may end other runs; then its lane is passed over until sched_finished().
 */
static struct lane *next_lane(const struct sched *sched)
{
	struct lane *lane;

	TAILQ_FOREACH (lane, &sched->ready, link)
		if (TAILQ_FIRST(&lane->runs)->state == RUN_QUEUED)
			return lane;
	return NULL;
}

static void pump(struct sched *sched)
{
	struct lane *lane;
	struct run *run;

	if (sched->is_pumping)
		return;
	sched->is_pumping = true;
	while (sched->running < sched->limit && (lane = next_lane(sched))) {
		TAILQ_REMOVE(&sched->ready, lane, link);
		lane->is_ready = false;
		run = TAILQ_FIRST(&lane->runs);
		assert(!run->is_started && sched->queued > 0);
		run->is_started = true;
		sched->queued--;
		sched->running++;
		run_start(run); /* may end the run, and with it the lane */
	}
	sched->is_pumping = false;
}

/* Does nothing within pump(): the caller of pump() calls it afterwards. */
static void notify_if_idle(struct sched *sched)
{
	if (sched->is_pumping || !sched->has_ended || sched->running + sched->queued > 0)
		return;
	sched->has_ended = false;
	if (sched->on_idle)
		sched->on_idle(sched->userdata);
}

int sched_submit(struct sched *sched, struct run *run)
{
	struct lane *lane = find_or_make_lane(sched, run->request.container);

	assert(run->state == RUN_QUEUED && !run->lane);
	if (!lane)
		return -ENOMEM;
	run_submitted(run);
	run->lane = lane;
	TAILQ_INSERT_TAIL(&lane->runs, run, lane_link);
	sched->queued++;
	if (TAILQ_FIRST(&lane->runs) == run)
		make_ready(sched, lane);
	pump(sched);
	notify_if_idle(sched);
	return 0;
}

int sched_adopt(struct sched *sched, struct run *run)
{
	struct lane *lane = find_or_make_lane(sched, run->request.container);

	if (!lane)
		return -ENOMEM;
	run->lane = lane;
	run->is_started = true;
	TAILQ_INSERT_HEAD(&lane->runs, run, lane_link);
	sched->running++;
	return 0;
}

static void leave_lane(struct sched *sched, struct run *run)
{
	struct lane *lane = run->lane;

	TAILQ_REMOVE(&lane->runs, run, lane_link);
	run->lane = NULL;
	if (!TAILQ_EMPTY(&lane->runs)) {
		if (run->is_started)
			make_ready(sched, lane);
		return;
	}
	if (lane->is_ready)
		TAILQ_REMOVE(&sched->ready, lane, link);
	tdelete(lane, &sched->lanes, compare);
	free(lane);
}

void sched_finished(struct sched *sched, struct run *run)
{
	if (!run->lane)
		return; /* it was never queued */
	assert(run->is_started ? sched->running > 0 : sched->queued > 0);
	if (run->is_started)
		sched->running--;
	else
		sched->queued--;
	leave_lane(sched, run);
	pump(sched);
	sched->has_ended = true;
	notify_if_idle(sched);
}

void sched_set_limit(struct sched *sched, size_t concurrent_hooks)
{
	sched->limit = concurrent_hooks;
	pump(sched);
}

size_t sched_running(const struct sched *sched)
{
	return sched->running;
}

size_t sched_queued(const struct sched *sched)
{
	return sched->queued;
}

/* ---- counting ---- */

struct count {
	bool (*matches)(const struct run *run);
	size_t number;
};

/* Only the first run of a lane can be running. twalk_r(3) visits an inner node three times. */
static void count_lane(const void *node, VISIT visit, void *userdata)
{
	const struct lane *lane = *(struct lane *const *)node;
	const struct run *run = TAILQ_FIRST(&lane->runs);
	struct count *count = userdata;

	if ((visit == postorder || visit == leaf) && run && run->is_started)
		count->number += count->matches(run);
}

size_t sched_count(const struct sched *sched, bool (*matches)(const struct run *run))
{
	struct count count = {.matches = matches};

	twalk_r(sched->lanes, count_lane, &count);
	return count.number;
}
