/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Groups of resctrl in a directory of plain files: names, comparisons, refusals, the lock. The
 * kernel fills the directory of a new group (here it stays empty), so making groups is tested in
 * tests/guest.
 */

#include "tests/daemon/support/resctrl_files.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>

#include "proto/settings/settings_json.h"

static struct rdt_member *join(const struct hp_intel_rdt *wanted)
{
	struct rdt_member *member;
	struct hp_err err = {0};

	if (rdt_join(rdt, wanted, "c1", &member, &err) < 0)
		fail_msg("%s: %s", err.path, err.reason);
	return member;
}

static void expect_refused(const struct hp_intel_rdt *wanted, int r, const char *path,
			   const char *reason)
{
	struct rdt_member *member = (struct rdt_member *)rdt_root;
	struct hp_err err = {0};

	assert_int_equal(rdt_join(rdt, wanted, "c1", &member, &err), r);
	assert_ptr_equal(member, rdt_root);
	assert_string_equal(err.path, path);
	if (reason)
		assert_string_equal(err.reason, reason);
	else
		assert_true(err.reason[0]);
}

/* What a process does to join: "0" is the writer itself. */
static void expect_tasks(int fd, const char *name)
{
	char path[128], *text;

	assert_true(fd >= 0);
	assert_int_equal(write(fd, "0", 1), 1);
	snprintf(path, sizeof(path), "%s/%s", rdt_root, name);
	text = read_whole(path, NULL);
	assert_string_equal(text, "0");
	free(text);
}

static char gold[] = "gold", slash[] = "/";

/* The machine has no free CLOSID. */
static bool groups_are_used_up;

int __real_mkdirat(int directory, const char *path, mode_t mode);
int __wrap_mkdirat(int directory, const char *path, mode_t mode);

int __wrap_mkdirat(int directory, const char *path, mode_t mode)
{
	if (!groups_are_used_up)
		return __real_mkdirat(directory, path, mode);
	errno = ENOSPC;
	return -1;
}

/* ---- how many ---- */

/* A group needs one of each resource; the order of names is the order in which they are read. */
static void the_resource_that_has_the_least_counts(void **state)
{
	static const char *const numbers[][2] = {{"16\n", "8\n"}, {"8\n", "16\n"}};

	int in_use;

	(void)state;
	assert_int_equal(rdt_closids(rdt, &in_use), 0);
	assert_int_equal(in_use, 2); /* "gold", and the default group */
	for (size_t i = 0; i < ELEMENTS(numbers); i++) {
		make_file("info/L3/num_closids", numbers[i][0]);
		make_file("info/MB/num_closids", numbers[i][1]);
		assert_int_equal(rdt_closids(rdt, &in_use), 8);
	}
	make_file("info/MB/num_closids", "16\n");
	make_file("info/L3/num_closids", "16\n");
	assert_int_equal(rdt_closids(rdt, &in_use), 16);
	assert_int_equal(in_use, 2);
}

static void who_gets_no_group_hears_how_many_there_are(void **state)
{
	char schema[] = "L3:0=f";

	(void)state;
	make_file("info/L3/num_closids", "16\n");
	make_file("info/MB/num_closids", "8\n");
	make_directory("info/L3_MON");
	make_file("info/L3_MON/num_rmids", "64\n");
	groups_are_used_up = true;
	expect_refused(&(struct hp_intel_rdt){.l3_cache_schema = schema}, -ENOSPC, "closID",
		       "No space left on device; this machine has 8 CLOSIDs and 64 RMIDs");
	groups_are_used_up = false;
}

/* ---- which group ---- */

static void a_group_that_is_there_is_joined(void **state)
{
	struct rdt_member *member = join(&(struct hp_intel_rdt){.clos_id = gold});
	char schemata[64];

	(void)state;
	assert_string_equal(rdt_member_group(member), "gold");
	assert_false(rdt_member_group_is_made(member));
	assert_null(rdt_member_monitored_group(member));
	assert_int_equal(rdt_member_monitored_tasks(member), -1);
	assert_true(rdt_member_schemata(member, schemata, sizeof(schemata)) > 0);
	assert_string_equal(schemata, "    MB:0= 40;1=100\n    L3:0=0000f;1=fffff\n");
	expect_tasks(rdt_member_tasks(member), "gold/tasks");
	rdt_leave(member);
	rdt_leave(NULL);
}

static void a_slash_is_the_default_group(void **state)
{
	struct rdt_member *member = join(&(struct hp_intel_rdt){.clos_id = slash});

	(void)state;
	assert_string_equal(rdt_member_group(member), "/");
	expect_tasks(rdt_member_tasks(member), "tasks");
	rdt_leave(member);
	assert_true(exists("tasks"));
}

