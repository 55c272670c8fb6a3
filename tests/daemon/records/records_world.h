/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <event2/event.h>

#include "daemon/records/records.h"
#include "tests/daemon/support/support.h"

/* A store and its records in a directory of the test. No process is started. */

extern struct event_base *base;
extern struct config config;
extern struct store *store;
extern struct records *records;
extern char directory[32];
extern char recorded_ids[]; /* of the runs that recorded() was called for, each with a blank */

int world_set_up(void **state);
int world_tear_down(void **state);
#define WORLD_TEST(function)                                                                       \
	cmocka_unit_test_setup_teardown(function, world_set_up, world_tear_down)

/* Opens both; what is in the directory stays. -errno. */
int world_open(void);
void world_close_all(void);
void world_reopen(void);

/* The parameters of Run for a container "box". NULL: no request id. The caller frees it. */
char *request_text(const char *request_id, const char *state_extra);
/* A run that is in the store, and is not begun. */
struct run *world_add(const char *text);
/* One that has begun, and ended by itself: a run without hooks. Its id is in a static buffer. */
const char *world_run(const char *request_id);
/* The run with that request id, or NULL. */
struct run *world_find(const char *request_id);

const char *world_path(const char *name);
size_t world_file_size(void);
bool world_exists(const char *name);
