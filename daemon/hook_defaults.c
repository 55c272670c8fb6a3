/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Applies the configuration for the processes of hooks: limits of their cgroups, umask and nice
 * level. Logs settings that this machine does not allow. No state.
 */
#include "daemon/hook_defaults.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>

#include "daemon/base/log.h"
#include "daemon/runner/runners.h"

/* Logs that, and keeps it for Explain. */
static void ignore(struct hookd *hookd, enum default_key key, const char *name, const char *reason)
{
	log_warning("ignoring %s: %s", name, reason);
	snprintf(hookd->ignored_defaults[key], sizeof(hookd->ignored_defaults[key]), "%s", reason);
}

static const struct {
	const char *path, *name;
	enum default_key key;
} limit_keys[] = {
    {"pids.limit", "PidsMax=", DEFAULT_PIDS_MAX},
    {"memory.limit", "MemoryMax=", DEFAULT_MEMORY_MAX},
    {"cpu.quota", "CPUQuota=", DEFAULT_CPU_QUOTA},
};

static void report_ignored_limit(const struct hp_err *err, void *userdata)
{
	for (size_t i = 0; i < ELEMENTS(limit_keys); i++) {
		if (strcmp(limit_keys[i].path, err->path) == 0) {
			ignore(userdata, limit_keys[i].key, limit_keys[i].name, err->reason);
			return;
		}
	}
	log_warning("ignoring a configured limit: %s", err->reason);
}

static void set_limits(struct hookd *hookd)
{
	const struct config *config = &hookd->config;
	struct hp_resources limits = {
	    .pids_limit = {config->pids_max.is_set, (int64_t)config->pids_max.value},
	    .memory.limit = {config->memory_max.is_set, (int64_t)config->memory_max.value},
	    .cpu.quota = {config->cpu_quota_us.is_set, (int64_t)config->cpu_quota_us.value},
	};

	const bool is_set[] = {limits.pids_limit.is_set, limits.memory.limit.is_set,
			       limits.cpu.quota.is_set};

	static_assert(ELEMENTS(is_set) == ELEMENTS(limit_keys), "a flag for each limit");
	if (limits.cpu.quota.is_set)
		limits.cpu.period = (struct hp_uint){true, CONFIG_CPU_PERIOD_US};
	if (hookd->cgroups) {
		(void)cgroup_tree_set_defaults(hookd->cgroups, &limits, report_ignored_limit,
					       hookd);
		return;
	}
	for (size_t i = 0; i < ELEMENTS(limit_keys); i++)
		if (is_set[i])
			ignore(hookd, limit_keys[i].key, limit_keys[i].name,
			       "hookd has no writable cgroup");
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
		char name[24];

		snprintf(name, sizeof(name), "Nice=%d", defaults.nice);
		ignore(hookd, DEFAULT_NICE, name, strerror(-r));
		defaults.nice = 0;
	}
	spawner_set_defaults(hookd->procs.spawner, &defaults);
	if (hookd->runners)
		runners_configure(hookd->runners, config, defaults.nice);
}

void hook_defaults_set(struct hookd *hookd)
{
	memset(hookd->ignored_defaults, 0, sizeof(hookd->ignored_defaults));
	set_limits(hookd);
	set_attributes(hookd);
}
