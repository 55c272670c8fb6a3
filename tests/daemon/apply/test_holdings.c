/* SPDX-License-Identifier: Apache-2.0 */

/* apply/holdings: holdings are read back after hookd has exited or was killed. */

#include <fcntl.h>
#include <sqlite3.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "daemon/apply/holdings.h"
#include "daemon/apply/holdings_database.h"
#include "tests/daemon/support/support.h"

static char directory[32];

static int set_up(void **state)
{
	(void)state;
	temporary_directory(directory);
	return 0;
}

static const char *file_path(const char *name)
{
	static char path[64];

	snprintf(path, sizeof(path), "%s/%s", directory, name);
	return path;
}

static int tear_down(void **state)
{
	(void)state;
	unlink(file_path("holdings.db"));
	unlink(file_path("holdings.db.bad"));
	unlink(file_path("holdings.db-journal"));
	return rmdir(directory);
}

static struct holdings *open_holdings(bool is_set_aside)
{
	struct holdings *holdings;
	bool set_aside;

	assert_int_equal(holdings_open(directory, &holdings, &set_aside), 0);
	assert_int_equal(set_aside, is_set_aside);
	return holdings;
}

static struct holding *add(struct holdings *holdings, const char *container)
{
	char former[] = "/from";
	char former_group[] = "gold";
	const struct holding from = {
	    .pid = 42, .start_time = 4711, .former_path = former, .former_group = former_group};
	struct holding *holding;

	assert_int_equal(holdings_add(holdings, container, &from, &holding), 0);
	return holding;
}

static void holdings_are_read_back(void **state)
{
	struct holdings *holdings = open_holdings(false);
	struct holding *holding = add(holdings, "box's \"container\"");
	const struct created *created;

	(void)state;
	assert_int_equal(holdings_add_created(holdings, holding, CREATED_CGROUP, "/a"), 0);
	assert_int_equal(holdings_add_created(holdings, holding, CREATED_CGROUP, "/a/b"), 0);
	assert_int_equal(holdings_add_created(holdings, holding, CREATED_RDT_GROUP, "box"), 0);
	holding->cgroup_path = strdup("/a/b");
	holding->rdt_group = strdup("box");
	holding->attributes_set = 5;
	holding->has_closid = true;
	holding->unit_files = strdup("memory.oom.group 1\n");
	assert_int_equal(holdings_enter(holdings, holding, HOLDING_HELD), 0);
	add(holdings, "second");
	holdings_close(holdings);

	holdings = open_holdings(false);
	holding = holdings_find(holdings, "box's \"container\"");
	assert_non_null(holding);
	assert_int_equal(holding->pid, 42);
	assert_int_equal(holding->start_time, 4711);
	assert_string_equal(holding->former_group, "gold");
	assert_int_equal(holding->attributes_set, 5);
	assert_int_equal(holding->state, HOLDING_HELD);
	assert_false(holding->is_update_interrupted);
	assert_string_equal(holding->former_path, "/from");
	assert_string_equal(holding->cgroup_path, "/a/b");
	assert_string_equal(holding->rdt_group, "box");
	assert_null(holding->unit);
	assert_true(holding->has_closid);
	assert_string_equal(holding->unit_files, "memory.oom.group 1\n");
	assert_null(holding->ignored);
	/* The newest first: the order of their removal. */
	created = TAILQ_FIRST(&holding->created);
	assert_int_equal(created->kind, CREATED_RDT_GROUP);
	created = TAILQ_NEXT(created, link);
	assert_string_equal(created->name, "/a/b");
	created = TAILQ_NEXT(created, link);
	assert_string_equal(created->name, "/a");
	assert_null(TAILQ_NEXT(created, link));
	assert_true(holding_has_created(holding, CREATED_CGROUP));
	assert_false(holding_has_created(holding, CREATED_UNIT));
	assert_int_equal(holdings_find(holdings, "second")->state, HOLDING_MAKING);
	holdings_close(holdings);
}

