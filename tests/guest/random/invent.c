/* SPDX-License-Identifier: Apache-2.0 */
/* Makes random calls and their JSON text. */
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "tests/guest/random/calls.h"

#define MIB (INT64_C(1) << 20)

/* splitmix64 */
unsigned int below(uint64_t *random, unsigned int bound)
{
	uint64_t z = *random += UINT64_C(0x9e3779b97f4a7c15);

	z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
	z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
	return (unsigned int)((z ^ (z >> 31)) >> 33) % bound;
}

/* ---- random calls ---- */

static void invent_limits(struct call *call, uint64_t *random)
{
	static const int64_t memories[] = {32 * MIB, 64 * MIB, 128 * MIB, -1},
			     pids[] = {40, 60, -1}, quotas[] = {25000, 50000, -1},
			     periods[] = {100000, 50000};
	static const int shares[] = {2, 512, 1024, 262144};
	static const char *const cpus[] = {"0", "1", "0-1"};

	for (int i = 0; i < LIMIT_COUNT; i++)
		call->has[i] = below(random, 3) == 0;
	call->memory = memories[below(random, 4)];
	call->swap = call->memory + (below(random, 2) ? 16 * MIB : 0);
	call->has[SWAP] &= call->has[MEMORY] && call->memory > 0;
	call->pids = pids[below(random, 3)];
	call->shares = shares[below(random, 4)];
	call->quota = quotas[below(random, 3)];
	call->period = periods[below(random, 2)];
	switch (below(random, 4)) {
	case 0:
		call->period = 0;
		break;
	case 1:
		call->quota = 0;
		break;
	default:
		break;
	}
	call->cpus = cpus[below(random, 3)];
	call->high = below(random, 3) ? "25165824" : "max";
}

static void invent_rdt(struct call *call, uint64_t *random)
{
	static const unsigned int schemata[] = {0x3, 0x7, 0xf, 0xff};

	call->schema = schemata[below(random, 4)];
	call->shared = (int)below(random, SHARED);
	call->is_monitored = below(random, 6) == 0;
	switch (below(random, 5)) {
	case 0:
		call->rdt = OWN_GROUP;
		break;
	case 1:
		call->rdt = SHARED_GROUP;
		call->schema = call->shared ? 0x7 : schemata[below(random, 8) ? 1 : 2];
		break;
	default:
		break;
	}
}

/* A live process, if there is one. */
static int invent_process(const struct model *model, uint64_t *random)
{
	int first = (int)below(random, PROCESSES);

	for (int i = 0; i < PROCESSES; i++)
		if (model->processes[(first + i) % PROCESSES].itself.pid)
			return (first + i) % PROCESSES;
	return first;
}

/*
 * systemd would stop a scope once its only process was moved out, before an undo can move it back.
 */
static bool may_move(const struct model *model, int process)
{
	return !strstr(model->processes[process].itself.cgroup, ".scope");
}

static bool has_limit(const struct call *call)
{
	for (int i = 0; i < LIMIT_COUNT; i++)
		if (call->has[i])
			return true;
	return false;
}

/* With a closID only the schemata that the group has: another container may use it. */
static void fit_to_group(struct call *call, const struct model *model)
{
	const struct container *of = &model->containers[call->container];
	int shared = model_shared(of->group);

	if (call->method != UPDATE || call->rdt == NO_RDT || shared < 0)
		return;
	call->rdt = SHARED_GROUP;
	call->shared = shared;
	(void)sscanf(model->shared_schemata[shared], "%x", &call->schema);
}

static void make_valid(struct call *call, const struct model *model)
{
	bool needs_limit = call->place == DEFAULT_CGROUP || call->place == DEFAULT_SCOPE;

	if (call->method == UPDATE && model->containers[call->container].has_ended)
		call->method = RELEASE;
	fit_to_group(call, model);
	if (call->method == APPLY && !may_move(model, call->process))
		call->place = NOWHERE;
	if (call->method == APPLY && call->place == NOWHERE)
		memset(call->has, 0, sizeof(call->has));
	if (call->method == APPLY && call->place != NOWHERE && needs_limit && !has_limit(call))
		call->has[PIDS] = true;
	if (call->sabotage == BAD_CPUS && call->method == APPLY && call->place == NOWHERE)
		call->sabotage = BAD_RLIMIT;
	if (call->sabotage == BAD_SCHEMA && call->rdt != OWN_GROUP)
		call->sabotage = BAD_RLIMIT;
	if (call->sabotage == BAD_CPUS)
		call->has[CPUS] = true;
	if (!has_limit(call) && call->rdt == NO_RDT && call->oom_score == ANY_SCORE)
		call->oom_score = 111;
}

