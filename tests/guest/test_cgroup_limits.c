/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Limits of cgroups on a kernel with all controllers: the content of the files afterwards, and the
 * undo. Limits of disks are tested if there is an NVMe disk.
 */

#include "tests/guest/fresh_cgroup.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>

#include "daemon/base/file.h"

static dev_t disk;

/* ---- files ---- */

static void pids_and_memory(void **state)
{
	(void)state;
	fresh_expect_applied(
	    &(struct hp_resources){
		.pids_limit = INT(32),
		.memory = {.limit = INT(64 * MIB),
			   .reservation = INT(16 * MIB),
			   .swap = INT(96 * MIB)},
	    },
	    NULL);
	fresh_expect_file("pids.max", "32\n");
	fresh_expect_file("memory.max", "67108864\n");
	fresh_expect_file("memory.low", "16777216\n");
	fresh_expect_file("memory.swap.max", "33554432\n");
	fresh_expect_applied(
	    &(struct hp_resources){
		.pids_limit = INT(-1),
		.memory = {.limit = INT(-1), .reservation = INT(-1)},
	    },
	    NULL);
	fresh_expect_file("pids.max", "max\n");
	fresh_expect_file("memory.max", "max\n");
	fresh_expect_file("memory.low", "max\n");
	fresh_expect_file("memory.swap.max", "max\n");
	fresh_expect_applied(
	    &(struct hp_resources){.pids_limit = INT(0),
				   .memory = {.limit = INT(MIB), .swap = INT(MIB)}},
	    NULL);
	fresh_expect_file("pids.max", "1\n");
	fresh_expect_file("memory.swap.max", "0\n");
}

static void cpu(void **state)
{
	(void)state;
	fresh_expect_applied(
	    &(struct hp_resources){
		.cpu = {.shares = UINT(512),
			.quota = INT(20000),
			.period = UINT(50000),
			.burst = UINT(5000)},
	    },
	    NULL);
	fresh_expect_file("cpu.weight", "59\n");
	fresh_expect_file("cpu.max", "20000 50000\n");
	fresh_expect_file("cpu.max.burst", "5000\n");
	fresh_expect_applied(&(struct hp_resources){.cpu = {.period = UINT(100000)}}, NULL);
	fresh_expect_file("cpu.max", "20000 100000\n");
	fresh_expect_applied(&(struct hp_resources){.cpu = {.quota = INT(30000)}}, NULL);
	fresh_expect_file("cpu.max", "30000 100000\n");
	fresh_expect_applied(&(struct hp_resources){.cpu = {.quota = INT(-1)}}, NULL);
	fresh_expect_file("cpu.max", "max 100000\n");
	fresh_expect_applied(&(struct hp_resources){.cpu = {.weight = UINT(10000)}}, NULL);
	fresh_expect_file("cpu.weight", "10000\n");
}

/* The kernel checks burst <= quota at each of the two writes. */
static void burst_and_quota_go_up_and_down_together(void **state)
{
	static const int steps[] = {10000, 100000, 2000, 50000};

	(void)state;
	for (size_t i = 0; i < ELEMENTS(steps); i++) {
		char quota[32], burst[32];

		fresh_expect_applied(
		    &(struct hp_resources){
			.cpu = {.quota = INT(steps[i]), .burst = UINT((uint64_t)steps[i])}},
		    NULL);
		snprintf(quota, sizeof(quota), "%d 100000\n", steps[i]);
		snprintf(burst, sizeof(burst), "%d\n", steps[i]);
		fresh_expect_file("cpu.max", quota);
		fresh_expect_file("cpu.max.burst", burst);
	}
}

static void a_burst_above_the_quota_is_the_kernels_to_refuse(void **state)
{
	struct hp_err err;

	(void)state;
	assert_int_equal(
	    fresh_apply(&(struct hp_resources){.cpu = {.quota = INT(1000), .burst = UINT(1001)}},
			NULL, &err),
	    -EINVAL);
	assert_int_equal(err.code, HP_ERR_SETTING_FAILED);
	assert_string_equal(err.path, "cpu.quota");
	assert_string_equal(err.reason, "cannot write \"1000\" to cpu.max: Invalid argument");
	fresh_expect_applied(&(struct hp_resources){.cpu = {.quota = INT(1000), .burst = UINT(0)}},
			     NULL);
	assert_int_equal(
	    fresh_apply(&(struct hp_resources){.cpu = {.burst = UINT(1001)}}, NULL, &err), -EINVAL);
	assert_string_equal(err.path, "cpu.burst");
	assert_int_equal(fresh_apply(&(struct hp_resources){.cpu = {.quota = INT(1)}}, NULL, &err),
			 -EINVAL);
	assert_string_equal(err.path, "cpu.quota");
}

