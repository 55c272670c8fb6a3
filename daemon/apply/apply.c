/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Apply: the order of the steps, and the way back.
 *
 *	hold the process, write the holding --> cgroup (limits, devices, then the process)
 *	--> resctrl --> attributes of the process --> complete
 *	with systemd the scope comes first, and its limits with it; the loop goes on until systemd
 *	has answered
 *
 * The cgroup is limited before the process is in it, so there is no moment without limits; resctrl
 * wants its schemata before its tasks for the same reason.
 */
#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#include "daemon/apply/application.h"
#include "daemon/apply/devices.h"
#include "daemon/apply/limits.h"
#include "daemon/apply/process.h"
#include "daemon/base/file.h"
#include "daemon/base/pidfd.h"

const char *const cgroup_driver_names[CGROUP_DRIVER_COUNT] = {
    [CGROUP_DRIVER_AUTO] = "",
    [CGROUP_DRIVER_CGROUPFS] = "cgroupfs",
    [CGROUP_DRIVER_SYSTEMD] = "systemd",
};

/* ---- the end of one ---- */

static void application_free(struct application *application)
{
	TAILQ_REMOVE(&application->applier->applications, application, link);
	scope_job_forget(application->job);
	limit_list_clear(&application->limits);
	close_fd(&application->cgroup_fd);
	target_close(&application->target);
	free(application);
}

static int fail_no_process(struct application *application)
{
	application->err = (struct hp_err){.code = HP_ERR_NO_SUCH_PROCESS};
	snprintf(application->err.path, sizeof(application->err.path), "%d",
		 application->request.pid);
	return -ESRCH;
}

void application_end(struct application *application, int r)
{
	struct applier *applier = application->applier;
	struct holding *holding = application->holding;

	if (r == -ESRCH && !application->is_update)
		r = fail_no_process(application);
	if (r < 0 && application->err.code == HP_ERR_NONE)
		(void)hp_err_setting(&application->err, r, NULL, "%s", strerror(-r));
	if (r < 0) {
		undo_all(&application->undo);
		if (holding && !application->is_update) {
			(void)holdings_remove(applier->holdings, holding);
			application->holding = holding = NULL;
		}
	}
	undo_forget(&application->undo);
	if (r == 0 && !application->is_update)
		(void)watch_new(applier, holding->container, &application->target);
	application->done(r, r < 0 ? NULL : holding, &application->err, application->userdata);
	application_free(application);
}

int application_at_step(struct application *application, const char *step, const char *path, int r)
{
	if (r < 0 && application->err.code == HP_ERR_NONE)
		(void)hp_err_setting(&application->err, r, NULL, "%s", strerror(-r));
	if (r < 0)
		application->err.step = step;
	return hp_err_prefix(&application->err, r, path);
}

/* ---- cgroup ---- */

struct limits_change {
	int cgroup_fd;
	struct limits_journal limits;
	struct devices_journal devices;
};

static void undo_limits(void *data)
{
	const struct limits_change *change = data;

	(void)devices_undo(change->cgroup_fd, &change->devices);
	(void)limits_undo(change->cgroup_fd, &change->limits);
}

static void forget_limits(void *data)
{
	struct limits_change *change = data;

	limits_journal_clear(&change->limits);
	devices_journal_clear(&change->devices);
	close_fd(&change->cgroup_fd);
}

int application_convert(struct application *application)
{
	const struct hp_resources *resources = application->request.settings->resources;
	int r = resources ? limit_list_make(resources, &application->limits, &application->err) : 0;

	return application_at_step(application, "cgroup", "linux.resources", r);
}

static int apply_limits(struct application *application)
{
	const struct hp_resources *resources = application->request.settings->resources;
	struct limits_change *change;
	int r;

	if (!resources)
		return 0;
	change = undo_add(&application->undo, sizeof(*change), undo_limits, forget_limits);
	if (!change)
		return -ENOMEM;
	*change = (struct limits_change){
	    .cgroup_fd = fcntl(application->cgroup_fd, F_DUPFD_CLOEXEC, 0),
	    .limits = LIMITS_JOURNAL_INIT,
	    .devices = DEVICES_JOURNAL_INIT,
	};
	r = limits_apply(application->cgroup_fd, &application->limits, &change->limits,
			 &application->err);
	if (r == 0)
		r = devices_apply(application->cgroup_fd, resources->devices,
				  resources->device_count, &change->devices, &application->err);
	return r;
}

static int apply_freezer(struct application *application)
{
	const struct hp_resources *resources = application->request.settings->resources;

	if (!resources || resources->freezer == HP_FREEZER_UNDEFINED)
		return 0;
	return cgroup_path_freeze(application->cgroup_fd, resources->freezer == HP_FREEZER_FROZEN,
				  &application->undo);
}