static void without_a_closid_it_is_the_containers(void **state)
{
	static char empty[] = "";
	static const struct hp_intel_rdt unset[] = {
	    {0}, {.clos_id = empty, .l3_cache_schema = empty, .mem_bw_schema = empty}};

	(void)state;
	make_group("c1", "L3:0=f\n");
	for (size_t i = 0; i < ELEMENTS(unset); i++) {
		struct rdt_member *member = join(&unset[i]);

		assert_string_equal(rdt_member_group(member), "c1");
		assert_false(rdt_member_group_is_made(member));
		rdt_leave(member);
	}
}

/* A closID was checked when it was read; a container's id need not be a valid name. */
static void names_stay_in_the_directory(void **state)
{
	static const char *const names[] = {".",     "..",    "../x",	    "a/b",
					    "info",  "a b",   "mon_groups", "mon_data",
					    "/gold", "gold/", "a\nb",	    "\303\244"};
	struct rdt_member *member;
	struct hp_err err;

	(void)state;
	for (size_t i = 0; i < ELEMENTS(names); i++) {
		assert_int_equal(rdt_join(rdt, &(struct hp_intel_rdt){0}, names[i], &member, &err),
				 -EINVAL);
		assert_string_equal(err.path, "closID");
	}
}

static void a_containers_id_may_be_no_name(void **state)
{
	struct rdt_member *member;
	struct hp_err err;

	(void)state;
	assert_int_equal(rdt_join(rdt, &(struct hp_intel_rdt){0}, "..", &member, &err), -EINVAL);
	assert_string_equal(err.path, "closID");
	assert_int_equal(
	    rdt_join(rdt, &(struct hp_intel_rdt){.clos_id = gold, .enable_monitoring = true},
		     "../x", &member, &err),
	    -EINVAL);
	assert_string_equal(err.path, "enableMonitoring");
}

static void without_schemata_a_closid_must_be_there(void **state)
{
	char silver[] = "silver", file[] = "tasks";

	(void)state;
	expect_refused(&(struct hp_intel_rdt){.clos_id = silver}, -ENOENT, "closID",
		       "no such resctrl group: silver");
	assert_false(exists("silver"));
	expect_refused(&(struct hp_intel_rdt){.clos_id = file}, -ENOENT, "closID",
		       "no such resctrl group: tasks");
}

/* Other programs name their groups freely: the kernel refuses only '/' and newlines. */
static void a_foreign_group_is_joined_whatever_its_name(void **state)
{
	static const char *const names[] = {"my group", "a=b", "gr\303\274n"};
	struct rdt_member *member;
	char path[64];

	(void)state;
	for (size_t i = 0; i < ELEMENTS(names); i++) {
		make_group(names[i], "L3:0=f\n");
		assert_int_equal(rdt_join_existing(rdt, names[i], &member), 0);
		assert_string_equal(rdt_member_group(member), names[i]);
		assert_false(rdt_member_group_is_made(member));
		snprintf(path, sizeof(path), "%s/tasks", names[i]);
		expect_tasks(rdt_member_tasks(member), path);
		rdt_leave(member);
		assert_true(exists(names[i]));
	}
	assert_int_equal(rdt_join_existing(rdt, "/", &member), 0);
	expect_tasks(rdt_member_tasks(member), "tasks");
	rdt_leave(member);
}

/* What names a group as closID names it as container id, and the other way round. */
static void a_closid_and_a_containers_id_have_the_same_characters(void **state)
{
	static const char *const names[] = {"a+b", "a:b", "a@b",  "a.b",
					    "a b", "a=b", "a\nb", "info"};

	(void)state;
	for (size_t i = 0; i < ELEMENTS(names); i++) {
		struct hp_json json = {0};
		struct hp_arena arena = HP_ARENA_INIT;
		struct hp_settings *settings;
		struct rdt_member *member = NULL;
		struct hp_err err = {0};
		char text[128];
		int r;

		snprintf(text, sizeof(text), "{\"linux\":{\"intelRdt\":{\"closID\":\"%s\"}}}",
			 strcmp(names[i], "a\nb") == 0 ? "a\\nb" : names[i]);
		assert_int_equal(hp_json_parse(&json, text, strlen(text), &err), 0);
		r = hp_settings_read(hp_json_root(&json), HP_DIALECT_OCI, &arena, &settings, &err);
		make_file("tasks", "");
		if (!exists(names[i]))
			make_group(names[i], "L3:0=f\n");
		assert_int_equal(rdt_join(rdt, &(struct hp_intel_rdt){0}, names[i], &member, &err),
				 r);
		rdt_leave(member);
		hp_arena_free(&arena);
		hp_json_free(&json);
	}
}

