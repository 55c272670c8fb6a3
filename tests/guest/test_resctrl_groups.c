/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Groups in the resctrl of the guest's kernel, which has L3 (20 bits, at least 2) and MB (10 to 100
 * in steps of 10), with one domain each, and 4 CLOSIDs.
 */

#include "tests/daemon/support/support.h"

#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "daemon/base/file.h"
#include "daemon/resctrl/resctrl.h"
#include "daemon/resctrl/schemata.h"

#define ROOT "/sys/fs/resctrl"

static struct rdt *rdt;

static bool exists(const char *group)
{
	char path[300];

	snprintf(path, sizeof(path), ROOT "/%s", group);
	return access(path, F_OK) == 0;
}

/* Calls the function, which may be NULL, for each group. Returns the number of groups. */
static size_t for_each_group(void (*function)(const char *path))
{
	DIR *directory = opendir(ROOT);
	struct dirent *entry;
	size_t count = 0;
	char path[300];

	assert_non_null(directory);
	while ((entry = readdir(directory))) {
		if (entry->d_type != DT_DIR || entry->d_name[0] == '.' ||
		    strcmp(entry->d_name, "info") == 0)
			continue;
		snprintf(path, sizeof(path), ROOT "/%s", entry->d_name);
		if (function)
			function(path);
		count++;
	}
	closedir(directory);
	return count;
}

static void remove_group(const char *path)
{
	(void)rmdir(path);
}

static int set_up(void **state)
{
	int r = rdt_new(NULL, &rdt);

	(void)state;
	if (r == 0)
		rdt_remove_classes(rdt, true);
	return r;
}

/* Each test removes its groups; those of a failed one must not make the next one fail. */
static int tear_down(void **state)
{
	(void)state;
	rdt = rdt_free(rdt);
	return for_each_group(remove_group) == 0 ? 0 : -1;
}

static struct rdt_member *join(const struct hp_intel_rdt *wanted, const char *container)
{
	struct rdt_member *member;
	struct hp_err err = {0};

	if (rdt_join(rdt, wanted, container, &member, &err) < 0)
		fail_msg("%s: %s", err.path, err.reason);
	return member;
}

static void expect_refused(const struct hp_intel_rdt *wanted, int r, const char *path,
			   const char *reason)
{
	size_t before = for_each_group(NULL);
	struct rdt_member *member;
	struct hp_err err = {0};

	assert_int_equal(rdt_join(rdt, wanted, "refused", &member, &err), r);
	assert_string_equal(err.path, path);
	assert_string_equal(err.reason, reason);
	assert_int_equal(for_each_group(NULL), before);
}

/* Without leading zeros: the kernel's width depends on the machine. */
static void expect_schemata(const struct rdt_member *member, const char *expected)
{
	struct schemata schemata = SCHEMATA_INIT;
	char text[256];

	assert_true(rdt_member_schemata(member, text, sizeof(text)) > 0);
	assert_int_equal(schemata_add_kernels(&schemata, text), 0);
	assert_string_equal(schemata_print(&schemata, 0), expected);
	schemata_clear(&schemata);
}

/* ---- a process in a group ---- */

static bool is_in(const char *group, pid_t pid)
{
	char path[300], pids[16384], line[16];

	snprintf(path, sizeof(path), ROOT "/%s/tasks", group);
	if (file_read_at(AT_FDCWD, path, pids + 1, sizeof(pids) - 1) < 0)
		return false;
	pids[0] = '\n';
	snprintf(line, sizeof(line), "\n%d\n", pid);
	return strstr(pids, line);
}

static int join_by_descriptor(void *userdata)
{
	CHECK(is_in("", getpid()));
	CHECK(write(rdt_member_tasks(userdata), "0", 1) == 1);
	CHECK(is_in(rdt_member_group(userdata), getpid()));
	CHECK(!is_in("", getpid()));
	return 0;
}

