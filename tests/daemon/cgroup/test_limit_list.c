/* SPDX-License-Identifier: Apache-2.0 */

/* Resources as files of cgroup v2: every field, the arithmetic, and what is refused. */

#include "tests/daemon/support/support.h"

#include "daemon/cgroup/limit_list.h"

#define INT(number)  ((struct hp_int){true, (number)})
#define UINT(number) ((struct hp_uint){true, (number)})
#define YES	     ((struct hp_bool){true, true})
#define NO	     ((struct hp_bool){true, false})

/* "file=text" for each limit, one per line; "|file=text" after one that has an alternative. */
static char *written(const struct hp_resources *resources)
{
	struct limit_list list;
	struct hp_err err;
	char *text;
	size_t size;
	FILE *file = open_memstream(&text, &size);

	if (limit_list_make(resources, &list, &err) < 0)
		fail_msg("%s: %s", err.path, err.reason);
	for (size_t i = 0; i < list.count; i++) {
		const struct limit *limit = &list.limits[i];

		fprintf(file, "%s=%s", limit->file, limit->text);
		if (limit->else_file)
			fprintf(file, "|%s=%s", limit->else_file, limit->else_text);
		fputc('\n', file);
	}
	fclose(file);
	limit_list_clear(&list);
	return text;
}

static void expect(const struct hp_resources *resources, const char *expected)
{
	char *text = written(resources);

	assert_string_equal(text, expected);
	free(text);
}

static void expect_unsupported(const struct hp_resources *resources, const char *path)
{
	struct limit_list list = {.count = 4711};
	struct hp_err err = {0};

	assert_int_equal(limit_list_make(resources, &list, &err), -EOPNOTSUPP);
	assert_int_equal(list.count, 4711);
	assert_string_equal(err.path, path);
	assert_int_equal(err.code, HP_ERR_NOT_SUPPORTED);
	assert_true(err.reason[0]);
}

static void nothing_asked_is_nothing_written(void **state)
{
	(void)state;
	expect(&(struct hp_resources){0}, "");
}

/* ---- pids ---- */

static void pids(void **state)
{
	(void)state;
	expect(&(struct hp_resources){.pids_limit = INT(32)}, "pids.max=32\n");
	expect(&(struct hp_resources){.pids_limit = INT(-1)}, "pids.max=max\n");
	expect(&(struct hp_resources){.pids_limit = INT(0)}, "pids.max=1\n");
}

/* ---- memory ---- */

static void memory_in_the_order_of_runc(void **state)
{
	(void)state;
	expect(
	    &(struct hp_resources){
		.memory = {.limit = INT(1000), .reservation = INT(500), .swap = INT(1700)}},
	    "memory.swap.max=700\nmemory.max=1000\nmemory.low=500\n");
}

static void swap_is_both_together(void **state)
{
	static const struct {
		int64_t limit, swap;
		const char *expected;
	} rows[] = {
	    {0, 0, ""},
	    {-1, 0, "memory.swap.max=max\nmemory.max=max\n"},
	    {-1, -1, "memory.swap.max=max\nmemory.max=max\n"},
	    {-1, 5, "memory.swap.max=5\nmemory.max=max\n"},
	    {0, -1, "memory.swap.max=max\n"},
	    {100, 0, "memory.max=100\n"},
	    {100, -1, "memory.swap.max=max\nmemory.max=100\n"},
	    {100, 100, "memory.swap.max=0\nmemory.max=100\n"},
	    {100, INT64_MAX, "memory.swap.max=9223372036854775707\nmemory.max=100\n"},
	};

	(void)state;
	for (size_t i = 0; i < ELEMENTS(rows); i++)
		expect(&(struct hp_resources){.memory = {.limit = INT(rows[i].limit),
							 .swap = INT(rows[i].swap)}},
		       rows[i].expected);
}

