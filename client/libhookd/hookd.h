/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HOOKD_H
#define HOOKD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/*
 * libhookd: hands OCI lifecycle hooks to hookd and brings their results back, and lets hookd put
 * processes under cgroup and Intel RDT settings, and compile seccomp profiles for them.
 *
 *	struct hookd_client *client;
 *	struct hookd_result *result;
 *	int r = hookd_client_new(NULL, &client);
 *	if (r >= 0)
 *		r = hookd_run(client, &(struct hookd_run_request){
 *			.size = sizeof(struct hookd_run_request),
 *			.stage = "createRuntime", .state = state, .hooks = hooks}, &result);
 *
 * Errors: every function that can fail returns a negative errno and leaves its outputs as they
 * were; hookd_client_error() has one sentence about the last failure. The errnos of a call:
 *	-ENOENT, -ECONNREFUSED, -EACCES ...  hookd cannot be reached, as connect(2) says
 *	-ETIMEDOUT   the deadline of hookd_client_set_timeout() passed
 *	-EPIPE       the connection was lost, and the request could not be repeated safely or not
 *	             in time
 *	-EBADMSG     the peer does not speak Varlink
 *	-EINVAL      Invalid, InvalidParameter; hookd_client_error_parameter() is the path of the
 *	             field ("hooks.createRuntime[1].timeout"), the sentence says what is wrong
 *	-EIO         SettingFailed: nothing was changed, except what the sentence names; the
 *	             parameter is the setting's path
 *	-EOPNOTSUPP  NotSupported by this machine; the parameter is the setting's path
 *	-ENOSPC      Exhausted: all CLOSIDs are taken
 *	-EBUSY       Busy: a queue is full, hookd lacks for now what it takes to start a process, or
 *	             another Apply, Update or Release of the container is going on; nothing was run
 *	             or changed. The same call can be made again, with the same request id; for when
 *	             see hookd_client_retry_after_us()
 *	-ESHUTDOWN   Draining: hookd is shutting down; ConfigError: it waits until its
 *	             configuration is mended. Nothing was run
 *	-EPERM       Refused by hookd's policy, or the socket belongs to a user who is neither root
 *	             nor the caller; nothing was run
 *	-EEXIST      RequestIdConflict
 *	-ESRCH       NoSuchRun, NoSuchProcess, NoSuchContainer
 *	-ENOSYS      hookd does not have the method, or does not implement it
 *	-EREMOTE     any other error; hookd_client_error_name() has its name
 *	-EMSGSIZE    the request is longer than hookd takes (4 MiB); nothing was sent
 *	-E2BIG       a request has fields of a newer version of this header set
 *	-EALREADY    the client is busy with another call, or with the callback of one
 * A hook that fails is not an error of the call: it is in the result.
 *
 * Threads: a client belongs to one thread at a time; two clients are independent.
 * Strings given in are borrowed for the call; strings given out belong to the object named.
 * Signals: none is raised or blocked (a lost peer is an errno, not SIGPIPE); a signal handler that
 * runs during a call does not end it.
 */

struct hookd_client;
struct hookd_hooks;
struct hookd_result;

/* ---- a connection ---- */

#define HOOKD_ADDRESS_DEFAULT "unix:/run/hookd/hookd.sock" /* of root */

/*
 * Makes a client of the daemon at `address` ("unix:PATH"). NULL: the environment's HOOKD_ADDRESS,
 * which a set-user-id program ignores, else of root HOOKD_ADDRESS_DEFAULT and of anybody else
 * unix:$XDG_RUNTIME_DIR/hookd/hookd.sock, the socket of the user's own hookd. Root is uid 0 of the
 * initial user namespace; uid 0 of another one is the user that it is mapped to. Without
 * XDG_RUNTIME_DIR, and in a set-user-id program, it is /run/user/UID; where that is not there,
 * HOOKD_ADDRESS_DEFAULT. A caller whose environment is not its own (that of a container, say) gives
 * an address. Does not connect; the first call does. -EINVAL for an address that is not unix:PATH,
 * -ENAMETOOLONG, -ENOMEM.
 *
 * Each connection, a repeated one too, is checked before a byte is sent: the process that called
 * listen(2) on the socket (hookd, or PID 1 where systemd activates it) must have uid 0 or the
 * caller's effective uid, as SO_PEERCRED says, or the call fails with -EPERM. In a user namespace
 * the kernel shows every uid that is not in its map as 65534, root of the host too. So a socket of
 * uid 65534 is always refused, and a caller in such a namespace cannot call the host's hookd.
 */
int hookd_client_new(const char *address, struct hookd_client **ret);

