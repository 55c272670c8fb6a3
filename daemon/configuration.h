/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "daemon/ipc/ipc.h"
#include "daemon/ipc/listener.h"
#include "daemon/options.h"

/* What counts for this hookd: the files, and over them the command line. As config_load(). */
int configuration_load(const struct hookd_options *options, struct config *ret_config,
		       struct config_error *ret_error) must_check;

/* What counts until the files are read. -ENOMEM. */
int configuration_set_defaults(const struct hookd_options *options,
			       struct config *ret_config) must_check;

/* By the service manager. Open until there are listeners. */
#define PASSED_SOCKETS_MAX SOCKETS_MAX
struct passed_sockets {
	int fds[PASSED_SOCKETS_MAX];
	int count; /* 0: none was passed */
	listener_fn on_connection;
};

/*
 * Sets hookd->config. If the files are wrong it runs an event loop until they are right: the
 * service manager is told that hookd is ready, and callers get ConfigError. Their connections are
 * closed at the end; calls that come then wait in the sockets. Only hookd->self has to be there.
 * -ECANCELED: SIGTERM or SIGINT came before; or another -errno.
 */
int configuration_await(struct hookd *hookd, const struct hookd_options *options,
			const struct passed_sockets *sockets) must_check;
