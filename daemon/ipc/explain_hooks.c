/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Handler of io.hookd.hooks.Explain: what Run would do with the same parameters. Asks the functions
 * that Run asks, in the same order, up to the point where a run would be created. No state.
 */
#include <errno.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "daemon/ipc/dispatch.h"
#include "daemon/ipc/target.h"
#include "daemon/policy/policy.h"
#include "daemon/raw/program_check.h"
#include "proto/settings/settings_json.h"

#define BY_REQUEST "request"
#define BY_STAGE   "stage"
#define BY_DEFAULT "default"

struct explanation {
	const struct hookd *hookd;
	const struct peer *peer;
	struct hp_request request;
	struct hook_target target;
	struct hp_json_writer writer;
};

/* ---- where ---- */

/* As target_choose(). */
static bool enters_container(const struct hp_request *request)
{
	return request->namespaces == HP_NAMESPACES_CONTAINER ||
	       (request->namespaces == HP_NAMESPACES_AUTO && hp_stage_is_container(request->stage));
}

/* Those in which the container's process is and the caller is not; without a state all kinds. */
static void put_container_namespaces(struct explanation *explanation)
{
	struct namespaces inside;
	pid_t pid = explanation->target.container.pid;
	bool is_known = pid != 0 && namespaces_read(pid, &inside) == 0;

	for (unsigned int i = 0; i < NAMESPACE_KINDS; i++) {
		if (!is_known || inside.ids[i] != explanation->peer->view.namespaces.ids[i])
			hp_json_put_string(&explanation->writer,
					   namespace_kind_name((enum namespace_kind)i));
	}
}

/* Those that the settings name by path; in a container they are the container's. */
static void put_named_namespaces(struct explanation *explanation)
{
	static const struct {
		int type;
		enum namespace_kind kind;
	} kinds[] = {
	    {CLONE_NEWNS, NAMESPACE_MNT},	 {CLONE_NEWUSER, NAMESPACE_USER},
	    {CLONE_NEWPID, NAMESPACE_PID},	 {CLONE_NEWNET, NAMESPACE_NET},
	    {CLONE_NEWUTS, NAMESPACE_UTS},	 {CLONE_NEWIPC, NAMESPACE_IPC},
	    {CLONE_NEWCGROUP, NAMESPACE_CGROUP},
	};
	const struct hp_settings *settings = explanation->request.settings;

	for (size_t i = 0; settings && i < settings->namespace_count; i++) {
		for (size_t k = 0; k < ELEMENTS(kinds); k++) {
			if (settings->namespaces[i].path &&
			    settings->namespaces[i].type == kinds[k].type)
				hp_json_put_string(&explanation->writer,
						   namespace_kind_name(kinds[k].kind));
		}
	}
}

static const char *put_namespaces(struct explanation *explanation)
{
	const struct hp_request *request = &explanation->request;

	hp_json_key(&explanation->writer, "namespaces");
	hp_json_begin(&explanation->writer, '[');
	if (enters_container(request))
		put_container_namespaces(explanation);
	else
		put_named_namespaces(explanation);
	hp_json_end(&explanation->writer, ']');
	return request->namespaces == HP_NAMESPACES_AUTO ? BY_STAGE : BY_REQUEST;
}

/* ---- as whom ---- */

/* Before the state is known, a createContainer hook counts as one of the runtime. */
static bool runs_image(const struct explanation *explanation)
{
	if (explanation->target.container.pid != 0)
		return hook_target_runs_image(&explanation->target);
	return enters_container(&explanation->request) &&
	       explanation->request.stage != HP_STAGE_CREATE_CONTAINER;
}

/* No ids: those of the container's process at that time. */
static const char *put_ids(struct explanation *explanation)
{
	const struct hp_settings *settings = explanation->request.settings;
	uid_t uid = explanation->hookd->self.uid;
	gid_t gid = getgid();
	const char *why = BY_STAGE;

	if (settings && settings->user.is_set) {
		uid = settings->user.uid;
		gid = settings->user.gid;
		why = BY_REQUEST;
	} else if (runs_image(explanation)) {
		return BY_STAGE;
	} else if (explanation->target.caller.pid != 0 &&
		   !policy_may_leave_namespaces(explanation->peer, &explanation->hookd->self)) {
		uid = 0; /* of the caller's user namespace */
		gid = 0;
	}
	hp_json_add_int(&explanation->writer, "uid", uid);
	hp_json_add_int(&explanation->writer, "gid", gid);
	return why;
}

/* ---- for how long ---- */