int application_limit(struct application *application)
{
	int r = apply_limits(application);

	return r < 0 ? r : apply_freezer(application);
}

static int on_making(const char *path, void *userdata)
{
	struct application *application = userdata;

	return holdings_making(application->applier->holdings, application->holding, MADE_CGROUP,
			       path);
}

static int make_cgroup(struct application *application)
{
	const struct applier *applier = application->applier;
	char path[CGROUP_PATH_SIZE], default_path[CGROUP_PATH_SIZE];
	const char *asked = application->request.settings->cgroups_path;
	int r;

	snprintf(default_path, sizeof(default_path), "/%s", application->request.container);
	r = cgroup_path_read(asked ? asked : default_path, path, &application->err);
	if (r < 0)
		return application_at_step(application, "cgroup", "linux.cgroupsPath", r);
	r = cgroup_tree_refuse(applier->cgroups, applier->mount_fd, path, &application->err);
	if (r < 0)
		return application_at_step(application, "cgroup", "linux.cgroupsPath", r);
	application->holding->cgroup_path = strdup(path);
	if (!application->holding->cgroup_path)
		return -ENOMEM;
	r = cgroup_path_make(applier->mount_fd, path, on_making, application, &application->undo,
			     &application->cgroup_fd, &application->err);
	return application_at_step(application, "cgroup", "linux.cgroupsPath", r);
}

static int apply_cgroupfs(struct application *application)
{
	const struct applier *applier = application->applier;
	int r = make_cgroup(application);

	if (r < 0)
		return r;
	r = apply_limits(application);
	if (r < 0)
		return application_at_step(application, "cgroup", "linux.resources", r);
	r = cgroup_path_move(applier->mount_fd, application->cgroup_fd, &application->target,
			     &application->undo, &application->err);
	if (r == 0)
		r = apply_freezer(application);
	return application_at_step(application, "cgroup", "linux.cgroupsPath", r);
}

/* ---- resctrl and the process ---- */

/* resctrl's groups and where the threads were before. */
struct rdt_change {
	struct rdt *rdt;
	const struct target *target; /* undone before it is closed */
	struct rdt_member *member;   /* NULL: not joined, or the holding's by now */
	char former[NAME_MAX + 1];   /* group of the process */
};

static int write_thread(pid_t thread, void *userdata)
{
	char text[16];

	snprintf(text, sizeof(text), "%d", thread);
	return write(*(const int *)userdata, text, strlen(text)) < 0 ? -errno : 0;
}

/* First the group, then its monitoring group: the kernel takes only members of the former there. */
static int move_threads(const struct rdt_member *member, const struct target *target)
{
	int tasks = rdt_member_tasks(member), monitored = rdt_member_monitored_tasks(member);
	int r = target_each_thread(target, write_thread, &tasks);

	if (r == 0 && monitored >= 0)
		r = target_each_thread(target, write_thread, &monitored);
	return r;
}

static void undo_rdt(void *data)
{
	struct rdt_change *change = data;
	const struct hp_intel_rdt former = {.clos_id = change->former};
	struct rdt_member *member;
	struct hp_err err;

	if (!change->member)
		return;
	if (rdt_join(change->rdt, &former, "", &member, &err) == 0) {
		(void)move_threads(member, change->target);
		rdt_leave(member);
	}
	rdt_leave(take_ptr(change->member));
}

/* "res:c1", or "res:/" for the default group: kernel, fs/resctrl, proc_resctrl_show(). */
static void read_former_group(struct rdt_change *change)
{
	char text[2 * NAME_MAX];
	const char *name = NULL;

	if (file_read_at(change->target->proc, "cpu_resctrl_groups", text, sizeof(text)) > 0)
		name = strstr(text, "res:");
	name = name ? name + strlen("res:") : "/";
	snprintf(change->former, sizeof(change->former), "%.*s", (int)strcspn(name, "\n"), name);
}

/* What is about to be made is written down first; what turns out to have been there is not ours. */
static int announce_rdt(struct application *application, enum made_kind kind, const char *name)
{
	struct applier *applier = application->applier;

	if (rdt_has_group(applier->rdt, name))
		return 0;
	return holdings_making(applier->holdings, application->holding, kind, name);
}

