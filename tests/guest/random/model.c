/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The model of the random test: containers, processes, resctrl groups, and how they depend on each
 * other. It implements the rules of docs/PROTOCOL.md and does not ask hookd; compare.c compares.
 */
#include "tests/guest/random/model.h"

#include <stdio.h>
#include <string.h>

const char *const shared_names[SHARED] = {"rs", "rt"};

static void set_name(char name[static NAME_SIZE], const char *value)
{
	memmove(name, value, strlen(value) + 1);
}

void model_begin(struct model *model)
{
	memset(model, 0, sizeof(*model));
	for (enum limit i = 0; i < LIMIT_COUNT; i++)
		world_limit(THEIRS, i, model->theirs[i].text, TEXT_SIZE);
}

void model_name(int container, char name[static NAME_SIZE])
{
	snprintf(name, NAME_SIZE, "rnd%d", container);
}

int model_shared(const char *group)
{
	for (int i = 0; i < SHARED; i++)
		if (strcmp(group, shared_names[i]) == 0)
			return i;
	return -1;
}

struct text *model_limits(struct model *model, int container)
{
	return strcmp(model->containers[container].cgroup, THEIRS) == 0
		   ? model->theirs
		   : model->containers[container].limits;
}

int model_group_count(const struct model *model)
{
	int count = 0;

	for (int i = 0; i < SHARED; i++)
		count += model->shared_schemata[i][0] != '\0';
	for (int i = 0; i < CONTAINERS; i++)
		count += model->own_schemata[i][0] != '\0';
	return count;
}

/* ---- processes and children ---- */

typedef bool (*being_fn)(struct being *being, const char *value);

/* Until the function returns true. */
static bool any_being(const struct model *model, being_fn function, const char *value)
{
	struct model *all = (struct model *)model;

	for (int p = 0; p < PROCESSES; p++) {
		struct process *process = &all->processes[p];

		if (process->itself.pid && function(&process->itself, value))
			return true;
		for (int c = 0; c < CHILDREN; c++)
			if (process->children[c].pid && function(&process->children[c], value))
				return true;
	}
	return false;
}

static bool is_in_cgroup(struct being *being, const char *cgroup)
{
	return strcmp(being->cgroup, cgroup) == 0;
}

static bool is_in_group(struct being *being, const char *group)
{
	return strcmp(being->group, group) == 0;
}

/* The kernel moves the tasks of a group that is removed to the default group. */
static bool lose_group(struct being *being, const char *group)
{
	if (is_in_group(being, group))
		set_name(being->group, "/");
	return false;
}

bool model_is_populated(const struct model *model, const char *cgroup)
{
	return any_being(model, is_in_cgroup, cgroup);
}

/* ---- removal ---- */

static void drop_group(struct model *model, int container)
{
	struct container *of = &model->containers[container];
	int shared = model_shared(of->group);

	of->has_group = false;
	if (shared >= 0) /* a closID's: it stays, and so do the processes in it */
		return;
	model->own_schemata[container][0] = '\0';
	(void)any_being(model, lose_group, of->group);
}

void model_release(struct model *model, int container)
{
	struct container *of = &model->containers[container];

	if (of->has_group)
		drop_group(model, container);
	*of = (struct container){.process = -1};
}

/* True: it has changed something. */
static bool settle_ended(struct model *model, int container)
{
	struct container *of = &model->containers[container];
	bool has_changed = false;

	if (!of->is_held || !of->has_ended)
		return false;
	if (of->has_group) {
		drop_group(model, container);
		has_changed = true;
	}
	if (of->is_made && !model_is_populated(model, of->cgroup)) {
		of->is_made = false;
		of->cgroup[0] = of->unit[0] = '\0';
		has_changed = true;
	}
	if (of->is_made)
		return has_changed;
	model_release(model, container);
	return true;
}

void model_settle(struct model *model)
{
	bool has_changed;

	do {
		has_changed = false;
		for (int i = 0; i < CONTAINERS; i++)
			has_changed |= settle_ended(model, i);
	} while (has_changed);
	for (int i = 0; i < CONTAINERS; i++) {
		struct container *of = &model->containers[i];

		if (of->is_held && of->unit[0] && !model_is_populated(model, of->cgroup))
			of->is_there = false;
	}
}

/* ---- processes ---- */

void model_start(struct model *model, int process, struct person person, int oom_score)
{
	struct process *of = &model->processes[process];

	of->person = person;
	of->oom_score = oom_score;
	of->itself.pid = person.pid;
	set_name(of->itself.cgroup, HOME);
	set_name(of->itself.group, "/");
}

void model_end(struct model *model, int process)
{
	model->processes[process].itself.pid = 0;
	for (int i = 0; i < CONTAINERS; i++) {
		struct container *of = &model->containers[i];

		if (!of->is_held || of->process != process)
			continue;
		of->has_ended = true;
		of->process = -1;
	}
	model_settle(model);
}

void model_leave(struct model *model, int process)
{
	struct process *of = &model->processes[process];

	if (of->itself.pid)
		set_name(of->itself.cgroup, HOME);
	for (int i = 0; i < CHILDREN; i++)
		set_name(of->children[i].cgroup, HOME);
	model_settle(model);
}
