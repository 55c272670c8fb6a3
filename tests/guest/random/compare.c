/* SPDX-License-Identifier: Apache-2.0 */
/* Compares hookd's holdings, the kernel and systemd with the model. */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/guest/random/client.h"
#include "tests/guest/random/model.h"

#define HOLDINGS "{\"method\":\"io.hookd.settings.Holdings\"}"
#define NAMES	 4096

static char difference[2 * NAMES];

static const char *differs(const char *format, ...) __attribute__((format(printf, 1, 2)));
static const char *differs(const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(difference, sizeof(difference), format, arguments);
	va_end(arguments);
	return difference;
}

/* ---- Holdings ---- */

static bool member_is(struct hp_json_value applied, const char *member, const char *expected)
{
	struct hp_json_value value = hp_json_member(applied, member);

	return expected[0] ? hp_json_equals(value, expected) : hp_json_is_absent(value);
}

static const char *compare_holding(const struct container *of, const char *name,
				   struct hp_json_value applied)
{
	bool is_there = !hp_json_is_absent(applied);
	struct hp_json_value mixed = hp_json_member(applied, "updateInterrupted");

	if (is_there != of->is_held)
		return differs("Holdings: %s is %sthere", name, is_there ? "" : "not ");
	if (!is_there)
		return NULL;
	/*
	 * After systemd has removed a scope, hookd still names its path, but not after a restart.
	 */
	if (!member_is(applied, "cgroupPath", of->cgroup) &&
	    !(of->unit[0] && !of->is_there && member_is(applied, "cgroupPath", "")))
		return differs("Holdings: %s has not the cgroup '%s'", name, of->cgroup);
	if (!member_is(applied, "rdtGroup", of->has_group ? of->group : ""))
		return differs("Holdings: %s has not the group '%s'", name, of->group);
	if (!hp_json_is_absent(mixed) && hp_json_type(mixed) == HP_JSON_BOOL) {
		bool is_update_interrupted = false;
		struct hp_err err;

		if (hp_json_get_bool(mixed, &is_update_interrupted, &err) == 0 &&
		    is_update_interrupted && !of->may_be_interrupted)
			return differs("Holdings: %s had its Update interrupted", name);
	}
	return NULL;
}

static const char *compare_holdings(const struct model *model)
{
	const char *found = NULL;
	struct client client;
	struct outcome outcome = client_ask(&client, HOLDINGS);
	struct hp_json_value containers;
	char name[NAME_SIZE];

	if (outcome.error[0])
		found = differs("Holdings: %s", outcome.error);
	containers = hp_json_member(client.reply.parameters, "containers");
	for (int i = 0; !found && i < CONTAINERS; i++) {
		model_name(i, name);
		found =
		    compare_holding(&model->containers[i], name, hp_json_member(containers, name));
	}
	client_close(&client);
	return found;
}

/* ---- names ---- */

static int compare_texts(const void *a, const void *b)
{
	return strcmp(a, b);
}

static void print_sorted(struct text *texts, size_t count, char *out, size_t size)
{
	size_t length = 0;

	qsort(texts, count, sizeof(*texts), compare_texts);
	for (size_t i = 0; i < count && length < size; i++)
		length += (size_t)snprintf(out + length, size - length, "%s ", texts[i].text);
}

static const char *compare_cgroups(const struct model *model)
{
	struct text expected[CONTAINERS + 3] = {{HOME}, {THEIRS}};
	char there[NAMES], text[NAMES];
	size_t count = 2;
	bool has_nest = false;

	for (int i = 0; i < CONTAINERS; i++) {
		const struct container *of = &model->containers[i];

		if (!of->is_held || !of->is_made || !of->is_there)
			continue;
		has_nest |= strncmp(of->cgroup, "/random/nest/", strlen("/random/nest/")) == 0;
		snprintf(expected[count++].text, TEXT_SIZE, "%s", of->cgroup);
	}
	if (has_nest)
		snprintf(expected[count++].text, TEXT_SIZE, "/random/nest");
	print_sorted(expected, count, text, sizeof(text));
	world_cgroups(there, sizeof(there));
	return strcmp(there, text) == 0
		   ? NULL
		   : differs("cgroups: there are %s, and should be %s", there, text);
}

static void add_group(struct text *expected, size_t *count, const char *group)
{
	snprintf(expected[(*count)++].text, TEXT_SIZE, "/%s", group);
}

static const char *compare_groups(const struct model *model)
{
	struct text expected[2 * CONTAINERS + SHARED];
	char there[NAMES], text[NAMES] = "", name[NAME_SIZE];
	size_t count = 0;

	for (int i = 0; i < SHARED; i++)
		if (model->shared_schemata[i][0])
			add_group(expected, &count, shared_names[i]);
	for (int i = 0; i < CONTAINERS; i++) {
		const struct container *of = &model->containers[i];

		model_name(i, name);
		if (model->own_schemata[i][0])
			add_group(expected, &count, name);
		if (of->is_held && of->is_monitored && of->has_group)
			snprintf(expected[count++].text, TEXT_SIZE, "/%s/mon_groups/%s", of->group,
				 name);
	}
	print_sorted(expected, count, text, sizeof(text));
	world_groups(there, sizeof(there));
	return strcmp(there, text) == 0
		   ? NULL
		   : differs("resctrl: there are '%s', and should be '%s'", there, text);
}

