/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Apply: the order of its steps. application.c undoes them.
 *
 *	open the process, write the holding
 *	--> cgroup, cgroupfs driver: create it, write limits and device rules, move the process
 *	    cgroup, systemd driver: start a scope with the process and systemd's limits, wait for
 *	    systemd's answer (in the event loop), write the other limits
 *	--> resctrl group --> attributes of the process --> HELD
 *
 * A cgroup gets its limits before the process is moved to it, and a resctrl group its schemata, so
 * the process is never in them without limits.
 */
#include <assert.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#include "daemon/apply/application.h"
#include "daemon/apply/process.h"
#include "daemon/base/file.h"
#include "daemon/base/pidfd.h"
#include "daemon/cgroup/devices.h"
#include "daemon/cgroup/limits.h"
#include "daemon/cgroup/scope_annotation.h"
#include "daemon/cgroup/scope_properties.h"
#include "proto/settings/settings_json.h"

const char *const cgroup_driver_names[CGROUP_DRIVER_COUNT] = {
    [CGROUP_DRIVER_AUTO] = "",
    [CGROUP_DRIVER_CGROUPFS] = "cgroupfs",
    [CGROUP_DRIVER_SYSTEMD] = "systemd",
};

/* ---- cgroup ---- */

static int set_text(char **text, const char *value)
{
	char *copy = strdup(value);

	if (!copy)
		return -ENOMEM;
	free(*text);
	*text = copy;
	return 0;
}

struct limits_change {
	int cgroup_fd;
	struct limits_journal limits;
	struct devices_journal devices;
};

static int undo_limits(void *data)
{
	const struct limits_change *change = data;
	int r = devices_undo(change->cgroup_fd, &change->devices);
	int r_of_limits = limits_undo(change->cgroup_fd, &change->limits);

	r = r < 0 ? r : r_of_limits;
	return cgroup_is_gone(r) ? 0 : r;
}

static void forget_limits(void *data)
{
	struct limits_change *change = data;

	limits_journal_clear(&change->limits);
	devices_journal_clear(&change->devices);
	close_fd(&change->cgroup_fd);
}

/*
 * The annotation would win in systemd, and the resources in the cgroup's file, until systemd writes
 * that again. "MemoryMaxScale" is MemoryMax as a part of the machine's memory.
 */
static int refuse_second_value(struct application *application,
			       const struct hp_systemd_property *property)
{
	const struct limit_list *limits = &application->limits;
	char name[256], *scale;

	scope_annotation_name(property, name, sizeof(name));
	scale = strstr(name, "Scale");
	if (scale && strcmp(scale, "Scale") == 0)
		*scale = '\0';
	for (size_t i = 0; i < limits->count; i++)
		if (scope_properties_is_of_file(name, limits->limits[i].file))
			return hp_err_invalid(&application->err, NULL,
					      "is set by linux.resources.%s too",
					      limits->limits[i].path);
	return 0;
}

/* Annotations are for a unit only: runc ignores them without one. */
static int check_annotations(struct application *application)
{
	const struct hp_settings *settings = application->request.settings;

	for (size_t i = 0; i < settings->systemd_property_count; i++) {
		const struct hp_systemd_property *property = &settings->systemd_properties[i];
		char path[HP_ERR_PATH_SIZE];
		int r = scope_annotation_check(property, &application->err);

		if (r == 0)
			r = refuse_second_value(application, property);
		if (r < 0) {
			snprintf(path, sizeof(path), "annotations." HP_SYSTEMD_PROPERTY "%.100s",
				 property->name);
			return application_at_step(application, "cgroup", path, r);
		}
	}
	return 0;
}

int application_convert(struct application *application, bool is_scope)
{
	const struct hp_resources *resources = application->request.settings->resources;
	int r = resources ? limit_list_make(resources, &application->limits, &application->err) : 0;

	if (r == 0 && is_scope && resources)
		r = scope_properties_check(resources, &application->err);
	if (r == 0 && is_scope)
		limit_list_adapt_to_systemd(&application->limits);
	return application_at_step(application, "cgroup", "linux.resources", r);
}

