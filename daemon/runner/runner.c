/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The process hookd-runner: runs lists for the hookd that is connected, and keeps what came of them
 * for the next one.
 *
 *	SERVING --STOP, SIGTERM--> STOPPING --nothing is left--> the end
 *	   |                                                        ^
 *	   `--no hookd has been there for LONELY_S------------------'
 *
 * There is one front at a time; a new one takes the place of the last. While children that hooks
 * have left are there it does not end, unless it is to end at once: in its unit they would be
 * killed, and a pipe of theirs would break.
 */
#include "daemon/runner/runner.h"

#include <event2/event.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include "daemon/base/config.h"
#include "daemon/base/log.h"
#include "daemon/base/loop.h"
#include "daemon/base/sd.h"
#include "daemon/runner/offer.h"
#include "daemon/runner/owned.h"

/* A front that is started anew has come by then: with nothing to tell it, and with something. */
#define LONELY_S	 10
#define LONELY_RESULTS_S 3600
/* How often one that is to end looks whether children of hooks are left. */
#define CHILDREN_S 1

struct process {
	struct runner runner;
	struct event_base *base;
	struct procs procs;
	struct cgroup_tree *cgroups;
	struct list_context lists;
	struct event *on_connection, *on_signal, *lonely;
	int listener;
	bool is_unit; /* of the service manager */
	bool is_stopping, is_at_once;
};

bool runner_is_asked_for(int argc, char **argv)
{
	return argc > 0 && strcmp(argv[0], RUNNER_NAME) == 0;
}

/* ---- the end ---- */

static bool has_running(const struct process *process)
{
	struct owned *owned, *next;

	HASH_ITER(by_run, process->runner.lists, owned, next)
	if (owned->list)
		return true;
	return false;
}

/* Children that hooks have left behind. */
static bool has_children(const struct process *process)
{
	return !process->is_at_once &&
	       (process->procs.leftovers.count > 0 ||
		(process->cgroups && cgroup_tree_is_populated(process->cgroups)));
}

static bool is_done(const struct process *process)
{
	return process->is_stopping &&
	       (!process->runner.lists || (!process->runner.front && !has_running(process)));
}

/* Ends where nothing is left to do or to tell; sets the time for which a front is waited for. */
static void look_after(struct process *process)
{
	struct timeval wait = {
	    .tv_sec = process->runner.lists ? LONELY_RESULTS_S : LONELY_S,
	};

	event_del(process->lonely);
	if (is_done(process) && !has_children(process))
		event_base_loopbreak(process->base);
	else if (is_done(process))
		(void)event_add(process->lonely, &(struct timeval){.tv_sec = CHILDREN_S});
	else if (!process->runner.front && !has_running(process))
		(void)event_add(process->lonely, &wait);
}

static void on_lonely(evutil_socket_t fd, short what, void *userdata)
{
	struct process *process = userdata;

	(void)fd, (void)what;
	if (has_children(process))
		look_after(process);
	else
		event_base_loopbreak(process->base);
}

static void stop(struct process *process, bool is_at_once)
{
	struct owned *owned, *next;

	process->is_stopping = true;
	process->is_at_once |= is_at_once;
	if (is_at_once)
		HASH_ITER(by_run, process->runner.lists, owned, next)
	owned_free(owned);
	look_after(process);
}

static void on_signal(evutil_socket_t signal, short what, void *userdata)
{
	(void)signal, (void)what;
	stop(userdata, true);
}

static void on_changed(struct runner *runner)
{
	look_after(container_of(runner, struct process, runner));
}

/* ---- messages ---- */

static void configure(struct process *process, const struct configure_body *body)
{
	struct hp_resources limits = {
	    .pids_limit = {body->has_pids_max, (int64_t)body->pids_max},
	    .memory.limit = {body->has_memory_max, (int64_t)body->memory_max},
	    .cpu.quota = {body->has_cpu_quota, (int64_t)body->cpu_quota_us},
	};
	struct spawn_defaults defaults = {.umask = body->umask, .nice = body->nice};

	if (limits.cpu.quota.is_set)
		limits.cpu.period = (struct hp_uint){true, CONFIG_CPU_PERIOD_US};
	log_set_level(body->log_level);
	spawner_set_defaults(process->procs.spawner, &defaults);
	/* hookd, which has the same limits for cgroups of its own, has told the log. */
	if (process->cgroups)
		(void)cgroup_tree_set_defaults(process->cgroups, &limits, NULL, NULL);
}

/* A list that cannot be begun has ended: its run is turned away, as by hookd itself. */
static void refuse(struct process *process, const struct message *message, int error)
{
	struct finished_body body = {
	    .step_length = UINT32_MAX,
	    .detail_length = UINT32_MAX,
	    .outcome = HP_HOOK_SPAWN_FAILED,
	    .oom_killed = -1,
	    .failed_errno = error,
	    .is_refusal = true,
	};
	struct ended_body end = {0};
	struct message answer =
	    message_make(MESSAGE_FINISHED, message->header.run, 0, &body, sizeof(body), NULL, 0);

	channel_tell(process->runner.front, &answer);
	answer = message_make(MESSAGE_ENDED, message->header.run, 0, &end, sizeof(end), NULL, 0);
	channel_tell(process->runner.front, &answer);
}

static void on_message(struct channel *channel, struct message *message, void *userdata)
{
	struct process *process = userdata;
	struct owned *owned = owned_find(&process->runner, message->header.run);
	const struct pause_body *pause = message->body;
	const struct stop_body *stop_it = message->body;
	int r = 0;

	(void)channel;
	switch (message->header.type) {
	case MESSAGE_CONFIGURE:
		configure(process, message->body);
		break;
	case MESSAGE_START:
		r = owned_start(&process->runner, message);
		break;
	case MESSAGE_STOP:
		stop(process, stop_it->is_at_once);
		break;
	default:
		break;
	}
	if (r < 0)
		refuse(process, message, -r);
	if (!owned)
		return;
	if (message->header.type == MESSAGE_CANCEL)
		owned_cancel(owned);
	else if (message->header.type == MESSAGE_LISTEN)
		owned_listen(owned);
	else if (message->header.type == MESSAGE_PAUSE)
		owned_pause(owned, pause->is_paused);
	else if (message->header.type == MESSAGE_ACKNOWLEDGE && owned->has_ended)
		owned_free(owned);
	look_after(process);
}

static void set_full(struct process *process, bool is_full)
{
	if (process->runner.is_full == is_full)
		return;
	process->runner.is_full = is_full;
	owned_pause_all(&process->runner);
}

static void on_drained(struct channel *channel, void *userdata)
{
	(void)channel;
	set_full(userdata, false);
}

static void on_closed(struct channel *channel, int r, void *userdata)
{
	struct process *process = userdata;

	if (r < 0)
		log_warning("hookd-runner: the connection to hookd is broken: %s", strerror(-r));
	process->runner.front = channel_free(channel);
	set_full(process, false);
	look_after(process);
}

/* ---- connections ---- */

static void greet(struct process *process)
{
	struct hello_body hello = {
	    .version = RUNNER_VERSION,
	    .is_unit = process->is_unit,
	    .pid = getpid(),
	};
	struct message message =
	    message_make(MESSAGE_HELLO, NULL, 0, &hello, sizeof(hello), NULL, 0);
	int directory = process->cgroups ? cgroup_tree_directory(process->cgroups) : -1;

	message.fds = &directory;
	message.fd_count = directory >= 0;

	channel_tell(process->runner.front, &message);
}

static void tell_everything(struct process *process)
{
	struct message synced = message_make(MESSAGE_SYNCED, NULL, 0, NULL, 0, NULL, 0);
	struct owned *owned, *next;

	HASH_ITER(by_run, process->runner.lists, owned, next)
	owned_tell(owned);
	channel_tell(process->runner.front, &synced);
}

static void on_connection(evutil_socket_t listener, short what, void *userdata)
{
	static const struct channel_events events = {
	    .message = on_message,
	    .drained = on_drained,
	    .closed = on_closed,
	};
	struct process *process = userdata;
	struct channel *front;
	int fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
	int r;

	(void)what;
	if (fd < 0)
		return;
	r = channel_new(process->base, fd, &events, process, &front);
	if (r < 0) {
		log_warning("hookd-runner: a connection is refused: %s", strerror(-r));
		close(fd);
		return;
	}
	channel_free(process->runner.front);
	process->runner.front = front;
	set_full(process, false);
	greet(process);
	tell_everything(process);
	look_after(process);
}

/* ---- life ---- */

static int make_events(struct process *process)
{
	struct event_base *base = process->base;

	process->on_connection =
	    event_new(base, process->listener, EV_READ | EV_PERSIST, on_connection, process);
	process->on_signal = evsignal_new(base, SIGTERM, on_signal, process);
	process->lonely = event_new(base, -1, 0, on_lonely, process);
	if (!process->on_connection || !process->on_signal || !process->lonely ||
	    event_add(process->on_connection, NULL) < 0 || event_add(process->on_signal, NULL) < 0)
		return -ENOMEM;
	return 0;
}

static int take_listener(struct process *process)
{
	cleanup_close int connection = sd_take_connection();

	process->listener = RUNNER_FD_LISTENER;
	if (connection == -ENOENT)
		return 0;
	process->is_unit = true;
	return connection < 0 ? connection : offer_take(connection, &process->listener);
}

static void make_cgroups(struct process *process)
{
	const char *reason;
	int r = process->is_unit ? cgroup_tree_new(process->base, NULL, &process->cgroups, &reason)
				 : cgroup_tree_new_part(process->base, RUNNER_FD_CGROUP,
							&process->cgroups, &reason);

	if (r >= 0)
		return;
	process->cgroups = NULL;
	/* Of one that hookd has started it has told the log: it has none either then. */
	if (process->is_unit)
		log_notice("hookd-runner: hooks do not get their own cgroups: %s", reason);
}

static int make(struct process *process)
{
	int r = take_listener(process);

	if (r < 0)
		return r;
	process->base = loop_new();
	if (!process->base)
		return -ENOMEM;
	r = procs_init(&process->procs, process->base);
	if (r < 0)
		return r;
	make_cgroups(process);
	process->lists = (struct list_context){
	    .starter = LIST_STARTER_HERE,
	    .procs = &process->procs,
	    .cgroups = process->cgroups,
	};
	process->runner = (struct runner){
	    .starter = &process->lists.starter,
	    .changed = on_changed,
	};
	return make_events(process);
}

static void clear(struct process *process)
{
	struct event *events[] = {process->on_connection, process->on_signal, process->lonely};
	struct owned *owned, *next;

	HASH_ITER(by_run, process->runner.lists, owned, next)
	owned_free(owned);
	channel_free(process->runner.front);
	cgroup_tree_free(process->cgroups);
	if (process->base)
		procs_clear(&process->procs);
	for (size_t i = 0; i < ELEMENTS(events); i++)
		if (events[i])
			event_free(events[i]);
	if (process->base)
		event_base_free(process->base);
}

int runner_main(void)
{
	struct process process = {0};
	int r;

	log_open(LOG_TARGET_AUTO);
	r = make(&process);
	if (r == 0) {
		look_after(&process);
		(void)event_base_dispatch(process.base);
	} else {
		log_error("hookd-runner: cannot start: %s", strerror(-r));
	}
	clear(&process);
	log_close();
	return r < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}
