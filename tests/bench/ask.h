/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "client/libhookd/hookd.h"

/*
 * A caller of hookd that requests the same hooks repeatedly over one connection. Each caller has
 * its own container, since hookd runs the stages of one container in sequence.
 */
struct asker {
	struct hookd_client *client;
	char *state, *hooks;
	struct hookd_run_request request;
};

/* The OCI state of a container, of the size that runtimes send. The caller frees it. */
char *ask_state(unsigned int number);

/* For requests with `count` hooks that run `path`. -errno. Connects with the first request. */
int asker_init(struct asker *asker, const char *address, const char *path, unsigned int count,
	       unsigned int number);
void asker_clear(struct asker *asker);

/* Connects, so that this is not part of the measurement. */
int asker_connect(struct asker *asker);
/* 0: all hooks have exited with 0; -ECHILD: one has not; or an error of hookd_run(). */
int asker_run(struct asker *asker);
/* The same for another result. Both print the error to stderr. */
int ask_check(const struct hookd_result *result);
