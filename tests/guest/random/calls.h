/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "tests/guest/random/client.h"
#include "tests/guest/random/model.h"

/* Calls as a caller could make them: what is asked for, how it is written, what must come of it. */

enum method { APPLY, UPDATE, RELEASE };

enum place {
	NOWHERE,	/* no cgroup */
	OWN_CGROUP,	/* /random/rnd0 */
	NESTED,		/* /random/nest/rnd0 */
	DEFAULT_CGROUP, /* /rnd0, no path given */
	IN_THEIRS,
	SCOPE,	       /* hookd-rnd0.scope in system.slice */
	OTHER_SLICE,   /* the same in other.slice */
	DEFAULT_SCOPE, /* no path given */
	PLACE_COUNT,
};

enum rdt { NO_RDT, OWN_GROUP, SHARED_GROUP };

/* Something that must make it fail when other things are done already. */
enum sabotage { NO_SABOTAGE, BAD_CPUS, BAD_SCHEMA, BAD_RLIMIT };

struct call {
	enum method method;
	int container, process;
	enum place place;
	bool is_libcontainer;
	bool has[LIMIT_COUNT];
	int64_t memory, swap, pids, quota, period; /* -1: none; quota, period: 0 is not set */
	const char *high;			   /* among the files that are named */
	int shares;
	const char *cpus;
	enum rdt rdt;
	int shared;
	unsigned int schema;
	bool is_monitored;
	int oom_score; /* ANY_SCORE: not set */
	enum sabotage sabotage;
};

/* The same for the same random numbers and the same model. */
struct call call_invent(const struct model *model, uint64_t *random);
/* A number below the bound. */
unsigned int below(uint64_t *random, unsigned int bound);

void call_print(const struct call *call, const struct model *model, char *text, size_t size);

enum verdict { MUST_WORK, MUST_FAIL };
/* *after: what is so when it has worked. */
enum verdict call_predict(const struct call *call, const struct model *model, struct model *after);
