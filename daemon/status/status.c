/* SPDX-License-Identifier: Apache-2.0 */
/* Handler of io.hookd.status.GetStatus. No state. */
#include "daemon/status/status.h"

#include "daemon/ipc/dispatch.h"
#include "version.h"

static void write_features(struct hp_json_writer *writer, const struct hookd *hookd)
{
	hp_json_key(writer, "features");
	hp_json_begin(writer, '[');
	/* What a timeout kills: all processes of the hook, or those that can be found. */
	hp_json_put_string(writer, hookd->cgroups ? "kill-cgroup" : "kill-session");
	hp_json_end(writer, ']');
	hp_json_key(writer, "kernelFeatures");
	hp_json_begin(writer, '{');
	hp_json_key(writer, "cgroup");
	hp_json_put_bool(writer, hookd->cgroups != NULL);
	for (size_t i = 0; i < hookd->kernel.count; i++) {
		hp_json_key(writer, hookd->kernel.parts[i].name);
		hp_json_put_bool(writer, hookd->kernel.parts[i].error == 0);
	}
	hp_json_end(writer, '}');
}

int handle_get_status(struct exchange *exchange, struct hp_err *err)
{
	const struct hookd *hookd = exchange->hookd;
	struct hp_json_writer writer;
	int r = expect_no_parameters(exchange, err);

	if (r < 0)
		return r;
	writer = hp_reply_begin(conn_reply(exchange->conn), NULL, false);
	hp_json_add_string(&writer, "version", HOOKD_VERSION);
	hp_json_add_int(&writer, "pid", getpid());
	hp_json_add_int(&writer, "uptimeUSec",
			(clock_ns(CLOCK_BOOTTIME) - hookd->started_ns) / 1000);
	hp_json_add_string(&writer, "state", hookd->is_draining ? "draining" : "running");
	hp_json_add_int(&writer, "running", (int64_t)sched_running(hookd->sched));
	hp_json_add_int(&writer, "queued", (int64_t)sched_queued(hookd->sched));
	hp_json_add_int(&writer, "connections", (int64_t)hookd->conn_count);
	hp_json_add_int(&writer, "stored", (int64_t)store_kept(hookd->store));
	write_features(&writer, hookd);
	hp_reply_end(&writer);
	return 0;
}
