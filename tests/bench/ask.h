/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "client/libhookd/hookd.h"

/*
 * A caller of hookd that asks for the same hooks again and again over one connection. Each has a
 * container of its own: hookd runs the stages of one container one after another.
 */
struct asker {
	struct hookd_client *client;
	char *state, *hooks;
	struct hookd_run_request request;
};

/* The OCI state of container number `number`, of the size that runtimes send; to be freed. */
char *ask_state(unsigned int number);

/* For requests of `count` times the program `path`. -errno; connects with the first request. */
int asker_init(struct asker *asker, const char *address, const char *path, unsigned int count,
	       unsigned int number);
void asker_clear(struct asker *asker);

/* Connects, so that a connection's making is not part of what is measured. */
int asker_connect(struct asker *asker);
/* 0 when every hook has exited with 0, -ECHILD when not, else what hookd_run() gave. */
int asker_run(struct asker *asker);
/* The same for a result that came otherwise. Both say on stderr what went wrong. */
int ask_check(const struct hookd_result *result);
