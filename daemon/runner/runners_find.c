/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Finds the runners of an earlier hookd by their sockets, and kills the hooks of those that have
 * ended. Lists the ids of all, by which the next hookd knows whether all of them are still there.
 * No state.
 */
#include <dirent.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "daemon/base/log.h"
#include "daemon/cgroup/cgroup.h"
#include "daemon/runner/runners_all.h"

/* ---- ids ---- */

#define ID_LENGTH 17 /* 16 digits and a blank, or the NUL */

char *runners_ids(const struct runners *runners)
{
	const struct link *link;
	size_t count = 0;
	char *ids, *end;

	TAILQ_FOREACH (link, &runners->links, siblings) {
		if (link->id == 0 && link->offer_fd < 0)
			return NULL;
		count++;
	}
	ids = end = calloc(count + 1, ID_LENGTH);
	if (!ids)
		return NULL;
	/* Without units that have not started yet: these have no lists. */
	TAILQ_FOREACH (link, &runners->links, siblings)
		if (link->id != 0)
			end += snprintf(end, ID_LENGTH + 1, "%s%016" PRIx64, end > ids ? " " : "",
					link->id);
	return ids;
}

static bool has_id(const struct runners *runners, uint64_t id)
{
	const struct link *link;

	TAILQ_FOREACH (link, &runners->links, siblings)
		if (link->id == id && link->is_synced)
			return true;
	return false;
}

bool runners_have(const struct runners *runners, const char *ids)
{
	char *end;

	while (*ids) {
		uint64_t id = strtoull(ids, &end, 16);

		if (end == ids || id == 0 || !has_id(runners, id))
			return false;
		ids = end;
	}
	return true;
}

/* ---- runners of an earlier hookd ---- */

/* "runner-7.sock" */
static bool read_number(const char *name, unsigned int *ret_number)
{
	char again[32];

	if (sscanf(name, "runner-%u.sock", ret_number) != 1 || *ret_number >= RUNNERS_NUMBERS_MAX)
		return false;
	snprintf(again, sizeof(again), "runner-%u.sock", *ret_number);
	return strcmp(name, again) == 0;
}

/* A runner to which hookd cannot connect now, for lack of descriptors, is tried again later. */
static void find_one(struct runners *runners, unsigned int number)
{
	struct link *link = link_new(runners, number);
	int r = link ? link_connect(link) : -ENOMEM;
	char name[32];

	snprintf(name, sizeof(name), "runner-%u.sock", number);
	if (r == -ECONNREFUSED) {
		link_free(link);
		(void)unlinkat(runners->directory, name, 0);
		return;
	}
	if (r < 0)
		log_error("cannot connect to %s/%s: %s", runners->options.state, name,
			  strerror(-r));
	if (!link || r == -EPERM) {
		runners->has_unknown = true;
		link_free(link);
		return;
	}
	link->is_found = true;
	TAILQ_INSERT_TAIL(&runners->links, link, siblings);
	if (r < 0)
		runners_replace_soon(runners);
}

int runners_find_all(struct runners *runners)
{
	int copy = openat(runners->directory, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *directory = copy < 0 ? NULL : fdopendir(copy);
	struct dirent *entry;
	unsigned int number;

	if (!directory) {
		close_fd(&copy);
		return -ENOMEM;
	}
	while ((entry = readdir(directory)))
		if (read_number(entry->d_name, &number))
			find_one(runners, number);
	closedir(directory);
	return 0;
}

bool runners_are_all_known(const struct runners *runners)
{
	const struct link *link;

	TAILQ_FOREACH (link, &runners->links, siblings)
		if (link->is_found && !link->was_synced)
			return false;
	return true;
}

/* ---- runners that have ended ---- */

static void kill_in_base(int base, const int *alive, size_t count)
{
	if (base >= 0)
		cgroup_parts_remove(base, alive, count);
}

void runners_kill_orphans(struct runners *runners)
{
	int alive[RUNNERS_NUMBERS_MAX];
	size_t count = 0;
	struct link *link;

	if (runners->has_unknown)
		return;
	TAILQ_FOREACH (link, &runners->links, siblings) {
		if (!link->is_synced || count == RUNNERS_NUMBERS_MAX)
			return;
		/* Siblings of a unit's cgroup are those of other services. */
		if (link->cgroup_fd >= 0 && !link->is_unit)
			alive[count++] = link->cgroup_fd;
	}
	if (runners->options.cgroups)
		kill_in_base(cgroup_tree_base(runners->options.cgroups), alive, count);
	for (size_t i = 0; i < count; i++) {
		cleanup_close int base = openat(alive[i], "..", O_PATH | O_DIRECTORY | O_CLOEXEC);

		kill_in_base(base, alive, count);
	}
}
