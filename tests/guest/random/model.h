/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "tests/guest/random/world.h"

/*
 * What must be held, and which values must stand, by what callers were told and by nothing else.
 * It is a value: a copy of it is another possible state.
 */

#define CONTAINERS 4
#define PROCESSES  4
#define CHILDREN   3
#define SHARED	   2 /* closIDs */

/* A value that may be anything. */
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
	bool has_ended;		/* its process; what cannot go yet is held */
	int process;		/* -1: ended */
	char cgroup[NAME_SIZE]; /* "": none was asked for */
	bool is_made;		/* the cgroup, by hookd */
	bool is_there;		/* the cgroup; systemd takes an empty scope away */
	char unit[NAME_SIZE];	/* "": none */
	char group[NAME_SIZE];	/* "": none was asked for */
	bool has_group;		/* it is not given up yet */
	bool is_monitored;
	bool may_be_interrupted;	 /* an Update was cut short, or could not be put back */
	struct text limits[LIMIT_COUNT]; /* of a cgroup that was made */
};

struct model {
	struct container containers[CONTAINERS];
	struct process processes[PROCESSES];
	struct text theirs[LIMIT_COUNT]; /* of the cgroup that hookd did not make */
	char own_schemata[CONTAINERS][8];
	char shared_schemata[SHARED][8]; /* "": there is no such group */
};

extern const char *const shared_names[SHARED];

void model_begin(struct model *model);
/* "rnd0" */
void model_name(int container, char name[static NAME_SIZE]);
/* -1: it is no closID. */
int model_shared(const char *group);
struct text *model_limits(struct model *model, int container);
/* How many groups hookd has made. */
int model_group_count(const struct model *model);
bool model_is_populated(const struct model *model, const char *cgroup);
/* Another held container that is in the group. */
bool model_has_heir(const struct model *model, int container);
bool model_group_has_tasks(const struct model *model, const char *group);

/* ---- changes that are no calls ---- */

void model_start(struct model *model, int process, struct person person, int oom_score);
void model_end(struct model *model, int process);
/* It and its children go home. */
void model_leave(struct model *model, int process);
/* What has no reason to be there any more goes; after each change. */
void model_settle(struct model *model);
/* The container is given back, which nothing hinders. */
void model_release(struct model *model, int container);

/* ---- the world ---- */

/* NULL: it is as the model says; else what is not. */
const char *model_compare(const struct model *model);
/* Values that may be anything are what they are from now on. */
void model_adopt(struct model *model);
