/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Serves the metrics where the configuration says. An address that is in use by another program
 * keeps no hook from running: the operator learns of it from the log, and Prometheus from `up`.
 */
#include "daemon/metrics_server.h"

#include <string.h>

#include "daemon/base/log.h"
#include "daemon/status/metrics_text.h"

static void write_text(bool is_openmetrics, struct hp_buf *buf, void *userdata)
{
	metrics_text_write(userdata, is_openmetrics, buf);
}

static struct http_options options_of(struct hookd *hookd, bool waits)
{
	const struct config *config = &hookd->config;

	return (struct http_options){
	    .base = hookd->base,
	    .listen = config->metrics_listen,
	    .mode = (mode_t)config->metrics_socket_mode,
	    .gid = config->metrics_socket_gid.is_set ? (gid_t)config->metrics_socket_gid.value
						     : (gid_t)-1,
	    .waits = waits,
	    .write = write_text,
	    .userdata = hookd,
	};
}

static bool is_open_with(const struct metrics_server *server, const struct http_options *options)
{
	return server->http && server->mode == options->mode && server->gid == options->gid &&
	       strcmp(server->listen, options->listen) == 0;
}

static int open_server(struct metrics_server *server, const struct http_options *options)
{
	server->mode = options->mode;
	server->gid = options->gid;
	server->listen = strdup(options->listen);
	return server->listen ? http_new(options, &server->http) : -ENOMEM;
}

void metrics_server_update(struct metrics_server *server, struct hookd *hookd, bool waits)
{
	const struct http_options options = options_of(hookd, waits);
	int r;

	if (is_open_with(server, &options))
		return;
	metrics_server_clear(server);
	if (!options.listen[0])
		return;
	r = open_server(server, &options);
	if (r < 0)
		log_error("metrics are not served: cannot listen on %s ([Metrics] Listen=): %s",
			  options.listen, strerror(-r));
	else
		log_info("metrics are served on %s", options.listen);
}

void metrics_server_clear(struct metrics_server *server)
{
	http_free(server->http);
	free(server->listen);
	*server = (struct metrics_server){0};
}
