/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Update: changes the limits of a container that has a holding; moves no process. The order of its
 * steps, of which application.c owns the state:
 *
 *	check and convert the settings, enter CHANGING
 *	--> with a scope: read its properties, set the new ones (in the event loop)
 *	--> files of the cgroup --> schemata of the resctrl group --> attributes of the process
 *
 * systemd's properties come first: with the old ones it would overwrite the files later. They are
 * read before, to be restored if the update fails.
 */
#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "daemon/apply/application.h"
#include "daemon/apply/uncertain.h"
#include "daemon/cgroup/limits.h"
#include "proto/settings/settings_json.h"

struct schemata_change {
	struct rdt *rdt;
	char group[NAME_MAX + 1];
	char text[4096];
};

static int undo_schemata(void *data)
{
	const struct schemata_change *change = data;

	return rdt_set_schemata(change->rdt, change->group, change->text);
}

static int remember_schemata(struct application *application)
{
	struct schemata_change *change =
	    undo_add(&application->undo, "schemata", sizeof(*change), undo_schemata, NULL);
	ssize_t length;

	assert(application->holding->rdt_group); /* refuse_other_group() */
	if (!change)
		return -ENOMEM;
	change->rdt = application->applier->rdt;
	snprintf(change->group, sizeof(change->group), "%s", application->holding->rdt_group);
	length = rdt_schemata(change->rdt, change->group, change->text, sizeof(change->text));
	return length < 0 ? (int)length : 0;
}

/* The schemata of a group that hookd did not create are only compared, as in Apply. */
static int update_rdt(struct application *application)
{
	const struct holding *holding = application->holding;
	int r = remember_schemata(application);

	return r < 0
		   ? r
		   : rdt_update(application->applier->rdt, application->request.settings->intel_rdt,
				holding->rdt_group, holding_has_created(holding, CREATED_RDT_GROUP),
				&application->err);
}

/* -ESRCH too where another process has the pid: the start time tells. */
static int open_target(struct application *application)
{
	const struct holding *holding = application->holding;
	int r = target_open(holding->pid, &application->target);

	if (r == 0 && target_start_time(&application->target) != holding->start_time)
		r = -ESRCH;
	if (r == 0)
		process_change_begin(&application->process, &application->target,
				     application->request.settings, &application->undo);
	return r;
}

/* 1: call it again in the next iteration of the event loop. */
static int change_process(struct application *application)
{
	struct process_change *change = &application->process;
	int r = change->target ? 0 : open_target(application);

	if (r == 0)
		r = process_change_go_on(change, &application->err);
	if (r == 0)
		application->holding->attributes_set |= change->set;
	if (r == -ESRCH)
		return application_fail_no_process(application, application->holding->pid);
	return application_at_step(application, "process", "process", r);
}

static void update_process(struct application *application)
{
	int r = 0;

	if (process_is_asked(application->request.settings))
		r = change_process(application);
	if (r > 0)
		r = application_next_turn(application, update_process);
	if (r <= 0)
		application_end(application, r);
}

static int open_cgroup(struct application *application)
{
	if (application->cgroup_fd < 0)
		application->cgroup_fd = cgroup_path_open(application->applier->mount_fd,
							  application->holding->cgroup_path);
	return application->cgroup_fd < 0 ? application->cgroup_fd : 0;
}

static int join_unit_files(struct application *application)
{
	application->has_unit_files = true;
	return unit_files_join(application->holding->unit_files, &application->limits,
			       application->cgroup_fd, &application->unit_files);
}

static void update_files(struct application *application)
{
	const struct hp_settings *settings = application->request.settings;
	int r = 0;

	assert(application->holding->state == HOLDING_CHANGING);
	if (settings->resources) {
		r = open_cgroup(application);
		if (r == 0)
			r = application_limit(application);
		if (r == 0 && application->holding->unit)
			r = join_unit_files(application);
		r = application_at_step(application, "cgroup", "linux.resources", r);
	}
	if (r == 0 && settings->intel_rdt) {
		r = update_rdt(application);
		r = application_at_step(application, "rdt", "linux.intelRdt", r);
	}
	if (r < 0)
		application_end(application, r);
	else
		update_process(application);
}

