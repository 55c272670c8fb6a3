/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Applies the configuration for the processes of hooks: limits of their cgroups, umask and nice
 * level. Logs settings that this machine does not allow. No state.
 */
#include "daemon/hook_defaults.h"

#include <string.h>
#include <sys/resource.h>

#include "daemon/base/log.h"
#include "daemon/runner/runners.h"

/* Names the limit by its key in the configuration file. */
static void report_ignored_limit(const struct hp_err *err, void *userdata)
{
	static const struct {
		const char *path, *key;
	} rows[] = {
	    {"pids.limit", "PidsMax="},
	    {"memory.limit", "MemoryMax="},
	    {"cpu.quota", "CPUQuota="},
	};
	const char *key = "a configured limit";

	(void)userdata;
	for (size_t i = 0; i < ELEMENTS(rows); i++)
		if (strcmp(rows[i].path, err->path) == 0)
			key = rows[i].key;
	log_warning("ignoring %s: %s", key, err->reason);
}

static void set_limits(struct hookd *hookd)
{
	const struct config *config = &hookd->config;
	struct hp_resources limits = {
	    .pids_limit = {config->pids_max.is_set, (int64_t)config->pids_max.value},
	    .memory.limit = {config->memory_max.is_set, (int64_t)config->memory_max.value},
	    .cpu.quota = {config->cpu_quota_us.is_set, (int64_t)config->cpu_quota_us.value},
	};

	if (limits.cpu.quota.is_set)
		limits.cpu.period = (struct hp_uint){true, CONFIG_CPU_PERIOD_US};
	if (hookd->cgroups) {
		(void)cgroup_tree_set_defaults(hookd->cgroups, &limits, report_ignored_limit, NULL);
		return;
	}
	if (limits.pids_limit.is_set)
		log_warning("ignoring PidsMax=: hookd has no writable cgroup");
	if (limits.memory.limit.is_set)
		log_warning("ignoring MemoryMax=: hookd has no writable cgroup");
	if (limits.cpu.quota.is_set)
		log_warning("ignoring CPUQuota=: hookd has no writable cgroup");
}

/*
 * Whether setpriority(2) works depends on a capability, on RLIMIT_NICE and on seccomp filters, so
 * it is tried. 0 or -errno.
 */
static int try_nice(int nice)
{
	int before = getpriority(PRIO_PROCESS, 0);

	if (nice >= before)
		return 0;
	if (setpriority(PRIO_PROCESS, 0, nice) < 0)
		return -errno;
	(void)setpriority(PRIO_PROCESS, 0, before);
	return 0;
}

static void set_attributes(struct hookd *hookd)
{
	const struct config *config = &hookd->config;
	struct spawn_defaults defaults = {
	    .umask = config->default_umask.is_set ? (int)config->default_umask.value : -1,
	    .nice = (int)config->default_nice.value,
	};
	int r = defaults.nice ? try_nice(defaults.nice) : 0;

	/* It would fail in the child in the same way, and every hook with it. */
	if (r < 0) {
		log_warning("ignoring Nice=%d: %s", defaults.nice, strerror(-r));
		defaults.nice = 0;
	}
	spawner_set_defaults(hookd->procs.spawner, &defaults);
	if (hookd->runners)
		runners_configure(hookd->runners, config, defaults.nice);
}

void hook_defaults_set(struct hookd *hookd)
{
	set_limits(hookd);
	set_attributes(hookd);
}
