/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The process hookd-runner: runs lists for its front, the connected hookd, and keeps their results
 * for the next one.
 *
 *	SERVING --STOP, SIGTERM--> STOPPING --no list is left--> exit
 *	   |                                                      ^
 *	   `--no list runs, and no front for IDLE_S---------------'
 *
 * Without a front it also looks whether its socket's file was deleted: then no hookd will find it,
 * and it is STOPPING.
 *
 * A new front replaces the last one. The process does not exit while processes that hooks have left
 * behind are alive, unless it was told to stop at once: the service manager would kill those in its
 * unit, and the pipes that they write to would be closed.
 */
#include "daemon/runner/runner.h"

#include <event2/event.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include "daemon/base/config.h"
#include "daemon/base/log.h"
#include "daemon/base/loop.h"
#include "daemon/base/sd.h"
#include "daemon/proc/precedence.h"
#include "daemon/runner/front.h"
#include "daemon/runner/offer.h"

/* A restarted hookd has connected by then; the longer time is for when there are results. */
#define IDLE_S		    10
#define IDLE_WITH_RESULTS_S 3600
/* How often a process without a front looks for its socket's file. */
#define LOOK_S 3
/* How often a process that is to exit checks for processes that hooks have left behind. */
#define CHILDREN_S 1

struct process {
	struct runner runner;
	struct event_base *base;
	struct procs procs;
	struct cgroup_tree *cgroups;
	struct list_context lists;
	struct event *on_connection, *on_signal, *look;
	struct event *idle;	   /* a tick */
	struct retry accept_again; /* after accept4(2) has failed, or for the next connection */
	int listener, spare;
	uint64_t id;
	bool is_unit; /* started by the service manager */
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

/* Processes that hooks have left behind. */
static bool has_children(const struct process *process)
{
	return !process->is_at_once &&
	       (process->procs.leftovers.count > 0 ||
		(process->cgroups && cgroup_tree_is_populated(process->cgroups)));
}

static bool is_idle(const struct process *process)
{
	return !process->runner.front && !has_running(process);
}

static bool is_done(const struct process *process)
{
	return process->is_stopping && (!process->runner.lists || is_idle(process));
}

/* Leaves the event loop if no list is left; else arms the timer that waits for a front. */
static void end_if_done(struct process *process)
{
	struct timeval wait = {
	    .tv_sec = process->runner.lists ? IDLE_WITH_RESULTS_S : IDLE_S,
	};

	tick_rest(process->idle);
	if (is_done(process) && !has_children(process))
		event_base_loopbreak(process->base);
	else if (is_done(process))
		(void)event_add(process->idle, &(struct timeval){.tv_sec = CHILDREN_S});
	else if (is_idle(process))
		(void)event_add(process->idle, &wait);
}

static void on_idle(evutil_socket_t fd, short what, void *userdata)
{
	struct process *process = userdata;

	(void)fd, (void)what;
	if (has_children(process) || !(is_done(process) || is_idle(process)))
		end_if_done(process);
	else
		event_base_loopbreak(process->base);
}

static void stop(struct runner *runner, bool is_at_once)
{
	struct process *process = container_of(runner, struct process, runner);
	struct owned *owned, *next;

	process->is_stopping = true;
	process->is_at_once |= is_at_once;
	if (is_at_once)
		HASH_ITER(by_run, process->runner.lists, owned, next)
	owned_free(owned);
	end_if_done(process);
}

static bool is_socket_deleted(const struct process *process)
{
	struct stat st;

	return fstat(process->runner.socket_fd, &st) == 0 && st.st_nlink == 0;
}

static void on_look(evutil_socket_t fd, short what, void *userdata)
{
	struct process *process = userdata;

	(void)fd, (void)what;
	if (process->runner.front || process->is_stopping)
		return;
	if (!is_socket_deleted(process)) {
		timer_set(process->look, &(struct timeval){.tv_sec = LOOK_S});
		return;
	}
	log_warning("hookd-runner: its socket was deleted: it ends with its lists, and their "
		    "results are lost");
	stop(&process->runner, false);
}

static void on_signal(evutil_socket_t signal, short what, void *userdata)
{
	struct process *process = userdata;

	(void)signal, (void)what;
	stop(&process->runner, true);
}

/* hookd sets the same limits for its own cgroups, and has logged this. */
static void ignore_left_out(const struct hp_err *err, void *userdata)
{
	(void)err, (void)userdata;
}

static void configure(struct runner *runner, const struct configure_body *body)
{
	struct process *process = container_of(runner, struct process, runner);
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
	if (process->cgroups)
		(void)cgroup_tree_set_defaults(process->cgroups, &limits, ignore_left_out, NULL);
}

/* ---- connections ---- */

/*
 * Reserves a descriptor for the connection of the next front, which is accepted however many hooks
 * run. Reserved again when a front has disconnected.
 */
static void keep_spare(struct process *process)
{
	if (process->spare < 0)
		process->spare = open("/dev/null", O_RDONLY | O_CLOEXEC);
}

static int accept_front(struct process *process)
{
	int fd = accept4(process->listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);

	if (fd >= 0 || errno != EMFILE || process->spare < 0)
		return fd < 0 ? -errno : fd;
	close_fd(&process->spare);
	fd = accept4(process->listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
	return fd < 0 ? -errno : fd;
}

static void accept_one(struct process *process)
{
	const struct hello_body hello = {
	    .version = RUNNER_VERSION,
	    .is_unit = process->is_unit,
	    .pid = getpid(),
	    .id = process->id,
	};
	int directory = process->cgroups ? cgroup_tree_base(process->cgroups) : -1;
	int fd = accept_front(process);

	if (fd >= 0) {
		retry_succeeded(&process->accept_again);
		front_connected(&process->runner, fd, &hello, directory);
		tick_set(process->accept_again.tick, 0);
	} else if (fd != -EAGAIN) {
		retry_later(&process->accept_again);
	}
	keep_spare(process);
}

/* Of a new connection, once (EV_ET): it is never removed, and need not be added again. */
static void on_connection(evutil_socket_t fd, short what, void *userdata)
{
	(void)fd, (void)what;
	accept_one(userdata);
}

static void on_accept_again(evutil_socket_t fd, short what, void *userdata)
{
	struct process *process = userdata;

	(void)fd, (void)what;
	tick_rest(process->accept_again.tick);
	accept_one(process);
}

static void on_changed(struct runner *runner)
{
	struct process *process = container_of(runner, struct process, runner);

	keep_spare(process);
	if (!runner->front && !event_pending(process->look, EV_TIMEOUT, NULL))
		timer_set(process->look, &(struct timeval){.tv_sec = LOOK_S});
	end_if_done(process);
}

/* ---- life ---- */

static int make_events(struct process *process)
{
	struct event_base *base = process->base;
	int r = tick_new(base, on_idle, process, &process->idle);

	if (r == 0)
		r = tick_new(base, on_accept_again, process, &process->accept_again.tick);
	process->on_connection = event_new(base, process->listener, EV_READ | EV_ET | EV_PERSIST,
					   on_connection, process);
	process->on_signal = evsignal_new(base, SIGTERM, on_signal, process);
	process->look = event_new(base, -1, 0, on_look, process);
	if (r < 0 || !process->on_connection || !process->on_signal || !process->look ||
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

/* hookd listens already. The peer credentials of connections are those of the last to do so. */
static int listen_again(const struct process *process)
{
	return listen(process->listener, RUNNER_BACKLOG) < 0 ? -errno : 0;
}

/* The front has to know the directory at once: if this process dies, it kills the hooks in it. */
static void on_renewed(void *userdata)
{
	struct process *process = userdata;
	char notice[CGROUP_NOTICE_SIZE];

	if (cgroup_tree_take_notice(process->cgroups, notice))
		log_warning("hookd-runner: %s", notice);
	front_send_directory(&process->runner, cgroup_tree_base(process->cgroups));
}

static void make_cgroups(struct process *process)
{
	const char *reason;
	int r = process->is_unit ? cgroup_tree_new(process->base, NULL, &process->cgroups, &reason)
				 : cgroup_tree_new_part(process->base, RUNNER_FD_CGROUP,
							&process->cgroups, &reason);

	if (r >= 0) {
		cgroup_tree_on_renewed(process->cgroups, on_renewed, process);
		return;
	}
	process->cgroups = NULL;
	/* If hookd has started this runner it has logged this for its own cgroups. */
	if (process->is_unit)
		log_notice("hookd-runner: hooks do not get their own cgroups: %s", reason);
}

static int make(struct process *process)
{
	int r = take_listener(process);

	if (r == 0)
		r = listen_again(process);
	if (r < 0)
		return r;
	while (process->id == 0)
		if (getrandom(&process->id, sizeof(process->id), 0) < 0)
			return -errno;
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
	    .has_cgroups = process->cgroups != NULL,
	    .changed = on_changed,
	    .configure = configure,
	    .stop = stop,
	};
	keep_spare(process);
	r = front_init(&process->runner, process->base);
	return r < 0 ? r : make_events(process);
}

static void clear(struct process *process)
{
	struct event *events[] = {process->on_connection, process->accept_again.tick,
				  process->on_signal, process->idle, process->look};

	front_clear(&process->runner);
	cgroup_tree_free(process->cgroups);
	if (process->base)
		procs_clear(&process->procs);
	for (size_t i = 0; i < ELEMENTS(events); i++)
		if (events[i])
			event_free(events[i]);
	if (process->base)
		event_base_free(process->base);
	close_fd(&process->spare);
}

int runner_main(void)
{
	struct process process = {.spare = -1};
	int r;

	/* It is executed through a link in /proc, whose name the kernel has taken. */
	(void)prctl(PR_SET_NAME, RUNNER_NAME);
	log_open(LOG_TARGET_AUTO);
	precedence_take();
	r = make(&process);
	if (r == 0) {
		end_if_done(&process);
		(void)event_base_dispatch(process.base);
	} else {
		log_error("hookd-runner: cannot start: %s", strerror(-r));
	}
	clear(&process);
	log_close();
	return r < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}