static void removed_objects_are_not_read_back(void **state)
{
	struct holdings *holdings = open_holdings(false);
	struct holding *holding = add(holdings, "box");
	struct holding *again;

	(void)state;
	assert_int_equal(holdings_add_created(holdings, holding, CREATED_CGROUP, "/a"), 0);
	assert_int_equal(holdings_add_created(holdings, holding, CREATED_CGROUP, "/b"), 0);
	assert_int_equal(holdings_remove_created(holdings, holding, TAILQ_FIRST(&holding->created)),
			 0);
	assert_int_equal(holdings_add(holdings, "box", holding, &again), -EEXIST);
	add(holdings, "other");
	holdings_close(holdings);
	holdings = open_holdings(false);
	holding = holdings_find(holdings, "box");
	assert_string_equal(TAILQ_FIRST(&holding->created)->name, "/a");
	assert_null(TAILQ_NEXT(TAILQ_FIRST(&holding->created), link));
	assert_int_equal(holdings_erase(holdings, holding), 0);
	holdings_remove(holdings, holding);
	holdings_close(holdings);
	holdings = open_holdings(false);
	assert_null(holdings_find(holdings, "box"));
	assert_ptr_equal(holdings_first(holdings), holdings_find(holdings, "other"));
	assert_null(holdings_next(holdings_first(holdings)));
	holdings_close(holdings);
}

/* Objects that were recorded when hookd was killed are read back. */
static void a_killed_daemon_leaves_its_records(void **state)
{
	struct holdings *holdings;
	int status;
	pid_t pid = fork();

	(void)state;
	if (pid == 0) {
		bool set_aside;
		struct holding *holding;

		if (holdings_open(directory, &holdings, &set_aside) == 0 &&
		    holdings_add(holdings, "box", &(struct holding){.pid = 1}, &holding) == 0 &&
		    holdings_add_created(holdings, holding, CREATED_CGROUP, "/c") == 0)
			kill(getpid(), SIGKILL);
		_exit(1);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFSIGNALED(status));
	holdings = open_holdings(false);
	assert_string_equal(TAILQ_FIRST(&holdings_find(holdings, "box")->created)->name, "/c");
	holdings_close(holdings);
}

