/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <event2/event.h>
#include <stdbool.h>

#include "daemon/base/config.h"
#include "daemon/run/run.h"

/*
 * Owns all runs and finds them by their id, or by the uid and request id of their caller. Runs that
 * are done are kept as long as the configured count, age and bytes allow.
 */
struct store;

/* -ENOMEM. */
int store_new(struct event_base *base, const struct config *config,
	      struct store **ret_store) must_check;
struct store *store_free(struct store *store);

/* Makes a random id that no run of the store has. -EIO: there are no random numbers. */
int store_make_id(struct store *store, char ret_id[static RUN_ID_SIZE]) must_check;

/* Takes ownership of the run. -ENOMEM: the caller still owns it. May free runs that are done. */
int store_add(struct store *store, struct run *run) must_check;
/* The run is done: from now on it counts against the limits. It is not freed within this call. */
void store_finished(struct store *store, struct run *run);
/* Forgets a run that is done; it is not found any more. It is not freed within this call. */
void store_drop(struct store *store, struct run *run);
/* A run that was passed to store_finished() runs on: it does not count against the limits. */
void store_revive(struct store *store, struct run *run);
/* The file of runs has so many bytes more about a run in the store. */
void store_recorded(struct store *store, struct run *run, size_t bytes);
/* The bytes in the file about all runs in the store. */
size_t store_recorded_bytes(const struct store *store);

struct run *store_find(struct store *store, const char *id);
struct run *store_find_request(struct store *store, uid_t uid, const char *request_id);

/* Newest first, by run_compare(): store_newest(), then store_older() until NULL; and back. */
struct run *store_newest(struct store *store);
struct run *store_older(struct run *run);
struct run *store_newer(struct run *run);
/* The number of runs that are done and kept. */
size_t store_kept(const struct store *store);
/* Their approximate size in memory, in bytes. */
size_t store_kept_bytes(const struct store *store);