static unsigned int flags_of(const struct hp_resources *resources, size_t index)
{
	struct limit_list list;
	struct hp_err err;
	unsigned int flags;

	assert_int_equal(limit_list_make(resources, &list, &err), 0);
	assert_in_range(index, 0, list.count - 1);
	flags = list.limits[index].flags;
	limit_list_clear(&list);
	return flags;
}

static void swap_that_is_not_there_is_no_loss_where_none_is_wanted(void **state)
{
	struct hp_resources resources = {.memory = {.limit = INT(100), .swap = INT(-1)}};

	(void)state;
	assert_int_equal(flags_of(&resources, 0), LIMIT_OPTIONAL);
	resources.memory.swap.value = 100;
	assert_int_equal(flags_of(&resources, 0), LIMIT_OPTIONAL_WITHOUT_SWAP);
	resources.memory.swap.value = 101;
	assert_int_equal(flags_of(&resources, 0), 0);
	assert_int_equal(flags_of(&resources, 1), 0);
	resources.memory.check_before_update = YES;
	assert_int_equal(flags_of(&resources, 0), LIMIT_ABOVE_USAGE);
	assert_int_equal(flags_of(&resources, 1), LIMIT_ABOVE_USAGE);
	resources.memory.check_before_update = NO;
	assert_int_equal(flags_of(&resources, 1), 0);
}

static void memory_of_the_kernel_counts_in_the_limit(void **state)
{
	(void)state;
	expect(&(struct hp_resources){.memory = {.kernel = INT(-1), .kernel_tcp = INT(0)}}, "");
	expect(&(struct hp_resources){.memory = {.limit = INT(100), .kernel = INT(100)}},
	       "memory.max=100\n");
	expect_unsupported(&(struct hp_resources){.memory = {.limit = INT(100), .kernel = INT(99)}},
			   "memory.kernel");
	expect_unsupported(
	    &(struct hp_resources){.memory = {.limit = INT(-1), .kernel_tcp = INT(1)}},
	    "memory.kernelTCP");
	expect_unsupported(&(struct hp_resources){.memory = {.kernel = INT(1)}}, "memory.kernel");
}

/* ---- cpu ---- */

static void shares_become_a_weight(void **state)
{
	static const struct {
		uint64_t shares;
		unsigned int weight;
	} rows[] = {
	    {1, 1},
	    {2, 1},
	    {10, 4},
	    {100, 17},
	    {256, 35},
	    {512, 59},
	    {1024, 100},
	    {2048, 174},
	    {4096, 303},
	    {262143, 10000},
	    {262144, 10000},
	    {262145, 10000},
	    {UINT64_MAX, 10000},
	};
	unsigned int last = 1;

	(void)state;
	for (size_t i = 0; i < ELEMENTS(rows); i++)
		assert_int_equal(limit_weight_of_shares(rows[i].shares), rows[i].weight);
	for (uint64_t shares = 2; shares <= 262144; shares++) {
		unsigned int weight = limit_weight_of_shares(shares);

		assert_in_range(weight, last, 10000);
		last = weight;
	}
	expect(&(struct hp_resources){.cpu = {.shares = UINT(512)}}, "cpu.weight=59\n");
	expect(&(struct hp_resources){.cpu = {.shares = UINT(0)}}, "");
	expect(&(struct hp_resources){.cpu = {.shares = UINT(512), .weight = UINT(7)}},
	       "cpu.weight=7\n");
}

static void quota_as_systemd_has_it(void **state)
{
	static const struct {
		uint64_t quota_us, period_us, per_second_us;
	} rows[] = {
	    {100000, 100000, 1000000},
	    {150000, 100000, 1500000},
	    {1, 100000, 10000},
	    {1001, 100000, 20000},
	    {4294967296, 100000, 42949680000},
	    {INT64_MAX, INT64_MAX, 1000000},
	    {INT64_MAX, UINT64_MAX, 500000},
	    {INT64_MAX, 1000000, 9223372036854780000u},
	    {INT64_MAX, 100000, UINT64_MAX},
	    {INT64_MAX, 1, UINT64_MAX},
	    {1, UINT64_MAX, 10000},
	};

	(void)state;
	for (size_t i = 0; i < ELEMENTS(rows); i++)
		assert_int_equal(limit_cpu_per_second_us(rows[i].quota_us, rows[i].period_us),
				 rows[i].per_second_us);
}