static void write_file(const char *name, const char *text, size_t length)
{
	int fd = open(file_path(name), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

	assert_int_equal(write(fd, text, length), length);
	close(fd);
}

static void a_damaged_file_is_set_aside(void **state)
{
	static const char noise[5000] = "this is no database";
	struct holdings *holdings;

	(void)state;
	write_file("holdings.db", noise, sizeof(noise));
	holdings = open_holdings(true);
	assert_null(holdings_first(holdings));
	add(holdings, "box");
	holdings_close(holdings);
	assert_int_equal(access(file_path("holdings.db.bad"), F_OK), 0);
	holdings = open_holdings(false);
	assert_non_null(holdings_find(holdings, "box"));
	holdings_close(holdings);
}

static void the_file_of_another_daemon_is_refused(void **state)
{
	struct holdings *first = open_holdings(false), *second;
	bool is_set_aside;

	(void)state;
	assert_int_equal(holdings_open(directory, &second, &is_set_aside), -EBUSY);
	assert_false(is_set_aside);
	add(first, "box");
	holdings_close(first);
	/* The tables exist, so opening it does not write. */
	first = open_holdings(false);
	assert_non_null(holdings_find(first, "box"));
	assert_int_equal(holdings_open(directory, &second, &is_set_aside), -EBUSY);
	holdings_close(first);
}

static void a_file_of_a_newer_version_is_set_aside(void **state)
{
	sqlite3 *database;

	(void)state;
	holdings_close(open_holdings(false));
	assert_int_equal(sqlite3_open(file_path("holdings.db"), &database), SQLITE_OK);
	assert_int_equal(sqlite3_exec(database, "PRAGMA user_version=99", NULL, NULL, NULL),
			 SQLITE_OK);
	sqlite3_close(database);
	holdings_close(open_holdings(true));
}

static void a_foreign_database_is_set_aside(void **state)
{
	sqlite3 *database;

	(void)state;
	assert_int_equal(sqlite3_open(file_path("holdings.db"), &database), SQLITE_OK);
	assert_int_equal(sqlite3_exec(database, "CREATE TABLE theirs(a)", NULL, NULL, NULL),
			 SQLITE_OK);
	sqlite3_close(database);
	holdings_close(open_holdings(true));
}

static void change_file(const char *sql)
{
	sqlite3 *database;

	assert_int_equal(sqlite3_open(file_path("holdings.db"), &database), SQLITE_OK);
	assert_int_equal(database_define_functions(database), 0);
	assert_int_equal(sqlite3_exec(database, sql, NULL, NULL, NULL), SQLITE_OK);
	sqlite3_close(database);
}

/* Fault 35. */
static void holdings_of_another_boot_are_dropped(void **state)
{
	struct holdings *holdings = open_holdings(false);

	(void)state;
	assert_int_equal(holdings_add_created(holdings, add(holdings, "box"), CREATED_CGROUP, "/a"),
			 0);
	holdings_close(holdings);
	change_file("UPDATE boot SET id = 'another', checksum = checksum('another', version)");
	holdings = open_holdings(false);
	assert_null(holdings_first(holdings));
	holdings_close(holdings);
}

/* ---- damage ---- */

static void add_whole(struct holdings *holdings, const char *container)
{
	struct holding *holding = add(holdings, container);

	holding->cgroup_path = strdup("/path");
	assert_int_equal(holdings_add_created(holdings, holding, CREATED_CGROUP, "/made"), 0);
	assert_int_equal(holdings_enter(holdings, holding, HOLDING_HELD), 0);
}

static void expect_whole(const struct holding *holding)
{
	const struct created *created = TAILQ_FIRST(&holding->created);

	assert_true(strcmp(holding->container, "first") == 0 ||
		    strcmp(holding->container, "second") == 0);
	assert_int_equal(holding->pid, 42);
	assert_int_equal(holding->start_time, 4711);
	assert_int_equal(holding->uid, 0);
	assert_int_equal(holding->attributes_set, 0);
	assert_int_equal(holding->state, HOLDING_HELD);
	assert_string_equal(holding->former_path, "/from");
	assert_string_equal(holding->former_group, "gold");
	assert_string_equal(holding->cgroup_path, "/path");
	assert_int_equal(strlen(holding->mark), 16);
	assert_null(holding->uncertain);
	if (created) {
		assert_int_equal(created->kind, CREATED_CGROUP);
		assert_string_equal(created->name, "/made");
	}
}

/* Opens the file, and checks what is read. Returns the number of rows. */
static size_t count_whole(bool *ret_set_aside)
{
	struct holdings *holdings;
	struct holding *holding;
	size_t count = 0;

	assert_int_equal(holdings_open(directory, &holdings, ret_set_aside), 0);
	for (holding = holdings_first(holdings); holding; holding = holdings_next(holding)) {
		expect_whole(holding);
		count += 1 + !TAILQ_EMPTY(&holding->created);
	}
	holdings_close(holdings);
	return count;
}

/* Fault 33: the pages of the tables, after that of the schema. */
static void a_flipped_bit_is_never_taken_for_data(void **state)
{
	static char bytes[65536], copy[65536];
	struct holdings *holdings = open_holdings(false);
	int fd;
	size_t length, losses = 0;
	bool set_aside;

	(void)state;
	add_whole(holdings, "first");
	add_whole(holdings, "second");
	holdings_close(holdings);
	fd = open(file_path("holdings.db"), O_RDONLY | O_CLOEXEC);
	length = (size_t)read(fd, bytes, sizeof(bytes));
	close(fd);
	assert_in_range(length, 8192, sizeof(bytes) - 1);
	for (size_t i = 4096; i < length; i++) {
		size_t count;

		if (!bytes[i])
			continue;
		memcpy(copy, bytes, length);
		copy[i] = (char)(copy[i] ^ 1 << i % 8);
		unlink(file_path("holdings.db-journal"));
		write_file("holdings.db", copy, length);
		count = count_whole(&set_aside);
		losses += count < 4;
		if (count < 4 && !set_aside)
			fail_msg("byte %zu: rows are lost, and nothing was set aside", i);
		unlink(file_path("holdings.db.bad"));
		unlink(file_path("holdings.db.bad.1"));
		unlink(file_path("holdings.db-journal.bad"));
	}
	assert_true(losses > 0);
}

/* Fault 33: what is in other rows goes on. */
static void a_damaged_row_costs_only_itself(void **state)
{
	static const struct {
		const char *sql;
		size_t left;
	} changes[] = {
	    {"UPDATE holding SET pid = 43 WHERE container = 'first'", 2},
	    {"UPDATE holding SET container = 'third' WHERE container = 'first'", 2},
	    {"UPDATE holding SET uid = 1 WHERE container = 'first'", 2},
	    {"UPDATE made SET name = '/etc' WHERE container = 'first'", 3},
	    {"UPDATE boot SET id = 'x' || id", 4},
	    {"UPDATE boot SET checksum = 1", 4},
	    {"DELETE FROM boot", 4},
	};

	(void)state;
	for (size_t i = 0; i < ELEMENTS(changes); i++) {
		struct holdings *holdings = open_holdings(false);
		bool set_aside;

		add_whole(holdings, "first");
		add_whole(holdings, "second");
		holdings_close(holdings);
		change_file(changes[i].sql);
		assert_int_equal(count_whole(&set_aside), changes[i].left);
		assert_true(set_aside);
		/* The file is whole again. */
		assert_int_equal(count_whole(&set_aside), changes[i].left);
		assert_false(set_aside);
		assert_int_equal(unlink(file_path("holdings.db.bad")), 0);
		assert_int_equal(unlink(file_path("holdings.db")), 0);
		unlink(file_path("holdings.db-journal"));
	}
}

static void files_of_older_versions_are_read(void **state)
{
#define COLUMNS_5                                                                                  \
	"boot_id(), container, pid, start_time, uid, state, is_systemd, cgroup_path, unit, "       \
	"rdt_group, process, ignored, former_path, former_group, mark, mixed"
#define TO_VERSION_4                                                                               \
	"ALTER TABLE holding DROP COLUMN unit_files;"                                              \
	"ALTER TABLE holding DROP COLUMN has_closid;"                                              \
	"ALTER TABLE holding DROP COLUMN checksum; ALTER TABLE made DROP COLUMN checksum;"         \
	"ALTER TABLE boot DROP COLUMN checksum; ALTER TABLE boot DROP COLUMN version;"
	static const char *const versions[] = {
	    "ALTER TABLE holding DROP COLUMN unit_files;"
	    "ALTER TABLE holding DROP COLUMN has_closid;"
	    "UPDATE holding SET checksum = checksum(" COLUMNS_5 ");"
	    "UPDATE boot SET version = 5, checksum = checksum(id, 5); PRAGMA user_version=5",
	    TO_VERSION_4 "PRAGMA user_version=4",
	    TO_VERSION_4 "ALTER TABLE holding DROP COLUMN mark;"
			 "ALTER TABLE holding DROP COLUMN mixed; PRAGMA user_version=3",
	    TO_VERSION_4 "ALTER TABLE holding DROP COLUMN mark;"
			 "ALTER TABLE holding DROP COLUMN mixed;"
			 "ALTER TABLE holding DROP COLUMN former_group; PRAGMA user_version=2",
	    TO_VERSION_4
	    "ALTER TABLE holding DROP COLUMN mark;"
	    "ALTER TABLE holding DROP COLUMN mixed;"
	    "ALTER TABLE holding DROP COLUMN former_group;"
	    "ALTER TABLE holding DROP COLUMN former_path;"
	    "ALTER TABLE holding RENAME COLUMN state TO is_complete; PRAGMA user_version=1",
	};
	struct holdings *holdings = open_holdings(false);

	(void)state;
	add(holdings, "box");
	holdings_close(holdings);
	for (size_t i = 0; i < ELEMENTS(versions); i++) {
		change_file(versions[i]);
		holdings = open_holdings(false);
		assert_non_null(holdings_find(holdings, "box"));
		assert_int_equal(holdings_find(holdings, "box")->pid, 42);
		holdings_close(holdings);
	}
}

/* Paths are used as root, so those that hookd cannot have written are not. */
static void a_file_with_foreign_values_is_set_aside(void **state)
{
	static const char *const changes[] = {
	    "UPDATE holding SET cgroup_path=''",
	    "UPDATE holding SET cgroup_path='a/b'",
	    "UPDATE holding SET cgroup_path='/a/../../etc'",
	    "UPDATE holding SET cgroup_path='/..'",
	    "UPDATE holding SET former_path=''",
	    "UPDATE holding SET rdt_group='../x'",
	    "UPDATE holding SET rdt_group='..'",
	    "UPDATE holding SET pid=0",
	    "UPDATE holding SET pid=-1",
	    "UPDATE made SET name='/../../etc'",
	    "UPDATE made SET name=''",
	};

	(void)state;
	for (size_t i = 0; i < ELEMENTS(changes); i++) {
		struct holdings *holdings = open_holdings(false);
		struct holding *holding = add(holdings, "box");

		assert_int_equal(
		    holdings_add_created(holdings, holding, CREATED_CGROUP, "/a..b/..c"), 0);
		holdings_close(holdings);
		holdings = open_holdings(false);
		assert_non_null(holdings_first(holdings));
		holdings_close(holdings);
		change_file(changes[i]);
		change_file("UPDATE holding SET checksum = " HOLDING_CHECKSUM ";"
			    "UPDATE made SET checksum = " CREATED_CHECKSUM);
		holdings = open_holdings(true);
		assert_null(holdings_first(holdings));
		holdings_close(holdings);
		assert_int_equal(unlink(file_path("holdings.db.bad")), 0);
		unlink(file_path("holdings.db-journal.bad"));
	}
}

/* /var/run is one. */
static void the_path_of_the_directory_may_have_links(void **state)
{
	char link[64];
	struct holdings *holdings;
	bool set_aside;

	(void)state;
	add(holdings = open_holdings(false), "box");
	holdings_close(holdings);
	snprintf(link, sizeof(link), "%s.link", directory);
	assert_int_equal(symlink(directory, link), 0);
	assert_int_equal(holdings_open(link, &holdings, &set_aside), 0);
	assert_int_equal(unlink(link), 0);
	assert_false(set_aside);
	assert_non_null(holdings_find(holdings, "box"));
	holdings_close(holdings);
}

/* A temporary error does not mean that the file is damaged. */
static void a_temporary_error_keeps_the_file(void **state)
{
	struct holdings *holdings;
	struct rlimit all, few;
	bool set_aside;
	int first = dup(0), r, failures = 0;

	(void)state;
	close(first);
	add(holdings = open_holdings(false), "box");
	holdings_close(holdings);
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &all), 0);
	for (int more = 0; more < 6; more++) {
		few = (struct rlimit){(rlim_t)(first + more), all.rlim_max};
		assert_int_equal(setrlimit(RLIMIT_NOFILE, &few), 0);
		r = holdings_open(directory, &holdings, &set_aside);
		assert_int_equal(setrlimit(RLIMIT_NOFILE, &all), 0);
		assert_false(set_aside);
		failures += r < 0;
		if (r == 0)
			holdings_close(holdings);
	}
	assert_in_range(failures, 1, 5);
	holdings = open_holdings(false);
	assert_non_null(holdings_find(holdings, "box"));
	holdings_close(holdings);
}