/*
 * Makes a client of a hookd of its own, for where none runs: the first call, or
 * hookd_client_connect(), executes `program` (an absolute path; NULL: the hookd that was installed
 * with this library) as hookd(8), --private. It has the caller's rights and namespaces, not its
 * environment and descriptors, is configured as every hookd, knows no other runs than this client's
 * and keeps none. If it ends early, calls fail with -EPIPE and are not repeated. The child is
 * reaped by hookd_client_free(), which waits for its end: some ms, as long as runs that have not
 * asked for cancel take, 5 s at most. -EINVAL for a path that is not absolute, -ENOMEM.
 */
int hookd_client_new_private(const char *program, struct hookd_client **ret);

/*
 * Closes the connection and frees the client. Runs go on unless they asked for cancel. NULL is
 * fine. Returns NULL.
 */
struct hookd_client *hookd_client_free(struct hookd_client *client);

/*
 * Connects now instead of at the first call, for a caller that does something else if hookd is not
 * running. 0 if there is a connection already.
 */
int hookd_client_connect(struct hookd_client *client);

/* How long each blocking call may take in all, in milliseconds. 0, the default: no limit. */
void hookd_client_set_timeout(struct hookd_client *client, uint64_t timeout_ms);

/*
 * Gives up the call that is going on, if there is one: its callback does not come, and the
 * connection is closed. What hookd has begun goes on, but for a run with on_disconnect "cancel".
 * -EALREADY in a callback.
 */
int hookd_client_stop(struct hookd_client *client);

/*
 * Why the last call has failed. Texts are "" where there is nothing to say. Made by the library
 * alone: fields may be added at the end, so never declare one.
 */
struct hookd_error {
	int error;		/* as the call has returned it; 0: it has not failed */
	const char *sentence;	/* for a person */
	const char *name;	/* the error of the method, "io.hookd.settings.SettingFailed" */
	const char *parameter;	/* the path of the field that is wrong, or failed */
	const char *reason;	/* why, as hookd says it, without the rest of the sentence */
	const char *step;	/* SettingFailed: "cgroup", "rdt", "process", "seccomp" */
	const char *errno_name; /* SettingFailed: "EBUSY" */
	const char *json;	/* all that hookd says, an object; "" if longer than 1 KiB */
	/*
	 * Busy: how long hookd asks the caller to wait before the call is made again. 0: it did not
	 * say.
	 */
	uint64_t retry_after_us;
};

/* Never NULL. Valid until the next call of the client. */
const struct hookd_error *hookd_client_last_error(struct hookd_client *client);

/* Four of its fields. */
const char *hookd_client_error(const struct hookd_client *client); /* sentence */
const char *hookd_client_error_name(const struct hookd_client *client);
const char *hookd_client_error_parameter(const struct hookd_client *client);
uint64_t hookd_client_retry_after_us(const struct hookd_client *client);

/* ---- running hooks ---- */

struct hookd_run_request {
	size_t size;	   /* sizeof(struct hookd_run_request): later fields are read as absent */
	const char *stage; /* "createRuntime", ... */
	const char *state; /* the OCI state, JSON text; each hook gets these very bytes */
	const char *hooks; /* the hooks of all stages, JSON text, in `dialect` */
	const struct hookd_hooks *hook_list; /* instead of `hooks`: may hold functions */
	const char *dialect;		     /* "oci" (also NULL) or "libcontainer" */
	const char *settings;		     /* JSON text or NULL */
	const char *namespaces;		     /* "auto" (also NULL), "runtime", "container" */
	const char *request_id; /* NULL: the library generates one, so that the request can
				 * be repeated and no hook runs twice */
	/*
	 * "continue" (also NULL) or "cancel": the run ends with the caller, unless others wait for
	 * it too (by its request id, or Wait). The last of them to disconnect decides.
	 */
	const char *on_disconnect;
	const char *traceparent; /* W3C trace context or NULL */
};

/*
 * Runs the hooks of one stage and waits for the result. Blocks; see hookd_client_set_timeout().
 * When the connection is lost it connects again, after pauses of 10 ms up to 500 ms, and asks with
 * the same request id, so hookd attaches to the run and no hook runs twice. That nobody listens on
 * the socket, Busy and Draining are no errors then: a hookd that is restarted is waited for up to
 * the deadline or, without one, for 60 s after the loss. After that it is -ETIMEDOUT or -EPIPE, and
 * the run may be going on: ask for it with its request_id, where one was given. It is -EPIPE at
 * once when the socket belongs to another user by then. All other errors are final. Free *ret with
 * hookd_result_free().
 *
 * A startContainer hook, and any hook whose program comes from the container's image, may do no
 * more than the container: without `settings` it has the user and group ids, the supplementary
 * groups, the capability sets and no_new_privs of the container's process (the `pid` of `state`) as
 * the kernel shows them when the hook starts. `settings` can lower these rights; a hook whose
 * settings ask for more fails with EPERM and is not run. The kernel does not let one process copy
 * the seccomp filter or the security label (AppArmor, SELinux) of another. So give `settings` with
 * the container's seccomp profile and label where such a hook must be under them.
 */
