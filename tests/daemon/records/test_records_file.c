/* SPDX-License-Identifier: Apache-2.0 */
/* What else can be in the place of the file of runs: damage, another boot, anything. */
#include "tests/daemon/records/records_world.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>

#include "daemon/base/file.h"
#include "daemon/records/entry.h"

/* ---- another boot ---- */

static const char *boot;

int __wrap_file_boot_id(char id[static 64]);
int __wrap_file_boot_id(char id[static 64])
{
	snprintf(id, 64, "%s", boot);
	return 0;
}

static int set_up(void **state)
{
	boot = "11111111-2222-3333-4444-555555555555";
	return world_set_up(state);
}

/* Fault 35: all its hooks have ended with it. */
static void runs_of_another_boot_are_not_known(void **state)
{
	(void)state;
	world_run("start-1");
	boot = "99999999-2222-3333-4444-555555555555";
	world_reopen();
	assert_null(store_newest(store));
	world_run("start-1");
	world_reopen();
	assert_non_null(world_find("start-1"));
	assert_false(world_exists("runs.bad"));
}

/* ---- damage ---- */

static char *read_bytes(const char *name, size_t *ret_length)
{
	int fd = open(world_path(name), O_RDONLY | O_CLOEXEC);
	struct stat st;
	char *bytes;

	assert_true(fd >= 0 && fstat(fd, &st) == 0);
	bytes = malloc((size_t)st.st_size + 1);
	assert_int_equal(read(fd, bytes, (size_t)st.st_size), st.st_size);
	close(fd);
	*ret_length = (size_t)st.st_size;
	return bytes;
}