static void a_text_that_names_no_group_joins_none(void **state)
{
	static const char *const names[] = {"",	    ".",   "..", "info", "gold/mon_groups",
					    "../x", "none"};
	struct rdt_member *member;

	(void)state;
	for (size_t i = 0; i < ELEMENTS(names); i++)
		assert_int_equal(rdt_join_existing(rdt, names[i], &member), -ENOENT);
}

static void no_link_is_a_group(void **state)
{
	char path[128], link[] = "link";

	(void)state;
	snprintf(path, sizeof(path), "%s/link", rdt_root);
	assert_int_equal(symlink("gold", path), 0);
	expect_refused(&(struct hp_intel_rdt){.clos_id = link}, -ENOENT, "closID",
		       "no such resctrl group: link");
}

/* ---- schemata ---- */

static void what_the_group_says_is_compared(void **state)
{
	static const struct {
		const char *l3, *mb;
	} same[] = {
	    {"L3:0=f", NULL},
	    {"L3:1=0xfffff;0=00F", NULL},
	    {NULL, "MB:0=40"},
	    {"L3:0=f", "MB:1=91;0=33"}, /* rounded up to tens */
	    {"L3:0=f\nMB:0=10", "MB:0=40"},
	};

	(void)state;
	for (size_t i = 0; i < ELEMENTS(same); i++)
		rdt_leave(join(&(struct hp_intel_rdt){.clos_id = gold,
						      .l3_cache_schema = (char *)same[i].l3,
						      .mem_bw_schema = (char *)same[i].mb}));
}

/* runtime-spec 1.3: schemata are written last. What they override has no effect. */
static void schemata_override_the_other_fields(void **state)
{
	char l3[] = "L3:0=80;1=fffff", mb[] = "MB:0=10", first[] = "L3:0=c0;1=fffff";
	char second[] = "L3:0=f", third[] = "MB:0=40", *schemata[] = {first, second, third, NULL};

	(void)state;
	rdt_leave(join(&(struct hp_intel_rdt){
	    .clos_id = gold, .l3_cache_schema = l3, .mem_bw_schema = mb, .schemata = schemata}));
}

static void a_group_that_says_something_else_is_refused(void **state)
{
	static const struct {
		const char *l3, *mb, *element, *path, *reason;
	} rows[] = {
	    {"L3:0=ff", NULL, NULL, "l3CacheSchema",
	     "the group gold exists, and its L3:0 is f, not ff"},
	    {"L3:0=10000000f", NULL, NULL, "l3CacheSchema",
	     "the group gold exists, and its L3:0 is f, not 10000000f"},
	    {"L3:4294967296=f", NULL, NULL, "l3CacheSchema",
	     "the group gold exists, and its L3:4294967296 is missing, not f"},
	    {"L3:0=f", "MB:0=41", NULL, "memBwSchema",
	     "the group gold exists, and its MB:0 is 40, not 50"},
	    {"L3:0=f\nMB:0=10", NULL, NULL, "l3CacheSchema",
	     "the group gold exists, and its MB:0 is 40, not 10"},
	    {NULL, NULL, "L2:0=1", "schemata[1]",
	     "the group gold exists, and its L2:0 is missing, not 1"},
	};

	(void)state;
	for (size_t i = 0; i < ELEMENTS(rows); i++) {
		char first[] = "L3:1=fffff";
		char *schemata[] = {first, (char *)rows[i].element, NULL};

		expect_refused(&(struct hp_intel_rdt){.clos_id = gold,
						      .l3_cache_schema = (char *)rows[i].l3,
						      .mem_bw_schema = (char *)rows[i].mb,
						      .schemata = schemata},
			       -EEXIST, rows[i].path, rows[i].reason);
	}
}

static void the_default_group_is_not_changed(void **state)
{
	char same[] = "L3:0=fffff", other[] = "L3:0=f";

	(void)state;
	rdt_leave(join(&(struct hp_intel_rdt){.clos_id = slash, .l3_cache_schema = same}));
	expect_refused(&(struct hp_intel_rdt){.clos_id = slash, .l3_cache_schema = other}, -EEXIST,
		       "l3CacheSchema", NULL);
}

