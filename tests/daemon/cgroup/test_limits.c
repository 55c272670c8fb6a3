/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Limits written to a directory of plain files, which do not check their contents: which file gets
 * which text, what is remembered, and the reason when a file is missing. tests/guest checks what
 * the kernel does with them. A plain file keeps what is not overwritten, so the texts have the same
 * length.
 */

#include "tests/daemon/support/support.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include "daemon/cgroup/limits.h"

#define INT(number)  ((struct hp_int){true, (number)})
#define UINT(number) ((struct hp_uint){true, (number)})

static char directory[32];
static int fd;

static int set_up(void **state)
{
	(void)state;
	temporary_directory(directory);
	fd = open(directory, O_PATH | O_DIRECTORY | O_CLOEXEC);
	return fd < 0 ? -1 : 0;
}

static int tear_down(void **state)
{
	char command[64];

	(void)state;
	close(fd);
	snprintf(command, sizeof(command), "rm -r %s", directory);
	return system(command);
}

static void make(const char *name, const char *text)
{
	int file = openat(fd, name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);

	assert_true(file >= 0);
	assert_int_equal(write(file, text, strlen(text)), strlen(text));
	close(file);
}

static void expect_file(const char *name, const char *text)
{
	char path[128], *whole;

	snprintf(path, sizeof(path), "%s/%s", directory, name);
	whole = read_whole(path, NULL);
	assert_non_null(whole);
	assert_string_equal(whole, text);
	free(whole);
}

static int apply(const struct hp_resources *resources, struct limits_journal *journal,
		 struct hp_err *err)
{
	struct limit_list list;
	int r;

	assert_int_equal(limit_list_make(resources, &list, err), 0);
	r = limits_apply(fd, &list, journal, err);
	limit_list_clear(&list);
	return r;
}

static void expect_applied(const struct hp_resources *resources, struct limits_journal *journal)
{
	struct hp_err err = {0};

	if (apply(resources, journal, &err) < 0)
		fail_msg("%s: %s", err.path, err.reason);
}

static void expect_failed(const struct hp_resources *resources, int r, const char *path,
			  const char *reason)
{
	struct hp_err err = {0};

	assert_int_equal(apply(resources, NULL, &err), r);
	assert_string_equal(err.path, path);
	assert_string_equal(err.reason, reason);
	assert_int_equal(err.code, r == -EOPNOTSUPP ? HP_ERR_NOT_SUPPORTED : HP_ERR_SETTING_FAILED);
}

/* ---- writing ---- */

static void each_file_gets_its_text(void **state)
{
	(void)state;
	make("pids.max", "max");
	make("memory.max", "");
	make("memory.low", "");
	expect_applied(
	    &(struct hp_resources){
		.pids_limit = INT(100),
		.memory = {.limit = INT(4096), .reservation = INT(2048)},
	    },
	    NULL);
	expect_file("pids.max", "100");
	expect_file("memory.max", "4096");
	expect_file("memory.low", "2048");
}

static void bfq_is_taken_where_it_is_there(void **state)
{
	struct hp_resources resources = {.block_io = {.weight = UINT(500)}};

	(void)state;
	make("io.weight", "");
	expect_applied(&resources, NULL);
	expect_file("io.weight", "4950");
	make("io.weight", "");
	make("io.bfq.weight", "");
	expect_applied(&resources, NULL);
	expect_file("io.bfq.weight", "500");
	expect_file("io.weight", "");
}

static void a_period_alone_leaves_the_quota(void **state)
{
	(void)state;
	make("cpu.max", "20000 100000\n");
	expect_applied(&(struct hp_resources){.cpu = {.period = UINT(500000)}}, NULL);
	expect_file("cpu.max", "20000 500000\n");
}

static void no_link_is_followed(void **state)
{
	char target[64];
	struct hp_err err;

	(void)state;
	make("elsewhere", "max");
	snprintf(target, sizeof(target), "%s/elsewhere", directory);
	assert_int_equal(symlinkat(target, fd, "pids.max"), 0);
	assert_int_equal(apply(&(struct hp_resources){.pids_limit = INT(100)}, NULL, &err), -ELOOP);
	expect_file("elsewhere", "max");
}

/* ---- what is missing ---- */

static void a_controller_that_is_missing_is_named(void **state)
{
	(void)state;
	make("cgroup.controllers", "cpuset cpu io\n");
	expect_failed(&(struct hp_resources){.pids_limit = INT(1)}, -EOPNOTSUPP, "pids.limit",
		      "the cgroup has no pids controller");
	/* A part of a controller's name is not that controller. */
	make("cgroup.controllers", "apids pidsa\n");
	expect_failed(&(struct hp_resources){.pids_limit = INT(1)}, -EOPNOTSUPP, "pids.limit",
		      "the cgroup has no pids controller");
	make("cgroup.controllers", "cpu pids\n");
	expect_failed(&(struct hp_resources){.cpu = {.burst = UINT(1)}}, -EOPNOTSUPP, "cpu.burst",
		      "this kernel has no cpu.max.burst");
}

