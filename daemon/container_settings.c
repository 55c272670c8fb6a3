/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Begins what hookd does to settings of containers: opens the file of holdings, connects to the
 * bus, and takes over the resctrl groups of an earlier hookd. No state.
 */
#include "daemon/container_settings.h"

#include <string.h>

#include "daemon/base/log.h"
#include "daemon/cgroup/path.h"
#include "daemon/database/database_file.h"
#include "daemon/holder.h"

static void report_holding(const char *container, const char *what, void *userdata)
{
	const struct log_field fields[] = {{"HOOKD_CONTAINER", container}};

	(void)userdata;
	log_write(LOG_NOTICE, fields, ELEMENTS(fields), "container %s: %s", container, what);
}

static bool is_group_held(const char *group, void *userdata)
{
	struct holdings *holdings = userdata;
	struct holding *holding = holdings_first(holdings);
	const struct created *created;

	for (; holding; holding = holdings_next(holding))
		TAILQ_FOREACH (created, &holding->created, link)
			if ((created->kind == CREATED_RDT_GROUP ||
			     created->kind == CREATED_RDT_MON_GROUP) &&
			    strcmp(created->name, group) == 0)
				return true;
	return false;
}

/*
 * Takes over the resctrl groups of runs that an earlier hookd left behind, not those of containers;
 * takeover() removes those of which no run goes on.
 */
static void restore_groups(struct hookd *hookd, const char *directory)
{
	int r = 0;

	if (directory)
		r = rdt_restore(hookd->rdt, directory, is_group_held,
				applier_holdings(hookd->applier));
	if (r < 0)
		log_warning("cannot record resctrl groups in %s: %s: they are not removed if hookd "
			    "is killed",
			    directory, strerror(-r));
	else if (r > 0)
		log_warning("%s/resctrl-groups is damaged or not hookd's: it is set aside, and the "
			    "groups that it names are not removed",
			    directory);
}

static int open_holdings(const char *directory, struct holdings **ret_holdings)
{
	char holder[HOLDER_SIZE];
	bool is_set_aside;
	int r = holdings_open(directory, ret_holdings, &is_set_aside);

	if (is_set_aside)
		log_error("%s/holdings.db is damaged, empty, missing beside its journal or not "
			  "hookd's: it is set aside, and settings that could not be read from it "
			  "can no longer be updated or released",
			  directory);
	if (r == -EBUSY) {
		holder_describe(database_file_locker(directory, HOLDINGS_FILE), holder);
		log_error("%s/holdings.db is locked by %s", directory, holder);
	} else if (r < 0) {
		log_error("cannot use %s/holdings.db: %s", directory, strerror(-r));
	}
	return r;
}

int container_settings_begin(struct hookd *hookd, const char *directory)
{
	struct holdings *holdings;
	int r = bus_new(hookd->base, &hookd->bus);

	if (r == 0)
		r = scopes_new(hookd->bus, &hookd->scopes);
	if (r == 0)
		r = open_holdings(directory, &holdings);
	if (r == 0)
		r = applier_new(hookd->base, holdings, hookd->rdt, hookd->scopes, hookd->cgroups,
				cgroup_path_open_mount(), report_holding, NULL, &hookd->applier);
	if (r == 0)
		restore_groups(hookd, directory);
	return r;
}