static void a_process_joins_the_containers_group(void **state)
{
	char l3[] = "L3:0=f";
	struct rdt_member *member = join(&(struct hp_intel_rdt){.l3_cache_schema = l3}, "c1");

	(void)state;
	assert_string_equal(rdt_member_group(member), "c1");
	assert_true(rdt_member_group_is_made(member));
	expect_schemata(member, "MB:0=100\nL3:0=f\n");
	assert_int_equal(in_child(join_by_descriptor, member), 0);
	rdt_leave(member);
	assert_false(exists("c1"));
}

/* Processes that a hook leaves behind are moved to the default group. */
static void a_containers_group_goes_with_those_in_it(void **state)
{
	struct rdt_member *member = join(&(struct hp_intel_rdt){0}, "c1");
	pid_t pid = fork();
	char text[16];

	(void)state;
	if (pid == 0)
		for (;;)
			pause();
	snprintf(text, sizeof(text), "%d", pid);
	assert_int_equal(write(rdt_member_tasks(member), text, strlen(text)), strlen(text));
	assert_true(is_in("c1", pid));
	rdt_leave(member);
	assert_false(exists("c1"));
	assert_true(is_in("", pid));
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
}

static int join_the_default_group(void *userdata)
{
	CHECK(write(rdt_member_tasks(userdata), "0", 1) == 1);
	CHECK(is_in("", getpid()));
	return 0;
}

static void the_default_group_is_never_removed_or_changed(void **state)
{
	char slash[] = "/", all[] = "L3:0=fffff", some[] = "L3:0=f";
	struct rdt_member *member =
	    join(&(struct hp_intel_rdt){.clos_id = slash, .l3_cache_schema = all}, "c1");

	(void)state;
	assert_int_equal(in_child(join_the_default_group, member), 0);
	rdt_leave(member);
	expect_refused(&(struct hp_intel_rdt){.clos_id = slash, .l3_cache_schema = some}, -EEXIST,
		       "l3CacheSchema", "the default group exists, and its L3:0 is fffff, not f");
}

/* ---- schemata ---- */

static void the_kernel_rounds_and_the_same_request_fits_again(void **state)
{
	char gold[] = "gold", mb[] = "MB:0=33", other[] = "MB:0=41", l3[] = "L3:0=0xff0";
	struct hp_intel_rdt wanted = {.clos_id = gold, .l3_cache_schema = l3, .mem_bw_schema = mb};
	struct rdt_member *first = join(&wanted, "c1"), *second;

	(void)state;
	expect_schemata(first, "MB:0=40\nL3:0=ff0\n");
	second = join(&wanted, "c2");
	assert_string_equal(rdt_member_group(second), "gold");
	wanted.mem_bw_schema = other;
	expect_refused(&wanted, -EEXIST, "memBwSchema",
		       "the group gold exists, and its MB:0 is 40, not 50");
	expect_schemata(first, "MB:0=40\nL3:0=ff0\n");
	rdt_leave(first);
	assert_true(exists("gold"));
	rdt_leave(second);
	assert_false(exists("gold"));
}

static void the_kernels_own_words_go_out(void **state)
{
	static const struct {
		const char *l3, *element, *path, *reason;
	} rows[] = {
	    {"L3:0=5", NULL, "l3CacheSchema",
	     "Invalid argument: The mask 5 has non-consecutive 1-bits"},
	    {"L3:0=1", NULL, "l3CacheSchema", "Invalid argument: Need at least 2 bits in the mask"},
	    {"L3:0=1fffff", NULL, "l3CacheSchema", "Invalid argument: Mask out of range"},
	    {NULL, "MB:0=5", "schemata[1]", "Invalid argument: MB value 5 out of range [10,100]"},
	    {NULL, "L2:0=f", "schemata[1]",
	     "Invalid argument: Unknown or unsupported resource name 'L2'"},
	};

	(void)state;
	for (size_t i = 0; i < ELEMENTS(rows); i++) {
		char first[] = "L3:0=f";
		char *schemata[] = {first, (char *)rows[i].element, NULL};
		struct hp_intel_rdt wanted = {.l3_cache_schema = (char *)rows[i].l3};

		if (rows[i].element)
			wanted.schemata = schemata;
		expect_refused(&wanted, -EINVAL, rows[i].path, rows[i].reason);
	}
}

