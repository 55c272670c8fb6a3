/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HOOKD_CALLS_H
#define HOOKD_CALLS_H

#include "hookd.h"

#ifdef __cplusplus
extern "C" {
#endif

/*
 * The calls of hookd's methods, besides Run; <hookd.h> includes this file. Each has two forms:
 *
 *	hookd_get(client, run, &reply)
 *		blocks, see hookd_client_set_timeout().
 *	hookd_get_start(client, run, done, userdata)
 *		sends the call and returns; hookd_process() calls `done` with the reply. Neither
 *		waits but for connect(2), as hookd_run_start().
 *
 * The errors are those of <hookd.h>. A parameter of NULL or 0 is left out, unless it is required.
 *
 * Lost connections: hookd may have done what was asked, and only the reply is lost. What is safe is
 * asked again, by both forms, as soon as there is a hookd again, for 60 s or up to the timeout:
 *	hookd_wait(), hookd_watch()  as often as it takes
 *	all others but those below   once more. They change nothing, or the same when done again
 *	hookd_apply(), hookd_update(), hookd_release(), hookd_drain()
 *		never: -EPIPE. An Apply that a killed hookd had not answered is reverted when hookd
 *		starts; after one that it had answered, a second one is -EIO (EEXIST). A second
 *		Update could undo one that came in between; a second Release is -ESRCH. What holds
 *		tells hookd_holdings(). A second Drain would end the hookd that was just started.
 * That nobody listens on the socket, before anything was sent, is always an error at once.
 */

/* ---- replies ---- */

/* What hookd has answered, with all texts in it. One call frees it. */
struct hookd_reply;

/* NULL is fine. Returns NULL. */
struct hookd_reply *hookd_reply_free(struct hookd_reply *reply);
/*
 * The reply as hookd has sent it, a JSON object: "{}" where the method returns nothing. It has the
 * members that a newer hookd has added, too. Belongs to the reply.
 */
const char *hookd_reply_json(const struct hookd_reply *reply);

/*
 * Called once: `error` is 0 and `reply` is the callee's to free, or `error` is a negative errno and
 * `reply` NULL. The client is ready for its next call, which may be made here. The function must
 * not free the client.
 */
typedef void (*hookd_done_fn)(struct hookd_client *client, int error, struct hookd_reply *reply,
			      void *userdata);

/*
 * The structs below are made by the library alone: fields may be added at the end, so never declare
 * one. What hookd has not sent is NULL, 0, false, or an empty list, if nothing else is said.
 * Each getter belongs to the methods that are named, and is NULL for the reply of another one. What
 * it returns belongs to the reply.
 */

/* ---- runs ---- */

/* Run of io.hookd.status. */
struct hookd_run_info {
	const char *run; /* its id; never NULL */
	const char *request_id;
	const char *container;
	const char *stage;
	const char *state;   /* "queued", "running", "done" */
	const char *outcome; /* as hookd_result_outcome(); NULL until it is done */
	const char *error;
	int64_t uid; /* of the caller; -1: not known */
	/*
	 * The hook that runs; of a run that is done the first that failed, or else the last that
	 * ran; -1: none. The fields up to deadline_us are about it.
	 */
	int64_t hook;
	uint64_t hook_count;
	const char *path;
	int pid;
	const char *hook_outcome; /* "running", or as in struct hookd_hook_result */
	int exit_status;	  /* -1: it did not exit */
	const char *signal;	  /* "SIGKILL" */
	int oom_killed;		  /* 1, 0, or -1: not known */
	const char *errno_name;
	int64_t deadline_us;  /* when it will be killed, since the epoch */
	int64_t submitted_us; /* since the epoch */
	int64_t queued_us, duration_us;
};

/*
 * Waits until a run is done, across restarts of hookd. Its hooks failing is no error. The reply has
 * hookd_reply_result().
 */
int hookd_wait(struct hookd_client *client, const char *run, struct hookd_reply **ret);
int hookd_wait_start(struct hookd_client *client, const char *run, hookd_done_fn done,
		     void *userdata);
/* Of hookd_wait(); of hookd_get(), NULL if the run is not done. */
const struct hookd_result *hookd_reply_result(const struct hookd_reply *reply);

/* Kills the hook that runs and ends the run. Of a run that is done it changes nothing. */
int hookd_cancel(struct hookd_client *client, const char *run, struct hookd_reply **ret);
int hookd_cancel_start(struct hookd_client *client, const char *run, hookd_done_fn done,
		       void *userdata);

struct hookd_run_details {
	const struct hookd_run_info *run;
	/*
	 * Of a run that is not done: its hooks so far, by list and count. That which runs has the
	 * outcome "running", and its output so far.
	 */
	const struct hookd_hook_result *const *hooks;
	size_t hook_count;
	const char *request; /* the parameters of the Run, as JSON text; NULL: not known */
};

/* All of one run. The reply has hookd_reply_details() and, when it is done, hookd_reply_result().
 */
int hookd_get(struct hookd_client *client, const char *run, struct hookd_reply **ret);
int hookd_get_start(struct hookd_client *client, const char *run, hookd_done_fn done,
		    void *userdata);
const struct hookd_run_details *hookd_reply_details(const struct hookd_reply *reply);

/* Which runs. A field of NULL, 0 or false does not restrict. */
struct hookd_run_filter {
	size_t size; /* sizeof(struct hookd_run_filter): later fields are read as absent */
	const char *run_prefix;	      /* hookd_list() */
	const char *container;	      /* not hookd_watch() of one run */
	const char *container_prefix; /* hookd_list() */
	const char *stage;
	const char *state;   /* hookd_list() */
	const char *outcome; /* hookd_list(): or "timed_out", "spawn_failed", of the hook */
	bool failed;	     /* hookd_list(): done and not succeeded; hookd_watch(): failures */
	const char *path;    /* hookd_list(), hookd_summary(): glob(7), of one of the hooks */
	int64_t since_us;    /* since the epoch, inclusive; 0: not given */
	int64_t until_us;    /* inclusive */
	uint64_t limit;	     /* hookd_list(): of runs in a reply; 0: 1000 */
	const char *before;  /* hookd_list(): only runs older than this one, for the next page */
	const char *run;     /* hookd_watch(): one run */
	bool output;	     /* hookd_watch(): output events, too; needs run or container */
};

/* Newest first. */
struct hookd_run_list {
	const struct hookd_run_info *runs;
	size_t count;
	bool has_more; /* older ones match, too: ask again with `before`, the last id */
};

/*
 * `filter` may be NULL. A field that the method does not have is -EINVAL, with its name. -ESRCH:
 * hookd has forgotten the run `before`, and so all older ones.
 */
int hookd_list(struct hookd_client *client, const struct hookd_run_filter *filter,
	       struct hookd_reply **ret);
int hookd_list_start(struct hookd_client *client, const struct hookd_run_filter *filter,
		     hookd_done_fn done, void *userdata);
const struct hookd_run_list *hookd_reply_list(const struct hookd_reply *reply);

/* ---- events of runs ---- */

enum hookd_watch_type {
	HOOKD_WATCH_SUBMITTED = 1,
	HOOKD_WATCH_STARTED,  /* index, pid */
	HOOKD_WATCH_OUTPUT,   /* index, stream, offset, data, data_length */
	HOOKD_WATCH_FINISHED, /* index, hook: without the text of its output */
	HOOKD_WATCH_DONE,
	HOOKD_WATCH_DROPPED, /* dropped */
};

/* Fields that the type does not list are 0 or NULL. Valid until the callback returns. */
struct hookd_watch_event {
	enum hookd_watch_type type;
	int64_t time_us;		  /* when it has happened, since the epoch */
	const struct hookd_run_info *run; /* as it is now; NULL for DROPPED */
	size_t index;
	int pid;
	int stream; /* 1 stdout, 2 stderr */
	uint64_t offset;
	const char *data;
	size_t data_length;
	const struct hookd_hook_result *hook;
	/* So many events were left out here; 0: it is not known how many. */
	uint64_t dropped;
	/*
	 * As hookd has sent it. Of output of which a part was delivered before, `data` has the new
	 * part only. NULL for a DROPPED of the library's own.
	 */
	const char *json;
};

/* A return < 0 ends the call with that value. The callback must not use the client. */
typedef int (*hookd_watch_fn)(struct hookd_client *client, const struct hookd_watch_event *event,
			      void *userdata);

/*
 * What happens to runs, as it happens; with since_us first what has happened to stored runs since
 * then, run by run. `filter` may be NULL. With `run` it ends with 0 when the run is done, and with
 * until_us at that time, or if that is in the past when all until then was told; else it goes on
 * until the callback ends it. Types that a newer hookd adds are passed over.
 *
 * After a lost connection it goes on with the next hookd: what has happened meanwhile is told then,
 * and nothing twice. The library asks for the last minute again and knows each run by its id, so an
 * event is only missing if
 *	- hookd has forgotten the run, or has dropped the event since the client has not read for
 *	  too long: the latter is told as DROPPED;
 *	- the clock (CLOCK_REALTIME) was set back meanwhile: it is told as DROPPED with 0.
 * Memory: about 200 bytes for each run that is not done, or has ended within the last minute.
 */
int hookd_watch(struct hookd_client *client, const struct hookd_run_filter *filter,
		hookd_watch_fn callback, void *userdata);
/*
 * `done` gets no reply: 0, the callback's value, or an errno. To end it from outside of the
 * callback: hookd_client_stop().
 */
int hookd_watch_start(struct hookd_client *client, const struct hookd_run_filter *filter,
		      hookd_watch_fn callback, hookd_done_fn done, void *userdata);

/* ---- statistics ---- */

struct hookd_path_summary {
	const char *path, *stage;
	uint64_t runs, failures, timeouts;
	int64_t p50_us, p90_us, p99_us, max_us;
};

/* Of the hooks of stored runs that are done, by path and stage; those with most runs first. */
struct hookd_summary_table {
	uint64_t runs;	   /* of how many */
	int64_t oldest_us; /* when the oldest of them was submitted, since the epoch; 0: none */
	const struct hookd_path_summary *paths;
	size_t count;
	bool has_more;
};

/* `filter` may be NULL; container, stage, path, since_us and until_us. */
int hookd_summary(struct hookd_client *client, const struct hookd_run_filter *filter,
		  struct hookd_reply **ret);
int hookd_summary_start(struct hookd_client *client, const struct hookd_run_filter *filter,
			hookd_done_fn done, void *userdata);
const struct hookd_summary_table *hookd_reply_summary(const struct hookd_reply *reply);

/* A system call, controller or module, and whether hookd's kernel has it. */
struct hookd_kernel_feature {
	const char *name;
	bool is_there;
};

struct hookd_status_info {
	const char *version;
	int pid;
	int64_t uptime_us;
	int64_t started_us; /* since the epoch */
	const char *state;  /* "running", "draining" */
	uint64_t running, queued, connections, stored;
	uint64_t runners; /* processes that run hooks; 0: hookd itself */
	/* Lists end with NULL and are never NULL. */
	const char *const *addresses;
	const char *const *config_files;
	const char *const *features;
	/* Why the last reload has failed; NULL: it has not. */
	const char *config_error_file, *config_error_key, *config_error_reason;
	uint64_t config_error_line, config_error_column; /* from 1; 0: not known */
	const char *log_level;
	/* What has ended within the last hour. failed is without those that timed out. */
	uint64_t last_hour_runs, last_hour_failed, last_hour_timed_out, last_hour_lost,
	    last_hour_refused;
	/* Lines of the log, and events of hookd_watch(), since the start. */
	uint64_t dropped_journal, dropped_watch;
	const char *kernel_release;
	const struct hookd_kernel_feature *kernel_features;
	size_t kernel_feature_count;
	/* The file of runs that are done. "off", "opening", "ready", "failing"; NULL: an older
	 * hookd. */
	const char *history_state;
	const char *history_path;  /* NULL: none was opened */
	const char *history_error; /* why it is failing; NULL: it is not */
	uint64_t history_runs, history_bytes;
	uint64_t dropped_history; /* runs that are missing in it, since the start */
};

/* The reply has hookd_reply_status(). */
int hookd_status(struct hookd_client *client, struct hookd_reply **ret);
int hookd_status_start(struct hookd_client *client, hookd_done_fn done, void *userdata);
const struct hookd_status_info *hookd_reply_status(const struct hookd_reply *reply);

/* `format`: "openmetrics" (also NULL) or "prometheus". The reply has hookd_reply_text(). */
int hookd_metrics(struct hookd_client *client, const char *format, struct hookd_reply **ret);
int hookd_metrics_start(struct hookd_client *client, const char *format, hookd_done_fn done,
			void *userdata);
const char *hookd_reply_text(const struct hookd_reply *reply);

/* ---- control ---- */

/* Whether hookd answers. */
int hookd_ping(struct hookd_client *client, struct hookd_reply **ret);
int hookd_ping_start(struct hookd_client *client, hookd_done_fn done, void *userdata);

/*
 * hookd reads its configuration again. -ESHUTDOWN (ConfigError): nothing has changed; the file, the
 * line and the reason are in hookd_client_last_error(). hookd_reply_strings(): what was read.
 */
int hookd_reload(struct hookd_client *client, struct hookd_reply **ret);
int hookd_reload_start(struct hookd_client *client, hookd_done_fn done, void *userdata);
/* Of hookd_reload() and hookd_release(); ends with NULL. */
const char *const *hookd_reply_strings(const struct hookd_reply *reply);

/* `level`: "error", "warning", "info", "debug". Until the next reload. */
int hookd_set_log_level(struct hookd_client *client, const char *level, struct hookd_reply **ret);
int hookd_set_log_level_start(struct hookd_client *client, const char *level, hookd_done_fn done,
			      void *userdata);

/* hookd finishes its runs, takes no new ones, and ends. "running" in the JSON: how many those are.
 */
int hookd_drain(struct hookd_client *client, struct hookd_reply **ret);
int hookd_drain_start(struct hookd_client *client, hookd_done_fn done, void *userdata);

struct hookd_policy_decision {
	bool allowed;
	const char *rule; /* that decided; NULL: none */
	const char *reason;
};

struct hookd_caller {
	uint32_t uid;
	const uint32_t *gids; /* all its groups; NULL: unknown, and not asked about */
	size_t gid_count;
};

/* Whether such a process could call `method` ("io.hookd.hooks.Run"). */
int hookd_explain_policy(struct hookd_client *client, const struct hookd_caller *caller,
			 const char *method, struct hookd_reply **ret);
int hookd_explain_policy_start(struct hookd_client *client, const struct hookd_caller *caller,
			       const char *method, hookd_done_fn done, void *userdata);
const struct hookd_policy_decision *hookd_reply_decision(const struct hookd_reply *reply);

/* ---- what Run would do ---- */

/* Who decides, as the `why_` members say: "request", "stage", "default", or "FILE:LINE". */
struct hookd_explained_hook {
	const char *path;
	const char *const *args; /* argv; ends with NULL */
	const char *dir;
	int64_t uid, gid;	       /* -1: those of the container's process */
	const char *const *namespaces; /* that it enters: "mnt", ...; ends with NULL */
	int64_t timeout_us;	       /* 0: none */
	const char *why_namespaces, *why_ids, *why_settings, *why_timeout;
	const char *fails; /* why its program cannot be executed; NULL: not known */
};

/* What the configuration sets for hooks and the request does not. */
struct hookd_explained_default {
	const char *key; /* "PidsMax" */
	int64_t value;	 /* bytes; of CPUQuota microseconds of every 100 ms */
	const char *source;
	const char *ignored; /* why this machine does not allow it; NULL: it does */
};

struct hookd_explanation {
	const struct hookd_explained_hook *hooks;
	size_t hook_count;
	const struct hookd_explained_default *defaults;
	size_t default_count;
	bool allowed;
	const char *rule, *reason; /* if not allowed */
	const char *fails; /* which limit of the settings cannot be set, and why; NULL: none */
};

/*
 * What hookd_run() would do with the request, and why; nothing is run. Of the request stage, hooks,
 * state, dialect, settings and namespaces count; without a state (NULL) what depends on the
 * container's process is left open. The errors are those of hookd_run().
 */
int hookd_explain(struct hookd_client *client, const struct hookd_run_request *request,
		  struct hookd_reply **ret);
int hookd_explain_start(struct hookd_client *client, const struct hookd_run_request *request,
			hookd_done_fn done, void *userdata);
const struct hookd_explanation *hookd_reply_explanation(const struct hookd_reply *reply);

/* ---- settings for a running process ---- */

struct hookd_apply_request {
	size_t size;	       /* sizeof(struct hookd_apply_request), as above */
	const char *container; /* its id: the name for hookd_update() and hookd_release() */
	int pid;	       /* the process; hookd_update(): 0 */
	const char *settings;  /* JSON text in `dialect`: a fragment, a config.json, a Config */
	const char *dialect;   /* "oci" (also NULL) or "libcontainer" */
	/* "cgroupfs", "systemd", NULL: the default of hookd's machine; hookd_update(): NULL */
	const char *cgroup_manager;
};

/* What hookd did for a container, or holds for it. A list is NULL where nothing was asked for. */
struct hookd_applied {
	const char *container;
	const char *cgroup_path; /* absolute, below the cgroup mount; NULL: none */
	const char *rdt_group;	 /* the resctrl group, "/" for the default one; NULL: none */
	bool cgroup_created;	 /* by hookd, which removes it in hookd_release() */
	bool rdt_created;
	/* Lists end with NULL. */
	const char *const *schemata; /* of the group, as the kernel reads them now */
	const char *const *process;  /* attributes that were set: "rlimits", "oomScoreAdj", ... */
	/* What hookd left out, as the settings allow; paths of what only the process can change. */
	const char *const *ignored;
	bool update_interrupted; /* an update was cut short: limits are old or new */
};

/*
 * Puts request->pid under cgroup, Intel RDT and process settings, all or nothing: if one fails, the
 * changes of the others are undone. Settings with seccomp are -EINVAL: no process can put a filter
 * on another. -EPERM for hookd itself, its children, the init process and kernel threads. The reply
 * has hookd_reply_applied().
 */
int hookd_apply(struct hookd_client *client, const struct hookd_apply_request *request,
		struct hookd_reply **ret);
int hookd_apply_start(struct hookd_client *client, const struct hookd_apply_request *request,
		      hookd_done_fn done, void *userdata);
/*
 * Changes the limits of what hookd_apply() made for the container and attributes of its process,
 * all or nothing. No process is moved: another cgroup or closID is -EIO. As hookd_apply().
 */
int hookd_update(struct hookd_client *client, const struct hookd_apply_request *request,
		 struct hookd_reply **ret);
int hookd_update_start(struct hookd_client *client, const struct hookd_apply_request *request,
		       hookd_done_fn done, void *userdata);
const struct hookd_applied *hookd_reply_applied(const struct hookd_reply *reply);

/*
 * Removes the cgroup and the resctrl groups that hookd made for the container, and no others. -EIO
 * while processes are in the cgroup: then nothing is removed.
 * hookd_reply_strings(): what was removed.
 */
int hookd_release(struct hookd_client *client, const char *container, struct hookd_reply **ret);
int hookd_release_start(struct hookd_client *client, const char *container, hookd_done_fn done,
			void *userdata);

struct hookd_holding_list {
	const struct hookd_applied *containers;
	size_t count;
};

/* What hookd holds for containers. */
int hookd_holdings(struct hookd_client *client, struct hookd_reply **ret);
int hookd_holdings_start(struct hookd_client *client, hookd_done_fn done, void *userdata);
const struct hookd_holding_list *hookd_reply_holdings(const struct hookd_reply *reply);

/* ---- seccomp ---- */

struct sock_filter; /* <linux/filter.h> */

/* A profile as a program, for seccomp(2) with SECCOMP_SET_MODE_FILTER. */
struct hookd_seccomp {
	const struct sock_filter *filter; /* with `count`: a struct sock_fprog */
	unsigned short count;
	/*
	 * A rule has SCMP_ACT_NOTIFY: the caller adds SECCOMP_FILTER_FLAG_NEW_LISTENER to `flags`,
	 * and the reader of the descriptor that it returns decides on these calls.
	 */
	bool needs_listener;
	unsigned int flags;		     /* for seccomp(2) */
	const char *const *unknown_syscalls; /* names that were ignored; ends with NULL */
};

/*
 * Has hookd compile `profile`: JSON text, an object as runtime-spec's linux.seccomp, or as
 * libcontainer's Seccomp where `dialect` is "libcontainer" (NULL: "oci"). The program is for
 * hookd's machine: its kernel, its architecture and those that the profile lists. -EIO if the
 * profile is valid but cannot be compiled (its program would be longer than the kernel takes, say),
 * -EOPNOTSUPP if hookd's kernel lacks what it asks for. The reply has hookd_reply_seccomp().
 *
 * A process without CAP_SYS_ADMIN needs no_new_privs to install it, and what it has installed holds
 * for the calls that it makes afterwards, execve(2) among them.
 */
int hookd_compile_seccomp(struct hookd_client *client, const char *profile, const char *dialect,
			  struct hookd_reply **ret);
int hookd_compile_seccomp_start(struct hookd_client *client, const char *profile,
				const char *dialect, hookd_done_fn done, void *userdata);
/*
 * The same for a profile in docker's or podman's form, whose rules depend on the capabilities of
 * the container: `capabilities` is its bounding set ("CAP_CHOWN"), ended by NULL. NULL: none is
 * given, and a profile that depends on them is -EINVAL.
 */
int hookd_compile_seccomp_for(struct hookd_client *client, const char *profile, const char *dialect,
			      const char *const *capabilities, struct hookd_reply **ret);
int hookd_compile_seccomp_for_start(struct hookd_client *client, const char *profile,
				    const char *dialect, const char *const *capabilities,
				    hookd_done_fn done, void *userdata);
const struct hookd_seccomp *hookd_reply_seccomp(const struct hookd_reply *reply);

#ifdef __cplusplus
}
#endif

#endif
