/* SPDX-License-Identifier: Apache-2.0 */
/* Predicts the result of a call, by the rules of docs/PROTOCOL.md. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "tests/guest/random/calls.h"

#define GROUPS_MAX 3 /* of the guest's four CLOSIDs the default group has one */

/* ---- limits ---- */

static void set_number(struct text *limit, int64_t value)
{
	if (value < 0)
		snprintf(limit->text, TEXT_SIZE, "max");
	else
		snprintf(limit->text, TEXT_SIZE, "%" PRId64, value);
}

/* A quota or a period alone does not change the other one. */
static void set_cpu_max(struct text *limit, const struct call *call)
{
	char quota[TEXT_SIZE / 4] = "max", period[TEXT_SIZE / 4] = "100000";

	(void)sscanf(limit->text, "%63s %63s", quota, period);
	if (call->quota > 0)
		snprintf(quota, sizeof(quota), "%" PRId64, call->quota);
	else if (call->quota < 0)
		snprintf(quota, sizeof(quota), "max");
	if (call->period > 0)
		snprintf(period, sizeof(period), "%" PRId64, call->period);
	snprintf(limit->text, TEXT_SIZE, "%s %s", quota, period);
}

static const char *weight_of(int shares)
{
	return shares == 2 ? "1" : shares == 512 ? "59" : shares == 1024 ? "100" : "10000";
}

static void set_limits(struct text *limits, const struct call *call)
{
	if (call->has[MEMORY])
		set_number(&limits[MEMORY], call->memory);
	/* An unlimited memory.limit without memory.swap makes both unlimited. */
	if (call->has[MEMORY] && call->memory < 0)
		set_number(&limits[SWAP], -1);
	if (call->has[SWAP])
		set_number(&limits[SWAP], call->swap - call->memory);
	if (call->has[HIGH])
		snprintf(limits[HIGH].text, TEXT_SIZE, "%s", call->high);
	if (call->has[PIDS])
		set_number(&limits[PIDS], call->pids);
	if (call->has[WEIGHT])
		snprintf(limits[WEIGHT].text, TEXT_SIZE, "%s", weight_of(call->shares));
	if (call->has[CPU])
		set_cpu_max(&limits[CPU], call);
	if (call->has[CPUS])
		snprintf(limits[CPUS].text, TEXT_SIZE, "%s", call->cpus);
}

static void begin_limits(struct text *limits, bool is_unit)
{
	static const char *const defaults[LIMIT_COUNT] = {
	    [MEMORY] = "max", [SWAP] = "max",	    [HIGH] = "max", [PIDS] = "max",
	    [WEIGHT] = "100", [CPU] = "max 100000", [CPUS] = "",
	};

	for (int i = 0; i < LIMIT_COUNT; i++)
		snprintf(limits[i].text, TEXT_SIZE, "%s", defaults[i]);
	if (is_unit) /* DefaultTasksMax= */
		snprintf(limits[PIDS].text, TEXT_SIZE, ANY);
}

static bool has_limit(const struct call *call)
{
	for (int i = 0; i < LIMIT_COUNT; i++)
		if (call->has[i])
			return true;
	return false;
}

/* ---- Apply ---- */

static void enter_cgroup(struct container *of, const struct call *call)
{
	static const char *const formats[PLACE_COUNT] = {
	    [OWN_CGROUP] = "/random/",	     [NESTED] = "/random/nest/",
	    [DEFAULT_CGROUP] = "/",	     [SCOPE] = "/system.slice/",
	    [OTHER_SLICE] = "/other.slice/", [DEFAULT_SCOPE] = "/system.slice/",
	};
	bool is_unit = call->place >= SCOPE;

	if (is_unit)
		snprintf(of->unit, NAME_SIZE, "hookd-rnd%d.scope", call->container);
	if (call->place == IN_THEIRS)
		snprintf(of->cgroup, NAME_SIZE, THEIRS);
	else if (is_unit)
		snprintf(of->cgroup, NAME_SIZE, "%shookd-rnd%d.scope", formats[call->place],
			 call->container);
	else
		snprintf(of->cgroup, NAME_SIZE, "%srnd%d", formats[call->place], call->container);
	of->is_made = call->place != IN_THEIRS;
	of->is_there = true;
	begin_limits(of->limits, is_unit);
}