static void quota_and_period(void **state)
{
	struct hp_resources period = {.cpu = {.period = UINT(50000)}};

	(void)state;
	expect(&(struct hp_resources){.cpu = {.quota = INT(20000), .period = UINT(50000)}},
	       "cpu.max=20000 50000\n");
	expect(&(struct hp_resources){.cpu = {.quota = INT(-1), .period = UINT(50000)}},
	       "cpu.max=max 50000\n");
	expect(&(struct hp_resources){.cpu = {.quota = INT(20000)}}, "cpu.max=20000\n");
	expect(&(struct hp_resources){.cpu = {.quota = INT(0), .period = UINT(0)}}, "");
	expect(&period, "cpu.max=50000\n");
	assert_int_equal(flags_of(&period, 0), LIMIT_SECOND_WORD);
}

static void burst_goes_with_the_quota(void **state)
{
	struct hp_resources resources = {.cpu = {.burst = UINT(1000)}};

	(void)state;
	expect(&resources, "cpu.max.burst=1000\n");
	assert_int_equal(flags_of(&resources, 0), 0);
	resources.cpu.quota = INT(5000);
	expect(&resources, "cpu.max.burst=1000\ncpu.max=5000\n");
	assert_int_equal(flags_of(&resources, 0), LIMIT_AGAIN_AFTER_NEXT);
	expect(&(struct hp_resources){.cpu = {.burst = UINT(0)}}, "cpu.max.burst=0\n");
}

static void an_idle_cgroup_has_no_weight(void **state)
{
	struct hp_resources resources = {.cpu = {.idle = INT(0), .shares = UINT(512)}};
	char idle[] = "cpu.idle", zero[] = "0", weight[] = "cpu.weight", more[] = "77";
	struct hp_unified unified[] = {{idle, zero}, {weight, more}};

	(void)state;
	expect(&resources, "cpu.idle=0\ncpu.weight=59\n");
	resources.cpu.idle = INT(1);
	expect(&resources, "cpu.weight=\ncpu.idle=1\n");
	assert_int_equal(flags_of(&resources, 0), LIMIT_ONLY_REMEMBERED);
	resources.unified = unified;
	resources.unified_count = ELEMENTS(unified);
	expect(&resources, "cpu.weight=\ncpu.idle=1\ncpu.idle=0\ncpu.weight=77\n");
	unified[0].value[0] = '1';
	resources.cpu = (struct hp_cpu){0};
	expect(&resources, "cpu.weight=\ncpu.idle=1\n");
	assert_int_equal(flags_of(&resources, 0), LIMIT_ONLY_REMEMBERED);
}

static void cpus_and_nodes(void **state)
{
	char cpus[] = "0-3,7", mems[] = "0", none[] = "";

	(void)state;
	expect(&(struct hp_resources){.cpu = {.cpus = cpus, .mems = mems}},
	       "cpuset.cpus=0-3,7\ncpuset.mems=0\n");
	expect(&(struct hp_resources){.cpu = {.cpus = none, .mems = none}}, "");
}

/* ---- io ---- */

static void io_weights_fit_both_schedulers(void **state)
{
	struct hp_weight_device devices[] = {
	    {8, 0, UINT(500), {0}},
	    {8, 16, {0}, {0}},
	    {259, 1, UINT(10), {0}},
	};
	struct hp_resources resources = {
	    .block_io = {.weight = UINT(1000), .weight_devices = devices, .weight_device_count = 3},
	};

	(void)state;
	expect(&resources, "io.bfq.weight=1000|io.weight=10000\n"
			   "io.bfq.weight=8:0 500|io.weight=8:0 4950\n"
			   "io.bfq.weight=259:1 10|io.weight=259:1 1\n");
	expect(&(struct hp_resources){.block_io = {.weight = UINT(0)}}, "");
	devices[1] = (struct hp_weight_device){.leaf_weight = UINT(5)};
	expect_unsupported(&resources, "blockIO.leafWeight");
}