static void fail_at_systemd(struct application *application, int r, const char *reason)
{
	if (application->err.code == HP_ERR_NONE)
		(void)hp_err_setting(&application->err, r, NULL, "systemd: %s", reason);
	application_end(application,
			application_at_step(application, "cgroup", "linux.resources", r));
}

static void on_properties(int r, const char *reason, void *userdata)
{
	struct application *application = userdata;

	application->job = NULL;
	(void)limits_undo(application->cgroup_fd, &application->without_property);
	if (r < 0)
		fail_at_systemd(application, r, reason);
	else
		update_files(application);
}

/*
 * Before systemd changes them: those of unit_files.h, and the cpusets. The kernel does not let it
 * empty a cpuset again if the Update fails.
 */
static int remember_files(struct application *application)
{
	static const char *const cpusets[] = {"cpuset.cpus", "cpuset.mems", NULL};
	int r = open_cgroup(application);

	if (r == 0)
		r = limits_remember(application->cgroup_fd, unit_files,
				    &application->without_property);
	return r < 0 ? r : limits_remember(application->cgroup_fd, cpusets, &application->cpusets);
}

static void on_former_limits(int r, const char *reason, struct scope_limits *limits, void *userdata)
{
	struct application *application = userdata;

	assert(!application->former);
	application->job = NULL;
	application->former = limits;
	if (r == 0)
		r = remember_files(application);
	/* With a property below the usage the kernel would kill processes of the container. */
	if (r == 0)
		r = limits_check_usage(application->cgroup_fd, &application->limits,
				       &application->err);
	if (r == 0)
		r = scopes_set(application->applier->scopes, application->holding->unit,
			       application->request.settings->resources, limits,
			       limits_have_bfq(application->applier->mount_fd,
					       application->holding->cgroup_path),
			       on_properties, application, &application->job);
	application->is_systemd_told = r == 0;
	if (r < 0)
		fail_at_systemd(application, r, limits ? strerror(-r) : reason);
}

static int ask_systemd(struct application *application)
{
	int r = scopes_read(application->applier->scopes, application->holding->unit,
			    on_former_limits, application, &application->job);

	return application_at_step(application, "cgroup", "linux.resources", r);
}

/* ---- what Update cannot change ---- */

static int refuse(struct application *application, const char *step, const char *path,
		  const char *reason)
{
	return application_at_step(application, step, path,
				   hp_err_setting(&application->err, -EINVAL, NULL, "%s", reason));
}

/* 1: the path names the cgroup of the holding. */
static int names_own_cgroup(struct application *application)
{
	const struct holding *holding = application->holding;
	const char *asked = application->request.settings->cgroups_path;
	char path[CGROUP_PATH_SIZE];
	struct scope_name name;
	int r;

	if (holding->is_systemd) {
		r = scope_name_read(asked, &name, &application->err);
		return r < 0 ? r : holding->unit && strcmp(name.unit, holding->unit) == 0;
	}
	r = cgroup_path_read(asked, path, &application->err);
	return r < 0 ? r : holding->cgroup_path && strcmp(path, holding->cgroup_path) == 0;
}

static const char *cgroup_member(const struct application *application)
{
	return application->request.settings->is_cgroups_path_joined ? "linux.resources"
								     : "linux.cgroupsPath";
}

static int refuse_other_cgroup(struct application *application)
{
	int r = application->request.settings->cgroups_path ? names_own_cgroup(application) : 1;

	if (r == 0)
		return refuse(application, "cgroup", cgroup_member(application),
			      "is not the cgroup that Apply was given: Update moves no process");
	return r < 0 ? application_at_step(application, "cgroup", cgroup_member(application), r)
		     : 0;
}

