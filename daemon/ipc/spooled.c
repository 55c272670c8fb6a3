/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Submits the requests of the spool. A file is removed when its run is recorded as begun, and not
 * before: after a crash the next hookd either finds the file and no such run, and runs it, or finds
 * the request id in its records, and removes the file. The states of a file that was submitted:
 *
 *	submitted --begun--> to be removed --> removed, the run is done --> forgotten
 *	   |  ^                |     ^  | it cannot be
 *	   |  | at the next    |     `--'
 *	   |  | look           `--hookd ends: its request id is in the records
 *	   `--'-- turned away: its file stays, and so do those behind it of the same container
 */
#include "daemon/ipc/spooled.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "daemon/base/log.h"
#include "daemon/ipc/dispatch.h"
#include "daemon/policy/policy.h"
#include "daemon/spool/spool.h"
#include "proto/base/own_directory.h"

/* A file that was submitted. */
struct submitted {
	struct spooled *spooled;
	struct run_waiter waiter;
	struct run *run; /* NULL: it is done */
	bool has_begun, is_removed;
	bool is_refused; /* it is only to be set aside, which has failed */
	bool is_told;	 /* that it cannot be removed is logged */
	char *name;
	TAILQ_ENTRY(submitted) link;
};

struct spooled {
	struct hookd *hookd;
	struct spool *spool;
	struct event *timer;
	TAILQ_HEAD(, submitted) submitted; /* in the order of the files */
	bool has_more; /* the last look was ended by a file that could not be submitted */
	bool has_turned_away;
	bool is_turning_away;
};

/* ---- a file that was submitted ---- */

static void forget(struct submitted *submitted)
{
	if (submitted->run)
		run_remove_waiter(submitted->run, &submitted->waiter);
	TAILQ_REMOVE(&submitted->spooled->submitted, submitted, link);
	free(submitted->name);
	free(submitted);
}

static void remove_file(struct submitted *submitted)
{
	int r = spool_remove(submitted->spooled->spool, submitted->name);

	assert(submitted->has_begun && !submitted->is_removed);
	submitted->is_removed = r == 0;
	if (r < 0 && !submitted->is_told)
		log_error("the spool: %s was run and cannot be removed: %s", submitted->name,
			  strerror(-r));
	submitted->is_told = true;
}

/* So that the order of a container's requests is kept when they are submitted again. */
static void turn_away_others(struct submitted *first)
{
	struct spooled *spooled = first->spooled;
	const char *container = first->run->request.container;
	struct submitted *other = TAILQ_NEXT(first, link), *next;

	if (spooled->is_turning_away)
		return;
	spooled->is_turning_away = true;
	for (; other; other = next) {
		next = TAILQ_NEXT(other, link);
		if (other->run && other->run->state == RUN_QUEUED &&
		    strcmp(other->run->request.container, container) == 0)
			run_turn_away(other->run, "the one before it was not run");
	}
	spooled->is_turning_away = false;
}

/* There is room in the queue again. */
static void end_run(struct submitted *submitted)
{
	struct spooled *spooled = submitted->spooled;

	run_remove_waiter(submitted->run, &submitted->waiter);
	submitted->run = NULL;
	if (submitted->is_removed)
		forget(submitted);
	if (spooled->has_more)
		event_active(spooled->timer, EV_TIMEOUT, 0);
}

static void on_run_event(struct run_waiter *waiter, const struct run_event *event)
{
	struct submitted *submitted = container_of(waiter, struct submitted, waiter);
	struct spooled *spooled = submitted->spooled;

	if (event->type == RUN_EVENT_TURNED_AWAY) {
		spooled->has_turned_away = true;
		turn_away_others(submitted);
		forget(submitted);
		return;
	}
	/* Whatever else is heard of a run: it has been recorded as begun. */
	submitted->has_begun = true;
	if (!submitted->is_removed)
		remove_file(submitted);
	if (event->type == RUN_EVENT_DONE)
		end_run(submitted);
}

/* A file without a run, which cannot be removed or set aside now. NULL: out of memory. */
static struct submitted *remember(struct spooled *spooled, const char *name)
{
	struct submitted *submitted = calloc(1, sizeof(*submitted));
	char *copy = strdup(name);

	if (!submitted || !copy) {
		free(submitted);
		free(copy);
		return NULL;
	}
	submitted->spooled = spooled;
	submitted->name = copy;
	TAILQ_INSERT_TAIL(&spooled->submitted, submitted, link);
	return submitted;
}

static struct submitted *find(const struct spooled *spooled, const char *name)
{
	struct submitted *submitted;

	TAILQ_FOREACH (submitted, &spooled->submitted, link)
		if (strcmp(submitted->name, name) == 0)
			return submitted;
	return NULL;
}

/* A file that was submitted, or that could not be dealt with, and is still there. */
static void take_again(struct submitted *submitted)
{
	if (submitted->is_refused) {
		if (spool_set_aside(submitted->spooled->spool, submitted->name) == 0)
			forget(submitted);
		return;
	}
	if (!submitted->has_begun || submitted->is_removed)
		return;
	remove_file(submitted);
	if (submitted->is_removed && !submitted->run)
		forget(submitted);
}

/* ---- submitting ---- */

static void log_submitted(const struct run *run)
{
	const struct log_field fields[] = {
	    {"HOOKD_RUN", run->id},
	    {"HOOKD_STAGE", hp_stage_names[run->request.stage]},
	    {"HOOKD_REQUEST_ID", run->request.request_id},
	    {"CONTAINER_ID_FULL", run->request.container},
	};

	log_write(LOG_NOTICE, fields, ELEMENTS(fields),
		  "run %s, container %s: uid %u has left it in the spool", run->id,
		  run->request.container, run->uid);
}

/* It may be done when this returns, and the file gone. */
static int submit(struct spooled *spooled, const char *name, struct run *run)
{
	struct submitted *submitted = remember(spooled, name);

	if (!submitted) {
		run_turn_away(run, "out of memory");
		return -ENOMEM;
	}
	submitted->waiter.notify = on_run_event;
	submitted->run = run;
	run_add_waiter(run, &submitted->waiter);
	log_submitted(run);
	spooled->has_turned_away = false;
	if (sched_submit(spooled->hookd->sched, run) == 0)
		return spooled->has_turned_away ? -EAGAIN : 0;
	run_turn_away(run, "out of memory");
	return -ENOMEM;
}

/* As a caller with the uid of the file, and all else as hookd: the spool has checked that. */
static int make_run(struct hookd *hookd, uid_t uid, struct hp_request *request,
		    struct run **ret_run, struct hp_err *err)
{
	const struct peer peer = {
	    .uid = uid,
	    .pidfd = -1,
	    .sight = PEER_SEEN,
	    .view = {hookd->self.capabilities, hookd->self.namespaces},
	};
	int r = policy_check(&peer, &hookd->self, PERMISSION_USE, err);

	return r < 0 ? r : hooks_make_run(hookd, &peer, request, ret_run, err);
}

static void refuse(struct spooled *spooled, const char *name, const struct hp_err *err)
{
	char text[ERROR_TEXT_SIZE];
	struct submitted *submitted;
	int r = spool_set_aside(spooled->spool, name);

	log_warning("the spool: %s is not run: %s", name, error_text(err, text));
	if (r == 0)
		return;
	log_error("the spool: %s cannot be set aside: %s", name, strerror(-r));
	submitted = remember(spooled, name);
	if (submitted)
		submitted->is_refused = true;
}

/* Its run is in the records. */
static int drop_known(struct spooled *spooled, const char *name, const struct run *run)
{
	struct submitted *submitted;

	if (run->state == RUN_QUEUED)
		return 0;
	log_info("the spool: %s is known as run %s", name, run->id);
	submitted = remember(spooled, name);
	if (!submitted)
		return -ENOMEM;
	submitted->has_begun = true;
	take_again(submitted);
	return 0;
}

/* 0: the file was dealt with; -errno: not now. */
static int take_request(struct spooled *spooled, const char *name, uid_t uid,
			struct hp_request *request)
{
	struct hookd *hookd = spooled->hookd;
	struct hp_err err = {0};
	struct run *run = store_find_request(hookd->store, uid, request->request_id);
	int r;

	if (run)
		return drop_known(spooled, name, run);
	r = make_run(hookd, uid, request, &run, &err);
	if (r == 0)
		return submit(spooled, name, run);
	if (r == -EBUSY || r == -ENOMEM)
		return r;
	refuse(spooled, name, &err);
	return 0;
}

static int take_file(struct spooled *spooled, const char *name)
{
	struct submitted *submitted = find(spooled, name);
	struct hp_request request;
	struct hp_err err = {0};
	uid_t uid;
	int r;

	if (submitted) {
		take_again(submitted);
		return 0;
	}
	r = spool_read(spooled->spool, name, &uid, &request, &err);
	if (r == 0) {
		r = take_request(spooled, name, uid, &request);
		hp_request_free(&request);
		return r;
	}
	if (r == -EINVAL)
		refuse(spooled, name, &err);
	return r == -EINVAL || r == -ENOENT ? 0 : r;
}

/* Ends at the first file that cannot be submitted now: the order is kept. */
static void look(struct spooled *spooled)
{
	struct spool_names names;
	int r = spool_list(spooled->spool, &names);

	spooled->has_more = false;
	for (size_t i = 0; i < names.count && r == 0; i++)
		r = take_file(spooled, names.names[i]);
	spool_names_clear(&names);
	if (r < 0) {
		spooled->has_more = true;
		log_debug("the spool: the rest of it has to wait: %s", strerror(-r));
	}
}

static void on_timer(evutil_socket_t fd, short what, void *userdata)
{
	struct spooled *spooled = userdata;

	(void)fd, (void)what;
	if (!spooled->hookd->is_draining)
		look(spooled);
}

size_t spooled_count(const struct spooled *spooled)
{
	struct spool_names names;
	size_t count = 0;

	if (spooled && spool_list(spooled->spool, &names) == 0) {
		count = names.count;
		spool_names_clear(&names);
	}
	return count;
}

/* ---- life ---- */

static int open_spool(const char *state_directory, struct spool **ret_spool)
{
	char path[PATH_MAX], reason[HP_SPOOL_REASON_SIZE];
	int r;

	if (snprintf(path, sizeof(path), "%s/" HP_SPOOL_NAME, state_directory) >= PATH_MAX)
		return -ENAMETOOLONG;
	r = spool_open(path, ret_spool, reason);
	if (r < 0)
		log_error("the spool %s is not used, and what is in it is not run: it %s", path,
			  reason);
	return r;
}

int spooled_new(struct hookd *hookd, const char *state_directory, struct spooled **ret_spooled)
{
	const struct timeval period = {.tv_sec = SPOOLED_LOOK_EVERY_S};
	struct spooled *spooled;
	struct spool *spool;

	if (!state_directory || open_spool(state_directory, &spool) < 0)
		return 0;
	spooled = calloc(1, sizeof(*spooled));
	if (!spooled) {
		spool_free(spool);
		return -ENOMEM;
	}
	*spooled = (struct spooled){.hookd = hookd, .spool = spool};
	TAILQ_INIT(&spooled->submitted);
	spooled->timer = event_new(hookd->base, -1, EV_PERSIST, on_timer, spooled);
	if (!spooled->timer || event_add(spooled->timer, &period) < 0) {
		spooled_free(spooled);
		return -ENOMEM;
	}
	look(spooled);
	*ret_spooled = spooled;
	return 0;
}

struct spooled *spooled_free(struct spooled *spooled)
{
	if (!spooled)
		return NULL;
	while (!TAILQ_EMPTY(&spooled->submitted))
		forget(TAILQ_FIRST(&spooled->submitted));
	if (spooled->timer)
		event_free(spooled->timer);
	spool_free(spooled->spool);
	free(spooled);
	return NULL;
}