static void throttles_are_one_line_each(void **state)
{
	struct hp_throttle_device two[] = {{8, 0, 1000}, {8, 16, UINT64_MAX}};
	struct hp_resources resources = {
	    .block_io = {.throttle = {two, two, two, two}, .throttle_count = {2, 1, 1, 1}},
	};

	(void)state;
	expect(&resources, "io.max=8:0 rbps=1000\n"
			   "io.max=8:16 rbps=18446744073709551615\n"
			   "io.max=8:0 wbps=1000\n"
			   "io.max=8:0 riops=1000\n"
			   "io.max=8:0 wiops=1000\n");
}

/* ---- the rest ---- */

static void huge_pages_used_and_reserved(void **state)
{
	char size[] = "2MB", odd[] = "123456789KB";
	struct hp_hugepage_limit limits[] = {{size, 4096}, {size, 0}};
	struct hp_resources resources = {.hugepage_limits = limits, .hugepage_limit_count = 2};

	(void)state;
	expect(&resources, "hugetlb.2MB.max=4096\nhugetlb.2MB.rsvd.max=4096\n"
			   "hugetlb.2MB.max=0\nhugetlb.2MB.rsvd.max=0\n");
	assert_int_equal(flags_of(&resources, 0), 0);
	assert_int_equal(flags_of(&resources, 1), LIMIT_OPTIONAL);
	/* A size that no machine has is accepted here: writing the file reports it. */
	limits[0].page_size = odd;
	resources.hugepage_limit_count = 1;
	expect(&resources, "hugetlb.123456789KB.max=4096\nhugetlb.123456789KB.rsvd.max=4096\n");
}

static void rdma_devices(void **state)
{
	char name[] = "mlx5_1", other[] = "rxe0";
	struct hp_rdma rdma[] = {
	    {name, UINT(3), UINT(10000)},
	    {other, {0}, UINT(0)},
	    {other, {0}, {0}},
	};
	struct hp_resources resources = {.rdma = rdma, .rdma_count = 3};

	(void)state;
	expect(&resources,
	       "rdma.max=mlx5_1 hca_handle=3 hca_object=10000\nrdma.max=rxe0 hca_object=0\n");
}

static void unified_comes_last_and_line_by_line(void **state)
{
	char high[] = "memory.high", bytes[] = "4096", max[] = "io.max",
	     lines[] = "8:0 rbps=1\n\n8:16 rbps=2\n", depth[] = "cgroup.max.depth";
	struct hp_unified unified[] = {{max, lines}, {high, bytes}, {depth, bytes}};
	struct hp_resources resources = {
	    .pids_limit = INT(3), .unified = unified, .unified_count = 3};

	(void)state;
	expect(&resources, "pids.max=3\nio.max=8:0 rbps=1\nio.max=8:16 rbps=2\n"
			   "memory.high=4096\ncgroup.max.depth=4096\n");
}

static void what_cgroup_v2_lacks_is_named(void **state)
{
	struct hp_interface_priority priority = {0};
	const struct {
		const char *path;
		struct hp_resources resources;
	} rows[] = {
	    {"memory.swappiness", {.memory = {.swappiness = UINT(0)}}},
	    {"memory.disableOOMKiller", {.memory = {.disable_oom_killer = YES}}},
	    {"cpu.realtimeRuntime", {.cpu = {.realtime_runtime = INT(950000)}}},
	    {"cpu.realtimePeriod", {.cpu = {.realtime_period = UINT(1000000)}}},
	    {"blockIO.leafWeight", {.block_io = {.leaf_weight = UINT(10)}}},
	    {"network.classID", {.network_class_id = UINT(1048577)}},
	    {"network.priorities", {.network_priorities = &priority, .network_priority_count = 1}},
	};

	(void)state;
	for (size_t i = 0; i < ELEMENTS(rows); i++)
		expect_unsupported(&rows[i].resources, rows[i].path);
}

