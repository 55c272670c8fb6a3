/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "daemon/ipc/ipc.h"
#include "daemon/options.h"

/* What counts for this hookd: the files, and over them the command line. As config_load(). */
int configuration_load(const struct hookd_options *options, struct config *ret_config,
		       struct config_error *ret_error) must_check;

/* What counts until the files are read. -ENOMEM. */
int configuration_set_defaults(const struct hookd_options *options,
			       struct config *ret_config) must_check;

/*
 * Sets hookd->config. If the files are wrong it runs the event loop until they are right: the
 * service manager is told that hookd is ready, and callers get ConfigError. hookd has connections
 * and a loop then, and nothing else. -ECANCELED: SIGTERM or SIGINT came before; or another -errno.
 */
int configuration_await(struct hookd *hookd, const struct hookd_options *options) must_check;
