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

static bool is_as_configured(const struct metrics_server *server, const struct config *config)
{
	if (!server->http)
		return false;
	return server->mode == config->metrics_socket_mode &&
	       strcmp(server->listen, config->metrics_listen) == 0 &&
	       strcmp(server->group, config->metrics_socket_group) == 0;
}

static int open_server(struct metrics_server *server, struct hookd *hookd)
{
	const struct config *config = &hookd->config;
	const struct http_options options = {
	    .base = hookd->base,
	    .listen = config->metrics_listen,
	    .mode = (mode_t)config->metrics_socket_mode,
	    .group = config->metrics_socket_group,
	    .write = write_text,
	    .userdata = hookd,
	};

	server->mode = config->metrics_socket_mode;
	server->listen = strdup(config->metrics_listen);
	server->group = strdup(config->metrics_socket_group);
	if (!server->listen || !server->group)
		return -ENOMEM;
	return http_new(&options, &server->http);
}

void metrics_server_update(struct metrics_server *server, struct hookd *hookd)
{
	const struct config *config = &hookd->config;
	int r;

	if (is_as_configured(server, config))
		return;
	metrics_server_clear(server);
	if (!config->metrics_listen[0])
		return;
	r = open_server(server, hookd);
	if (r == -ENOENT && config->metrics_socket_group[0])
		log_error("metrics are not served: [Metrics] SocketGroup=%s, or the folder of "
			  "Listen=%s, does not exist",
			  config->metrics_socket_group, config->metrics_listen);
	else if (r < 0)
		log_error("metrics are not served: cannot listen on %s, [Metrics] Listen=: %s",
			  config->metrics_listen, strerror(-r));
	else
		log_info("metrics are served on %s", config->metrics_listen);
}

void metrics_server_clear(struct metrics_server *server)
{
	http_free(server->http);
	free(server->listen);
	free(server->group);
	*server = (struct metrics_server){0};
}
