/* SPDX-License-Identifier: Apache-2.0 */

/* The names of fields for a client of libcontainer's dialect. */

#include <stdio.h>
#include <string.h>

#include "proto/settings/settings_json.h"
#include "tests/proto/base/unit.h"

static void test_names(void **state)
{
	static const char *const paths[][2] = {
	    {"linux.resources.memory.limit", "cgroups.memory"},
	    {"linux.resources.memory.swap", "cgroups.memory_swap"},
	    {"linux.resources.memory.swappiness", "cgroups.memory_swappiness"},
	    {"linux.resources.memory.kernel", "cgroups.kernel_memory"},
	    {"linux.resources.memory.kernelTCP", "cgroups.kernel_memory_tcp"},
	    {"linux.resources.blockIO.weight", "cgroups.blkio_weight"},
	    {"linux.resources.blockIO.weightDevice[1].weight",
	     "cgroups.blkio_weight_device[1].weight"},
	    {"linux.resources.hugepageLimits[0]", "cgroups.hugetlb_limit[0]"},
	    {"linux.resources.unified.memory.high", "cgroups.unified.memory.high"},
	    {"linux.resources", "cgroups"},
	    {"linux.intelRdt.closID", "intel_rdt.closID"},
	    {"process.execCPUAffinity", "exec_cpu_affinity"},
	    {"something.else", "something.else"},
	    {"", ""},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(paths) / sizeof(paths[0]); i++) {
		char path[HP_ERR_PATH_SIZE];

		snprintf(path, sizeof(path), "%s", paths[i][0]);
		hp_settings_path(path, HP_DIALECT_OCI);
		assert_string_equal(path, paths[i][0]);
		hp_settings_path(path, HP_DIALECT_LIBCONTAINER);
		assert_string_equal(path, paths[i][1]);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_names)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
