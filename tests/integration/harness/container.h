/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <sys/types.h>

#include "tests/integration/harness/harness.h"

/*
 * A process in its own namespaces, like the init of a container. In its mount namespace only, a
 * tmpfs is mounted on DIR/private, with a copy of the helper and the file "marker"; DIR/outside is
 * covered.
 */
struct container {
	pid_t pid;
	int socket; /* that the process has connected to hookd, for the test; -1: none */
};

/* `flags`: CLONE_NEW*. With `connects` the process connects to hookd and sends the socket back. */
void container_start(struct harness *harness, int flags, bool connects,
		     struct container *ret_container);
/* The same; the process calls `prepare` last, and exits if that returns false. */
void container_start_as(struct harness *harness, int flags, bool (*prepare)(void),
			struct container *ret_container);
/* Kills the process and waits for it. */
void container_stop(struct container *container);