static void schemas_must_be_proper(void **state)
{
	static const struct {
		const char *l3, *mb, *element, *path;
	} rows[] = {
	    {"L3:0=fg", NULL, NULL, "l3CacheSchema"},
	    {"L3:0=f", NULL, "L3:0=fg", "schemata[0]"},
	    {"L3:0=f", NULL, "", NULL},
	};

	(void)state;
	for (size_t i = 0; i < ELEMENTS(rows); i++) {
		char *schemata[] = {(char *)rows[i].element, NULL};
		struct hp_intel_rdt wanted = {.clos_id = gold,
					      .l3_cache_schema = (char *)rows[i].l3,
					      .mem_bw_schema = (char *)rows[i].mb,
					      .schemata = schemata};

		if (rows[i].path)
			expect_refused(&wanted, -EINVAL, rows[i].path, NULL);
		else
			rdt_leave(join(&wanted));
	}
}

/* A directory that is made here has no files, so the next step fails. */
static void what_was_made_goes_when_a_step_fails(void **state)
{
	char silver[] = "silver", schema[] = "L3:0=f";

	(void)state;
	make_file("info/last_cmd_status", "the kernel's\nown words\n");
	expect_refused(&(struct hp_intel_rdt){.clos_id = silver, .l3_cache_schema = schema},
		       -ENOENT, "l3CacheSchema",
		       "No such file or directory: the kernel's own words");
	assert_false(exists("silver"));
	expect_refused(&(struct hp_intel_rdt){0}, -ENOENT, "", NULL);
	assert_false(exists("c1"));
	/* And the directory that was there before is kept. */
	make_directory("c1");
	expect_refused(&(struct hp_intel_rdt){0}, -ENOENT, "", NULL);
	assert_true(exists("c1"));
}

/* ---- monitoring ---- */

static void monitoring_needs_a_machine_that_can(void **state)
{
	(void)state;
	expect_refused(&(struct hp_intel_rdt){.clos_id = gold, .enable_monitoring = true},
		       -EOPNOTSUPP, "enableMonitoring", "this machine has no L3 monitoring");
}

static void a_monitored_member_has_two_lists(void **state)
{
	struct rdt_member *member;

	(void)state;
	make_directory("info/L3_MON");
	make_directory("gold/mon_groups");
	make_directory("gold/mon_groups/c1");
	make_file("gold/mon_groups/c1/tasks", "");
	member = join(&(struct hp_intel_rdt){.clos_id = gold, .enable_monitoring = true});
	assert_string_equal(rdt_member_monitored_group(member), "gold/mon_groups/c1");
	assert_false(rdt_member_monitored_group_is_made(member));
	expect_tasks(rdt_member_tasks(member), "gold/tasks");
	expect_tasks(rdt_member_monitored_tasks(member), "gold/mon_groups/c1/tasks");
	rdt_leave(member);
	assert_true(exists("gold/mon_groups/c1"));
}

static void a_monitored_group_that_was_made_goes_when_a_step_fails(void **state)
{
	(void)state;
	make_directory("info/L3_MON");
	make_directory("gold/mon_groups");
	expect_refused(&(struct hp_intel_rdt){.clos_id = gold, .enable_monitoring = true}, -ENOENT,
		       "", NULL);
	assert_false(exists("gold/mon_groups/c1"));
}

/* ---- the file system ---- */