static void write_bytes(const char *name, const void *bytes, size_t length)
{
	int fd = open(world_path(name), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

	assert_int_equal(write(fd, bytes, length), length);
	close(fd);
}

static void clear_directory(void)
{
	char command[64];

	snprintf(command, sizeof(command), "rm -f %s/*", directory);
	assert_int_equal(system(command), 0);
}

#define RUNS 5

static void expect_all_known(void)
{
	char id[32];

	for (int i = 0; i < RUNS; i++) {
		snprintf(id, sizeof(id), "start-%d", i);
		if (!world_find(id))
			fail_msg("%s is not known", id);
	}
}

static char *make_runs(size_t *ret_length)
{
	char id[32];

	for (int i = 0; i < RUNS; i++) {
		snprintf(id, sizeof(id), "start-%d", i);
		world_run(id);
	}
	world_close_all();
	return read_bytes("runs", ret_length);
}

/* Fault 33: every id is known, also to the one after, and new runs are recorded. */
static void with_any_byte_flipped_all_ids_are_known(void **state)
{
	size_t length;
	char *bytes = make_runs(&length);
	char id[32];

	(void)state;
	for (size_t i = 0; i < length; i += 3) {
		clear_directory();
		bytes[i] ^= 0x10;
		write_bytes("runs", bytes, length);
		bytes[i] ^= 0x10;
		assert_int_equal(world_open(), 0);
		expect_all_known();
		records_settle(records, records_runners(records) == NULL);
		snprintf(id, sizeof(id), "later-%zu", i);
		world_run(id);
		world_reopen();
		expect_all_known();
		assert_non_null(world_find(id));
		world_close_all();
	}
	assert_int_equal(world_open(), 0);
	free(bytes);
}

/* Offset of the first valid entry of the run with that request id. */
static size_t find_entry_of(const char *bytes, size_t length, const char *request_id)
{
	struct entry_reader reader = {.bytes = bytes, .length = length, .offset = ENTRY_HEAD_SIZE};
	enum entry_found found;
	struct entry entry;
	size_t offset;

	reader.seed = entry_seed(boot);
	while ((found = entry_next(&reader, &entry, &offset)) != ENTRY_NONE)
		if (found == ENTRY_FOUND && entry.request_id &&
		    strcmp(entry.request_id, request_id) == 0)
			return offset;
	fail_msg("no entry of %s", request_id);
	return 0;
}

/* Fault 33: damage of the same run, again and again, each time in a new hookd. */
static void an_id_outlives_repeated_damage(void **state)
{
	size_t length, offset;
	char *bytes;

	(void)state;
	world_run("start-1");
	for (int i = 0; i < 12; i++) {
		world_close_all();
		bytes = read_bytes("runs", &length);
		offset = find_entry_of(bytes, length, "start-1");
		bytes[offset + 20] ^= 1;
		write_bytes("runs", bytes, length);
		free(bytes);
		assert_int_equal(world_open(), 0);
		assert_non_null(world_find("start-1"));
	}
}

static void a_damaged_file_is_kept_aside(void **state)
{
	size_t length, kept_length;
	char *bytes = make_runs(&length), *kept;
	struct stat old, new;

	(void)state;
	for (int place = 0; place < 2; place++) {
		size_t offset = place == 0 ? length / 2 : 20; /* an entry, or the head */

		clear_directory();
		bytes[offset] ^= 1;
		write_bytes("runs", bytes, length);
		assert_int_equal(stat(world_path("runs"), &old), 0);
		assert_int_equal(world_open(), 0);
		kept = read_bytes("runs.bad", &kept_length);
		assert_int_equal(kept_length, length);
		assert_memory_equal(kept, bytes, length);
		bytes[offset] ^= 1;
		assert_int_equal(stat(world_path("runs"), &new), 0);
		assert_int_not_equal(old.st_ino, new.st_ino);
		world_reopen();
		expect_all_known();
		assert_false(world_exists("runs.bad.1"));
		free(kept);
		world_close_all();
	}
	assert_int_equal(world_open(), 0);
	free(bytes);
}

/* Fault 33: as if hookd was killed while it wrote a begin. It has begun nothing, and nothing of the
 * file is damaged: no copy of it is kept.
 */
static void an_unfinished_append_is_dropped(void **state)
{
	size_t length, before;
	char *bytes;

	(void)state;
	world_run("start-1");
	before = world_file_size() - ENTRY_LAST_SIZE;
	world_run("start-2");
	world_close_all();
	bytes = read_bytes("runs", &length);
	for (size_t end = before + 1; end < length; end++) {
		clear_directory();
		write_bytes("runs", bytes, end);
		assert_int_equal(world_open(), 0);
		assert_null(records_runners(records));
		assert_non_null(world_find("start-1"));
		assert_false(world_exists("runs.bad"));
		records_settle(records, true);
		world_run("start-3");
		world_reopen();
		assert_non_null(world_find("start-3"));
		assert_false(world_exists("runs.bad"));
		world_close_all();
	}
	assert_int_equal(world_open(), 0);
	free(bytes);
}

static void only_two_damaged_files_are_kept(void **state)
{
	size_t length, kept_length;
	char *bytes = make_runs(&length), *kept;

	(void)state;
	for (size_t i = 0; i < 12; i++) {
		bytes[length / 2 + i] ^= 1;
		write_bytes("runs", bytes, length);
		assert_int_equal(world_open(), 0);
		expect_all_known();
		world_close_all();
		assert_false(world_exists("runs.bad.2"));
	}
	kept = read_bytes("runs.bad.1", &kept_length);
	assert_int_equal(kept_length, length);
	assert_memory_equal(kept, bytes, length); /* the newest */
	assert_true(world_exists("runs.bad"));
	assert_int_equal(world_open(), 0);
	free(kept);
	free(bytes);
}

/* A run of which only the ids are left has the result that was recorded. */
static void a_run_without_its_request(void **state)
{
	size_t length;
	char *bytes = make_runs(&length);
	char *request = memmem(bytes, length, "{\"stage\"", 8);
	struct run *run;

	(void)state;
	*request ^= 1;
	write_bytes("runs", bytes, length);
	assert_int_equal(world_open(), 0);
	run = world_find("start-0");
	assert_null(run->request.text);
	assert_string_equal(run->request.container, "box");
	assert_int_equal(run->request.stage, HP_STAGE_POSTSTOP);
	assert_int_equal(run->result.outcome, HP_RUN_SUCCEEDED);
	world_reopen();
	assert_int_equal(world_find("start-0")->result.outcome, HP_RUN_SUCCEEDED);
	free(bytes);
}

/* If hookd was killed while it put a new file in the place of a damaged one. */
static void a_new_file_that_has_no_name_yet(void **state)
{
	char new[64];

	(void)state;
	world_run("start-1");
	world_close_all();
	snprintf(new, sizeof(new), "%s", world_path("runs.new"));
	assert_int_equal(rename(world_path("runs"), new), 0);
	assert_int_equal(world_open(), 0);
	assert_non_null(world_find("start-1"));
	assert_false(world_exists("runs.new"));
}

static void an_unfinished_new_file_is_removed(void **state)
{
	(void)state;
	world_run("start-1");
	world_close_all();
	write_bytes("runs.new", "half", 4);
	assert_int_equal(world_open(), 0);
	assert_non_null(world_find("start-1"));
	assert_false(world_exists("runs.new"));
	assert_false(world_exists("runs.bad"));
}

static void what_is_in_the_place_of_the_new_file_is_set_aside(void **state)
{
	char path[64];

	(void)state;
	world_run("start-1");
	world_close_all();
	assert_int_equal(mkdir(world_path("runs.new"), 0700), 0);
	snprintf(path, sizeof(path), "%s/file", world_path("runs.new"));
	close(open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600));
	assert_int_equal(world_open(), 0);
	assert_non_null(world_find("start-1"));
	assert_false(world_exists("runs.new"));
	assert_true(world_exists("runs.new.bad"));
}

