/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <sys/types.h>

#include "tests/integration/harness/harness.h"

/*
 * A process in namespaces of its own, as a runtime makes one: a tmpfs lies on DIR/private, with a
 * copy of the helper and the file "marker" in it, which is there for nobody else; DIR/outside is
 * hidden from it.
 */
struct container {
	pid_t pid;
	int socket; /* connected to hookd from in there, for the test to use; -1: none */
};

/* `flags`: CLONE_NEW*. With `connects` the process connects to hookd, and its end is handed out. */
void container_start(struct harness *harness, int flags, bool connects,
		     struct container *ret_container);
/* The same; the process calls `prepare` when all else is done, and ends where that says false. */
void container_start_as(struct harness *harness, int flags, bool (*prepare)(void),
			struct container *ret_container);
/* Kills and waits for it. */
void container_stop(struct container *container);
