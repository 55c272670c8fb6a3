/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "daemon/base/base.h"
#include "daemon/base/log.h"
#include "proto/base/base.h"

/*
 * What an operator sets. Read once, checked as a whole, read-only afterwards.
 *
 * hookd.conf is looked for in /etc/hookd, /run/hookd and /usr/lib/hookd, the first one found
 * counts; then every hookd.conf.d/NAME.conf of the three folders in the order of the names, where
 * a name in an earlier folder hides the same name in a later one (UAPI.6). Unknown keys are warned
 * of and passed over. docs/CONFIGURATION.md is the operator's view of the keys.
 */
#define CONFIG_CPU_PERIOD_US 100000

struct config {
	/* [Hooks] */
	uint64_t default_timeout_ms;   /* DefaultTimeoutSec=300; 0: none */
	uint64_t concurrent_hooks;     /* ConcurrentHooks=256, up to 4194304 */
	uint64_t queued_runs_per_user; /* QueuedRunsPerUser=1024 */
	char *default_path;	       /* DefaultPath=: PATH of a hook whose env is absent */
	uint64_t runners;	   /* Runners=0: processes that run hooks; 0: hookd itself does */
	uint64_t check_hook_files; /* CheckHookFiles=yes: whose they are, see program_check.h */
	/* Of a run's cgroup and of each hook, where its request says nothing else; absent: none. */
	struct hp_uint pids_max;      /* PidsMax=64 */
	struct hp_uint memory_max;    /* MemoryMax=512M: bytes */
	struct hp_uint cpu_quota_us;  /* CPUQuota=150%: of every CONFIG_CPU_PERIOD_US */
	struct hp_int default_nice;   /* Nice=5: -20 to 19 */
	struct hp_uint default_umask; /* UMask=0027 */
	/* [Results] */
	uint64_t kept_runs;  /* MaxRuns=4096 */
	uint64_t kept_ms;    /* MaxAgeSec=3600 */
	uint64_t kept_bytes; /* MaxBytes=67108864 */
	/* [Connections] */
	uint64_t connections;	       /* Max=4096 */
	uint64_t connections_per_user; /* MaxPerUser=2048; root has no such bound */
	/* [Log] */
	uint64_t log_target; /* Target=auto, enum log_target */
	uint64_t log_level;  /* Level=info, a priority of syslog(3) */
};

/*
 * Reads the default places, or `file` alone where it is not NULL. 0; -ENOENT: there is no `file`,
 * which is not logged; -ENOMEM; another -errno, -EINVAL when a value cannot be read: every problem
 * was logged with file and line by then. In the default places a hookd that is not root passes
 * over, with a warning, what it may not read.
 */
int config_load(struct config *ret_config, const char *file) must_check;
void config_clear(struct config *config);

/* "journal" -> LOG_TARGET_JOURNAL, "warning" -> LOG_WARNING; -EINVAL. */
int config_parse_log_target(const char *word, uint64_t *ret) must_check;
int config_parse_log_level(const char *word, uint64_t *ret) must_check;