int hookd_run(struct hookd_client *client, const struct hookd_run_request *request,
	      struct hookd_result **ret);

enum hookd_event_type {
	HOOKD_EVENT_ACCEPTED = 1, /* run */
	HOOKD_EVENT_STARTED,	  /* index */
	HOOKD_EVENT_OUTPUT,	  /* index, stream, data, data_length */
	HOOKD_EVENT_FINISHED,	  /* index, hook */
	HOOKD_EVENT_DONE,	  /* result, or error < 0; always the last */
};

struct hookd_hook_result;

/*
 * Fields that the type does not list are 0 or NULL. All of it is valid until the callback returns.
 */
struct hookd_event {
	enum hookd_event_type type;
	const char *run;
	size_t index;
	int stream; /* 1 stdout, 2 stderr */
	const char *data;
	size_t data_length;
	const struct hookd_hook_result *hook;
	struct hookd_result *result; /* DONE: the callback becomes its owner */
	int error;		     /* DONE: a negative errno, or 0 */
	/*
	 * OUTPUT: of the first byte of `data` in its stream. No byte is delivered twice. More than
	 * was delivered before: the bytes in between are lost, as hookd keeps only the first and
	 * the last 32 KiB of a stream for one that attaches later.
	 */
	uint64_t offset;
	/*
	 * As hookd has sent it, of the events of one request; NULL for others. Of output of which a
	 * part was delivered before, `data` has the new part only. DONE: the result; NULL: none.
	 */
	const char *json;
};

/*
 * On DONE the client is ready for its next call; before, all calls are -EALREADY. The callback must
 * not free the client.
 */
typedef void (*hookd_event_fn)(struct hookd_client *client, const struct hookd_event *event,
			       void *userdata);

/*
 * Sends the request and returns; `callback` gets every event from hookd_process(). One request at
 * a time per client: -EALREADY. Functions of a hook_list run in hookd_process(); the list has to
 * live until DONE. May wait where connect(2) does, which is while hookd's backlog is full; the
 * client's timeout bounds it.
 *
 * After a lost connection it attaches to the run again, as hookd_run() does: meanwhile
 * hookd_get_fd() is a timer. Events go on where they ended: none is delivered twice, and those that
 * were missed are told then. If there is no hookd for 60 s, or for the client's timeout where one
 * is set, it is a DONE event with -EPIPE or -ETIMEDOUT; asking again with the same request_id
 * attaches to the run.
 */
int hookd_run_start(struct hookd_client *client, const struct hookd_run_request *request,
		    hookd_event_fn callback, void *userdata);

/*
 * For the caller's event loop: the descriptor, negative without a connection; the poll(2) events to
 * wait for; and the function to call when one of them occurs. Get the first two again after every
 * call. hookd_process() does not block (1 ms while hookd's backlog is full): 0, or -EPIPE when the
 * connection was closed, after the callback of a call that could not be repeated.
 */
int hookd_get_fd(const struct hookd_client *client);
short hookd_get_events(const struct hookd_client *client);
int hookd_process(struct hookd_client *client);

/* ---- any other method ---- */

/*
 * One reply's parameters as JSON text ("{}" for none), valid during the callback. A return < 0
 * ends the call with that value.
 */
typedef int (*hookd_reply_fn)(const char *parameters, bool continues, void *userdata);

/*
 * Calls any method of the service, for example one that this library does not know. `parameters` is
 * a JSON object or NULL. With `more` the callback comes once per reply, else once; it may be NULL.
 * Blocks. After a lost connection it is repeated, before the first reply only, like the method's
 * own function; a method that this library does not know, Run and Watch are not repeated.
 */
int hookd_call(struct hookd_client *client, const char *method, const char *parameters, bool more,
	       hookd_reply_fn callback, void *userdata);

/* ---- hook lists with functions in them ---- */

/*
 * A hook that is a function of the caller, as libcontainer's FuncHook: it runs in the caller's
 * process, in its place in the list, and gets the state. 0 is success; a negative errno is a
 * failure and ends the list as a failed program would (poststop goes on). It must not use the
 * client that runs it: -EALREADY.
 */
