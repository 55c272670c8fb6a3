/* SPDX-License-Identifier: Apache-2.0 */
/*
 * daemon/ipc: connections, messages and the handlers of methods. Converts JSON to the types of
 * run/, apply/ and seccomp/, and their results to JSON.
 *
 * May use: daemon/apply, daemon/base, daemon/history, daemon/journal, daemon/metrics,
 * daemon/policy, daemon/proc, daemon/raw, daemon/records, daemon/run, daemon/seccomp, daemon/spool,
 * proto/base, proto/json, proto/messages, proto/settings; libevent.
 */
#pragma once

#include <event2/event.h>
#include <stdbool.h>
#include <sys/queue.h>

#include "daemon/apply/apply.h"
#include "daemon/apply/support.h"
#include "daemon/base/config.h"
#include "daemon/base/kernel.h"
#include "daemon/history/history.h"
#include "daemon/ipc/listener.h"
#include "daemon/ipc/requests.h"
#include "daemon/journal/journal.h"
#include "daemon/metrics/metrics.h"
#include "daemon/policy/account.h"
#include "daemon/policy/self.h"
#include "daemon/proc/proc.h"
#include "daemon/run/run.h"
#include "daemon/run/sched.h"
#include "daemon/run/store.h"
#include "proto/json/json.h"

#define METHODS_MAX 32
#define SOCKETS_MAX 8

/* Keys of [Hooks] that may not work on this machine. */
enum default_key {
	DEFAULT_PIDS_MAX,
	DEFAULT_MEMORY_MAX,
	DEFAULT_CPU_QUOTA,
	DEFAULT_NICE,
	DEFAULTS
};

/*
 * All parts of the daemon, owned by main(). Only main.c and ipc/ include this: lower layers get
 * what they need by the arguments of their constructors.
 */
struct hookd {
	struct config config;
	struct kernel kernel;
	struct event_base *base;
	struct self self;
	/* Why a key is ignored (hook_defaults.c); "": it is not. */
	char ignored_defaults[DEFAULTS][HP_ERR_REASON_SIZE];
	int64_t started_ns; /* CLOCK_BOOTTIME */

	struct procs procs;
	struct cgroup_tree *cgroups; /* NULL: hookd has no writable cgroup */
	struct filter_cache *filters;
	struct rdt *rdt;
	struct bus *bus;
	struct scopes *scopes;
	struct applier *applier;
	struct support support;
	struct list_context lists;
	struct runners *runners; /* NULL: hooks are children of this process */
	struct run_context runs;
	struct sched *sched;
	struct store *store;
	struct records *records; /* NULL: runs are kept in memory only */
	struct history *history; /* NULL: there can be none */
	struct spooled *spooled; /* NULL: there is no spool */
	char *runners_before; /* while runs are awaited (takeover.c): runners_ids() of the earlier
				 hookd; NULL: not known */
	struct accounts accounts;
	struct journal journal;

	struct metrics metrics;
	struct request_counts requests[METHODS_MAX]; /* by the method's row in dispatch.c */

	TAILQ_HEAD(, watch) watches; /* daemon/status/watch.c */
	uint64_t watch_dropped;	     /* events that were dropped for slow readers */

	TAILQ_HEAD(, drain_call) drain_calls; /* drain.c */

	TAILQ_HEAD(, conn) conns;
	size_t conn_count;
	char addresses[SOCKETS_MAX][LISTENER_TEXT_SIZE]; /* "unix:PATH"; "": none */
	struct hp_json json; /* of the message that is being dispatched */

	/* All calls get ConfigError, and there is nothing to serve them; NULL: as usual. */
	const struct config_error *config_error;
	bool is_private; /* daemon/private.h: drains with its last connection */
	bool is_draining;
	/* The last reload has failed, with reload_error, and nothing was changed. */
	bool has_reload_failed;
	struct config_error reload_error;
	/* In main.c. drain: the same as SIGTERM; reload: as SIGHUP, -errno. */
	void (*drain)(struct hookd *hookd);
	int (*reload)(struct hookd *hookd);
	void (*set_log_level)(struct hookd *hookd, int priority);
};