static int announce_rdt_groups(struct application *application)
{
	const struct hp_intel_rdt *wanted = application->request.settings->intel_rdt;
	const char *container = application->request.container;
	const char *group = wanted->clos_id ? wanted->clos_id : container;
	bool is_default = strcmp(group, "/") == 0;
	char monitored[2 * NAME_MAX + 16];
	int r = is_default ? 0 : announce_rdt(application, MADE_RDT_GROUP, group);

	if (r < 0 || !wanted->enable_monitoring)
		return r;
	snprintf(monitored, sizeof(monitored), "%.255s/mon_groups/%.255s", is_default ? "." : group,
		 container);
	return announce_rdt(application, MADE_RDT_MON_GROUP, monitored);
}

/* Somebody else was quicker: then it is not to be removed by us. */
static void forget_unmade(struct application *application, enum made_kind kind, bool is_made)
{
	struct made *made;

	if (is_made)
		return;
	TAILQ_FOREACH (made, &application->holding->made, link)
		if (made->kind == kind)
			break;
	if (made)
		(void)holdings_unmade(application->applier->holdings, application->holding, made);
}

/* io.hookd.settings.Exhausted in the place of ENOSPC. */
static int tell_exhausted(struct application *application)
{
	struct hp_err *err = &application->err;
	int limit = rdt_closids(application->applier->rdt);

	if (limit <= 0)
		return -ENOSPC;
	*err = (struct hp_err){.code = HP_ERR_EXHAUSTED, .path = "CLOSID", .error = limit};
	return -ENOSPC;
}

static int join_rdt(struct application *application)
{
	struct applier *applier = application->applier;
	struct rdt_change *change = undo_add(&application->undo, sizeof(*change), undo_rdt, NULL);
	int r;

	if (!change)
		return -ENOMEM;
	change->rdt = applier->rdt;
	change->target = &application->target;
	read_former_group(change);
	r = announce_rdt_groups(application);
	if (r == 0)
		r = rdt_join(applier->rdt, application->request.settings->intel_rdt,
			     application->request.container, &change->member, &application->err);
	if (r == -ENOSPC)
		return tell_exhausted(application);
	if (r < 0)
		return r;
	forget_unmade(application, MADE_RDT_GROUP, rdt_member_group_is_made(change->member));
	forget_unmade(application, MADE_RDT_MON_GROUP,
		      rdt_member_monitored_group_is_made(change->member));
	r = move_threads(change->member, &application->target);
	if (r < 0)
		return r;
	application->rdt = change;
	application->holding->rdt_group = strdup(rdt_member_group(change->member));
	return application->holding->rdt_group ? 0 : -ENOMEM;
}

static int apply_rdt(struct application *application)
{
	int r;

	if (!application->request.settings->intel_rdt)
		return 0;
	if (rdt_is_there(application->applier->rdt))
		r = join_rdt(application);
	else
		r = hp_err_setting(&application->err, -EOPNOTSUPP, NULL, "resctrl is not mounted");
	return application_at_step(application, "rdt", "linux.intelRdt", r);
}

static int apply_process(struct application *application)
{
	int r =
	    process_apply(&application->target, application->request.settings, &application->undo,
			  &application->holding->process, &application->err);

	return application_at_step(application, "process", "process", r);
}

/* What follows the cgroup, to the end. */
static void apply_rest(struct application *application)
{
	int r = apply_rdt(application);

	if (r == 0)
		r = apply_process(application);
	if (r == 0)
		r = target_check(&application->target);
	if (r == 0) {
		application->holding->is_complete = true;
		r = holdings_write(application->applier->holdings, application->holding);
	}
	if (r == 0 && application->rdt)
		application->holding->rdt_member = take_ptr(application->rdt->member);
	application_end(application, r);
}

/* ---- systemd ---- */

static int set_cgroup_path(struct holding *holding, const char *path)
{
	char *copy = strdup(path);

	if (!copy)
		return -ENOMEM;
	free(holding->cgroup_path);
	holding->cgroup_path = copy;
	return 0;
}

/*
 * Written with the place where its cgroup will be: StopUnit kills, and after a crash it is there
 * that Release sees who is in the unit. It may even be one of others, which systemd would have
 * answered.
 */
static int announce_scope(struct application *application)
{
	struct holdings *holdings = application->applier->holdings;
	struct holding *holding = application->holding;
	char path[CGROUP_PATH_SIZE];
	int r = scope_cgroup_path(&application->scope, path, sizeof(path));

	if (r == 0)
		r = set_cgroup_path(holding, path);
	if (r == 0)
		r = holdings_write(holdings, holding);
	return r < 0 ? r : holdings_making(holdings, holding, MADE_UNIT, holding->unit);
}

/* It was moved by systemd, and systemd stops a scope that nobody is in. */
static int note_place(struct application *application)
{
	return cgroup_path_remember(application->applier->mount_fd, &application->target,
				    &application->undo);
}

