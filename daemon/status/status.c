/* SPDX-License-Identifier: Apache-2.0 */
/* Handler of io.hookd.status.GetStatus. No state. */
#include "daemon/status/status.h"

#include <linux/seccomp.h>
#include <sys/utsname.h>

#include "daemon/base/log.h"
#include "daemon/history/history.h"
#include "daemon/ipc/dispatch.h"
#include "daemon/runner/runners.h"
#include "daemon/seccomp/kernel.h"
#include "version.h"

static void write_features(struct hp_json_writer *writer, const struct hookd *hookd)
{
	hp_json_key(writer, "features");
	hp_json_begin(writer, '[');
	/* What a timeout kills: all processes of the hook, or those that can be found. */
	hp_json_put_string(writer, hookd->cgroups ? "kill-cgroup" : "kill-session");
	if (hookd->runners)
		hp_json_put_string(writer, "runners");
	if (hookd->runners && runners_outlive_hookd(hookd->runners))
		hp_json_put_string(writer, "runner-units");
	if (hookd->records)
		hp_json_put_string(writer, "records");
	hp_json_end(writer, ']');
}

static void write_controllers(struct hp_json_writer *writer, const struct hookd *hookd)
{
	static const struct {
		const char *name, *key;
	} rows[] = {
	    {"cpu", "cgroup.cpu"},	   {"cpuset", "cgroup.cpuset"}, {"io", "cgroup.io"},
	    {"memory", "cgroup.memory"},   {"pids", "cgroup.pids"},	{"rdma", "cgroup.rdma"},
	    {"hugetlb", "cgroup.hugetlb"}, {"misc", "cgroup.misc"},
	};

	hp_json_add_bool(writer, "cgroup", hookd->cgroups != NULL);
	for (size_t i = 0; i < ELEMENTS(rows); i++)
		hp_json_add_bool(writer, rows[i].key,
				 cgroup_tree_has_controller(hookd->cgroups, rows[i].name));
}

static void write_kernel_features(struct hp_json_writer *writer, const struct hookd *hookd)
{
	hp_json_key(writer, "kernelFeatures");
	hp_json_begin(writer, '{');
	write_controllers(writer, hookd);
	hp_json_add_bool(writer, "resctrl", rdt_is_there(hookd->rdt));
	hp_json_add_bool(writer, "seccomp.notify",
			 seccomp_kernel_knows_action(SECCOMP_RET_USER_NOTIF));
	hp_json_add_bool(writer, "apparmor", support_has_apparmor());
	hp_json_add_bool(writer, "selinux", support_has_selinux());
	for (size_t i = 0; i < hookd->kernel.count; i++)
		hp_json_add_bool(writer, hookd->kernel.parts[i].name,
				 hookd->kernel.parts[i].error == 0);
	hp_json_end(writer, '}');
}

static void write_configuration(struct hp_json_writer *writer, const struct hookd *hookd)
{
	hp_json_key(writer, "addresses");
	hp_json_begin(writer, '[');
	for (size_t i = 0; i < SOCKETS_MAX; i++)
		if (hookd->addresses[i][0])
			hp_json_put_string(writer, hookd->addresses[i]);
	hp_json_end(writer, ']');
	write_config_files(writer, &hookd->config, "configFiles");
	if (hookd->has_reload_failed) {
		hp_json_key(writer, "configError");
		hp_json_begin(writer, '{');
		write_config_error(writer, &hookd->reload_error);
		hp_json_end(writer, '}');
	}
	hp_json_add_string(writer, "logLevel", log_level_name(hookd));
}

static void write_recent(struct hp_json_writer *writer, struct hookd *hookd)
{
	static const char *const names[RECENT_ITEM_COUNT] = {
	    [RECENT_RUNS] = "runs", [RECENT_FAILED] = "failed",	  [RECENT_TIMED_OUT] = "timedOut",
	    [RECENT_LOST] = "lost", [RECENT_REFUSED] = "refused",
	};

	hp_json_key(writer, "lastHour");
	hp_json_begin(writer, '{');
	for (size_t i = 0; i < RECENT_ITEM_COUNT; i++)
		hp_json_add_int(writer, names[i],
				(int64_t)recent_sum(&hookd->metrics.recent, (enum recent_item)i));
	hp_json_end(writer, '}');
	hp_json_key(writer, "dropped");
	hp_json_begin(writer, '{');
	hp_json_add_int(writer, "journal", (int64_t)log_lost());
	hp_json_add_int(writer, "watch", (int64_t)hookd->watch_dropped);
	hp_json_add_int(writer, "history", (int64_t)history_dropped(hookd->history));
	hp_json_end(writer, '}');
}

static void write_history(struct hp_json_writer *writer, const struct hookd *hookd)
{
	struct history_view view;

	history_view(hookd->history, &view);
	hp_json_key(writer, "history");
	hp_json_begin(writer, '{');
	hp_json_add_string(writer, "state", history_state_names[view.state]);
	if (view.path[0])
		hp_json_add_string(writer, "path", view.path);
	if (view.state == HISTORY_FAILING)
		hp_json_add_string(writer, "error", view.error);
	hp_json_add_int(writer, "runs", (int64_t)view.runs);
	hp_json_add_int(writer, "bytes", (int64_t)view.bytes);
	hp_json_end(writer, '}');
}

static void write_numbers(struct hp_json_writer *writer, const struct hookd *hookd)
{
	int64_t uptime_us = (clock_ns(CLOCK_BOOTTIME) - hookd->started_ns) / 1000;

	hp_json_add_int(writer, "pid", getpid());
	hp_json_add_int(writer, "uptimeUSec", uptime_us);
	hp_json_add_int(writer, "startedUSec", clock_ns(CLOCK_REALTIME) / 1000 - uptime_us);
	hp_json_add_string(writer, "state", hookd->is_draining ? "draining" : "running");
	hp_json_add_int(writer, "running", (int64_t)sched_running(hookd->sched));
	hp_json_add_int(writer, "queued", (int64_t)sched_queued(hookd->sched));
	hp_json_add_int(writer, "connections", (int64_t)hookd->conn_count);
	hp_json_add_int(writer, "stored", (int64_t)store_kept(hookd->store));
	hp_json_add_int(writer, "runners", (int64_t)runners_count(hookd->runners));
}

int handle_get_status(struct exchange *exchange, struct hp_err *err)
{
	struct hookd *hookd = exchange->hookd;
	struct hp_json_writer writer;
	struct utsname kernel;
	int r = expect_no_parameters(exchange, err);

	if (r < 0)
		return r;
	writer = hp_reply_begin(conn_reply(exchange->conn), NULL, false);
	hp_json_add_string(&writer, "version", HOOKD_VERSION);
	write_numbers(&writer, hookd);
	write_configuration(&writer, hookd);
	write_recent(&writer, hookd);
	write_history(&writer, hookd);
	hp_json_add_string(&writer, "kernelRelease", uname(&kernel) == 0 ? kernel.release : "");
	write_features(&writer, hookd);
	write_kernel_features(&writer, hookd);
	hp_reply_end(&writer);
	return 0;
}
