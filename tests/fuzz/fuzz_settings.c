/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Settings, read in each dialect: an error names a field; accepted settings can be written in
 * libcontainer's dialect, and then read as the same.
 */

#include <errno.h>
#include <string.h>

#include "proto/base/limits.h"
#include "proto/settings/settings_json.h"
#include "tests/fuzz/fuzz.h"
#include "tests/proto/settings/settings_equal.h"

static struct hp_json json, again;

static void check_bounds(const struct hp_settings *settings)
{
	const struct hp_seccomp *seccomp = settings->seccomp;
	size_t names = 0;

	must(settings->rlimit_count <= HP_RLIMITS_MAX, "limits are bounded");
	must(!settings->user.is_set ||
		 (settings->user.uid != UINT32_MAX && settings->user.gid != UINT32_MAX),
	     "an id is somebody's");
	for (size_t i = 0; i < settings->rlimit_count; i++)
		must(settings->rlimits[i].soft <= settings->rlimits[i].hard,
		     "a soft limit is not above its hard one");
	for (size_t i = 0; i < settings->namespace_count; i++)
		must(!settings->namespaces[i].path || settings->namespaces[i].path[0] == '/',
		     "a path is absolute");
	for (size_t i = 0; seccomp && i < seccomp->rule_count; i++) {
		must(seccomp->rules[i].names[0] != NULL, "a rule has a name");
		for (size_t k = 0; seccomp->rules[i].names[k]; k++)
			names++;
	}
	must(names <= HP_SECCOMP_NAMES_MAX, "names are bounded");
}

static struct hp_buf written(const struct hp_settings *settings)
{
	struct hp_buf buf = HP_BUF_INIT;
	struct hp_json_writer writer = HP_JSON_WRITER_INIT(&buf);
	struct hp_err err = {0};
	int r = hp_settings_write(&writer, settings, &err);

	must(r == 0 || (r == -ENOTSUP && err.reason[0] != '\0'),
	     "settings are written, or what cannot be is named");
	if (r < 0)
		hp_buf_free(&buf);
	return buf;
}

static void check_round_trip(const struct hp_settings *settings, enum hp_dialect dialect)
{
	struct hp_buf first = written(settings), second;
	struct hp_arena arena = HP_ARENA_INIT;
	struct hp_settings *read;
	struct hp_err err;

	if (!first.data)
		return;
	must(hp_json_parse(&again, first.data, first.length, &err) == 0 &&
		 hp_settings_read(hp_json_root(&again), HP_DIALECT_LIBCONTAINER, &arena, &read,
				  &err) == 0,
	     "written settings are read");
	/* runtime-spec has rules of several names, and flags that are absent. */
	if (dialect == HP_DIALECT_LIBCONTAINER)
		must(!settings_difference(settings, read), "settings come back as they were");
	second = written(read);
	must(second.length == first.length && memcmp(second.data, first.data, first.length) == 0,
	     "settings are written the same again");
	hp_arena_free(&arena);
	hp_buf_free(&first);
	hp_buf_free(&second);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct hp_err err;

	if (hp_json_parse(&json, (const char *)data, size, &err) < 0)
		return 0;
	for (int dialect = 0; dialect < HP_DIALECT_COUNT; dialect++) {
		struct hp_arena arena = HP_ARENA_INIT;
		struct hp_settings *settings;
		int r = hp_settings_read(hp_json_root(&json), (enum hp_dialect)dialect, &arena,
					 &settings, &err);

		if (r == 0) {
			check_bounds(settings);
			check_round_trip(settings, (enum hp_dialect)dialect);
		} else {
			must(r == -EINVAL && err.reason[0] != '\0', "a refusal has a reason");
		}
		hp_arena_free(&arena);
	}
	return 0;
}
