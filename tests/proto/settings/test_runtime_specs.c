/* SPDX-License-Identifier: Apache-2.0 */

/* The whole config.json of `runc spec` and `crun spec`, read as settings. */

#include "tests/proto/settings/settings_unit.h"

#include <sys/resource.h>
#include <unistd.h>

/* The file that the runtime writes into a temporary directory, which is removed. */
static char *make_spec(const char *runtime)
{
	char folder[] = "/tmp/hookd-test-XXXXXX", command[128], path[128];
	char *text = NULL;

	assert_non_null(mkdtemp(folder));
	snprintf(command, sizeof(command), "cd %s && %s spec", folder, runtime);
	snprintf(path, sizeof(path), "%s/config.json", folder);
	if (system(command) == 0)
		text = file_read(path);
	unlink(path);
	rmdir(folder);
	if (!text)
		fail_msg("%s spec failed", runtime);
	return text;
}

static const struct hp_namespace *find_namespace(const struct hp_settings *settings, int type)
{
	for (size_t i = 0; i < settings->namespace_count; i++) {
		if (settings->namespaces[i].type == type)
			return &settings->namespaces[i];
	}
	return NULL;
}

static void assert_spec(const char *runtime)
{
	const uint64_t capabilities = 1ull << 29 | 1ull << 5 | 1ull << 10;
	char *text = make_spec(runtime);
	struct reading reading = settings_open(text, HP_DIALECT_OCI);
	const struct hp_settings *settings = reading.settings;

	assert_true(settings->user.is_set);
	assert_int_equal(settings->user.uid, 0);
	assert_true(settings->no_new_privileges);
	assert_true((settings->capabilities.sets[HP_CAPABILITIES_BOUNDING] & capabilities) ==
		    capabilities);
	assert_int_equal(settings->rlimit_count, 1);
	assert_int_equal(settings->rlimits[0].resource, RLIMIT_NOFILE);
	assert_int_equal(settings->rlimits[0].soft, 1024);
	assert_true(settings->namespace_count >= 5);
	for (size_t i = 0; i < settings->namespace_count; i++)
		assert_null(settings->namespaces[i].path);
	assert_non_null(find_namespace(settings, 0x20000000));
	assert_non_null(settings->resources);
	assert_int_equal(settings->resources->device_count, 1);
	assert_false(settings->resources->devices[0].allow);
	assert_int_equal(settings->resources->devices[0].type, 'a');
	settings_close(&reading);
	free(text);
}

static void runcs_spec_is_read(void **state)
{
	(void)state;
	assert_spec("runc");
}

static void cruns_spec_is_read(void **state)
{
	(void)state;
	assert_spec("crun");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(runcs_spec_is_read),
	    cmocka_unit_test(cruns_spec_is_read),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