static void reserved_huge_pages_may_be_missing(void **state)
{
	char size[] = "2MB";
	struct hp_hugepage_limit limit = {size, 4096};
	struct hp_resources resources = {.hugepage_limits = &limit, .hugepage_limit_count = 1};

	(void)state;
	make("cgroup.controllers", "hugetlb\n");
	make("hugetlb.2MB.max", "");
	expect_applied(&resources, NULL);
	expect_file("hugetlb.2MB.max", "4096");
	size[0] = '3';
	expect_failed(&resources, -EOPNOTSUPP, "hugepageLimits[0]",
		      "this kernel has no hugetlb.3MB.max");
}

static void swap_without_a_limit_may_be_missing(void **state)
{
	struct hp_resources resources = {.memory = {.limit = INT(-1)}};

	(void)state;
	make("cgroup.controllers", "memory\n");
	make("memory.max", "");
	expect_applied(&resources, NULL);
	expect_file("memory.max", "max");
	resources.memory.swap = INT(4096);
	expect_failed(&resources, -EOPNOTSUPP, "memory.swap", "this kernel has no memory.swap.max");
}

static void what_fails_says_what_was_written(void **state)
{
	(void)state;
	assert_int_equal(mkdirat(fd, "pids.max", 0755), 0);
	expect_failed(&(struct hp_resources){.pids_limit = INT(100)}, -EISDIR, "pids.limit",
		      "cannot write \"100\" to pids.max: Is a directory");
}

/* ---- usage ---- */

static void a_limit_below_usage_changes_nothing(void **state)
{
	struct hp_resources resources = {
	    .pids_limit = INT(100),
	    .memory = {.limit = INT(4096), .check_before_update = {true, true}},
	};

	(void)state;
	make("pids.max", "max");
	make("memory.max", "8192");
	make("memory.current", "4097\n");
	expect_failed(&resources, -EBUSY, "memory.limit",
		      "is below the present usage of 4097 bytes");
	expect_file("pids.max", "max");
	expect_file("memory.max", "8192");
	resources.memory.check_before_update.value = false;
	expect_applied(&resources, NULL);
	make("memory.current", "4096\n");
	resources.memory.check_before_update.value = true;
	expect_applied(&resources, NULL);
	expect_file("memory.max", "4096");
	resources.memory.limit = INT(-1);
	expect_applied(&resources, NULL);
}

/* ---- the journal ---- */

/* "file=text" of the last entry of the journal, which it removes. */
static void expect_last(struct limits_journal *journal, const char *file, const char *text)
{
	assert_non_null(journal->last);
	assert_string_equal(journal->last->file, file);
	assert_string_equal(journal->last->text, text);
	journal->last = journal->last->before;
}

static void old_values_are_put_back(void **state)
{
	struct limits_journal journal = LIMITS_JOURNAL_INIT;

	(void)state;
	make("pids.max", "222\n");
	make("memory.max", "8192\n");
	expect_applied(
	    &(struct hp_resources){.pids_limit = INT(333), .memory = {.limit = INT(4096)}},
	    &journal);
	expect_file("pids.max", "333\n");
	expect_file("memory.max", "4096\n");
	assert_int_equal(limits_undo(fd, &journal), 0);
	expect_file("pids.max", "222\n");
	expect_file("memory.max", "8192\n");
	expect_last(&journal, "memory.max", "8192");
	expect_last(&journal, "pids.max", "222");
	assert_null(journal.last);
	limits_journal_clear(&journal);
}

/*
 * Of a disk without weights the kernel refuses the new value and the old one. Here it refuses any
 * write to a file.
 */
static void what_was_not_written_is_not_undone(void **state)
{
	const struct hp_resources resources = {.pids_limit = INT(100)};
	struct limits_journal journal = LIMITS_JOURNAL_INIT;
	struct rlimit limit, none;
	struct hp_err err = {0};
	int r;

	(void)state;
	make("pids.max", "77 ");
	assert_int_equal(getrlimit(RLIMIT_FSIZE, &limit), 0);
	none = (struct rlimit){0, limit.rlim_max};
	signal(SIGXFSZ, SIG_IGN);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &none), 0);
	r = apply(&resources, &journal, &err);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
	signal(SIGXFSZ, SIG_DFL);
	assert_int_equal(r, -EFBIG);
	assert_null(journal.last);
	limits_journal_clear(&journal);
}

static void undo_goes_on_after_an_error(void **state)
{
	struct limits_journal journal = LIMITS_JOURNAL_INIT;

	(void)state;
	make("pids.max", "222");
	make("memory.max", "8192");
	expect_applied(
	    &(struct hp_resources){.pids_limit = INT(333), .memory = {.limit = INT(4096)}},
	    &journal);
	assert_int_equal(unlinkat(fd, "memory.max", 0), 0);
	assert_int_equal(limits_undo(fd, &journal), -ENOENT);
	expect_file("pids.max", "222");
	limits_journal_clear(&journal);
}