static int enter_scope(struct application *application)
{
	char path[CGROUP_PATH_SIZE];
	int r = cgroup_path_of(&application->target, path);

	if (r == 0)
		r = application->cgroup_fd = cgroup_path_open(application->applier->mount_fd, path);
	if (r < 0)
		return application_at_step(application, "cgroup", "linux.cgroupsPath", r);
	r = set_cgroup_path(application->holding, path);
	if (r < 0)
		return r;
	return application_at_step(application, "cgroup", "linux.resources",
				   application_limit(application));
}

static void on_scope(int r, const char *reason, void *userdata)
{
	struct application *application = userdata;

	application->job = NULL;
	if (r < 0) {
		(void)hp_err_setting(&application->err, r, NULL, "systemd: %s", reason);
		r = application_at_step(application, "cgroup", "linux.cgroupsPath", r);
	}
	if (r == 0)
		r = enter_scope(application);
	if (r < 0)
		application_end(application, r);
	else
		apply_rest(application);
}

/* 1: systemd was asked. */
static int start_scope(struct application *application)
{
	struct applier *applier = application->applier;
	const struct apply_request *request = &application->request;
	char default_path[CGROUP_PATH_SIZE];
	int r;

	snprintf(default_path, sizeof(default_path), ":hookd:%s", request->container);
	r = scope_name_read(request->settings->cgroups_path ? request->settings->cgroups_path
							    : default_path,
			    &application->scope, &application->err);
	if (r < 0)
		return application_at_step(application, "cgroup", "linux.cgroupsPath", r);
	application->holding->is_systemd = true;
	application->holding->unit = strdup(application->scope.unit);
	if (!application->holding->unit)
		return -ENOMEM;
	r = announce_scope(application);
	if (r == 0)
		r = note_place(application);
	if (r == 0)
		r = scopes_start(applier->scopes, &application->scope, request->pid,
				 request->settings->resources, on_scope, application,
				 &application->job);
	return r < 0 ? application_at_step(application, "cgroup", "linux.cgroupsPath", r) : 1;
}

/* ---- Apply ---- */

static bool is_for_systemd(const struct apply_request *request)
{
	const char *path = request->settings->cgroups_path;

	if (request->driver != CGROUP_DRIVER_AUTO)
		return request->driver == CGROUP_DRIVER_SYSTEMD;
	return path && path[0] != '/' && strchr(path, ':') && !strchr(path, '/');
}

/* 1: goes on later. */
static int apply_cgroup(struct application *application)
{
	const struct hp_settings *settings = application->request.settings;
	int r;

	if (!settings->cgroups_path && !settings->resources)
		return 0;
	if (application->applier->mount_fd < 0) {
		r = hp_err_setting(&application->err, -EOPNOTSUPP, NULL,
				   "this machine has cgroup v1 or hybrid");
		return application_at_step(application, "cgroup", "linux.cgroupsPath", r);
	}
	r = application_convert(application);
	if (r < 0)
		return r;
	return is_for_systemd(&application->request) ? start_scope(application)
						     : apply_cgroupfs(application);
}

static int begin(struct application *application)
{
	struct applier *applier = application->applier;
	const struct apply_request *request = &application->request;
	int r;

	if (holdings_find(applier->holdings, request->container)) {
		(void)hp_err_setting(&application->err, -EEXIST, NULL,
				     "something is held for the container already: Update "
				     "changes it, Release gives it back");
		return application_at_step(application, "process", "", -EEXIST);
	}
	r = target_open(request->pid, &application->target);
	/* Alive afterwards: it is the process that was found, and not another of its number. */
	if (r == 0 && !pidfd_is_alive(request->pidfd))
		r = -ESRCH;
	if (r == 0)
		r = target_refuse(&application->target, &application->err);
	if (r == 0)
		r = holdings_add(applier->holdings, request->container, request->pid,
				 target_start_time(&application->target), request->uid,
				 &application->holding);
	return r;
}

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

void done_without_memory(apply_done_fn done, void *userdata)
{
	struct hp_err err;

	done(hp_err_no_memory(&err), NULL, &err, userdata);
}

void applier_apply(struct applier *applier, const struct apply_request *request, apply_done_fn done,
		   void *userdata)
{
	struct application *application = application_new(applier, done, userdata);
	int r;

	if (!application) {
		done_without_memory(done, userdata);
		return;
	}
	application->request = *request;
	r = begin(application);
	if (r == 0)
		r = apply_cgroup(application);
	if (r < 0)
		application_end(application, r);
	else if (r == 0)
		apply_rest(application);
}
