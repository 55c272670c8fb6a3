/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <sys/types.h>

#include "daemon/apply/apply.h"

/*
 * An applier in a world of which a test decides: systemd is a fake (fake_scopes.h) that answers
 * when the test says so, and the cgroups are directories. There is one container, "box", with a
 * process that is none of the test's children, whom hookd would refuse.
 */
extern pid_t victim; /* -1: it was ended */
extern struct event_base *base;
extern struct applier *applier; /* the test may free it and set it to NULL */

struct rdt;
extern struct rdt *world_rdt; /* NULL, or what a test has before the world begins */

/* For cmocka's set-up and tear-down. */
int world_begin(void **state);
int world_end(void **state);

/* hookd is started anew on what it has written down. */
void world_restart(void);
/* What it has written down, while it does not run (applier is NULL). */
struct holdings *open_holdings(void);
/* What was reported since the start, one behind the other. */
extern char reports[1024];

/* A cgroup below the process's, and its path below the mount. */
void make_cgroup(const char *name);
const char *cgroup_place(const char *name);
/* Files of the process's cgroup. */
void remove_file(const char *name);
void write_to_file(const char *name, const char *text);
void expect_file(const char *name, const char *text);
/* libevent has no memory for another event. */
extern bool refuses_events;
/* Where the scope is; NULL: where the process really is, as if systemd had moved it. */
extern const char *scope_place;
/* Where hookd writes down what it holds. */
const char *holdings_file(void);
/* Ends hookd, and starts it anew on a file that this was done to. */
void change_holdings_file(const char *sql);

/* One in the place of the victim: it calls the function, which writes a byte when it is ready. */
pid_t start_stranger(void (*function)(int ready));
void end_victim(void);
/* The loop, until its process's end has been seen. */
void let_the_end_be_seen(void);

/* What a call has answered. */
struct answer {
	bool is_there;
	int r;
	struct hp_err err;
};

/* The first ones with a limit of processes, by systemd. */
void apply(struct answer *answer);
void update(struct answer *answer);
void apply_with(const struct hp_settings *with, struct answer *answer);
void update_with(const struct hp_settings *with, struct answer *answer);
void release(struct answer *answer);
/* The same for another container. */
void apply_for(const char *container, const struct hp_settings *with, struct answer *answer);
void release_of(const char *container, struct answer *answer);
/* Until it is held. */
void apply_whole(void);
bool is_held(void);
bool is_update_interrupted(void);

void expect(const struct answer *answer, int r, enum hp_err_code code);
void expect_busy(const struct answer *answer);