static int refuse_other_group(struct application *application)
{
	const struct hp_intel_rdt *wanted = application->request.settings->intel_rdt;
	const struct holding *holding = application->holding;

	if (!wanted)
		return 0;
	if (!holding->rdt_group)
		return refuse(application, "rdt", "linux.intelRdt",
			      "Apply was given no resctrl group for this container");
	if (wanted->clos_id && strcmp(wanted->clos_id, holding->rdt_group) != 0)
		return refuse(application, "rdt", "linux.intelRdt.closID",
			      "is not the group that Apply was given: Update moves no process");
	if (wanted->enable_monitoring && !holding_has_created(holding, CREATED_RDT_MON_GROUP))
		return refuse(application, "rdt", "linux.intelRdt.enableMonitoring",
			      "Apply was given no monitoring group");
	return 0;
}

/* Of a unit that runs, systemd changes few properties but limits, which resources have. */
static int refuse_annotations(struct application *application)
{
	const struct hp_settings *settings = application->request.settings;
	char path[HP_ERR_PATH_SIZE];

	if (!application->holding->is_systemd || settings->systemd_property_count == 0)
		return 0;
	snprintf(path, sizeof(path), "annotations." HP_SYSTEMD_PROPERTY "%.100s",
		 settings->systemd_properties[0].name);
	return refuse(application, "cgroup", path,
		      "is set by Apply alone; for limits give resources");
}

static int refuse_update(struct application *application)
{
	int r = refuse_other_cgroup(application);

	if (r == 0)
		r = refuse_annotations(application);

	if (r == 0 && application->request.settings->resources &&
	    !application->holding->cgroup_path)
		return refuse(application, "cgroup", "linux.resources",
			      "Apply was given no cgroup for this container");
	return r < 0 ? r : refuse_other_group(application);
}

/* Enters CHANGING. The file gets the names of what is changed, in case hookd is killed. */
static int take_holding(struct application *application)
{
	struct holding *holding = application->holding;
	char *uncertain;
	int r;

	assert(holding->state == HOLDING_HELD && !application->names);
	r = uncertain_names(application->request.settings, &application->limits,
			    &application->names);
	if (r == 0)
		r = uncertain_join(holding->uncertain, application->names, &uncertain);
	if (r < 0)
		return r;
	application->uncertain_before = holding->uncertain;
	holding->uncertain = uncertain;
	return holdings_written(
	    holdings_enter(application->applier->holdings, holding, HOLDING_CHANGING),
	    &application->err);
}

static int find_holding(struct application *application)
{
	struct holdings *holdings = application->applier->holdings;
	const char *container = application->request.container;
	struct holding *holding = holdings_find(holdings, container);
	int r;

	if (!holding) {
		application->err = (struct hp_err){.code = HP_ERR_NO_SUCH_CONTAINER};
		snprintf(application->err.path, sizeof(application->err.path), "%s", container);
		return -ENOENT;
	}
	r = holding_refuse_busy(holding, &application->err);
	if (r < 0)
		return r;
	application->holding = holding;
	return 0;
}

void applier_update(struct applier *applier, const char *container,
		    const struct hp_settings *settings, apply_done_fn done, void *userdata)
{
	struct application *application = application_new(applier, done, userdata);
	int r;

	if (!application) {
		done_without_memory(done, userdata);
		return;
	}
	application->is_update = true;
	application->request = (struct apply_request){.container = container, .settings = settings};
	r = find_holding(application);
	if (r == 0)
		r = refuse_update(application);
	if (r == 0)
		r = application_convert(application, application->holding->unit);
	if (r == 0)
		r = take_holding(application);
	if (r == 0 && application->holding->unit && settings->resources) {
		r = ask_systemd(application);
		if (r == 0)
			return;
	}
	if (r < 0)
		application_end(application, r);
	else
		update_files(application);
}