/* ---- CLOSIDs ---- */

static void the_fourth_closid_is_one_too_many(void **state)
{
	static const char *const names[] = {"one", "two", "three"};
	struct rdt_member *members[3];

	(void)state;
	for (size_t i = 0; i < 3; i++)
		members[i] = join(&(struct hp_intel_rdt){0}, names[i]);
	expect_refused(&(struct hp_intel_rdt){0}, -ENOSPC, "closID",
		       "Out of CLOSIDs; this machine has 4 CLOSIDs and 0 RMIDs");
	for (size_t i = 0; i < 3; i++)
		rdt_leave(members[i]);
	rdt_leave(join(&(struct hp_intel_rdt){0}, "refused"));
}

/* ---- groups that hookd has not created ---- */

static void a_group_of_others_is_left_as_it_is(void **state)
{
	char theirs[] = "theirs", l3[] = "L3:0=ff", same[] = "L3:0=0003f";

	(void)state;
	assert_int_equal(mkdir(ROOT "/theirs", 0755), 0);
	assert_int_equal(file_write_at(AT_FDCWD, ROOT "/theirs/schemata", "L3:0=3f\n"), 0);
	expect_refused(&(struct hp_intel_rdt){.clos_id = theirs, .l3_cache_schema = l3}, -EEXIST,
		       "l3CacheSchema", "the group theirs exists, and its L3:0 is 3f, not ff");
	rdt_leave(join(&(struct hp_intel_rdt){.clos_id = theirs}, "c1"));
	rdt_leave(join(&(struct hp_intel_rdt){.clos_id = theirs, .l3_cache_schema = same}, "c1"));
	/* The same for a group named like a container. */
	rdt_leave(join(&(struct hp_intel_rdt){0}, "theirs"));
	assert_true(exists("theirs"));
	assert_int_equal(rmdir(ROOT "/theirs"), 0);
}

/* By default, as runtime-spec wants it. */
static void a_class_stays_with_what_it_was_made_with(void **state)
{
	char gold[] = "gold", l3[] = "L3:0=ff", low[] = "L3:0=3", *schemata[] = {l3, NULL};
	const struct hp_intel_rdt wanted = {
	    .clos_id = gold, .l3_cache_schema = low, .schemata = schemata};
	struct rdt_member *member;

	(void)state;
	rdt_remove_classes(rdt, false);
	member = join(&wanted, "c1");
	expect_schemata(member, "MB:0=100\nL3:0=ff\n");
	rdt_leave(member);
	assert_true(exists("gold"));
	rdt_leave(join(&wanted, "c2"));
	assert_true(exists("gold"));
	assert_int_equal(rmdir(ROOT "/gold"), 0);
}

static void a_closid_that_others_use_stays(void **state)
{
	char gold[] = "gold", l3[] = "L3:0=ff", text[16];
	struct rdt_member *member =
	    join(&(struct hp_intel_rdt){.clos_id = gold, .l3_cache_schema = l3}, "c1");
	pid_t pid = fork();

	(void)state;
	if (pid == 0)
		for (;;)
			pause();
	snprintf(text, sizeof(text), "%d", pid);
	assert_int_equal(file_write_at(AT_FDCWD, ROOT "/gold/tasks", text), 0);
	assert_int_equal(rdt_remove(rdt, "gold", true), -EBUSY);
	rdt_leave(member);
	assert_true(exists("gold"));
	assert_int_equal(rdt_remove(rdt, "gold", true), -EBUSY);
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	assert_int_equal(rdt_remove(rdt, "gold", true), 0);
	assert_false(exists("gold"));
}

/* ---- a daemon that was killed ---- */

static char state_directory[32];

static bool is_nothing_held(const char *group, void *userdata)
{
	(void)group, (void)userdata;
	return false;
}