/* ---- other things in its place ---- */

static void expect_new_file(mode_t aside)
{
	struct stat st;

	assert_int_equal(world_open(), 0);
	assert_null(store_newest(store));
	assert_int_equal(lstat(world_path("runs.bad"), &st), 0);
	assert_int_equal(st.st_mode & S_IFMT, aside);
	world_run("start-1");
	world_reopen();
	assert_non_null(world_find("start-1"));
	assert_false(world_exists("runs.bad.1"));
	assert_int_equal(lstat(world_path("runs"), &st), 0);
	assert_int_equal(st.st_mode, S_IFREG | 0600);
}

static void begin_without(void)
{
	world_close_all();
	clear_directory();
}

static void an_empty_file(void **state)
{
	(void)state;
	begin_without();
	write_bytes("runs", "", 0);
	expect_new_file(S_IFREG);
}

static void a_file_of_an_earlier_version(void **state)
{
	static const char text[] = "{\"begin\":\"1-1\",\"uid\":0}\0{\"end\":\"1-1\"}";

	(void)state;
	begin_without();
	write_bytes("runs", text, sizeof(text));
	expect_new_file(S_IFREG);
}

static void a_fifo(void **state)
{
	(void)state;
	begin_without();
	assert_int_equal(mkfifo(world_path("runs"), 0600), 0);
	expect_new_file(S_IFIFO);
}

static void a_link(void **state)
{
	(void)state;
	begin_without();
	assert_int_equal(symlink("/dev/null", world_path("runs")), 0);
	expect_new_file(S_IFLNK);
}

static void a_directory(void **state)
{
	(void)state;
	begin_without();
	assert_int_equal(mkdir(world_path("runs"), 0700), 0);
	expect_new_file(S_IFDIR);
}

static void a_file_of_another_user(void **state)
{
	if (geteuid() != 0)
		skip("needs root");
	(void)state;
	world_run("start-1");
	world_close_all();
	assert_int_equal(chown(world_path("runs"), 12345, -1), 0);
	expect_new_file(S_IFREG);
}

int main(void)
{
#define FILE_TEST(function) cmocka_unit_test_setup_teardown(function, set_up, world_tear_down)
	const struct CMUnitTest tests[] = {
	    FILE_TEST(runs_of_another_boot_are_not_known),
	    FILE_TEST(with_any_byte_flipped_all_ids_are_known),
	    FILE_TEST(an_id_outlives_repeated_damage),
	    FILE_TEST(a_damaged_file_is_kept_aside),
	    FILE_TEST(an_unfinished_append_is_dropped),
	    FILE_TEST(only_two_damaged_files_are_kept),
	    FILE_TEST(a_run_without_its_request),
	    FILE_TEST(a_new_file_that_has_no_name_yet),
	    FILE_TEST(an_unfinished_new_file_is_removed),
	    FILE_TEST(what_is_in_the_place_of_the_new_file_is_set_aside),
	    FILE_TEST(an_empty_file),
	    FILE_TEST(a_file_of_an_earlier_version),
	    FILE_TEST(a_fifo),
	    FILE_TEST(a_link),
	    FILE_TEST(a_directory),
	    FILE_TEST(a_file_of_another_user),
	};

	bound_time();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
