/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What Apply and Update have in common: owns a struct application from its start to the call of
 * its done(). One that fails is undone first: the changes of the undo list are reverted, and for an
 * Apply everything that was created is removed.
 */
#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "daemon/apply/application.h"
#include "daemon/apply/uncertain.h"

struct application *application_new(struct applier *applier, apply_done_fn done, void *userdata)
{
	struct application *application = calloc(1, sizeof(*application));

	if (!application)
		return NULL;
	application->applier = applier;
	application->target = TARGET_NONE;
	application->cgroup_fd = -1;
	STAILQ_INIT(&application->undo);
	application->done = done;
	application->userdata = userdata;
	TAILQ_INSERT_TAIL(&applier->applications, application, link);
	return application;
}

static void on_turn(evutil_socket_t fd, short what, void *userdata)
{
	struct application *application = userdata;

	(void)fd, (void)what;
	application->go_on(application);
}

/*
 * A timer of 0 s fires after the event loop has handled the descriptors that are ready. An event of
 * event_active() would run before them.
 */
int application_next_turn(struct application *application,
			  void (*go_on)(struct application *application))
{
	assert(!application->turn || !event_pending(application->turn, EV_TIMEOUT, NULL));
	if (!application->turn)
		application->turn =
		    event_new(application->applier->base, -1, 0, on_turn, application);
	application->go_on = go_on;
	if (!application->turn || event_add(application->turn, &(struct timeval){0}) < 0)
		return -ENOMEM;
	return 1;
}

void done_without_memory(apply_done_fn done, void *userdata)
{
	struct hp_err err;

	done(hp_err_no_memory(&err), NULL, &err, userdata);
}

/* ---- end ---- */

static void application_free(struct application *application)
{
	TAILQ_REMOVE(&application->applier->applications, application, link);
	scope_job_forget(application->job);
	scope_limits_free(application->former);
	process_change_end(&application->process);
	if (application->turn)
		event_free(application->turn);
	limit_list_clear(&application->limits);
	limits_journal_clear(&application->without_property);
	limits_journal_clear(&application->cpusets);
	close_fd(&application->cgroup_fd);
	target_close(&application->target);
	free(application->names);
	free(application->uncertain_before);
	free(application->unit_files);
	free(application);
}

int application_fail_no_process(struct application *application, pid_t pid)
{
	application->err = (struct hp_err){.code = HP_ERR_NO_SUCH_PROCESS};
	snprintf(application->err.path, sizeof(application->err.path), "%d", pid);
	return -ESRCH;
}

int holding_refuse_busy(const struct holding *holding, struct hp_err *err)
{
	if (holding->state == HOLDING_HELD && !holding->is_leftover)
		return 0;
	*err = (struct hp_err){.code = HP_ERR_CONTAINER_BUSY};
	snprintf(err->path, sizeof(err->path), "%s", holding->container);
	return -EBUSY;
}

/*
 * Calls done(), which may start a Release of the holding and free it: do not use the holding after
 * this.
 */
static void answer(struct application *application, struct holding *holding)
{
	application->done(application->r, holding, &application->err, application->userdata);
	application_free(application);
}

/* The reason becomes "REASON; WHAT: FAILURES". */
static void append_reason(struct application *application, const char *what, const char *failures)
{
	struct hp_err *err = &application->err;
	size_t length = strlen(err->reason);

	snprintf(err->reason + length, sizeof(err->reason) - length, "; %s: %s", what, failures);
}

static void put_back(struct application *application)
{
	char failures[HP_ERR_REASON_SIZE];

	if (undo_all(&application->undo, failures, sizeof(failures)) < 0) {
		append_reason(application, "not restored", failures);
		application->leaves_uncertain = true;
	}
}

static void on_cleanup_done(int r, const struct hp_err *err, void *userdata)
{
	struct application *application = userdata;

	if (r < 0) {
		append_reason(application, "not removed", err->reason);
		watch_retry(application->applier, application->holding);
	}
	application->holding = NULL;
	answer(application, NULL);
}