struct call call_invent(const struct model *model, uint64_t *random)
{
	struct call call = {.oom_score = ANY_SCORE};
	unsigned int method = below(random, 10);

	call.method = method < 5 ? APPLY : method < 8 ? UPDATE : RELEASE;
	call.container = (int)below(random, CONTAINERS);
	/*
	 * Most Applies are for containers without a holding, most other calls for those with one.
	 */
	for (int i = 0; i < CONTAINERS && below(random, 8) &&
			model->containers[call.container].is_held == (call.method == APPLY);
	     i++)
		call.container = (call.container + 1) % CONTAINERS;
	call.process = invent_process(model, random);
	call.place = (enum place)below(random, PLACE_COUNT);
	call.is_libcontainer = below(random, 2);
	invent_limits(&call, random);
	invent_rdt(&call, random);
	if (below(random, 3) == 0)
		call.oom_score = 100 + (int)below(random, 5) * 100;
	if (below(random, 6) == 0)
		call.sabotage = (enum sabotage)(1 + below(random, 3));
	make_valid(&call, model);
	return call;
}

/* ---- text ---- */

struct writer {
	char *text;
	size_t size, length;
};

static void put(struct writer *writer, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
static void put(struct writer *writer, const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	writer->length += (size_t)vsnprintf(writer->text + writer->length,
					    writer->size - writer->length, format, arguments);
	va_end(arguments);
	if (writer->length >= writer->size)
		give_up("a call is too long");
}

/* Writes a comma before all members except the first one of an object. */
static void comma(struct writer *writer)
{
	if (writer->text[writer->length - 1] != '{')
		put(writer, ",");
}

static void put_number(struct writer *writer, const char *key, int64_t value)
{
	comma(writer);
	put(writer, "\"%s\":%" PRId64, key, value);
}

static void put_text(struct writer *writer, const char *key, const char *value)
{
	comma(writer);
	put(writer, "\"%s\":\"%s\"", key, value);
}

static void open_object(struct writer *writer, const char *key)
{
	comma(writer);
	put(writer, "\"%s\":{", key);
}

static const char *cpus_of(const struct call *call)
{
	return call->sabotage == BAD_CPUS ? "99" : call->cpus;
}

static void put_unified(struct writer *writer, const struct call *call)
{
	if (!call->has[HIGH])
		return;
	open_object(writer, "unified");
	put_text(writer, "memory.high", call->high);
	put(writer, "}");
}

static void put_resources(struct writer *writer, const struct call *call)
{
	open_object(writer, "memory");
	if (call->has[MEMORY])
		put_number(writer, "limit", call->memory);
	if (call->has[SWAP])
		put_number(writer, "swap", call->swap);
	put(writer, "}");
	if (call->has[PIDS])
		put(writer, ",\"pids\":{\"limit\":%" PRId64 "}", call->pids);
	open_object(writer, "cpu");
	if (call->has[WEIGHT])
		put_number(writer, "shares", call->shares);
	if (call->has[CPU] && call->quota)
		put_number(writer, "quota", call->quota);
	if (call->has[CPU] && call->period)
		put_number(writer, "period", call->period);
	if (call->has[CPUS])
		put_text(writer, "cpus", cpus_of(call));
	put(writer, "}");
	put_unified(writer, call);
}

static void put_flat_resources(struct writer *writer, const struct call *call)
{
	if (call->has[MEMORY])
		put_number(writer, "memory", call->memory);
	if (call->has[SWAP])
		put_number(writer, "memory_swap", call->swap);
	if (call->has[PIDS])
		put_number(writer, "pids_limit", call->pids);
	if (call->has[WEIGHT])
		put_number(writer, "cpu_shares", call->shares);
	if (call->has[CPU] && call->quota)
		put_number(writer, "cpu_quota", call->quota);
	if (call->has[CPU] && call->period)
		put_number(writer, "cpu_period", call->period);
	if (call->has[CPUS])
		put_text(writer, "cpuset_cpus", cpus_of(call));
	put_unified(writer, call);
}

/* NULL: no path is given. */
static const char *path_of(const struct call *call, char path[static NAME_SIZE])
{
	static const char *const formats[PLACE_COUNT] = {
	    [OWN_CGROUP] = "/random/rnd%d",
	    [NESTED] = "/random/nest/rnd%d",
	    [IN_THEIRS] = THEIRS,
	    [SCOPE] = "system.slice:hookd:rnd%d",
	    [OTHER_SLICE] = "other.slice:hookd:rnd%d",
	};

	if (call->method != APPLY || !formats[call->place])
		return NULL;
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
	snprintf(path, NAME_SIZE, formats[call->place], call->container);
#pragma GCC diagnostic pop
	return path;
}

static void put_rdt(struct writer *writer, const char *key, const char *l3, const struct call *call)
{
	if (call->rdt == NO_RDT)
		return;
	open_object(writer, key);
	if (call->rdt == SHARED_GROUP)
		put_text(writer, "closID", shared_names[call->shared]);
	comma(writer);
	put(writer, "\"%s\":\"L3:0=%x\"", l3, call->sabotage == BAD_SCHEMA ? 5 : call->schema);
	if (call->is_monitored && call->method == APPLY)
		put(writer, ",\"enableMonitoring\":true");
	put(writer, "}");
}

static void put_oci(struct writer *writer, const struct call *call)
{
	char path[NAME_SIZE];

	open_object(writer, "linux");
	if (path_of(call, path))
		put_text(writer, "cgroupsPath", path);
	if (has_limit(call)) {
		open_object(writer, "resources");
		put_resources(writer, call);
		put(writer, "}");
	}
	put_rdt(writer, "intelRdt", "l3CacheSchema", call);
	put(writer, "}");
	open_object(writer, "process");
	if (call->oom_score != ANY_SCORE)
		put_number(writer, "oomScoreAdj", call->oom_score);
	if (call->sabotage == BAD_RLIMIT) {
		comma(writer);
		put(writer, "\"rlimits\":[{\"type\":\"RLIMIT_NOFILE\",\"soft\":1,"
			    "\"hard\":2000000000}]");
	}
	put(writer, "}");
}

static void put_libcontainer(struct writer *writer, const struct call *call)
{
	char path[NAME_SIZE];

	if (has_limit(call) || (call->method == APPLY && call->place != NOWHERE)) {
		open_object(writer, "cgroups");
		if (path_of(call, path))
			put_text(writer, "path", path);
		put_flat_resources(writer, call);
		put(writer, "}");
	}
	put_rdt(writer, "intel_rdt", "l3_cache_schema", call);
	if (call->oom_score != ANY_SCORE)
		put_number(writer, "oom_score_adj", call->oom_score);
	if (call->sabotage == BAD_RLIMIT) {
		comma(writer);
		put(writer, "\"rlimits\":[{\"type\":7,\"soft\":1,\"hard\":2000000000}]");
	}
}

static const char *manager_of(const struct call *call)
{
	if (call->place == DEFAULT_SCOPE)
		return ",\"cgroupManager\":\"systemd\"";
	return call->place == DEFAULT_CGROUP ? ",\"cgroupManager\":\"cgroupfs\"" : "";
}

void call_print(const struct call *call, const struct model *model, char *text, size_t size)
{
	static const char *const methods[] = {"Apply", "Update", "Release"};
	struct writer writer = {text, size, 0};

	put(&writer, "{\"method\":\"io.hookd.settings.%s\",\"parameters\":{\"container\":\"rnd%d\"",
	    methods[call->method], call->container);
	if (call->method != RELEASE) {
		open_object(&writer, "settings");
		(call->is_libcontainer ? put_libcontainer : put_oci)(&writer, call);
		put(&writer, "},\"dialect\":\"%s\"",
		    call->is_libcontainer ? "libcontainer" : "oci");
	}
	if (call->method == APPLY)
		put(&writer, ",\"pid\":%d%s", model->processes[call->process].itself.pid,
		    manager_of(call));
	put(&writer, "}}");
}