static void idle(void **state)
{
	struct hp_resources resources = {.cpu = {.idle = INT(1), .shares = UINT(512)}};

	(void)state;
	fresh_expect_applied(&resources, NULL);
	fresh_expect_file("cpu.idle", "1\n");
	fresh_expect_applied(&resources, NULL);
	resources.cpu.idle = INT(0);
	fresh_expect_applied(&resources, NULL);
	fresh_expect_file("cpu.idle", "0\n");
	fresh_expect_file("cpu.weight", "59\n");
}

static void cpuset(void **state)
{
	char cpus[] = "1", mems[] = "0", none[] = "4096";
	struct hp_err err;

	(void)state;
	fresh_expect_applied(&(struct hp_resources){.cpu = {.cpus = cpus, .mems = mems}}, NULL);
	fresh_expect_file("cpuset.cpus", "1\n");
	fresh_expect_file("cpuset.mems", "0\n");
	fresh_expect_file("cpuset.cpus.effective", "1\n");
	assert_int_equal(fresh_apply(&(struct hp_resources){.cpu = {.cpus = none}}, NULL, &err),
			 -ERANGE);
	assert_string_equal(err.path, "cpu.cpus");
}

/* The kernel refuses to empty a cpuset that has processes; it gets that of the parent cgroup. */
static void cpuset_of_processes(void **state)
{
	struct limits_journal journal = LIMITS_JOURNAL_INIT;
	char cpus[] = "1", text[16];
	pid_t pid = fork();

	(void)state;
	if (pid == 0)
		for (;;)
			pause();
	assert_true(pid > 0);
	snprintf(text, sizeof(text), "%d", pid);
	assert_int_equal(file_write_at(fresh_fd, "cgroup.procs", text), 0);
	fresh_expect_applied(&(struct hp_resources){.cpu = {.cpus = cpus}}, &journal);
	fresh_expect_file("cpuset.cpus.effective", "1\n");
	assert_int_equal(limits_undo(fresh_fd, &journal), 0);
	fresh_expect_file("cpuset.cpus.effective", "0-1\n");
	limits_journal_clear(&journal);
	kill(pid, SIGKILL);
	assert_int_equal(waitpid(pid, NULL, 0), pid);
}

static void hugetlb(void **state)
{
	char two[] = "2MB", three[] = "3MB";
	struct hp_hugepage_limit limit = {two, 4 * MIB};
	struct hp_resources resources = {.hugepage_limits = &limit, .hugepage_limit_count = 1};
	struct hp_err err;

	(void)state;
	fresh_expect_applied(&resources, NULL);
	fresh_expect_file("hugetlb.2MB.max", "4194304\n");
	fresh_expect_file("hugetlb.2MB.rsvd.max", "4194304\n");
	limit.page_size = three;
	assert_int_equal(fresh_apply(&resources, NULL, &err), -EOPNOTSUPP);
	assert_string_equal(err.reason, "this kernel has no hugetlb.3MB.max");
}

/* The guest has no such device, so only the error can be tested. */
static void rdma_of_an_unknown_device(void **state)
{
	char name[] = "mlx5_0";
	struct hp_rdma rdma = {name, UINT(2), UINT(100)};
	struct hp_err err;
	int r = fresh_apply(&(struct hp_resources){.rdma = &rdma, .rdma_count = 1}, NULL, &err);

	(void)state;
	assert_int_equal(r, -ENODEV);
	assert_string_equal(err.path, "rdma.mlx5_0");
	assert_string_equal(err.reason, "cannot write \"mlx5_0 hca_handle=2 hca_object=100\" to "
					"rdma.max: No such device");
}

static void unified_overrides(void **state)
{
	static char high[] = "memory.high", bytes[] = "33554432", pids[] = "pids.max", five[] = "5";
	struct hp_unified unified[] = {{high, bytes}, {pids, five}};

	(void)state;
	fresh_expect_applied(
	    &(struct hp_resources){.pids_limit = INT(32), .unified = unified, .unified_count = 2},
	    NULL);
	fresh_expect_file("memory.high", "33554432\n");
	fresh_expect_file("pids.max", "5\n");
}

