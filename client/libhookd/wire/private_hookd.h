/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

/* A hookd that is the child of this process and serves one connection: hookd(8), --private. */
struct private_hookd {
	char *program; /* owned; an absolute path. NULL: the client uses another hookd */
	bool was_started;
	pid_t pid;  /* 0: there is none to be reaped */
	int log_fd; /* a memfd with what it logs; -1: none */
};

#define PRIVATE_HOOKD_INIT ((struct private_hookd){.log_fd = -1})

/*
 * Executes it, and waits until it has started, at most 10 s. *ret_fd is the connection. -ETIME:
 * it is another program, and was killed. Other -errno: it cannot be executed; what posix_spawn(3)
 * or socketpair(2) says. -EUSERS: there may be no more processes, by a limit; never -EAGAIN.
 */
int private_hookd_start(struct private_hookd *private, int *ret_fd);

/*
 * Waits for its end and reaps it, when the connection is closed, which is what ends it. At most
 * some seconds: a hook that cannot be killed may keep it.
 */
void private_hookd_end(struct private_hookd *private);

/*
 * Why it cannot be executed, or why it has closed the connection: a part of a sentence. Without the
 * words by which podman and docker conclude that the container's own program is missing.
 */
#define PRIVATE_HOOKD_REASON 320
void private_hookd_explain_start(const struct private_hookd *private, int r,
				 char reason[static PRIVATE_HOOKD_REASON]);
void private_hookd_explain_end(struct private_hookd *private,
			       char reason[static PRIVATE_HOOKD_REASON]);