typedef int (*hookd_function)(const char *state, void *userdata);

struct hookd_hook {
	size_t size;		 /* sizeof(struct hookd_hook) */
	const char *path;	 /* absolute */
	const char *const *args; /* NULL: {path}; else NULL-terminated */
	const char *const *env;	 /* NULL: hookd's PATH alone; else NULL-terminated, may be empty */
	const char *dir;	 /* NULL: not given */
	uint64_t timeout_ns;	 /* 0: hookd's DefaultTimeoutSec; up to 2147483647 s */
};

/*
 * A list with functions in it is run in parts: one request for consecutive commands, with "-0",
 * "-1", ... appended to the request id, so one of the caller's must leave 4 bytes for that (251 in
 * all). There is one result, and events count hooks over the whole list, with one ACCEPTED for each
 * part; hookd_result_run() is the id of the last part, "" if there was none.
 * If hookd cannot be asked to run a part after a hook was run, that is a failure in the result and
 * not an error of the call. A list without settings is sent in libcontainer's dialect, whatever
 * `dialect` says.
 */

int hookd_hooks_new(struct hookd_hooks **ret);
struct hookd_hooks *hookd_hooks_free(struct hookd_hooks *hooks);
/*
 * The three that add: -EINVAL for what hookd would refuse (an unknown stage, a path that is not
 * absolute, more than 256 hooks in a stage, text that is not UTF-8), -ENOMEM; nothing was added.
 */
int hookd_hooks_add_json(struct hookd_hooks *hooks, const char *json, const char *dialect);
int hookd_hooks_add_command(struct hookd_hooks *hooks, const char *stage,
			    const struct hookd_hook *hook);
int hookd_hooks_add_function(struct hookd_hooks *hooks, const char *stage, const char *name,
			     hookd_function function, void *userdata);
/*
 * The lists as JSON in `dialect`; *ret is the caller's to free(3). Functions cannot be written:
 * they are left out and counted in *ret_left_out (may be NULL); a caller should warn of them.
 * -ENOTSUP where oci cannot express a hook (dir, a part of a second).
 */
int hookd_hooks_to_json(const struct hookd_hooks *hooks, const char *dialect, char **ret,
			size_t *ret_left_out);

/* ---- results ---- */

/* Made by the library alone: fields may be added at the end, so never declare one. */
struct hookd_hook_result {
	size_t index;
	const char *path;
	/*
	 * "exited", "signaled", "timed_out", "spawn_failed", "cancelled" (killed, or its turn would
	 * have come: then pid is 0), "skipped". The library has two more: "returned", a function,
	 * and "unknown", hookd was lost in a list with functions.
	 */
	const char *outcome;
	bool success;
	bool lingering;
	bool stdout_truncated, stderr_truncated;
	int exit_status;	 /* -1: it did not exit */
	const char *signal;	 /* "SIGKILL" or NULL */
	const char *error;	 /* one sentence or NULL */
	const char *failed_step; /* NULL unless spawn_failed */
	const char *errno_name;	 /* NULL unless spawn_failed, or a function failed */
	int oom_killed;		 /* 1, 0, or -1: not known */
	int pid;		 /* 0: none */
	int64_t started_us;	 /* since the epoch; 0: never */
	int64_t duration_us;
	int64_t user_us, system_us;
	int64_t max_rss_bytes;
	const char *stdout_data; /* stdout_length bytes, any bytes; a NUL follows */
	size_t stdout_length;
	uint64_t stdout_bytes; /* that the hook wrote, kept or not */
	const char *stderr_data;
	size_t stderr_length;
	uint64_t stderr_bytes;
	int64_t drain_us; /* from its exit until its output was read to the end */
};

struct hookd_result *hookd_result_free(struct hookd_result *result);
const char *hookd_result_run(const struct hookd_result *result); /* id, for Wait and Get */
/* "succeeded", "failed", "cancelled", or "lost": hookd ended while the run was going on. */
const char *hookd_result_outcome(const struct hookd_result *result);
/* NULL on success only: the first failure in libcontainer's words, or which hook was cancelled. */
const char *hookd_result_error(const struct hookd_result *result);
/* What hookd left out of the settings, where they allow that; NULL: nothing. */
const char *hookd_result_ignored(const struct hookd_result *result);
int64_t hookd_result_duration_us(const struct hookd_result *result);
size_t hookd_result_hook_count(const struct hookd_result *result);
/* NULL beyond the end. Belongs to the result. */
const struct hookd_hook_result *hookd_result_hook(const struct hookd_result *result, size_t index);

#ifdef __cplusplus
}
#endif

#include "hookd_calls.h" /* all other methods */

#endif
