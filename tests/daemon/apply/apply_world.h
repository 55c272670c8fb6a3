/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <sys/types.h>

#include "daemon/apply/apply.h"

/*
 * An applier whose surroundings the test controls: systemd is a fake that answers when the test
 * says so (fake_scopes.h), and the cgroups are directories. There is one container, "box". Its
 * process, the victim, is not a child of the test, since hookd refuses its own children.
 */
extern pid_t victim; /* -1: the test has killed it */
extern struct event_base *base;
extern struct applier *applier; /* the test may free it and set it to NULL */

struct rdt;
extern struct rdt *world_rdt; /* NULL, unless a test sets it before world_begin() */

/* For cmocka's set-up and tear-down. */
int world_begin(void **state);
int world_end(void **state);

/* Restarts hookd with the file of holdings as it is. */
void world_restart(void);
/* Reads that file, while hookd is not running (applier is NULL). */
struct holdings *open_holdings(void);
/* All messages that were reported since the start, concatenated. */
extern char reports[1024];

/* A cgroup below that of the victim, and its path below the mount. */
void make_cgroup(const char *name);
const char *cgroup_path_below(const char *name);
/* Files of the victim's cgroup. */
void remove_file(const char *name);
void write_to_file(const char *name, const char *text);
void expect_file(const char *name, const char *text);
/* Lets event_new() fail as if out of memory. */
extern bool refuses_events;
/* The path of the scope; NULL: that of the victim's cgroup, as if systemd had moved it. */
extern const char *scope_cgroup;
/* The directory of the file of holdings. */
const char *holdings_file(void);
/* Stops hookd, lets the function change its file of holdings, and starts it again. */
void change_holdings_file(const char *sql);

/*
 * Replaces the victim by a process that calls the function, which writes a byte when it is ready.
 */
pid_t start_stranger(void (*function)(int ready));
void end_victim(void);
/* Runs the event loop until hookd has seen that the victim exited. */
void await_exit_seen(void);

/* The result of a call. */
struct answer {
	bool is_there;
	int r;
	struct hp_err err;
};

/* The first two set pids.limit, with the systemd driver. */
void apply(struct answer *answer);
void update(struct answer *answer);
void apply_with(const struct hp_settings *with, struct answer *answer);
void update_with(const struct hp_settings *with, struct answer *answer);
void release(struct answer *answer);
/* The same for another container. */
void apply_for(const char *container, const struct hp_settings *with, struct answer *answer);
void release_of(const char *container, struct answer *answer);
/* Waits until the Apply has succeeded. */
void apply_and_wait(void);
bool is_held(void);
bool is_update_interrupted(void);

void expect(const struct answer *answer, int r, enum hp_err_code code);
void expect_busy(const struct answer *answer);