static const char *compare_schema(const char *group, const char *expected)
{
	char text[TEXT_SIZE];

	if (!expected[0])
		return NULL;
	world_schema(group, text, sizeof(text));
	return strcmp(text, expected) == 0
		   ? NULL
		   : differs("resctrl: %s has L3 %s, and should have %s", group, text, expected);
}

static const char *compare_schemata(const struct model *model)
{
	const char *found = NULL;
	char name[NAME_SIZE];

	for (int i = 0; !found && i < SHARED; i++)
		found = compare_schema(shared_names[i], model->shared_schemata[i]);
	for (int i = 0; !found && i < CONTAINERS; i++) {
		model_name(i, name);
		found = compare_schema(name, model->own_schemata[i]);
	}
	return found;
}

/* ---- limits ---- */

/*
 * With "max" systemd writes its default period, which has no effect. An empty cpuset cannot be
 * restored; all CPUs are equivalent.
 */
static bool says_the_same(const char *text, const char *expected, bool is_units_cpu)
{
	if (expected[0] == '\0' && strcmp(text, "0-1") == 0)
		return true;
	if (is_units_cpu && strncmp(expected, "max ", 4) == 0)
		return strncmp(text, "max ", 4) == 0;
	return strcmp(text, expected) == 0;
}

static const char *compare_limits(const char *cgroup, const char *unit, const struct text *limits)
{
	char text[TEXT_SIZE];

	for (enum limit i = 0; i < LIMIT_COUNT; i++) {
		const char *expected = limits[i].text;

		if (strcmp(expected, ANY) == 0)
			continue;
		world_limit(cgroup, i, text, sizeof(text));
		if (text[0] == '\0' && (i == SWAP || expected[0] == '\0'))
			continue; /* a kernel without swap */
		if (!says_the_same(text, expected, unit[0] && i == CPU))
			return differs("%s: %s is '%s', and should be '%s'", cgroup, limit_files[i],
				       text, expected);
		if (!unit[0])
			continue;
		if (!world_unit_limit(unit, i, text, sizeof(text)))
			return differs("systemd does not know %s", unit);
		if (strcmp(text, expected) != 0)
			return differs("%s: systemd would write '%s' into %s, and should '%s'",
				       unit, text, limit_files[i], expected);
	}
	return NULL;
}

static const char *compare_all_limits(const struct model *model)
{
	const char *found = compare_limits(THEIRS, "", model->theirs);

	for (int i = 0; !found && i < CONTAINERS; i++) {
		const struct container *of = &model->containers[i];

		if (of->is_held && of->is_made && of->is_there)
			found = compare_limits(of->cgroup, of->unit, of->limits);
	}
	return found;
}

/* ---- processes ---- */

static const char *compare_being(const struct being *being)
{
	char text[TEXT_SIZE];

	if (being->pid == 0)
		return NULL;
	if (!world_process_is_in(being->pid, text, sizeof(text)))
		return differs("process %d is not there", being->pid);
	if (strcmp(text, being->cgroup) != 0)
		return differs("process %d is in %s, and should be in %s", being->pid, text,
			       being->cgroup);
	if (strcmp(being->group, ANY) == 0)
		return NULL;
	if (world_process_group(being->pid, text, sizeof(text)) && strcmp(text, being->group) != 0)
		return differs("process %d is in the group %s, and should be in %s", being->pid,
			       text, being->group);
	return NULL;
}

static const char *compare_process(const struct process *process)
{
	const char *found = compare_being(&process->itself);
	int score;

	for (int i = 0; !found && i < CHILDREN; i++)
		found = compare_being(&process->children[i]);
	if (found || process->itself.pid == 0 || process->oom_score == ANY_SCORE)
		return found;
	score = world_oom_score(process->itself.pid);
	return score == process->oom_score
		   ? NULL
		   : differs("process %d: oom_score_adj is %d, and should be %d",
			     process->itself.pid, score, process->oom_score);
}

const char *model_compare(const struct model *model)
{
	const char *found = compare_holdings(model);

	if (!found)
		found = compare_cgroups(model);
	if (!found)
		found = compare_groups(model);
	if (!found)
		found = compare_schemata(model);
	if (!found)
		found = compare_all_limits(model);
	for (int i = 0; !found && i < PROCESSES; i++)
		found = compare_process(&model->processes[i]);
	return found;
}

static void adopt_limits(const char *cgroup, struct text *limits)
{
	for (enum limit i = 0; i < LIMIT_COUNT; i++)
		if (strcmp(limits[i].text, ANY) == 0)
			world_limit(cgroup, i, limits[i].text, TEXT_SIZE);
}

void model_adopt(struct model *model)
{
	adopt_limits(THEIRS, model->theirs);
	for (int i = 0; i < CONTAINERS; i++)
		if (model->containers[i].is_held && model->containers[i].is_made)
			adopt_limits(model->containers[i].cgroup, model->containers[i].limits);
	for (int i = 0; i < PROCESSES; i++) {
		struct process *process = &model->processes[i];

		if (process->itself.pid == 0)
			continue;
		if (process->oom_score == ANY_SCORE)
			process->oom_score = world_oom_score(process->itself.pid);
		if (strcmp(process->itself.group, ANY) == 0)
			(void)world_process_group(process->itself.pid, process->itself.group,
						  NAME_SIZE);
	}
}