static int apply_limits(struct application *application)
{
	const struct hp_resources *resources = application->request.settings->resources;
	struct limits_change *change;
	int r;

	if (!resources)
		return 0;
	change =
	    undo_add(&application->undo, "limits", sizeof(*change), undo_limits, forget_limits);
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

/*
 * Ends the step "cgroup" and names the member that asked for it. Parent and name of libcontainer
 * are members of the same object as the limits.
 */
static int at_cgroup(struct application *application, int r)
{
	const struct hp_settings *settings = application->request.settings;
	bool is_member = settings->cgroups_path && !settings->is_cgroups_path_joined;

	return application_at_step(application, "cgroup",
				   is_member ? "linux.cgroupsPath" : "linux.resources", r);
}

/* The same for a name that cannot be used: by default it is the container's id. */
static int at_cgroup_name(struct application *application, int r)
{
	if (application->request.settings->cgroups_path)
		return at_cgroup(application, r);
	return application_at_step(application, "cgroup", APPLY_PATH_CONTAINER, r);
}

static int on_making(const char *path, void *userdata)
{
	struct application *application = userdata;

	return holdings_written(holdings_add_created(application->applier->holdings,
						     application->holding, CREATED_CGROUP, path),
				&application->err);
}

static bool is_for_systemd(const struct apply_request *request)
{
	const char *path = request->settings->cgroups_path;

	if (request->driver != CGROUP_DRIVER_AUTO)
		return request->driver == CGROUP_DRIVER_SYSTEMD;
	return path && path[0] != '/' && strchr(path, ':') && !strchr(path, '/');
}

static bool uses_cgroupfs(const struct application *application)
{
	const struct hp_settings *settings = application->request.settings;

	return (settings->cgroups_path || settings->resources) &&
	       !is_for_systemd(&application->request);
}

/* The cgroup's path with the cgroupfs driver; by default the container's id. */
static int read_path(const struct apply_request *request, char ret_path[static CGROUP_PATH_SIZE],
		     struct hp_err *err)
{
	char default_path[CGROUP_PATH_SIZE];

	snprintf(default_path, sizeof(default_path), "/%s", request->container);
	return cgroup_path_read(request->settings->cgroups_path ? request->settings->cgroups_path
								: default_path,
				ret_path, err);
}

static int make_cgroup(struct application *application)
{
	const struct applier *applier = application->applier;
	const char *path = application->holding->cgroup_path;
	int r = cgroup_tree_refuse(applier->cgroups, applier->mount_fd, path, &application->err);

	if (r == 0)
		r = cgroup_path_make(applier->mount_fd, path, on_making, application,
				     &application->undo, &application->cgroup_fd,
				     &application->err);
	/* EPERM: the path belongs to hookd, to systemd or to another service. */
	return r == -EPERM ? at_cgroup_name(application, r) : at_cgroup(application, r);
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
	return at_cgroup(application, r);
}

/* ---- resctrl, attributes, end ---- */

/* 1: threads are left. */
static int apply_process(struct application *application)
{
	struct process_change *change = &application->process;
	int r;

	if (!change->target)
		process_change_begin(change, &application->target, application->request.settings,
				     &application->undo);
	r = process_change_go_on(change, &application->err);
	application->holding->attributes_set |= change->set;
	return application_at_step(application, "process", "process", r);
}

/* From here on the Apply is not undone, unless that cannot be written. */
static int complete(struct application *application)
{
	struct holding *holding = application->holding;
	char *path = take_ptr(holding->former_path), *group = take_ptr(holding->former_group);
	int r;

	assert(holding->state == HOLDING_MAKING);
	r = holdings_written(holdings_enter(application->applier->holdings, holding, HOLDING_HELD),
			     &application->err);
	if (r < 0) {
		holding->former_path = path;
		holding->former_group = group;
		return r;
	}
	free(path);
	free(group);
	return 0;
}

/*
 * 1: call it again in the next iteration of the event loop, which a process with many threads would
 * block for too long.
 */
static int take_turn(struct application *application)
{
	int r = application_join_rdt(application);

	if (r == 0)
		r = apply_process(application);
	if (r == 0)
		r = target_check(&application->target);
	if (r == 0)
		r = complete(application);
	if (r == 0)
		application_keep_rdt(application);
	return r;
}

static void apply_rest(struct application *application)
{
	int r = take_turn(application);

	if (r > 0)
		r = application_next_turn(application, apply_rest);
	if (r <= 0)
		application_end(application, r);
}

/* ---- systemd ---- */

/*
 * Writes the unit's name and the path of its cgroup before the call to systemd. If hookd is killed
 * during the call, the next one checks the unit's mark, since the unit may belong to somebody else,
 * and looks for processes in the cgroup, since StopUnit would kill them.
 */
static int record_scope(struct application *application)
{
	struct holdings *holdings = application->applier->holdings;
	struct holding *holding = application->holding;
	char path[CGROUP_PATH_SIZE];
	int r = scope_cgroup_path(&application->scope, path, sizeof(path));

	if (r == 0)
		r = set_text(&holding->cgroup_path, path);
	if (r == 0)
		r = holdings_write(holdings, holding);
	if (r == 0)
		r = holdings_add_created(holdings, holding, CREATED_UNIT, holding->unit);
	return holdings_written(r, &application->err);
}

/* systemd moves the process. Once it is moved back, systemd stops the empty scope. */
static int remember_cgroup(struct application *application)
{
	return cgroup_path_remember(application->applier->mount_fd, &application->target,
				    &application->undo);
}

/* The unit existed: it and its processes belong to somebody else. Nothing was changed. */
static void forget_foreign_unit(struct application *application)
{
	undo_forget(&application->undo);
	(void)holdings_forget_unit(application->applier->holdings, application->holding);
}

/*
 * Another program may have moved the process meanwhile, to a cgroup whose limits are not for hookd
 * to change. Then the process stays there and the empty scope is stopped.
 */
static int check_cgroup(struct application *application)
{
	const char *scope = application->holding->cgroup_path;
	char path[CGROUP_PATH_SIZE];
	int r = cgroup_path_of(&application->target, path);

	if (r < 0 || strcmp(path, scope) == 0)
		return r;
	if (target_check(&application->target) < 0)
		return -ESRCH;
	undo_forget(&application->undo);
	return hp_err_setting(&application->err, -EBUSY, NULL,
			      "the process was moved to %.200s, out of its scope", path);
}

static int enter_scope(struct application *application)
{
	int r = check_cgroup(application);

	if (r == 0)
		r = application->cgroup_fd = cgroup_path_open(application->applier->mount_fd,
							      application->holding->cgroup_path);
	if (r < 0)
		return at_cgroup(application, r);
	r = application_limit(application);
	if (r == 0)
		r = unit_files_join(NULL, &application->limits, application->cgroup_fd,
				    &application->holding->unit_files);
	return application_at_step(application, "cgroup", "linux.resources", r);
}

static void on_scope(int r, const char *reason, void *userdata)
{
	struct application *application = userdata;

	application->job = NULL;
	if (r < 0) {
		(void)hp_err_setting(&application->err, r, NULL, "systemd: %s", reason);
		r = at_cgroup(application, r);
	}
	if (r == -EEXIST)
		forget_foreign_unit(application);
	application->holding->is_unit_ours = r == 0;
	if (r == 0)
		r = enter_scope(application);
	if (r < 0)
		application_end(application, r);
	else
		apply_rest(application);
}

static int start_unit(struct application *application)
{
	const struct apply_request *request = &application->request;
	struct applier *applier = application->applier;
	const struct scope_contents contents = {
	    .resources = request->settings->resources,
	    .has_bfq = limits_have_bfq(applier->mount_fd, application->holding->cgroup_path),
	    .properties = request->settings->systemd_properties,
	    .property_count = request->settings->systemd_property_count,
	};

	return scopes_start(applier->scopes, &application->scope, application->holding->mark,
			    request->pid, &contents, on_scope, application, &application->job);
}

/* 1: systemd was called; on_scope() continues. */
static int start_scope(struct application *application)
{
	const struct apply_request *request = &application->request;
	char default_path[CGROUP_PATH_SIZE];
	int r;

	assert(!application->job && !application->holding->unit);
	snprintf(default_path, sizeof(default_path), ":hookd:%s", request->container);
	r = scope_name_read(request->settings->cgroups_path ? request->settings->cgroups_path
							    : default_path,
			    &application->scope, &application->err);
	if (r < 0)
		return at_cgroup_name(application, r);
	application->holding->is_systemd = true;
	application->holding->unit = strdup(application->scope.unit);
	if (!application->holding->unit)
		return -ENOMEM;
	r = record_scope(application);
	if (r == 0)
		r = remember_cgroup(application);
	if (r == 0)
		r = start_unit(application);
	return r < 0 ? at_cgroup(application, r) : 1;
}

/* ---- Apply ---- */

/* 1: it continues later. */
static int apply_cgroup(struct application *application)
{
	const struct hp_settings *settings = application->request.settings;
	int r;

	if (!settings->cgroups_path && !settings->resources)
		return 0;
	if (application->applier->mount_fd < 0) {
		r = hp_err_setting(&application->err, -EOPNOTSUPP, NULL,
				   "this machine has cgroup v1 or hybrid");
		return at_cgroup(application, r);
	}
	r = application_convert(application, is_for_systemd(&application->request));
	if (r == 0 && is_for_systemd(&application->request))
		r = check_annotations(application);
	if (r < 0)
		return r;
	return is_for_systemd(&application->request) ? start_scope(application)
						     : apply_cgroupfs(application);
}

/* Writes the old and new cgroup and group of the process, by which a restart undoes the Apply. */
static int add_holding(struct application *application)
{
	struct applier *applier = application->applier;
	const struct apply_request *request = &application->request;
	char former[CGROUP_PATH_SIZE], path[CGROUP_PATH_SIZE], group[NAME_MAX + 1];
	struct holding from = {
	    .pid = request->pid,
	    .start_time = target_start_time(&application->target),
	    .uid = request->uid,
	};
	int r = 0;

	if (applier->mount_fd >= 0 && cgroup_path_of(&application->target, former) == 0)
		from.former_path = former;
	if (applier->mount_fd >= 0 && uses_cgroupfs(application)) {
		r = read_path(request, path, &application->err);
		from.cgroup_path = path;
	}
	if (r < 0)
		return at_cgroup_name(application, r);
	from.rdt_group = (char *)application_rdt_group(application);
	from.has_closid = application_has_closid(application);
	if (from.rdt_group) {
		target_rdt_group(&application->target, group);
		from.former_group = group;
	}
	r = holdings_add(applier->holdings, request->container, &from, &application->holding);
	return holdings_written(r, &application->err);
}

static int begin(struct application *application)
{
	struct applier *applier = application->applier;
	const struct apply_request *request = &application->request;
	const struct holding *other = holdings_find(applier->holdings, request->container);
	int r;

	if (other) {
		r = holding_refuse_busy(other, &application->err);
		if (r < 0)
			return r;
		(void)hp_err_setting(
		    &application->err, -EEXIST, NULL,
		    "settings are already applied to this container: use Update to "
		    "change them, or Release first");
		return application_at_step(application, "process", "", -EEXIST);
	}
	r = target_open(request->pid, &application->target);
	/* Alive: the pid was not reused, so target_open() has opened this process. */
	if (r == 0 && !pidfd_is_alive(request->pidfd))
		r = -ESRCH;
	if (r == 0)
		r = target_refuse(&application->target, &application->err);
	return r < 0 ? r : add_holding(application);
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
