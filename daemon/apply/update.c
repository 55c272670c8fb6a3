/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Update: new limits for what Apply made, with no process to move. systemd hears of them first, so
 * that it does not write the old ones again.
 */
#include <stdio.h>
#include <string.h>

#include "daemon/apply/application.h"

struct schemata_change {
	struct rdt *rdt;
	char group[NAME_MAX + 1];
	char text[4096];
};

static void undo_schemata(void *data)
{
	const struct schemata_change *change = data;

	(void)rdt_set_schemata(change->rdt, change->group, change->text);
}

static int remember_schemata(struct application *application)
{
	struct schemata_change *change =
	    undo_add(&application->undo, sizeof(*change), undo_schemata, NULL);
	ssize_t length;

	if (!change)
		return -ENOMEM;
	change->rdt = application->applier->rdt;
	snprintf(change->group, sizeof(change->group), "%s", application->holding->rdt_group);
	length = rdt_schemata(change->rdt, change->group, change->text, sizeof(change->text));
	return length < 0 ? (int)length : 0;
}

/* A group that hookd made gets the new schemata; with another they are compared, as at Apply. */
static int update_rdt(struct application *application)
{
	const struct holding *holding = application->holding;
	int r = remember_schemata(application);

	return r < 0 ? r
		     : rdt_update(application->applier->rdt,
				  application->request.settings->intel_rdt, holding->rdt_group,
				  holding_has_made(holding, MADE_RDT_GROUP), &application->err);
}

static void update_files(struct application *application)
{
	const struct hp_settings *settings = application->request.settings;
	struct applier *applier = application->applier;
	int r = 0;

	if (settings->resources) {
		r = application->cgroup_fd =
		    cgroup_path_open(applier->mount_fd, application->holding->cgroup_path);
		if (r >= 0)
			r = application_limit(application);
		r = application_at_step(application, "cgroup", "linux.resources", r);
	}
	if (r == 0 && settings->intel_rdt) {
		r = update_rdt(application);
		r = application_at_step(application, "rdt", "linux.intelRdt", r);
	}
	application_end(application, r);
}

static void on_properties(int r, const char *reason, void *userdata)
{
	struct application *application = userdata;

	application->job = NULL;
	if (r < 0) {
		(void)hp_err_setting(&application->err, r, NULL, "systemd: %s", reason);
		application_end(application,
				application_at_step(application, "cgroup", "linux.resources", r));
		return;
	}
	update_files(application);
}

static int refuse_update(struct application *application)
{
	const struct hp_settings *settings = application->request.settings;
	const struct holding *holding = application->holding;

	if (settings->resources && !holding->cgroup_path)
		return application_at_step(application, "cgroup", "linux.resources",
					   hp_err_setting(&application->err, -ENOENT, NULL,
							  "Apply was asked for no cgroup"));
	if (settings->intel_rdt && !holding->rdt_group)
		return application_at_step(application, "rdt", "linux.intelRdt",
					   hp_err_setting(&application->err, -ENOENT, NULL,
							  "Apply was asked for no resctrl group"));
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
	application->holding = holdings_find(applier->holdings, container);
	if (!application->holding) {
		application->err = (struct hp_err){.code = HP_ERR_NO_SUCH_CONTAINER};
		snprintf(application->err.path, sizeof(application->err.path), "%s", container);
		application_end(application, -ENOENT);
		return;
	}
	r = refuse_update(application);
	if (r == 0)
		r = application_convert(application);
	if (r == 0 && application->holding->unit && settings->resources) {
		r = scopes_set(applier->scopes, application->holding->unit, settings->resources,
			       on_properties, application, &application->job);
		if (r >= 0)
			return;
		r = application_at_step(application, "cgroup", "linux.resources", r);
	}
	if (r < 0)
		application_end(application, r);
	else
		update_files(application);
}
