/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <limits.h>
#include <stdbool.h>
#include <stdint.h>

#include "daemon/base/base.h"
#include "daemon/base/log.h"
#include "proto/base/base.h"

/*
 * The operator's configuration. Read as a whole, at the start and on a reload, and not changed
 * afterwards.
 *
 * proto/base/config_files.h says which files are read. Unknown keys are ignored with a warning.
 * docs/CONFIGURATION.md describes the keys.
 */
#define CONFIG_CPU_PERIOD_US 100000
#define CONFIG_RUNNERS_MAX   64
#define CONFIG_FILES_MAX     64
#define CONFIG_KEYS_MAX	     32

struct config {
	/* The files that were read, in this order; as many as fit. */
	char *files[CONFIG_FILES_MAX];
	size_t file_count;
	/* Where each key was set last; see config_source(). */
	struct config_place {
		unsigned int file; /* of `files`, from 1; 0: nowhere */
		int line;
	} places[CONFIG_KEYS_MAX];
	/* [Hooks] */
	uint64_t default_timeout_ms;   /* DefaultTimeoutSec=300; 0: none */
	uint64_t concurrent_hooks;     /* ConcurrentHooks=256, up to 4194304 */
	uint64_t queued_runs_per_user; /* QueuedRunsPerUser=1024 */
	char *default_path;	       /* DefaultPath=: PATH of a hook whose env is absent */
	uint64_t runners;	   /* Runners=, default: one per CPU; 0: hookd itself runs hooks */
	uint64_t check_hook_files; /* CheckHookFiles=yes: check owners, see program_check.h */
	/* Defaults for a run's cgroup and for each hook; a request overrides them. */
	struct hp_uint pids_max;      /* PidsMax=64 */
	struct hp_uint memory_max;    /* MemoryMax=512M: bytes */
	struct hp_uint cpu_quota_us;  /* CPUQuota=150%: of every CONFIG_CPU_PERIOD_US */
	struct hp_int default_nice;   /* Nice=5: -20 to 19 */
	struct hp_uint default_umask; /* UMask=0027 */
	/* [Resctrl] */
	uint64_t removes_rdt_classes; /* RemoveClasses=no */
	/* [Results] */
	uint64_t kept_runs;  /* MaxRuns=4096 */
	uint64_t kept_ms;    /* MaxAgeSec=3600 */
	uint64_t kept_bytes; /* MaxBytes=67108864 */
	/* [History] */
	uint64_t history;	 /* Store=yes */
	char *history_directory; /* Directory=: absolute; NULL: that of the state */
	uint64_t history_ms;	 /* MaxAgeSec=604800 */
	uint64_t history_bytes;	 /* MaxBytes=64M */
	/* [Connections] */
	uint64_t connections;	       /* Max=4096 */
	uint64_t connections_per_user; /* MaxPerUser=2048; does not apply to root */
	/* [Metrics] */
	char *metrics_listen; /* Listen=: see listen_address.h; "": metrics are not served */
	uint64_t metrics_socket_mode;	   /* SocketMode=0600: of a Unix socket */
	struct hp_uint metrics_socket_gid; /* SocketGroup=: of a Unix socket; hookd's own */
	/* [Log] */
	uint64_t log_target;	  /* Target=auto, enum log_target */
	uint64_t log_level;	  /* Level=info, a priority of syslog(3) */
	uint64_t log_runs;	  /* Runs=yes: also those that succeed or are cancelled */
	uint64_t log_hook_output; /* HookOutput=no */
};

/* A mistake in the configuration. */
struct config_error {
	char file[PATH_MAX];
	int line, column; /* from 1, the column in bytes; 0: the file as a whole is wrong */
	char key[64];	  /* "": it is about no key */
	char reason[256];
};
#define CONFIG_ERROR_TEXT_SIZE (sizeof(struct config_error) + 32)

/* "FILE:LINE:COLUMN: KEY: REASON" into `text`, which is returned. */
const char *config_error_print(const struct config_error *error,
			       char text[static CONFIG_ERROR_TEXT_SIZE]);

/*
 * Reads the default files, or `file` alone where it is not NULL. Blocks for the reads. The caller
 * frees the result by config_clear(). -errno: *ret_config is unchanged, all mistakes were logged,
 * and *ret_error is the first of them: -EINVAL for a bad value, -ENOENT if `file` does not exist,
 * -ENOMEM, or another -errno. Of the default files a hookd that is not root ignores, with a
 * warning, those that it may not read.
 */
int config_load(struct config *ret_config, const char *file,
		struct config_error *ret_error) must_check;
/* What counts without any file. -ENOMEM. */
int config_set_defaults(struct config *ret_config) must_check;
void config_clear(struct config *config);

/* "FILE:LINE" where the key of [Hooks] was set; "default" if no file sets it. */
#define CONFIG_SOURCE_SIZE (PATH_MAX + 16)
void config_print_source(const struct config *config, const char *key,
			 char ret_text[static CONFIG_SOURCE_SIZE]);

/* "journal" -> LOG_TARGET_JOURNAL, "warning" -> LOG_WARNING; -EINVAL. */
int config_parse_log_target(const char *word, uint64_t *ret) must_check;
int config_parse_log_level(const char *word, uint64_t *ret) must_check;