/* ---- disks ---- */

static void io_weights(void **state)
{
	struct hp_weight_device device = {major(disk), minor(disk), UINT(1000), {0}};
	char expected[64];

	(void)state;
	fresh_expect_applied(&(struct hp_resources){.block_io = {.weight = UINT(500)}}, NULL);
	fresh_expect_file("io.weight", "default 4950\n");
	if (!disk)
		skip("no disk to limit");
	fresh_expect_applied(&(struct hp_resources){.block_io = {.weight_devices = &device,
								 .weight_device_count = 1}},
			     NULL);
	snprintf(expected, sizeof(expected), "default 4950\n%u:%u 10000\n", major(disk),
		 minor(disk));
	fresh_expect_file("io.weight", expected);
}

static void io_throttles(void **state)
{
	struct hp_throttle_device devices[] = {{major(disk), minor(disk), 1 * MIB},
					       {major(disk), minor(disk), 2 * MIB},
					       {major(disk), minor(disk), 100},
					       {major(disk), minor(disk), 200}};
	struct hp_resources resources = {
	    .block_io = {.throttle = {&devices[0], &devices[1], &devices[2], &devices[3]},
			 .throttle_count = {1, 1, 1, 1}},
	};
	char expected[128];
	struct hp_err err;

	(void)state;
	if (!disk)
		skip("no disk to limit");
	fresh_expect_applied(&resources, NULL);
	snprintf(expected, sizeof(expected),
		 "%u:%u rbps=1048576 wbps=2097152 riops=100 wiops=200\n", major(disk), minor(disk));
	fresh_expect_file("io.max", expected);
	/* 0 means "no limit" with cgroup v1; with v2 the kernel refuses it. */
	devices[2].rate = 0;
	assert_int_equal(fresh_apply(&resources, NULL, &err), -ERANGE);
	assert_string_equal(err.path, "blockIO.throttleReadIOPSDevice[0].rate");
	devices[2] = (struct hp_throttle_device){4000, 4000, 1};
	assert_int_equal(fresh_apply(&resources, NULL, &err), -ENODEV);
}

/* ---- undo ---- */

static const char *const all_files[] = {
    "pids.max",	   "memory.max", "memory.low",	  "memory.swap.max", "memory.high",
    "cpu.weight",  "cpu.max",	 "cpu.max.burst", "cpu.idle",	     "cpuset.cpus",
    "cpuset.mems", "io.max",	 "io.weight",	  "hugetlb.2MB.max", "hugetlb.2MB.rsvd.max",
};

static char *snapshot(void)
{
	char *text;
	size_t length;
	FILE *file = open_memstream(&text, &length);

	for (size_t i = 0; i < ELEMENTS(all_files); i++) {
		char content[4096];

		assert_true(file_read_at(fresh_fd, all_files[i], content, sizeof(content)) >= 0);
		fprintf(file, "%s: %s", all_files[i], content);
	}
	fclose(file);
	return text;
}

struct everything {
	struct hp_resources resources;
	struct hp_throttle_device throttle;
	struct hp_weight_device weight;
	struct hp_hugepage_limit hugepages;
	struct hp_unified unified;
	char cpus[4], mems[4], page_size[4], file[16], value[16];
};

