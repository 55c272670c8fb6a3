/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <event2/event.h>
#include <stdbool.h>

#include "daemon/base/config.h"
#include "daemon/run/run.h"

/*
 * Every run that hookd knows, by its id and by its caller's request id: those that wait or run,
 * and those that are done, as long as the configured count, age and bytes allow. Owns the runs.
 */
struct store;

int store_new(struct event_base *base, const struct config *config,
	      struct store **ret_store) must_check;
struct store *store_free(struct store *store);

/* A fresh id, unique for ever: the daemon's random part and a number. */
void store_make_id(struct store *store, char *ret_id, size_t size);

/* Takes the run over. -ENOMEM: it is still the caller's. May free runs that are done. */
int store_add(struct store *store, struct run *run) must_check;
/* Books a run as done: from now on it counts against the limits. Never frees it at once. */
void store_finished(struct store *store, struct run *run);
/* Forgets a run that is done, booked or not: nobody finds it any more. Never frees it at once. */
void store_drop(struct store *store, struct run *run);
/* A run that is booked as done goes on: it does not count any more. */
void store_revive(struct store *store, struct run *run);
/* run_found() for one that is booked as done. */
void store_found(struct store *store, struct run *run, struct hp_run_result *result);

struct run *store_find(struct store *store, const char *id);
struct run *store_find_request(struct store *store, uid_t uid, const char *request_id);

/* Newest first: store_newest(), then store_older() until NULL; and back. */
struct run *store_newest(struct store *store);
struct run *store_older(struct run *run);
struct run *store_newer(struct run *run);
/* Done runs that are kept. */
size_t store_kept(const struct store *store);
