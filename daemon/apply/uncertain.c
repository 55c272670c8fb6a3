/* SPDX-License-Identifier: Apache-2.0 */
/* Lists of names of settings, as text with a comma after each name. No state. */
#include "daemon/apply/uncertain.h"

#include <stdio.h>
#include <string.h>

#include "daemon/base/scheduler.h"

/* In files with a line per device, the device, its first word, is part of the setting's name. */
static int device_length(const struct limit *limit)
{
	bool has_lines =
	    strncmp(limit->file, "io.", 3) == 0 || strncmp(limit->file, "rdma.", 5) == 0;

	return has_lines && limit->text ? (int)strcspn(limit->text, " ,\n") : 0;
}

static void write_resources(FILE *file, const struct hp_resources *resources,
			    const struct limit_list *limits)
{
	for (size_t i = 0; i < limits->count; i++)
		fprintf(file, "%s %.*s,", limits->limits[i].file, device_length(&limits->limits[i]),
			limits->limits[i].text ? limits->limits[i].text : "");
	if (resources->device_count > 0)
		fputs("devices,", file);
	if (resources->freezer != HP_FREEZER_UNDEFINED)
		fputs("freezer,", file);
}

static void write_rdt(FILE *file, const struct hp_intel_rdt *rdt)
{
	if (rdt->l3_cache_schema)
		fputs("l3CacheSchema,", file);
	if (rdt->mem_bw_schema)
		fputs("memBwSchema,", file);
	if (rdt->schemata)
		fputs("schemata,", file);
}

static void write_process(FILE *file, const struct hp_settings *settings)
{
	for (size_t i = 0; i < settings->rlimit_count; i++)
		fprintf(file, "rlimit %d,", settings->rlimits[i].resource);
	if (settings->oom_score_adj.is_set)
		fputs("oomScoreAdj,", file);
	if (settings->scheduler.is_set)
		fputs("scheduler,", file);
	if (settings->io_priority.is_set)
		fputs("ioPriority,", file);
	if (affinity_of(settings)->is_set)
		fputs("execCPUAffinity,", file);
}

int uncertain_names(const struct hp_settings *settings, const struct limit_list *limits,
		    char **ret_names)
{
	char *names = NULL;
	size_t size;
	FILE *file = open_memstream(&names, &size);

	if (!file)
		return -ENOMEM;
	if (settings->resources)
		write_resources(file, settings->resources, limits);
	if (settings->intel_rdt)
		write_rdt(file, settings->intel_rdt);
	write_process(file, settings);
	if (fclose(file) != 0) {
		free(names);
		return -ENOMEM;
	}
	*ret_names = names;
	return 0;
}

static bool has_name(const char *names, const char *name, size_t length)
{
	for (const char *at = names; *at; at += strcspn(at, ",") + 1)
		if (strcspn(at, ",") == length && strncmp(at, name, length) == 0)
			return true;
	return false;
}

bool uncertain_subtract(char *names, const char *others)
{
	char *end = names;

	for (const char *at = names, *next; *at; at = next) {
		size_t length = strcspn(at, ",");

		next = at + length + 1;
		if (has_name(others, at, length))
			continue;
		memmove(end, at, length + 1);
		end += length + 1;
	}
	*end = '\0';
	return end > names;
}

int uncertain_join(const char *one, const char *other, char **ret_names)
{
	cleanup_free char *rest = strdup(one ? one : "");

	if (!rest)
		return -ENOMEM;
	(void)uncertain_subtract(rest, other);
	return asprintf(ret_names, "%s%s", rest, other) < 0 ? -ENOMEM : 0;
}
