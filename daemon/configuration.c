/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The configuration of this hookd at its start. A hookd that the service manager has started by its
 * socket does not end because of a mistake in a file: its callers would wait in the socket, or lose
 * the socket, and none would know why.
 *
 *	reading --right--------------------------------> (the start goes on)
 *	reading --wrong--> waiting --mended-----------> (the start goes on)
 *	                       `-----SIGTERM, SIGINT--> (hookd ends)
 *
 * The event loop, the connections and all else of `waiting` end with it: the rest of the start,
 * which runs a loop too until it knows what runners have, must not be disturbed by callers.
 */
#include "daemon/configuration.h"

#include <fcntl.h>
#include <signal.h>
#include <string.h>

#include "daemon/base/loop.h"
#include "daemon/base/sd.h"
#include "daemon/config_watch.h"
#include "daemon/ipc/conn.h"
#include "daemon/journal/message_id.h"
#include "daemon/own_process.h"
#include "daemon/private.h"

struct waiting {
	struct hookd *hookd;
	const struct hookd_options *options;
	struct config_error error;
	const struct passed_sockets *sockets;
	struct config_watch *watch;
	struct listener *listeners[PASSED_SOCKETS_MAX];
	struct event *watchdog;
	struct event *signals[3];
	bool is_cancelled;
};

static void override(const struct hookd_options *options, struct config *config)
{
	if (options->log_target.is_set)
		config->log_target = options->log_target.value;
	if (options->log_level.is_set)
		config->log_level = options->log_level.value;
	if (options->is_private)
		private_restrict(config);
}

int configuration_set_defaults(const struct hookd_options *options, struct config *ret_config)
{
	int r = config_set_defaults(ret_config);

	if (r == 0)
		override(options, ret_config);
	return r;
}

int configuration_load(const struct hookd_options *options, struct config *ret_config,
		       struct config_error *ret_error)
{
	int r = config_load(ret_config, options->config, ret_error);

	if (r == 0)
		override(options, ret_config);
	return r;
}

/* hookd->config_error is NULL afterwards if the files are right. */
static void read_files(struct waiting *waiting)
{
	struct hookd *hookd = waiting->hookd;
	struct config config;

	hookd->config_error = &waiting->error;
	if (configuration_load(waiting->options, &config, &waiting->error) < 0)
		return;
	config_clear(&hookd->config);
	hookd->config = config;
	hookd->config_error = NULL;
}

static void on_changed(void *userdata)
{
	struct waiting *waiting = userdata;
	char text[CONFIG_ERROR_TEXT_SIZE];

	read_files(waiting);
	if (waiting->hookd->config_error)
		sd_tell("STATUS=Wrong configuration: %.200s",
			config_error_print(&waiting->error, text));
	else
		event_base_loopbreak(waiting->hookd->base);
}

static void on_signal(evutil_socket_t signal, short what, void *userdata)
{
	struct waiting *waiting = userdata;

	(void)what;
	if (signal == SIGHUP) {
		on_changed(waiting);
		return;
	}
	waiting->is_cancelled = true;
	event_base_loopbreak(waiting->hookd->base);
}

static int add_signals(struct waiting *waiting)
{
	static const int numbers[] = {SIGTERM, SIGINT, SIGHUP};

	for (size_t i = 0; i < ELEMENTS(numbers); i++) {
		waiting->signals[i] =
		    evsignal_new(waiting->hookd->base, numbers[i], on_signal, waiting);
		if (!waiting->signals[i] || event_add(waiting->signals[i], NULL) < 0)
			return -ENOMEM;
	}
	return 0;
}

/* On copies of the sockets, which the listeners close. */
static int add_listeners(struct waiting *waiting)
{
	const struct passed_sockets *sockets = waiting->sockets;
	int r = 0;

	for (int i = 0; i < sockets->count && r == 0; i++) {
		int fd = fcntl(sockets->fds[i], F_DUPFD_CLOEXEC, 0);

		r = fd < 0 ? -errno
			   : listener_new(waiting->hookd->base, fd, sockets->on_connection,
					  waiting->hookd, &waiting->listeners[i]);
	}
	return r;
}

static void tell(const struct waiting *waiting)
{
	const struct log_field fields[] = {{"MESSAGE_ID", MESSAGE_WRONG_CONFIG}};
	char text[CONFIG_ERROR_TEXT_SIZE];

	config_error_print(&waiting->error, text);
	log_write(LOG_ERR, fields, ELEMENTS(fields),
		  "the configuration is wrong, calls get an error until it is mended: %s", text);
	sd_tell("READY=1\nSTATUS=Wrong configuration: %.200s", text);
}

static int wait_until_right(struct waiting *waiting)
{
	int r = add_signals(waiting);

	if (r == 0)
		r = add_listeners(waiting);
	if (r == 0)
		r = sd_start_watchdog(waiting->hookd->base, &waiting->watchdog);
	if (r < 0)
		return r;
	tell(waiting);
	own_process_hold_signals(false);
	if (event_base_dispatch(waiting->hookd->base) < 0)
		r = -EIO;
	own_process_hold_signals(true);
	if (r == 0 && waiting->is_cancelled)
		return -ECANCELED;
	if (r == 0)
		log_notice("the configuration is right now");
	return r;
}

static void clear(struct waiting *waiting)
{
	struct hookd *hookd = waiting->hookd;

	for (size_t i = 0; i < ELEMENTS(waiting->listeners); i++)
		listener_free(waiting->listeners[i]);
	while (!TAILQ_EMPTY(&hookd->conns))
		conn_free(TAILQ_FIRST(&hookd->conns));
	for (size_t i = 0; i < ELEMENTS(waiting->signals); i++)
		if (waiting->signals[i])
			event_free(waiting->signals[i]);
	if (waiting->watchdog)
		event_free(waiting->watchdog);
	config_watch_free(waiting->watch);
	event_base_free(hookd->base);
	hookd->base = NULL;
	hookd->config_error = NULL;
}

int configuration_await(struct hookd *hookd, const struct hookd_options *options,
			const struct passed_sockets *sockets)
{
	struct waiting waiting = {.hookd = hookd, .options = options, .sockets = sockets};
	int r;

	TAILQ_INIT(&hookd->conns);
	hookd->base = loop_new();
	if (!hookd->base)
		return -ENOMEM;
	r = config_watch_new(hookd->base, options->config, on_changed, &waiting, &waiting.watch);
	if (r == 0)
		read_files(&waiting);
	if (r == 0 && hookd->config_error)
		r = wait_until_right(&waiting);
	clear(&waiting);
	return r;
}