static void errors_are_in_usual_words(void **state)
{
	static const struct {
		struct hp_resources resources;
		const char *reason;
	} rows[] = {
	    {{.memory = {.swappiness = UINT(0)}}, "is not supported by cgroup v2"},
	};

	(void)state;
	for (size_t i = 0; i < ELEMENTS(rows); i++) {
		struct limit_list list = {0};
		struct hp_err err = {0};

		assert_true(limit_list_make(&rows[i].resources, &list, &err) < 0);
		assert_string_equal(err.reason, rows[i].reason);
		limit_list_clear(&list);
	}
}

static void what_it_lacks_is_passed_over_where_nothing_is_lost(void **state)
{
	(void)state;
	expect(
	    &(struct hp_resources){
		.memory = {.disable_oom_killer = NO, .use_hierarchy = YES},
		.cpu = {.realtime_runtime = INT(0), .realtime_period = UINT(0)},
		.block_io = {.leaf_weight = UINT(0)},
		.network_class_id = UINT(0),
	    },
	    "");
	expect(&(struct hp_resources){.memory = {.use_hierarchy = NO}}, "");
	expect(&(struct hp_resources){.cpu = {.realtime_runtime = INT(-1)}}, "");
}

static void every_limit_names_its_field(void **state)
{
	struct hp_throttle_device throttle = {8, 0, 1};
	char device[] = "mlx5_1";
	struct hp_rdma rdma = {device, UINT(1), {0}};
	struct hp_resources resources = {
	    .cpu = {.quota = INT(1000)},
	    .block_io = {.throttle = {&throttle}, .throttle_count = {1}},
	    .rdma = &rdma,
	    .rdma_count = 1,
	};
	struct limit_list list;
	struct hp_err err;

	(void)state;
	assert_int_equal(limit_list_make(&resources, &list, &err), 0);
	assert_int_equal(list.count, 3);
	assert_string_equal(list.limits[0].path, "blockIO.throttleReadBpsDevice[0].rate");
	assert_string_equal(list.limits[1].path, "cpu.quota");
	assert_string_equal(list.limits[2].path, "rdma.mlx5_1");
	limit_list_clear(&list);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(nothing_asked_is_nothing_written),
	    cmocka_unit_test(pids),
	    cmocka_unit_test(memory_in_the_order_of_runc),
	    cmocka_unit_test(swap_is_both_together),
	    cmocka_unit_test(swap_that_is_not_there_is_no_loss_where_none_is_wanted),
	    cmocka_unit_test(memory_of_the_kernel_counts_in_the_limit),
	    cmocka_unit_test(shares_become_a_weight),
	    cmocka_unit_test(quota_as_systemd_has_it),
	    cmocka_unit_test(quota_and_period),
	    cmocka_unit_test(burst_goes_with_the_quota),
	    cmocka_unit_test(an_idle_cgroup_has_no_weight),
	    cmocka_unit_test(cpus_and_nodes),
	    cmocka_unit_test(io_weights_fit_both_schedulers),
	    cmocka_unit_test(throttles_are_one_line_each),
	    cmocka_unit_test(huge_pages_used_and_reserved),
	    cmocka_unit_test(rdma_devices),
	    cmocka_unit_test(unified_comes_last_and_line_by_line),
	    cmocka_unit_test(what_cgroup_v2_lacks_is_named),
	    cmocka_unit_test(errors_are_in_usual_words),
	    cmocka_unit_test(what_it_lacks_is_passed_over_where_nothing_is_lost),
	    cmocka_unit_test(every_limit_names_its_field),
	};

	bound_time();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
