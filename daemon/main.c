/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The program hookd: creates the parts of the daemon, runs the event loop and frees the parts in
 * reverse order. Its states:
 *
 *	running --SIGTERM, Drain()--> draining --last run done, replies sent--> exit
 *	   |                              \____________ second SIGTERM ________/
 *	   |                                                                   /
 *	   `--SIGTERM, where runs are owned by units of the service manager---'
 *
 * A private hookd (private.h) drains when its connection is closed.
 */
#include "daemon/ipc/ipc.h"

#include <assert.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include "daemon/base/loop.h"
#include "daemon/base/sd.h"
#include "daemon/configuration.h"
#include "daemon/container_settings.h"
#include "daemon/holder.h"
#include "daemon/hook_defaults.h"
#include "daemon/ipc/conn.h"
#include "daemon/ipc/dispatch.h"
#include "daemon/ipc/drain.h"
#include "daemon/ipc/listener.h"
#include "daemon/ipc/spooled.h"
#include "daemon/lost_lines.h"
#include "daemon/metrics_server.h"
#include "daemon/options.h"
#include "daemon/own_process.h"
#include "daemon/place.h"
#include "daemon/private.h"
#include "daemon/proc/precedence.h"
#include "daemon/records/records.h"
#include "daemon/run/abandoned.h"
#include "daemon/runner/runner.h"
#include "daemon/runner/runners.h"
#include "daemon/seccomp/process.h"
#include "daemon/status/watch.h"
#include "daemon/takeover.h"

#define EXTEND_EVERY_S	     5
#define LAST_REPLIES_TICK_US (20 * 1000)
#define LAST_REPLIES_TICKS   100

enum exit_code { EXIT_USAGE = 2, EXIT_KERNEL = 3, EXIT_CONFIG = 6 }; /* of the LSB, see daemon(7) */

/* All state of the program: struct hookd, which ipc/ uses, and what only main.c needs. */
struct program {
	struct hookd hookd;
	const struct hookd_options *options;
	struct place place;
	int state_lock; /* descriptor of the lock file in the state directory, or -1 */
	struct listener *listeners[PASSED_SOCKETS_MAX];
	struct metrics_server metrics;
	struct event *signals[3];
	struct event *watchdog;
	struct event *extend; /* pending while draining: asks the service manager for more time */
	struct event *last_replies;
	struct event *lost_lines;
	int last_replies_ticks;
	struct passed_sockets sockets;
	const char *own_socket; /* to unlink at exit; NULL: the socket was passed to hookd */
};
static_assert(offsetof(struct program, hookd) == 0, "drain() casts a struct hookd");

/* ---- configuration ---- */

static int reload(struct hookd *hookd)
{
	struct program *program = (struct program *)hookd;
	struct config fresh;
	int r = configuration_load(program->options, &fresh, &hookd->reload_error);

	hookd->has_reload_failed = r < 0;
	if (r < 0) {
		log_error("the configuration is unchanged");
		return r;
	}
	config_clear(&hookd->config);
	hookd->config = fresh;
	log_set_level((int)fresh.log_level);
	sched_set_limit(hookd->sched, fresh.concurrent_hooks);
	hook_defaults_set(hookd);
	metrics_server_update(&program->metrics, hookd, false);
	history_configure(hookd->history);
	rdt_remove_classes(hookd->rdt, fresh.removes_rdt_classes);
	log_info("configuration reloaded");
	return 0;
}

/* Until the next reload. In the runners too. */
static void set_log_level(struct hookd *hookd, int priority)
{
	hookd->config.log_level = (uint64_t)priority;
	log_set_level(priority);
	hook_defaults_set(hookd);
}

/* ---- draining ---- */

/* Gives clients a limited time to read the replies of the last runs, then ends the loop. */
static void on_last_replies(evutil_socket_t fd, short what, void *userdata)
{
	struct program *program = userdata;
	const struct conn *conn;
	bool is_pending = false;

	(void)fd, (void)what;
	drain_end_calls(&program->hookd);
	TAILQ_FOREACH (conn, &program->hookd.conns, link)
		is_pending |= conn->out.length > 0;
	if (is_pending && program->last_replies_ticks++ < LAST_REPLIES_TICKS)
		timer_set(program->last_replies,
			  &(struct timeval){.tv_usec = LAST_REPLIES_TICK_US});
	else
		event_base_loopbreak(program->hookd.base);
}

static void on_idle(void *userdata)
{
	struct program *program = userdata;

	if (program->hookd.is_draining)
		event_active(program->last_replies, 0, 0);
}

static void on_extend(evutil_socket_t fd, short what, void *userdata)
{
	struct program *program = userdata;

	(void)fd, (void)what;
	sd_tell("EXTEND_TIMEOUT_USEC=%d\nSTATUS=Draining, %zu hooks running, %zu runs queued",
		3 * EXTEND_EVERY_S * 1000000, sched_running(program->hookd.sched),
		sched_queued(program->hookd.sched));
}

static void drain(struct hookd *hookd)
{
	struct program *program = (struct program *)hookd;

	if (hookd->is_draining)
		return;
	hookd->is_draining = true;
	sd_tell("STOPPING=1");
	on_extend(-1, 0, program);
	(void)event_add(program->extend, &(struct timeval){.tv_sec = EXTEND_EVERY_S});
	log_notice("draining: %zu hooks running, %zu runs queued", sched_running(hookd->sched),
		   sched_queued(hookd->sched));
	if (sched_running(hookd->sched) + sched_queued(hookd->sched) == 0)
		on_idle(program);
}

/* Nothing ends with hookd: callers attach to their runs again when the next hookd is there. */
static bool can_hand_over(const struct hookd *hookd)
{
	return hookd->runners && runners_outlive_hookd(hookd->runners);
}

static void on_signal(evutil_socket_t signal, short what, void *userdata)
{
	struct program *program = userdata;

	(void)what;
	if (signal == SIGHUP)
		(void)reload(&program->hookd);
	else if (program->hookd.is_draining || can_hand_over(&program->hookd))
		event_base_loopbreak(program->hookd.base);
	else
		drain(&program->hookd);
}

/* ---- start ---- */

static void on_libevent_log(int severity, const char *message)
{
	log_write(severity >= EVENT_LOG_ERR ? LOG_ERR : LOG_DEBUG, NULL, 0, "libevent: %s",
		  message);
}

static int make_events(struct program *program)
{
	static const int numbers[] = {SIGTERM, SIGINT, SIGHUP};
	struct event_base *base = program->hookd.base;

	static_assert(ELEMENTS(numbers) == ELEMENTS(program->signals), "one event per signal");
	for (size_t i = 0; i < ELEMENTS(numbers); i++) {
		program->signals[i] = evsignal_new(base, numbers[i], on_signal, program);
		if (!program->signals[i] || event_add(program->signals[i], NULL) < 0)
			return -ENOMEM;
	}
	program->extend = event_new(base, -1, EV_PERSIST, on_extend, program);
	program->last_replies = event_new(base, -1, 0, on_last_replies, program);
	if (!program->extend || !program->last_replies)
		return -ENOMEM;
	return lost_lines_watch(base, &program->lost_lines) < 0
		   ? -ENOMEM
		   : sd_start_watchdog(base, &program->watchdog);
}

static void make_cgroups(struct hookd *hookd, const char *root)
{
	const char *reason;

	if (cgroup_tree_new(hookd->base, root, &hookd->cgroups, &reason) == 0)
		return;
	log_notice("hooks do not get their own cgroups: %s", reason);
}

static void on_recorded(const char *run, void *userdata)
{
	struct hookd *hookd = userdata;

	if (hookd->runners)
		runners_acknowledge(hookd->runners, run);
}

static int open_records(struct hookd *hookd, const char *directory)
{
	const struct records_options options = {
	    .base = hookd->base,
	    .directory = directory,
	    .context = &hookd->runs,
	    .store = hookd->store,
	    .recorded = on_recorded,
	    .userdata = hookd,
	};
	int r = directory ? records_open(&options, &hookd->records) : 0;

	if (r < 0)
		log_error("cannot use the records of runs in %s: %s", directory, strerror(-r));
	return r;
}

/* Runs do not depend on it. */
static void begin_history(struct hookd *hookd, const char *directory)
{
	const struct history_options options = {
	    .base = hookd->base,
	    .config = &hookd->config,
	    .directory = directory,
	    .store = hookd->store,
	};
	int r = history_new(&options, &hookd->history);

	if (r < 0)
		log_error("runs are not kept in a history: %s", strerror(-r));
}

static int make_processes(struct program *program)
{
	struct hookd *hookd = &program->hookd;
	int r;

	hookd->base = loop_new();
	if (!hookd->base)
		return -ENOMEM;
	r = procs_init(&hookd->procs, hookd->base);
	if (r < 0)
		return r;
	if (!hookd->is_private)
		make_cgroups(hookd, program->options->cgroup_root);
	r = rdt_new(NULL, &hookd->rdt);
	if (r == 0)
		rdt_remove_classes(hookd->rdt, hookd->config.removes_rdt_classes);
	if (r == 0)
		r = filter_cache_new(&hookd->procs, &hookd->filters);
	hookd->support = (struct support){
	    .has_cgroups = hookd->cgroups != NULL,
	    .rdt = hookd->rdt,
	};
	hookd->lists = (struct list_context){
	    .starter = LIST_STARTER_HERE,
	    .procs = &hookd->procs,
	    .cgroups = hookd->cgroups,
	};
	return r;
}

static int make_runs(struct program *program)
{
	const char *state = program->place.state[0] ? program->place.state : NULL;
	struct hookd *hookd = &program->hookd;
	int r;

	hookd->runs = (struct run_context){
	    .config = &hookd->config,
	    .lists = &hookd->lists.starter,
	    .deadlines = &hookd->procs.deadlines,
	    .filters = hookd->filters,
	    .rdt = hookd->rdt,
	    .starting = hooks_on_run_starting,
	    .ending = hooks_on_run_ending,
	    .done = hooks_on_run_done,
	    .happened = watch_on_run_event,
	    .userdata = hookd,
	};
	r = store_new(hookd->base, &hookd->config, &hookd->store);
	if (r == 0)
		r = open_records(hookd, state);
	/* Before the loop runs, in which the store forgets what is beyond its limits. */
	if (r == 0 && !hookd->is_private)
		begin_history(hookd, state);
	if (r == 0)
		r = container_settings_begin(hookd, state);
	if (r == 0)
		r = sched_new(hookd->config.concurrent_hooks, &hookd->sched);
	if (r == 0)
		r = takeover(hookd, state, program->options->runner_socket);
	if (r == 0)
		hook_defaults_set(hookd);
	if (r == 0)
		history_add_stored(hookd->history); /* what was settled */
	/* Before there are listeners: later requests are queued behind. */
	if (r == 0)
		r = spooled_new(hookd, state, &hookd->spooled);
	return r;
}

static int make_hookd(struct program *program)
{
	struct hookd *hookd = &program->hookd;
	int r = place_make_directory(&program->place);

	if (r == 0)
		r = place_open_state(&program->place, &program->state_lock);
	if (r < 0)
		return r;
	hookd->started_ns = clock_ns(CLOCK_BOOTTIME);
	hookd->drain = drain;
	hookd->reload = reload;
	hookd->set_log_level = set_log_level;
	TAILQ_INIT(&hookd->conns);
	TAILQ_INIT(&hookd->watches);
	TAILQ_INIT(&hookd->drain_calls);
	r = make_processes(program);
	return r < 0 ? r : make_runs(program);
}

static void on_connection(int fd, void *userdata)
{
	int r = conn_new(userdata, fd, dispatch_message);

	if (r < 0)
		log_warning("refused a connection: %s", strerror(-r));
}

static int bind_own_socket(struct program *program, int *ret_fd)
{
	const char *path = program->place.socket;
	int r = listener_bind(path, true, ret_fd);

	if (r < 0) {
		holder_log_socket(path, r);
		return r;
	}
	program->own_socket = path;
	return 0;
}

static int make_listeners(struct program *program)
{
	struct passed_sockets *sockets = &program->sockets;
	int r = 0;

	if (sockets->count == 0) {
		r = bind_own_socket(program, &sockets->fds[0]);
		sockets->count = 1;
	}
	for (int i = 0; i < sockets->count && r == 0; i++) {
		listener_describe(sockets->fds[i], program->hookd.addresses[i]);
		r = listener_new(program->hookd.base, sockets->fds[i], on_connection,
				 &program->hookd, &program->listeners[i]);
	}
	if (r == 0)
		metrics_server_update(&program->metrics, &program->hookd, true);
	return r;
}

static void open_log(const struct config *config)
{
	log_set_level((int)config->log_level);
	log_open((enum log_target)config->log_target);
}

static void clear(struct program *program)
{
	struct hookd *hookd = &program->hookd;
	struct event *events[] = {program->signals[0], program->signals[1], program->signals[2],
				  program->watchdog,   program->extend,	    program->last_replies};

	for (size_t i = 0; i < PASSED_SOCKETS_MAX; i++)
		listener_free(program->listeners[i]);
	metrics_server_clear(&program->metrics);
	if (program->own_socket)
		(void)unlink(program->own_socket);
	/* The runs of units go on: that their callers lose the connection now is no wish of theirs.
	 */
	runners_hand_over(hookd->runners);
	if (hookd->runners && program->options->runner_socket)
		hookd->records = records_close(hookd->records);
	while (hookd->base && !TAILQ_EMPTY(&hookd->conns))
		conn_free(TAILQ_FIRST(&hookd->conns));
	hookd->spooled = spooled_free(hookd->spooled);
	sched_free(hookd->sched);
	hookd->history = history_free(hookd->history);
	journal_clear(&hookd->journal);
	if (records_save(hookd->records) > 0)
		runners_leave(hookd->runners);
	store_free(hookd->store);
	hookd->runners = runners_free(hookd->runners, true);
	filter_cache_free(hookd->filters);
	records_close(hookd->records);
	applier_free(hookd->applier);
	scopes_free(hookd->scopes);
	bus_free(hookd->bus);
	rdt_free(hookd->rdt);
	cgroup_tree_free(hookd->cgroups);
	if (hookd->base)
		procs_clear(&hookd->procs);
	if (!accounts_are_settled(&hookd->accounts))
		log_error("an account is not settled: this is a bug in hookd");
	free(hookd->runners_before);
	hp_json_free(&hookd->json);
	lost_lines_free(program->lost_lines);
	for (size_t i = 0; i < ELEMENTS(events); i++)
		if (events[i])
			event_free(events[i]);
	if (hookd->base)
		event_base_free(hookd->base);
	close_fd(&program->state_lock);
	config_clear(&hookd->config);
	libevent_global_shutdown();
}

static int await_config(struct program *program)
{
	struct hookd *hookd = &program->hookd;
	int r = configuration_await(hookd, program->options, &program->sockets);

	if (r == 0)
		open_log(&hookd->config);
	return r;
}

static int run(struct program *program)
{
	const struct hookd_options *options = program->options;
	int r;

	own_process_hold_signals(true);
	if (!own_process_can_open_files())
		return EXIT_FAILURE;
	if (!own_process_check_kernel(&program->hookd.kernel)) {
		log_error("cannot start: this kernel lacks what every hook needs");
		return EXIT_KERNEL;
	}
	r = self_init(&program->hookd.self);
	/* Without /proc its namespaces are not known, but they are those of its only caller. */
	if (options->is_private)
		r = 0;
	if (r == 0 && program->sockets.count > 0 && !options->is_private)
		r = await_config(program);
	if (r == -ECANCELED)
		return EXIT_SUCCESS;
	if (r == 0 && !options->is_private)
		r = place_find(options, &program->place);
	if (r == 0)
		r = make_hookd(program);
	if (r == 0)
		r = make_events(program);
	if (r == 0)
		r = make_listeners(program);
	own_process_hold_signals(false);
	if (r < 0) {
		log_error("cannot start: %s", strerror(-r));
		return EXIT_FAILURE;
	}
	if (abandoned_watch(program->hookd.base, program->hookd.store,
			    &(struct timeval){.tv_sec = ABANDONED_AFTER_S}) < 0)
		log_error("runs whose callers do not come back are not cancelled: out of memory");
	sched_on_idle(program->hookd.sched, on_idle, program);
	if (!options->is_private)
		own_process_check_open_files(&program->hookd.config);
	if (!options->is_private && !sd_tell("READY=1\nSTATUS=Ready"))
		dprintf(STDERR_FILENO, "hookd: ready\n");
	if (event_base_dispatch(program->hookd.base) < 0) {
		log_error("the event loop failed");
		return EXIT_FAILURE;
	}
	log_info("exiting");
	return EXIT_SUCCESS;
}

static int serve(struct program *program)
{
	int status;

	open_log(&program->hookd.config);
	event_set_log_callback(on_libevent_log);
	/* Its nice level counts for its whole session, where a private one is alone. */
	if (!program->hookd.is_private)
		precedence_take();
	status = run(program);
	if (program->hookd.is_private)
		private_leave();
	clear(program);
	log_close();
	return status;
}

static int run_options(const struct hookd_options *options)
{
	struct program program = {
	    .options = options,
	    .hookd.is_private = options->is_private,
	    .state_lock = -1,
	    .sockets.on_connection = on_connection,
	};
	struct config_error error;

	if (options->help) {
		hookd_options_print_help();
		return EXIT_SUCCESS;
	}
	if (options->version) {
		hookd_options_print_version();
		return EXIT_SUCCESS;
	}
	if (options->is_private) {
		if (private_take_connection(&program.sockets.fds[0]) < 0)
			return EXIT_USAGE;
		program.sockets.count = 1;
	} else if (!options->check_config) {
		program.sockets.count = sd_take_sockets(program.sockets.fds, PASSED_SOCKETS_MAX);
	}
	if (program.sockets.count > 0 && !options->is_private) {
		/* The files are read later: configuration_await(). */
		if (configuration_set_defaults(options, &program.hookd.config) < 0) {
			log_error("cannot start: %s", strerror(ENOMEM));
			return EXIT_FAILURE;
		}
		return serve(&program);
	}
	if (options->check_config && options->log_level.is_set)
		log_set_level((int)options->log_level.value);
	if (configuration_load(options, &program.hookd.config, &error) < 0) {
		if (!options->check_config)
			log_error("cannot start with a wrong configuration");
		return EXIT_CONFIG;
	}
	if (!options->check_config)
		return serve(&program);
	config_clear(&program.hookd.config);
	return EXIT_SUCCESS;
}

int main(int argc, char **argv)
{
	struct hookd_options options;
	int status;

	if (compiler_is_asked_for(argc, argv))
		return compiler_main();
	own_process_begin();
	if (runner_is_asked_for(argc, argv))
		return runner_main();
	if (hookd_options_read(argc, argv, &options) < 0)
		return EXIT_USAGE;
	/* Most hooks run in "/" too; and no other file system is kept busy by hookd. */
	if (chdir("/") < 0) {
		fprintf(stderr, "hookd: /: %s\n", strerror(errno));
		status = EXIT_FAILURE;
	} else {
		status = run_options(&options);
	}
	hookd_options_clear(&options);
	return status;
}
