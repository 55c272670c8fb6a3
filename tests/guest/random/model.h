/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "tests/guest/random/world.h"

/*
 * The expected holdings and values, derived only from the replies to callers. It has no pointers,
 * so a copy is a second possible state.
 */

#define CONTAINERS 4
#define PROCESSES  4
#define CHILDREN   3
#define SHARED	   2 /* closIDs */

/* Any value is accepted. */
#define ANY	  "?"
#define ANY_SCORE (-10000)

/* A process or a child of one. */
struct being {
	pid_t pid; /* 0: none */
	char cgroup[NAME_SIZE];
	char group[NAME_SIZE]; /* of resctrl */
};

struct process {
	struct person person;
	struct being itself;
	int oom_score;
	struct being children[CHILDREN];
};

struct container {
	bool is_held;
	bool has_ended;		/* its process has exited; objects are left */
	int process;		/* -1: has exited */
	char cgroup[NAME_SIZE]; /* "": none was requested */
	bool is_made;		/* hookd has created the cgroup */
	bool is_there;		/* the cgroup exists; systemd removes an empty scope */
	char unit[NAME_SIZE];	/* "": none */
	char group[NAME_SIZE];	/* "": none was requested */
	bool has_group;		/* hookd has not removed it yet */
	bool is_monitored;
	bool may_be_interrupted;	 /* an Update was interrupted or not undone */
	struct text limits[LIMIT_COUNT]; /* of a cgroup that hookd has created */
};

struct model {
	struct container containers[CONTAINERS];
	struct process processes[PROCESSES];
	struct text theirs[LIMIT_COUNT]; /* of the cgroup that hookd has not created */
	char own_schemata[CONTAINERS][8];
	char shared_schemata[SHARED][8]; /* "": there is no such group; with one it stays */
};

extern const char *const shared_names[SHARED];

void model_begin(struct model *model);
/* "rnd0" */
void model_name(int container, char name[static NAME_SIZE]);
/* The index of a closID's group; -1: another group. */
int model_shared(const char *group);
struct text *model_limits(struct model *model, int container);
/* How many groups hookd has created. */
int model_group_count(const struct model *model);
bool model_is_populated(const struct model *model, const char *cgroup);

/* ---- changes other than calls ---- */

void model_start(struct model *model, int process, struct person person, int oom_score);
void model_end(struct model *model, int process);
/* Moves it and its children back to HOME. */
void model_leave(struct model *model, int process);
/* Removes what is no longer needed; to be called after each change. */
void model_settle(struct model *model);
/* A Release of the container, which must be possible. */
void model_release(struct model *model, int container);

/* ---- comparison ---- */

/* NULL: everything is as in the model; else a description of a difference. */
const char *model_compare(const struct model *model);
/* Replaces ANY and ANY_SCORE by the present values. */
void model_adopt(struct model *model);