static enum verdict apply_rdt(const struct call *call, struct model *after, struct container *of,
			      struct process *process)
{
	char *schema = call->rdt == SHARED_GROUP ? after->shared_schemata[call->shared]
						 : after->own_schemata[call->container];
	char wanted[8];

	if (call->rdt == NO_RDT)
		return MUST_WORK;
	snprintf(wanted, sizeof(wanted), "%x", call->schema);
	if (schema[0] && strcmp(schema, wanted) != 0)
		return MUST_FAIL;
	if (!schema[0] && model_group_count(after) >= GROUPS_MAX)
		return MUST_FAIL;
	if (call->is_monitored && !world_monitors())
		return MUST_FAIL;
	snprintf(schema, sizeof(wanted), "%s", wanted);
	if (call->rdt == SHARED_GROUP)
		snprintf(of->group, NAME_SIZE, "%s", shared_names[call->shared]);
	else
		model_name(call->container, of->group);
	of->has_group = true;
	of->is_monitored = call->is_monitored;
	memcpy(process->itself.group, of->group, NAME_SIZE);
	return MUST_WORK;
}

static enum verdict predict_apply(const struct call *call, struct model *after)
{
	struct container *of = &after->containers[call->container];
	struct process *process = &after->processes[call->process];

	if (of->is_held || process->itself.pid == 0)
		return MUST_FAIL;
	*of = (struct container){.is_held = true, .process = call->process};
	if (call->place != NOWHERE) {
		enter_cgroup(of, call);
		set_limits(model_limits(after, call->container), call);
		memcpy(process->itself.cgroup, of->cgroup, NAME_SIZE);
	}
	if (call->oom_score != ANY_SCORE)
		process->oom_score = call->oom_score;
	return apply_rdt(call, after, of, process);
}

/* ---- Update, Release ---- */

static enum verdict update_rdt(const struct call *call, struct model *after)
{
	const struct container *of = &after->containers[call->container];
	int shared = model_shared(of->group);
	char *schema;

	if (call->rdt == NO_RDT)
		return MUST_WORK;
	if (!of->group[0] || (call->rdt == SHARED_GROUP) != (shared >= 0) ||
	    (call->rdt == SHARED_GROUP && shared != call->shared))
		return MUST_FAIL;
	schema =
	    shared >= 0 ? after->shared_schemata[shared] : after->own_schemata[call->container];
	snprintf(schema, sizeof(after->own_schemata[0]), "%x", call->schema);
	return MUST_WORK;
}

static enum verdict predict_update(const struct call *call, struct model *after)
{
	struct container *of = &after->containers[call->container];

	if (!of->is_held || of->has_ended)
		return MUST_FAIL;
	if (has_limit(call) && (!of->cgroup[0] || !of->is_there))
		return MUST_FAIL;
	if (has_limit(call))
		set_limits(model_limits(after, call->container), call);
	if (call->oom_score != ANY_SCORE)
		after->processes[of->process].oom_score = call->oom_score;
	return update_rdt(call, after);
}

static enum verdict predict_release(const struct call *call, struct model *after)
{
	const struct container *of = &after->containers[call->container];

	if (!of->is_held || (of->is_made && model_is_populated(after, of->cgroup)))
		return MUST_FAIL;
	model_release(after, call->container);
	return MUST_WORK;
}

enum verdict call_predict(const struct call *call, const struct model *model, struct model *after)
{
	enum verdict verdict;

	*after = *model;
	switch (call->method) {
	case APPLY:
		verdict = predict_apply(call, after);
		break;
	case UPDATE:
		verdict = predict_update(call, after);
		break;
	default:
		return predict_release(call, after);
	}
	model_settle(after);
	return call->sabotage ? MUST_FAIL : verdict;
}
