/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "daemon/http/http.h"
#include "daemon/ipc/ipc.h"

/* The metrics over HTTP, as [Metrics] of the configuration has it. Zeroed: not served. */
struct metrics_server {
	struct http *http; /* NULL: not served, since Listen= is empty or cannot be used */
	/* That it was opened with. */
	char *listen;
	mode_t mode;
	gid_t gid;
};

/*
 * Opens and closes what differs from hookd->config, at the start and after a reload. What cannot be
 * opened is logged, and tried again at the next reload: hooks do not depend on it. `waits` is for
 * the start, as listener_bind() has it.
 */
void metrics_server_update(struct metrics_server *server, struct hookd *hookd, bool waits);
void metrics_server_clear(struct metrics_server *server);