/* Different values of all fields for each number. */
static void ask_for_everything(struct everything *all, int number)
{
	*all = (struct everything){
	    .cpus = "0", .mems = "0", .page_size = "2MB", .file = "memory.high"};
	all->cpus[0] = (char)('0' + number % 2);
	snprintf(all->value, sizeof(all->value), "%d", (number + 1) * 8 * MIB);
	all->throttle =
	    (struct hp_throttle_device){major(disk), minor(disk), (uint64_t)(number + 1) * MIB};
	all->weight = (struct hp_weight_device){
	    major(disk), minor(disk), UINT(100u + (unsigned int)number), {0}};
	all->hugepages =
	    (struct hp_hugepage_limit){all->page_size, (uint64_t)(number + 1) * 2 * MIB};
	all->unified = (struct hp_unified){all->file, all->value};
	all->resources = (struct hp_resources){
	    .pids_limit = INT(number + 10),
	    .memory = {.limit = INT((number + 4) * MIB),
		       .reservation = INT((number + 1) * MIB),
		       .swap = INT((number + 6) * MIB)},
	    .cpu = {.quota = INT((number + 1) * 10000),
		    .burst = UINT((number + 1u) * 9000),
		    .period = UINT(100000u + (unsigned int)number),
		    .cpus = all->cpus,
		    .mems = all->mems},
	    .block_io = {.weight = UINT(200u + (unsigned int)number)},
	    .hugepage_limits = &all->hugepages,
	    .hugepage_limit_count = 1,
	    .unified = &all->unified,
	    .unified_count = 1,
	};
	if (number % 3 == 0)
		all->resources.cpu.idle = INT(1);
	else
		all->resources.cpu.shares = UINT(100u * (unsigned int)number);
	if (number % 3 != 0)
		all->resources.cpu.idle = INT(0);
	if (disk) {
		all->resources.block_io.throttle[HP_THROTTLE_READ_BPS] = &all->throttle;
		all->resources.block_io.throttle_count[HP_THROTTLE_READ_BPS] = 1;
		all->resources.block_io.weight_devices = &all->weight;
		all->resources.block_io.weight_device_count = 1;
	}
}

/* From each state to each other one and back. */
static void undo_puts_everything_back(void **state)
{
	(void)state;
	for (int i = -1; i < 6; i++) {
		struct everything all;

		ask_for_everything(&all, i);
		if (i >= 0)
			fresh_expect_applied(&all.resources, NULL);
		for (int j = 0; j < 6; j++) {
			struct limits_journal journal = LIMITS_JOURNAL_INIT;
			char *before = snapshot(), *meanwhile, *after;

			ask_for_everything(&all, j);
			fresh_expect_applied(&all.resources, &journal);
			meanwhile = snapshot();
			if (i != j)
				assert_string_not_equal(before, meanwhile);
			assert_int_equal(limits_undo(fresh_fd, &journal), 0);
			after = snapshot();
			assert_string_equal(before, after);
			limits_journal_clear(&journal);
			free(before);
			free(meanwhile);
			free(after);
		}
	}
}

static void undo_puts_back_what_was_written_before_a_failure(void **state)
{
	struct limits_journal journal = LIMITS_JOURNAL_INIT;
	char *before = snapshot(), *after;
	struct everything all;
	struct hp_err err;

	(void)state;
	ask_for_everything(&all, 1);
	strcpy(all.file, "memory.max");
	strcpy(all.value, "nonsense");
	assert_int_equal(fresh_apply(&all.resources, &journal, &err), -EINVAL);
	assert_string_equal(err.path, "unified.memory.max");
	assert_int_equal(limits_undo(fresh_fd, &journal), 0);
	after = snapshot();
	assert_string_equal(before, after);
	limits_journal_clear(&journal);
	free(before);
	free(after);
}

/* A disk has its own weights once the cost model is enabled. */
static void find_disk(void)
{
	struct stat st;
	char text[64];

	if (stat("/dev/nvme0n1", &st) < 0 || !S_ISBLK(st.st_mode))
		return;
	snprintf(text, sizeof(text), "%u:%u enable=1", major(st.st_rdev), minor(st.st_rdev));
	if (file_write_at(AT_FDCWD, "/sys/fs/cgroup/io.cost.qos", text) == 0)
		disk = st.st_rdev;
}

#define LIMITS_TEST(function)                                                                      \
	cmocka_unit_test_setup_teardown(function, fresh_set_up, fresh_tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    LIMITS_TEST(pids_and_memory),
	    LIMITS_TEST(cpu),
	    LIMITS_TEST(burst_and_quota_go_up_and_down_together),
	    LIMITS_TEST(a_burst_above_the_quota_is_the_kernels_to_refuse),
	    LIMITS_TEST(idle),
	    LIMITS_TEST(cpuset),
	    LIMITS_TEST(cpuset_of_processes),
	    LIMITS_TEST(hugetlb),
	    LIMITS_TEST(rdma_of_an_unknown_device),
	    LIMITS_TEST(unified_overrides),
	    LIMITS_TEST(io_weights),
	    LIMITS_TEST(io_throttles),
	    LIMITS_TEST(undo_puts_everything_back),
	    LIMITS_TEST(undo_puts_back_what_was_written_before_a_failure),
	};

	bound_time();
	find_disk();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