/* Removes what was created for the container. If that fails the holding stays, for a retry. */
static void end_failed_apply(struct application *application)
{
	put_back(application);
	if (!application->holding)
		answer(application, NULL);
	else
		removal_begin(application->applier, application->holding, true, NULL,
			      on_cleanup_done, application);
}

/* The settings of a successful Update are certain; those of one that was undone are as before. */
static void settle_uncertain(struct application *application)
{
	struct holding *holding = application->holding;

	if (!application->leaves_uncertain) {
		free(holding->uncertain);
		holding->uncertain = take_ptr(application->uncertain_before);
	}
	if (application->r == 0 && holding->uncertain &&
	    !uncertain_subtract(holding->uncertain, application->names))
		free(take_ptr(holding->uncertain));
	holding->is_update_interrupted = holding->uncertain;
}

static void leave_update(struct application *application)
{
	struct applier *applier = application->applier;
	struct holding *holding = application->holding;

	if (holding->state == HOLDING_CHANGING) {
		settle_uncertain(application);
		if (application->r == 0 && application->has_unit_files) {
			free(holding->unit_files);
			holding->unit_files = take_ptr(application->unit_files);
		}
		(void)holdings_enter(applier->holdings, holding, HOLDING_HELD);
		unit_files_watch(applier->unit_watcher, holding);
	}
	applier_check_ended(applier);
	answer(application, application->r < 0 ? NULL : holding);
}

static void on_systemd_put_back(int r, const char *reason, void *userdata)
{
	struct application *application = userdata;

	application->job = NULL;
	(void)limits_undo(application->cgroup_fd, &application->without_property);
	(void)limits_undo(application->cgroup_fd, &application->cpusets);
	if (r < 0) {
		append_reason(application, "not restored in systemd", reason);
		application->leaves_uncertain = true;
	}
	leave_update(application);
}

/*
 * systemd writes its properties to the cgroup again whenever it realizes the unit, so those of a
 * failed Update are set back too.
 */
static void end_update(struct application *application)
{
	struct scopes *scopes = application->applier->scopes;
	int r;

	if (application->r < 0)
		put_back(application);
	if (application->r == 0 || !application->is_systemd_told) {
		leave_update(application);
		return;
	}
	if (application->r == -ECANCELED) {
		on_systemd_put_back(-ECANCELED, "hookd is exiting", application);
		return;
	}
	r = scopes_put_back(scopes, application->holding->unit, application->former,
			    on_systemd_put_back, application, &application->job);
	if (r < 0)
		on_systemd_put_back(r, strerror(-r), application);
}

static void end_apply(struct application *application)
{
	struct applier *applier = application->applier;
	struct holding *holding = application->holding;

	assert(holding->state == HOLDING_HELD); /* complete() */
	watch_process(applier, holding, &application->target);
	unit_files_watch(applier->unit_watcher, holding);
	answer(application, holding);
}

void application_end(struct application *application, int r)
{
	assert(r <= 0 && application->r == 0 && !application->job);
	if (r == -ESRCH && !application->is_update)
		r = application_fail_no_process(application, application->request.pid);
	if (r < 0 && application->err.code == HP_ERR_NONE)
		(void)hp_err_setting(&application->err, r, NULL, "%s", strerror(-r));
	application->r = r;
	if (r == 0)
		undo_forget(&application->undo);
	if (!application->holding)
		end_failed_apply(application);
	else if (application->is_update)
		end_update(application);
	else if (r < 0)
		end_failed_apply(application);
	else
		end_apply(application);
}

void application_cancel(struct application *application)
{
	struct scope_job *job = take_ptr(application->job);

	scope_job_forget(job);
	if (application->r == 0)
		application_end(application, -ECANCELED);
	else if (job)
		on_systemd_put_back(-ECANCELED, "hookd is exiting", application);
}

int application_at_step(struct application *application, const char *step, const char *path, int r)
{
	if (r < 0 && application->err.code == HP_ERR_NONE)
		(void)hp_err_setting(&application->err, r, NULL, "%s", strerror(-r));
	if (r < 0)
		application->err.step = step;
	return hp_err_prefix(&application->err, r, path);
}
