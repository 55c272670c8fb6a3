/* SPDX-License-Identifier: Apache-2.0 */

/* Groups that a hookd has made which was killed, and the file in which they are recorded. */

#include "tests/daemon/support/resctrl_files.h"

#include <sys/stat.h>

#include "daemon/base/file.h"

static bool is_silver(const char *group, void *userdata)
{
	(void)userdata;
	return strcmp(group, "silver") == 0;
}

static const char *this_boot(void)
{
	static char boot[64];

	assert_int_equal(file_boot_id(boot), 0);
	return boot;
}

/* The state directory is in resctrl's place, so that one helper reads both. */
static void write_journal(const char *boot, const char *groups)
{
	char text[512];

	snprintf(text, sizeof(text), "%s\n%s", boot, groups);
	make_file("resctrl-groups", text);
}

static void restore(int expected)
{
	rdt_free(rdt);
	assert_int_equal(rdt_new(rdt_root, &rdt), 0);
	assert_int_equal(rdt_restore(rdt, rdt_root, is_silver, NULL), expected);
	rdt_remove_unused(rdt);
}

static void expect_journal(const char *groups)
{
	char path[128], expected[256], *text;
	size_t length;

	snprintf(path, sizeof(path), "%s/resctrl-groups", rdt_root);
	snprintf(expected, sizeof(expected), "%s\n%s", this_boot(), groups);
	text = read_whole(path, &length);
	assert_non_null(text);
	assert_string_equal(text, expected);
	free(text);
}

static void what_a_killed_daemon_made_is_removed(void **state)
{
	(void)state;
	make_directory("c1");
	make_directory("silver");
	make_directory("others");
	write_journal(this_boot(), "c1\nsilver\ngone\n");
	restore(0);
	assert_false(exists("c1"));
	assert_true(exists("silver"));
	assert_true(exists("others"));
	expect_journal("");
}

static void another_boots_groups_are_not_ours(void **state)
{
	(void)state;
	make_directory("c1");
	write_journal("00000000-0000-0000-0000-000000000000", "c1\n");
	restore(0);
	assert_true(exists("c1"));
	expect_journal("");
}

static void a_damaged_journal_removes_no_more_than_groups(void **state)
{
	(void)state;
	make_directory("c1");
	write_journal(this_boot(), "../x\n/\n.\ninfo/L3\n\nc1\n");
	restore(0);
	assert_false(exists("c1"));
	assert_true(exists("info/L3"));
}

/* Its groups are not known then, which is reported. */
static void what_is_no_journal_is_set_aside(void **state)
{
	static const char *const texts[] = {"", "\n", "c1\n", "no boot at all\nc1\n"};
	char path[128];

	(void)state;
	for (size_t i = 0; i < ELEMENTS(texts); i++) {
		make_file("resctrl-groups", texts[i]);
		restore(1);
		expect_journal("");
	}
	write_journal(this_boot(), "c1"); /* cut short */
	restore(1);
	assert_true(exists("resctrl-groups.bad"));
	assert_true(exists("resctrl-groups.bad.1"));
	/* A FIFO that nothing writes to: opening it for reading would block. */
	snprintf(path, sizeof(path), "%s/resctrl-groups", rdt_root);
	assert_int_equal(unlink(path), 0);
	assert_int_equal(mkfifo(path, 0600), 0);
	restore(1);
	expect_journal("");
}

/* In a plain directory a file "tasks" stands for the process. */
static void one_that_is_in_use_stays_until_a_user_leaves_it(void **state)
{
	struct rdt_member *member;
	struct hp_err err = {0};

	(void)state;
	make_group("c1", "");
	make_file("c1/tasks", "1\n");
	write_journal(this_boot(), "c1\n");
	restore(0);
	assert_true(exists("c1"));
	expect_journal("c1\n");
	assert_int_equal(rdt_join(rdt, &(struct hp_intel_rdt){0}, "c1", &member, &err), 0);
	rdt_leave(member);
	assert_true(exists("c1"));
	expect_journal("c1\n");
	make_file("c1/tasks", "");
	assert_int_equal(rdt_join(rdt, &(struct hp_intel_rdt){0}, "c1", &member, &err), 0);
	rdt_leave(member);
	expect_journal("");
}