static const char *put_timeout(struct explanation *explanation, const struct hp_hook *hook,
			       char source[static CONFIG_SOURCE_SIZE])
{
	const struct config *config = &explanation->hookd->config;
	uint64_t timeout_us = hook->timeout_ns / 1000;

	if (hook->timeout_ns == 0) {
		timeout_us = config->default_timeout_ms * 1000;
		config_print_source(config, "DefaultTimeoutSec", source);
	} else {
		snprintf(source, CONFIG_SOURCE_SIZE, BY_REQUEST);
	}
	if (timeout_us > 0)
		hp_json_add_int(&explanation->writer, "timeoutUSec", (int64_t)timeout_us);
	return source;
}

/* ---- whether its program can be executed ---- */

/* Whether it is looked up where hookd is: else only the run will tell. */
static bool has_paths_of_hookd(const struct explanation *explanation)
{
	const struct hp_settings *settings = explanation->request.settings;

	if (enters_container(&explanation->request) ||
	    explanation->peer->view.namespaces.ids[NAMESPACE_MNT] !=
		explanation->hookd->self.namespaces.ids[NAMESPACE_MNT])
		return false;
	for (size_t i = 0; settings && i < settings->namespace_count; i++)
		if (settings->namespaces[i].path && settings->namespaces[i].type == CLONE_NEWNS)
			return false;
	return true;
}

/* As the hook's process will find the file. 0, or a positive errno. */
static int check_program(const struct explanation *explanation, struct program_check *check,
			 const char *path)
{
	const struct hp_settings *settings = explanation->request.settings;
	struct stat status;
	int error;

	if (explanation->hookd->config.check_hook_files) {
		check->uid = settings && settings->user.is_set ? settings->user.uid
							       : explanation->hookd->self.uid;
		error = program_check(check, path);
		if (error)
			return error;
	}
	if (stat(path, &status) < 0)
		return errno;
	return S_ISREG(status.st_mode) && (status.st_mode & 0111) ? 0 : EACCES;
}

static void put_program_failure(struct explanation *explanation, const char *path)
{
	struct program_check check = {0};
	int error;

	if (!has_paths_of_hookd(explanation))
		return;
	error = check_program(explanation, &check, path);
	if (error)
		hp_json_add_string(&explanation->writer, "fails",
				   check.detail[0]   ? check.detail
				   : error == EACCES ? "the file is not executable"
						     : strerror(error));
}

/* ---- a hook ---- */

static void put_hook(struct explanation *explanation, size_t index)
{
	const struct hp_request *request = &explanation->request;
	const struct hp_hook *hook = &request->hooks.hooks[index];
	char *only_path[] = {hook->path, NULL};
	struct hp_json_writer *writer = &explanation->writer;
	const char *namespaces, *ids, *timeout;
	char source[CONFIG_SOURCE_SIZE];

	hp_json_begin(writer, '{');
	hp_json_add_int(writer, "index", (int64_t)index);
	hp_json_add_string(writer, "path", hook->path);
	hp_json_key(writer, "args");
	hp_json_put_strings(writer, hook->args && hook->args[0] ? hook->args : only_path);
	hp_json_add_string(writer, "dir",
			   hook->dir	     ? hook->dir
			   : request->bundle ? request->bundle
					     : "/");
	ids = put_ids(explanation);
	namespaces = put_namespaces(explanation);
	timeout = put_timeout(explanation, hook, source);
	hp_json_key(writer, "why");
	hp_json_begin(writer, '{');
	hp_json_add_string(writer, "namespaces", namespaces);
	hp_json_add_string(writer, "ids", ids);
	hp_json_add_string(writer, "settings", request->settings ? BY_REQUEST : BY_DEFAULT);
	hp_json_add_string(writer, "timeout", timeout);
	hp_json_end(writer, '}');
	put_program_failure(explanation, hook->path);
	hp_json_end(writer, '}');
}

/* ---- what the configuration adds ---- */

static const char *ignored_default(const struct hookd *hookd, const char *key)
{
	static const char *const keys[DEFAULTS] = {
	    [DEFAULT_PIDS_MAX] = "PidsMax",
	    [DEFAULT_MEMORY_MAX] = "MemoryMax",
	    [DEFAULT_CPU_QUOTA] = "CPUQuota",
	    [DEFAULT_NICE] = "Nice",
	};

	for (size_t i = 0; i < DEFAULTS; i++)
		if (strcmp(keys[i], key) == 0)
			return hookd->ignored_defaults[i];
	return "";
}

static void put_default(struct explanation *explanation, const char *key, bool is_set,
			int64_t value, bool is_overridden)
{
	const char *ignored = ignored_default(explanation->hookd, key);
	struct hp_json_writer *writer = &explanation->writer;
	char source[CONFIG_SOURCE_SIZE];

	if (!is_set || is_overridden)
		return;
	config_print_source(&explanation->hookd->config, key, source);
	hp_json_begin(writer, '{');
	hp_json_add_string(writer, "key", key);
	hp_json_add_int(writer, "value", value);
	hp_json_add_string(writer, "source", source);
	if (ignored[0])
		hp_json_add_string(writer, "ignored", ignored);
	hp_json_end(writer, '}');
}