/* Fault 27. */
static void a_lock_of_others_is_told_soon(void **state)
{
	int lock = open(rdt_root, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	int64_t begin_ns = clock_ns(CLOCK_MONOTONIC);

	(void)state;
	assert_int_equal(flock(lock, LOCK_SH), 0);
	expect_refused(&(struct hp_intel_rdt){.clos_id = gold}, -EBUSY, "", NULL);
	assert_in_range(clock_ns(CLOCK_MONOTONIC) - begin_ns, 4000000, 1000000000);
	close(lock);
	rdt_leave(join(&(struct hp_intel_rdt){.clos_id = gold}));
}

/* The lock is not held while a hook runs. */
static void the_lock_is_given_back(void **state)
{
	struct rdt_member *member = join(&(struct hp_intel_rdt){.clos_id = gold});
	int lock = open(rdt_root, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	(void)state;
	assert_int_equal(flock(lock, LOCK_EX | LOCK_NB), 0);
	/* Leaving does not need the lock. */
	rdt_leave(member);
	close(lock);
}

static void without_the_file_system_it_is_not_supported(void **state)
{
	struct rdt_member *member;
	struct hp_err err;
	struct rdt *none;

	(void)state;
	assert_int_equal(rdt_new("/nonexistent", &none), 0);
	assert_int_equal(
	    rdt_join(none, &(struct hp_intel_rdt){.clos_id = gold}, "c1", &member, &err),
	    -EOPNOTSUPP);
	assert_int_equal(err.code, HP_ERR_NOT_SUPPORTED);
	assert_string_equal(err.reason, "resctrl is not mounted");
	rdt_free(none);
}

static size_t count_fds(void)
{
	DIR *directory = opendir("/proc/self/fd");
	size_t count = 0;

	while (readdir(directory))
		count++;
	closedir(directory);
	return count;
}

static void nothing_stays_open(void **state)
{
	size_t before = count_fds();
	char silver[] = "silver", schema[] = "L3:0=f";

	(void)state;
	rdt_leave(join(&(struct hp_intel_rdt){.clos_id = gold}));
	expect_refused(&(struct hp_intel_rdt){.clos_id = gold, .l3_cache_schema = silver}, -EINVAL,
		       "l3CacheSchema", NULL);
	expect_refused(&(struct hp_intel_rdt){.clos_id = silver, .l3_cache_schema = schema},
		       -ENOENT, "l3CacheSchema", NULL);
	assert_int_equal(count_fds(), before);
}

/* ---- left from before ---- */

static void leftovers_are_removed_by_name(void **state)
{
	static const char *const wrong[] = {"/",
					    ".",
					    "..",
					    "info",
					    "a/b",
					    "../x",
					    "mon_groups",
					    "gold/mon_groups",
					    "gold/mon_groups/",
					    "gold/mon_groups/..",
					    "../mon_groups/x"};

	(void)state;
	for (size_t i = 0; i < ELEMENTS(wrong); i++)
		assert_int_equal(rdt_remove(rdt, wrong[i], false), -EINVAL);
	make_directory("c1");
	make_directory("gold/mon_groups");
	make_directory("gold/mon_groups/c1");
	assert_int_equal(rdt_remove(rdt, "gold/mon_groups/c1", false), 0);
	assert_false(exists("gold/mon_groups/c1"));
	assert_int_equal(rdt_remove(rdt, "c1", false), 0);
	assert_false(exists("c1"));
	assert_int_equal(rdt_remove(rdt, "c1", false), 0);
}

static void what_is_in_use_is_not_removed(void **state)
{
	struct rdt_member *first = join(&(struct hp_intel_rdt){.clos_id = gold});
	struct rdt_member *second = join(&(struct hp_intel_rdt){.clos_id = gold});

	(void)state;
	assert_int_equal(rdt_remove(rdt, "gold", false), -EBUSY);
	rdt_leave(first);
	assert_int_equal(rdt_remove(rdt, "gold", false), -EBUSY);
	rdt_leave(second);
	make_file("gold/tasks", "1\n");
	assert_int_equal(rdt_remove(rdt, "gold", true), -EBUSY);
	assert_true(exists("gold/tasks"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    RDT_TEST(the_resource_that_has_the_least_counts),
	    RDT_TEST(who_gets_no_group_hears_how_many_there_are),
	    RDT_TEST(a_group_that_is_there_is_joined),
	    RDT_TEST(a_slash_is_the_default_group),
	    RDT_TEST(without_a_closid_it_is_the_containers),
	    RDT_TEST(names_stay_in_the_directory),
	    RDT_TEST(a_containers_id_may_be_no_name),
	    RDT_TEST(without_schemata_a_closid_must_be_there),
	    RDT_TEST(a_foreign_group_is_joined_whatever_its_name),
	    RDT_TEST(a_closid_and_a_containers_id_have_the_same_characters),
	    RDT_TEST(a_text_that_names_no_group_joins_none),
	    RDT_TEST(no_link_is_a_group),
	    RDT_TEST(what_the_group_says_is_compared),
	    RDT_TEST(schemata_override_the_other_fields),
	    RDT_TEST(a_group_that_says_something_else_is_refused),
	    RDT_TEST(the_default_group_is_not_changed),
	    RDT_TEST(schemas_must_be_proper),
	    RDT_TEST(what_was_made_goes_when_a_step_fails),
	    RDT_TEST(monitoring_needs_a_machine_that_can),
	    RDT_TEST(a_monitored_member_has_two_lists),
	    RDT_TEST(a_monitored_group_that_was_made_goes_when_a_step_fails),
	    RDT_TEST(a_lock_of_others_is_told_soon),
	    RDT_TEST(the_lock_is_given_back),
	    RDT_TEST(without_the_file_system_it_is_not_supported),
	    RDT_TEST(nothing_stays_open),
	    RDT_TEST(leftovers_are_removed_by_name),
	    RDT_TEST(what_is_in_use_is_not_removed),
	};

	bound_time();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