/* In a process that exits without cleaning up. */
static int join_and_die(void *userdata)
{
	static char gold[] = "gold", l3[] = "L3:0=ff";
	const struct hp_intel_rdt closid = {.clos_id = gold, .l3_cache_schema = l3};
	struct rdt_member *first, *second;
	struct hp_err err = {0};

	(void)userdata;
	CHECK(rdt_restore(rdt, state_directory, is_nothing_held, NULL) == 0);
	CHECK(rdt_join(rdt, &(struct hp_intel_rdt){0}, "c1", &first, &err) == 0);
	CHECK(rdt_join(rdt, &closid, "c1", &second, &err) == 0);
	CHECK(exists("c1") && exists("gold"));
	return 0;
}

static void what_a_killed_daemon_made_goes_with_the_next(void **state)
{
	pid_t pid;
	char text[16];

	(void)state;
	temporary_directory(state_directory);
	assert_int_equal(mkdir(ROOT "/theirs", 0755), 0);
	assert_int_equal(in_child(join_and_die, NULL), 0);
	pid = fork();
	if (pid == 0)
		for (;;)
			pause();
	snprintf(text, sizeof(text), "%d", pid);
	assert_int_equal(file_write_at(AT_FDCWD, ROOT "/gold/tasks", text), 0);
	assert_int_equal(rdt_restore(rdt, state_directory, is_nothing_held, NULL), 0);
	rdt_remove_unused(rdt);
	assert_false(exists("c1"));
	assert_true(exists("theirs"));
	/* It has a process: it is removed after that has left. */
	assert_true(exists("gold"));
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	rdt_free(rdt);
	assert_int_equal(rdt_new(NULL, &rdt), 0);
	assert_int_equal(rdt_restore(rdt, state_directory, is_nothing_held, NULL), 0);
	rdt_remove_unused(rdt);
	assert_false(exists("gold"));
	assert_int_equal(rmdir(ROOT "/theirs"), 0);
}

static void monitoring_is_not_supported_here(void **state)
{
	(void)state;
	expect_refused(&(struct hp_intel_rdt){.enable_monitoring = true}, -EOPNOTSUPP,
		       "enableMonitoring", "this machine has no L3 monitoring");
}

/* ---- the mount ---- */

static void the_file_system_can_be_unmounted_in_between(void **state)
{
	struct rdt_member *member = join(&(struct hp_intel_rdt){0}, "c1"), *none;
	struct hp_err err;

	(void)state;
	rdt_leave(member);
	assert_int_equal(umount(ROOT), 0);
	assert_int_equal(rdt_join(rdt, &(struct hp_intel_rdt){0}, "c1", &none, &err), -EOPNOTSUPP);
	assert_string_equal(err.reason, "resctrl is not mounted");
	assert_int_equal(rdt_remove(rdt, "c1", false), 0);
	assert_int_equal(mount("resctrl", ROOT, "resctrl", 0, NULL), 0);
	rdt_leave(join(&(struct hp_intel_rdt){0}, "c1"));
}

#define RDT_TEST(function) cmocka_unit_test_setup_teardown(function, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    RDT_TEST(a_process_joins_the_containers_group),
	    RDT_TEST(a_containers_group_goes_with_those_in_it),
	    RDT_TEST(the_default_group_is_never_removed_or_changed),
	    RDT_TEST(the_kernel_rounds_and_the_same_request_fits_again),
	    RDT_TEST(the_kernels_own_words_go_out),
	    RDT_TEST(the_fourth_closid_is_one_too_many),
	    RDT_TEST(a_group_of_others_is_left_as_it_is),
	    RDT_TEST(a_class_stays_with_what_it_was_made_with),
	    RDT_TEST(a_closid_that_others_use_stays),
	    RDT_TEST(what_a_killed_daemon_made_goes_with_the_next),
	    RDT_TEST(monitoring_is_not_supported_here),
	    RDT_TEST(the_file_system_can_be_unmounted_in_between),
	};

	bound_time();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