static void put_defaults(struct explanation *explanation)
{
	static const struct hp_settings no_settings;
	static const struct hp_resources no_resources;
	const struct config *config = &explanation->hookd->config;
	const struct hp_settings *settings = explanation->request.settings;
	const struct hp_resources *resources;

	settings = settings ? settings : &no_settings;
	resources = settings->resources ? settings->resources : &no_resources;
	hp_json_key(&explanation->writer, "defaults");
	hp_json_begin(&explanation->writer, '[');
	put_default(explanation, "PidsMax", config->pids_max.is_set,
		    (int64_t)config->pids_max.value, resources->pids_limit.is_set);
	put_default(explanation, "MemoryMax", config->memory_max.is_set,
		    (int64_t)config->memory_max.value, resources->memory.limit.is_set);
	put_default(explanation, "CPUQuota", config->cpu_quota_us.is_set,
		    (int64_t)config->cpu_quota_us.value, resources->cpu.quota.is_set);
	put_default(explanation, "Nice", config->default_nice.is_set, config->default_nice.value,
		    settings->scheduler.is_set);
	put_default(explanation, "UMask", config->default_umask.is_set,
		    (int64_t)config->default_umask.value, settings->umask.is_set);
	hp_json_end(&explanation->writer, ']');
}

/* ---- what the settings lack ---- */

/* As the run finds out. With libcontainer's RootlessCgroups such errors are ignored. */
static void put_limits_failure(struct explanation *explanation)
{
	const struct hp_settings *settings = explanation->request.settings;
	const struct hookd *hookd = explanation->hookd;
	struct hp_err err = {0};
	char text[HP_ERR_PATH_SIZE + HP_ERR_REASON_SIZE + 4];
	int r;

	if (!settings || !settings->resources || settings->rootless_cgroups || !hookd->cgroups)
		return;
	r = hp_err_prefix(&err, cgroup_tree_try_limits(hookd->cgroups, settings->resources, &err),
			  "linux.resources");
	if (r == 0)
		return;
	hp_settings_path(err.path, explanation->request.dialect);
	snprintf(text, sizeof(text), "%s: %s", err.path, err.reason);
	hp_json_add_string(&explanation->writer, "fails", text);
}

/* ---- the call ---- */

static void reply_refused(struct exchange *exchange, const struct hp_err *refusal)
{
	struct hp_json_writer writer = hp_reply_begin(conn_reply(exchange->conn), NULL, false);

	hp_json_key(&writer, "hooks");
	hp_json_begin(&writer, '[');
	hp_json_end(&writer, ']');
	hp_json_key(&writer, "defaults");
	hp_json_begin(&writer, '[');
	hp_json_end(&writer, ']');
	hp_json_add_bool(&writer, "allowed", false);
	hp_json_add_string(&writer, "rule", "permission");
	hp_json_add_string(&writer, "reason", refusal->reason);
	hp_reply_end(&writer);
}

static void reply(struct exchange *exchange, struct explanation *explanation)
{
	explanation->writer = hp_reply_begin(conn_reply(exchange->conn), NULL, false);
	hp_json_key(&explanation->writer, "hooks");
	hp_json_begin(&explanation->writer, '[');
	for (size_t i = 0; i < explanation->request.hooks.count; i++)
		put_hook(explanation, i);
	hp_json_end(&explanation->writer, ']');
	put_defaults(explanation);
	put_limits_failure(explanation);
	hp_json_add_bool(&explanation->writer, "allowed", true);
	hp_reply_end(&explanation->writer);
}

int handle_explain(struct exchange *exchange, struct hp_err *err)
{
	struct explanation explanation = {
	    .hookd = exchange->hookd,
	    .peer = &exchange->conn->peer,
	    .target = HOOK_TARGET_NONE,
	};
	struct hp_err refusal = {0};
	int r;

	if (peer_look(&exchange->conn->peer, exchange->conn->fd) < 0)
		return hp_err_no_memory(err);
	if (policy_check(explanation.peer, &exchange->hookd->self, PERMISSION_USE, &refusal) < 0) {
		reply_refused(exchange, &refusal);
		return 0;
	}
	r = hp_request_read_explain(exchange->call.parameters, &explanation.request, err);
	if (r < 0)
		return r;
	r = hooks_check_settings(exchange->hookd, &explanation.request, err);
	if (r == 0 && explanation.request.container)
		r = target_choose(explanation.peer, &exchange->hookd->self, &explanation.request,
				  &explanation.target, err);
	if (r == 0)
		reply(exchange, &explanation);
	hook_target_clear(&explanation.target);
	hp_request_free(&explanation.request);
	return r;
}
