/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Reads the settings in a file and prints them for shell scripts:
 * read_settings oci|libcontainer FILE [MEMBER], where MEMBER is the member of the file's object
 * that has them. Fails if they differ after being written and read again.
 */

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "proto/settings/settings_json.h"
#include "tests/proto/settings/settings_equal.h"

static int fail(const char *what, const struct hp_err *err)
{
	fprintf(stderr, "%s: %s %s\n", what, err->path, err->reason);
	return 1;
}

static void print_process(const struct hp_settings *settings)
{
	static const char *const sets[HP_CAPABILITY_SET_COUNT] = {
	    "bounding", "effective", "inheritable", "permitted", "ambient"};

	for (size_t i = 0; i < HP_CAPABILITY_SET_COUNT; i++)
		printf("capabilities.%s %016" PRIx64 "\n", sets[i], settings->capabilities.sets[i]);
	for (size_t i = 0; i < settings->rlimit_count; i++)
		printf("rlimit %d %" PRIu64 " %" PRIu64 "\n", settings->rlimits[i].resource,
		       settings->rlimits[i].soft, settings->rlimits[i].hard);
	if (settings->umask.is_set)
		printf("umask %03" PRIo64 "\n", settings->umask.value);
	if (settings->oom_score_adj.is_set)
		printf("oom_score_adj %" PRId64 "\n", settings->oom_score_adj.value);
	printf("no_new_privileges %d\n", settings->no_new_privileges);
	printf("no_new_keyring %d\n", settings->no_new_keyring);
	for (size_t i = 0; i < settings->namespace_count; i++)
		printf("namespace %x %s\n", settings->namespaces[i].type,
		       settings->namespaces[i].path ? settings->namespaces[i].path : "-");
}

static void print_cgroup(const struct hp_settings *settings)
{
	const struct hp_resources *resources = settings->resources;

	printf("cgroups_path %s\n", settings->cgroups_path ? settings->cgroups_path : "-");
	if (!resources)
		return;
	if (resources->memory.limit.is_set)
		printf("memory %" PRId64 "\n", resources->memory.limit.value);
	if (resources->pids_limit.is_set)
		printf("pids %" PRId64 "\n", resources->pids_limit.value);
	if (resources->cpu.shares.is_set)
		printf("shares %" PRIu64 "\n", resources->cpu.shares.value);
	if (resources->cpu.weight.is_set)
		printf("weight %" PRIu64 "\n", resources->cpu.weight.value);
	for (size_t i = 0; i < resources->device_count; i++)
		printf("device %d %c %" PRId64 ":%" PRId64 " %u\n", resources->devices[i].allow,
		       resources->devices[i].type, resources->devices[i].major,
		       resources->devices[i].minor, resources->devices[i].access);
}

static void print_seccomp(const struct hp_seccomp *seccomp)
{
	if (!seccomp)
		return;
	printf("seccomp %s\n", hp_seccomp_action_names[seccomp->default_action]);
	for (size_t i = 0; i < seccomp->arch_count; i++)
		printf("arch %s\n", hp_seccomp_archs[seccomp->archs[i]].oci);
	for (size_t i = 0; i < seccomp->rule_count; i++) {
		const struct hp_seccomp_rule *rule = &seccomp->rules[i];

		for (size_t k = 0; rule->names[k]; k++) {
			printf("rule %s %s", rule->names[k], hp_seccomp_action_names[rule->action]);
			for (size_t n = 0; n < rule->arg_count; n++)
				printf(" %u %s %" PRIu64, rule->args[n].index,
				       hp_seccomp_operator_names[rule->args[n].op],
				       rule->args[n].value);
			printf("\n");
		}
	}
}

/* Settings written by Go are the same after being written and read by hookd's code. */
static int check_round_trip(const struct hp_settings *settings)
{
	struct hp_buf buf = HP_BUF_INIT;
	struct hp_json_writer writer = HP_JSON_WRITER_INIT(&buf);
	struct hp_json json = {0};
	struct hp_arena arena = HP_ARENA_INIT;
	struct hp_settings *again;
	struct hp_err err = {0};
	const char *difference = "what was written";
	int r = hp_settings_write(&writer, settings, &err);

	if (r == 0)
		r = hp_json_parse(&json, buf.data, buf.length, &err);
	if (r == 0)
		r = hp_settings_read(hp_json_root(&json), HP_DIALECT_LIBCONTAINER, &arena, &again,
				     &err);
	if (r == 0)
		difference = settings_difference(settings, again);
	if (difference)
		fprintf(stderr, "%s does not come back: %s %s\n", difference, err.path, err.reason);
	hp_arena_free(&arena);
	hp_json_free(&json);
	hp_buf_free(&buf);
	return difference ? 1 : 0;
}

static int print_settings(struct hp_json_value value, enum hp_dialect dialect)
{
	struct hp_arena arena = HP_ARENA_INIT;
	struct hp_settings *settings;
	struct hp_err err = {0};
	int status = 0;

	if (hp_settings_read(value, dialect, &arena, &settings, &err) < 0) {
		status = fail("settings", &err);
	} else {
		print_process(settings);
		print_cgroup(settings);
		print_seccomp(settings->seccomp);
		if (dialect == HP_DIALECT_LIBCONTAINER)
			status = check_round_trip(settings);
	}
	hp_arena_free(&arena);
	return status;
}

int main(int argc, char **argv)
{
	static char text[1 << 20];
	struct hp_json json = {0};
	struct hp_json_value value;
	enum hp_dialect dialect;
	struct hp_err err = {0};
	FILE *file = argc >= 3 ? fopen(argv[2], "r") : NULL;
	size_t length;
	int status;

	if (!file) {
		fprintf(stderr, "usage: %s oci|libcontainer FILE [MEMBER]\n", argv[0]);
		return 2;
	}
	length = fread(text, 1, sizeof(text), file);
	fclose(file);
	if (hp_json_parse(&json, text, length, &err) < 0)
		return fail(argv[2], &err);
	dialect = strcmp(argv[1], "oci") == 0 ? HP_DIALECT_OCI : HP_DIALECT_LIBCONTAINER;
	value = hp_json_root(&json);
	if (argc > 3)
		value = hp_json_member(value, argv[3]);
	status = print_settings(value, dialect);
	hp_json_free(&json);
	return status;
}