/* In a plain directory a group that was made has no tasks, so joining it fails in the end. */
static void a_group_that_cannot_be_recorded_is_not_made(void **state)
{
	struct rdt_member *member;
	struct hp_err err = {0};
	char path[128];

	(void)state;
	make_directory("c1");
	make_file("c1/tasks", "1\n");
	write_journal(this_boot(), "c1\n");
	restore(0);
	make_directory("resctrl-groups.new");
	assert_int_equal(rdt_join(rdt, &(struct hp_intel_rdt){0}, "c2", &member, &err), -EIO);
	assert_non_null(strstr(err.reason, "cannot be recorded in resctrl-groups: "));
	assert_false(exists("c2"));
	expect_journal("c1\n");
	snprintf(path, sizeof(path), "%s/resctrl-groups.new", rdt_root);
	assert_int_equal(rmdir(path), 0);
	err = (struct hp_err){0};
	assert_int_equal(rdt_join(rdt, &(struct hp_intel_rdt){0}, "c2", &member, &err), -ENOENT);
	assert_null(strstr(err.reason, "cannot be recorded"));
	expect_journal("c1\n");
}

/* runtime-spec: with closID the runtime MUST NOT remove the directory. */
static void a_class_stays_and_is_not_in_the_journal(void **state)
{
	char class[] = "class";
	struct rdt_member *member;
	struct hp_err err = {0};

	(void)state;
	make_directory("class");
	make_file("class/tasks", "1\n");
	write_journal(this_boot(), "class\n"); /* as if it had just been made */
	restore(0);
	assert_int_equal(
	    rdt_join(rdt, &(struct hp_intel_rdt){.clos_id = class}, "c1", &member, &err), 0);
	expect_journal("");
	make_file("class/tasks", "");
	rdt_leave(member);
	assert_true(exists("class"));
	assert_false(rdt_leave_class(rdt, NULL, "class"));
}

/* A plain directory cannot be removed while it has files; the journal tells. */
static void a_class_goes_with_its_last_user_if_it_shall(void **state)
{
	char class[] = "class";
	struct rdt_member *member;
	struct hp_err err = {0};

	(void)state;
	make_directory("class");
	make_file("class/tasks", "1\n");
	write_journal(this_boot(), "class\n");
	restore(0);
	rdt_remove_classes(rdt, true);
	assert_int_equal(
	    rdt_join(rdt, &(struct hp_intel_rdt){.clos_id = class}, "c1", &member, &err), 0);
	expect_journal("class\n");
	rdt_leave(member); /* somebody's process is in it */
	expect_journal("class\n");
	make_file("class/tasks", "");
	assert_int_equal(
	    rdt_join(rdt, &(struct hp_intel_rdt){.clos_id = class}, "c2", &member, &err), 0);
	rdt_leave(member);
	expect_journal("");
}

static void restart(void)
{
	rdt_free(rdt);
	assert_int_equal(rdt_new(rdt_root, &rdt), 0);
	assert_int_equal(rdt_restore(rdt, rdt_root, is_silver, NULL), 0);
}

/* It goes on in a runner, and joins its group before those of others are removed. */
static void groups_of_a_run_that_goes_on_stay_until_it_ends(void **state)
{
	const struct hp_intel_rdt wanted = {.enable_monitoring = true};
	struct rdt_member *member;

	(void)state;
	make_group("c1", "MB:0=50\n");
	make_directory("info/L3_MON");
	make_directory("c1/mon_groups");
	make_group("c1/mon_groups/c1", "");
	make_directory("c2");
	write_journal(this_boot(), "c1/mon_groups/c1\nc1\nc2\n");
	restart();
	assert_int_equal(rdt_join_again(rdt, &wanted, "c1", &member), 0);
	rdt_remove_unused(rdt);
	assert_true(exists("c1") && exists("c1/mon_groups/c1"));
	assert_false(exists("c2"));
	expect_journal("c1\nc1/mon_groups/c1\n");
	make_file("c1/tasks", "1\n"); /* left behind: goes to the default group */
	rdt_leave(member);
	expect_journal("");
	assert_int_equal(rdt_join_again(rdt, &wanted, "c3", &member), -ENOENT);
	assert_false(exists("c3"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    RDT_TEST(what_a_killed_daemon_made_is_removed),
	    RDT_TEST(another_boots_groups_are_not_ours),
	    RDT_TEST(a_damaged_journal_removes_no_more_than_groups),
	    RDT_TEST(what_is_no_journal_is_set_aside),
	    RDT_TEST(a_class_stays_and_is_not_in_the_journal),
	    RDT_TEST(a_class_goes_with_its_last_user_if_it_shall),
	    RDT_TEST(one_that_is_in_use_stays_until_a_user_leaves_it),
	    RDT_TEST(a_group_that_cannot_be_recorded_is_not_made),
	    RDT_TEST(groups_of_a_run_that_goes_on_stay_until_it_ends),
	};

	bound_time();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