static void what_fails_was_remembered_up_to_there(void **state)
{
	struct limits_journal journal = LIMITS_JOURNAL_INIT;
	struct hp_err err;

	(void)state;
	make("pids.max", "222");
	assert_int_equal(mkdirat(fd, "memory.max", 0755), 0);
	assert_int_equal(
	    apply(&(struct hp_resources){.pids_limit = INT(333), .memory = {.limit = INT(4096)}},
		  &journal, &err),
	    -EISDIR);
	expect_last(&journal, "pids.max", "222");
	assert_null(journal.last);
	limits_journal_clear(&journal);
}

static void of_many_lines_the_one_that_changes_is_remembered(void **state)
{
	struct hp_throttle_device devices[] = {{8, 0, 1}, {8, 1, 1}, {8, 16, 1}};
	struct limits_journal journal = LIMITS_JOURNAL_INIT;
	struct hp_resources resources = {
	    .block_io = {.throttle = {devices}, .throttle_count = {3}},
	};

	(void)state;
	/* Plain files: the text overwrites the first line. */
	make("io.max", "----------------------------------------\n"
		       "8:16 rbps=5 wbps=max riops=max wiops=max\n"
		       "8:0 rbps=max wbps=7 riops=max wiops=max\n");
	expect_applied(&resources, &journal);
	expect_last(&journal, "io.max", "8:16 rbps=5 wbps=max riops=max wiops=max");
	expect_last(&journal, "io.max", "8:1 rbps=max wbps=max riops=max wiops=max");
	expect_last(&journal, "io.max", "8:0 rbps=max wbps=7 riops=max wiops=max");
	assert_null(journal.last);
	limits_journal_clear(&journal);
}

static void weights_are_remembered_by_their_key(void **state)
{
	struct hp_weight_device device = {8, 0, UINT(1000), {0}};
	struct limits_journal journal = LIMITS_JOURNAL_INIT;

	(void)state;
	make("io.weight", "default 100\n8:16 200\n");
	expect_applied(&(struct hp_resources){.block_io = {.weight = UINT(100)}}, &journal);
	expect_last(&journal, "io.weight", "default 100");
	make("io.weight", "default 100\n8:16 200\n");
	expect_applied(&(struct hp_resources){.block_io = {.weight_devices = &device,
							   .weight_device_count = 1}},
		       &journal);
	expect_last(&journal, "io.weight", "8:0 default");
	limits_journal_clear(&journal);
}

static void an_empty_file_is_emptied_by_a_line(void **state)
{
	char cpus[] = "0";
	struct limits_journal journal = LIMITS_JOURNAL_INIT;

	(void)state;
	make("cpuset.cpus", "\n");
	expect_applied(&(struct hp_resources){.cpu = {.cpus = cpus}}, &journal);
	expect_last(&journal, "cpuset.cpus", "\n");
	limits_journal_clear(&journal);
}

static void going_idle_remembers_the_weight(void **state)
{
	struct hp_resources resources = {.cpu = {.idle = INT(1)}};
	struct limits_journal journal = LIMITS_JOURNAL_INIT;

	(void)state;
	make("cpu.weight", "200\n");
	make("cpu.idle", "0\n");
	expect_applied(&resources, &journal);
	expect_file("cpu.weight", "200\n");
	expect_file("cpu.idle", "1\n");
	expect_last(&journal, "cpu.idle", "0");
	expect_last(&journal, "cpu.weight", "200");
	/* Already idle: no weight can be read. */
	make("cpu.weight", "0\n");
	expect_applied(&resources, &journal);
	expect_last(&journal, "cpu.idle", "1");
	assert_null(journal.last);
	limits_journal_clear(&journal);
}

#define LIMITS_TEST(function) cmocka_unit_test_setup_teardown(function, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    LIMITS_TEST(each_file_gets_its_text),
	    LIMITS_TEST(bfq_is_taken_where_it_is_there),
	    LIMITS_TEST(a_period_alone_leaves_the_quota),
	    LIMITS_TEST(no_link_is_followed),
	    LIMITS_TEST(a_controller_that_is_missing_is_named),
	    LIMITS_TEST(reserved_huge_pages_may_be_missing),
	    LIMITS_TEST(swap_without_a_limit_may_be_missing),
	    LIMITS_TEST(what_fails_says_what_was_written),
	    LIMITS_TEST(a_limit_below_usage_changes_nothing),
	    LIMITS_TEST(old_values_are_put_back),
	    LIMITS_TEST(what_was_not_written_is_not_undone),
	    LIMITS_TEST(undo_goes_on_after_an_error),
	    LIMITS_TEST(what_fails_was_remembered_up_to_there),
	    LIMITS_TEST(of_many_lines_the_one_that_changes_is_remembered),
	    LIMITS_TEST(weights_are_remembered_by_their_key),
	    LIMITS_TEST(an_empty_file_is_emptied_by_a_line),
	    LIMITS_TEST(going_idle_remembers_the_weight),
	};

	bound_time();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