static void without_a_directory_holdings_are_in_memory(void **state)
{
	struct holdings *holdings;
	struct holding *holding;
	bool set_aside;

	(void)state;
	assert_int_equal(holdings_open(NULL, &holdings, &set_aside), 0);
	holding = add(holdings, "box");
	assert_int_equal(holdings_add_created(holdings, holding, CREATED_UNIT, "a.scope"), 0);
	assert_int_equal(holdings_write(holdings, holding), 0);
	assert_int_equal(holdings_erase(holdings, holding), 0);
	holdings_remove(holdings, holding);
	assert_null(holdings_first(holdings));
	holdings_close(holdings);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(holdings_are_read_back),
	    TEST(removed_objects_are_not_read_back),
	    TEST(a_killed_daemon_leaves_its_records),
	    TEST(a_damaged_file_is_set_aside),
	    TEST(the_file_of_another_daemon_is_refused),
	    TEST(a_file_of_a_newer_version_is_set_aside),
	    TEST(a_foreign_database_is_set_aside),
	    TEST(holdings_of_another_boot_are_dropped),
	    TEST(a_flipped_bit_is_never_taken_for_data),
	    TEST(a_damaged_row_costs_only_itself),
	    TEST(files_of_older_versions_are_read),
	    TEST(a_file_with_foreign_values_is_set_aside),
	    TEST(the_path_of_the_directory_may_have_links),
	    TEST(a_temporary_error_keeps_the_file),
	    TEST(without_a_directory_holdings_are_in_memory),
	};

	bound_time();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
