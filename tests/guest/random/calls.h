/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "tests/guest/random/client.h"
#include "tests/guest/random/model.h"

/* Random calls: their parameters, their JSON text, and the result that the model predicts. */

enum method { APPLY, UPDATE, RELEASE };

enum place {
	NOWHERE,	/* no cgroup */
	OWN_CGROUP,	/* /random/rnd0 */
	NESTED,		/* /random/nest/rnd0 */
	DEFAULT_CGROUP, /* /rnd0, no path given */
	IN_THEIRS,
	SCOPE,	       /* hookd-rnd0.scope in system.slice, path given */
	OTHER_SLICE,   /* hookd-rnd0.scope in other.slice */
	DEFAULT_SCOPE, /* hookd-rnd0.scope in system.slice, no path given */
	PLACE_COUNT,
};

enum rdt { NO_RDT, OWN_GROUP, SHARED_GROUP };

/* A setting that makes the call fail after others were applied. */
enum sabotage { NO_SABOTAGE, BAD_CPUS, BAD_SCHEMA, BAD_RLIMIT };

struct call {
	enum method method;
	int container, process;
	enum place place;
	bool is_libcontainer;
	bool has[LIMIT_COUNT];
	int64_t memory, swap, pids, quota, period; /* -1: no limit; quota, period: 0: not set */
	const char *high;			   /* memory.high, in "unified" */
	int shares;
	const char *cpus;
	enum rdt rdt;
	int shared;
	unsigned int schema;
	bool is_monitored;
	int oom_score; /* ANY_SCORE: not set */
	enum sabotage sabotage;
};

/* Depends only on the random numbers and the model. */
struct call call_invent(const struct model *model, uint64_t *random);
/* A random number less than the bound. */
unsigned int below(uint64_t *random, unsigned int bound);

void call_print(const struct call *call, const struct model *model, char *text, size_t size);

enum verdict { MUST_WORK, MUST_FAIL };
/* *after: the model after a successful call. */
enum verdict call_predict(const struct call *call, const struct model *model, struct model *after);
