/* SPDX-License-Identifier: Apache-2.0 */
/* history.db that is damaged, foreign, locked or no file: it is set aside or waited for. */
#include <fcntl.h>
#include <sqlite3.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "tests/daemon/history/history_world.h"

#define RUNS 60

static char *whole;
static size_t whole_length;
static char *texts[RUNS + 1]; /* what is read of each run, undamaged */

static char *found_text(size_t i)
{
	const struct history_found *found = &past.answer->found[i];
	char *text;

	assert_true(asprintf(&text, "%.*s%.*s%.*s", (int)found->run_length,
			     past.answer->texts.data + found->run, (int)found->result_length,
			     past.answer->texts.data + found->result, (int)found->request_length,
			     past.answer->texts.data + found->request) > 0);
	return text;
}

static int ask_for_all(void)
{
	struct history_query *query = history_query_new(HISTORY_LIST);

	query->wants_details = true;
	return past_ask(query);
}

/* With pages of every kind: overflowing rows, indexes, and free ones. */
static void make_file(void)
{
	static char output[9000];

	memset(output, 'o', sizeof(output) - 1);
	past_open();
	for (unsigned int i = 1; i <= RUNS; i++)
		past_add(&(struct past_run){.output = i % 3 ? "short" : output,
					    .outcome = i % 4 ? HP_RUN_SUCCEEDED : HP_RUN_FAILED},
			 i);
	assert_int_equal(ask_for_all(), 0);
	assert_int_equal(past.answer->found_count, RUNS);
	for (size_t i = 0; i < RUNS; i++) {
		long number = strtol(past.answer->found[i].place.id, NULL, 16);

		free(texts[number]);
		texts[number] = found_text(i);
	}
	past_close();
	free(whole);
	whole = read_whole(past_path("history.db"), &whole_length);
	assert_non_null(whole);
}

static void write_file(const char *name, const char *bytes, size_t length)
{
	int fd = open(past_path(name), O_WRONLY | O_CREAT | O_TRUNC, 0600);

	assert_int_equal(write(fd, bytes, length), length);
	close(fd);
}

/* Every run that is read is as it was, and those that are not are said to be lost. */
static void check_what_is_read(size_t offset)
{
	int r = ask_for_all();
	size_t found = r == 0 ? past.answer->found_count : 0;

	for (size_t i = 0; i < found; i++) {
		long number = strtol(past.answer->found[i].place.id, NULL, 16);
		char *text = found_text(i);

		assert_in_range(number, 1, RUNS);
		if (strcmp(text, texts[number]) != 0)
			fail_msg("offset %zu: run %ld is damaged", offset, number);
		free(text);
	}
	if (found < RUNS && !past_exists("history.db.bad"))
		fail_msg("offset %zu: %zu runs were lost without a word", offset, RUNS - found);
}

static void set_back(void)
{
	unlink(past_path("history.db.bad"));
	unlink(past_path("history.db.bad.1"));
	unlink(past_path("history.db-journal.bad"));
	unlink(past_path("history.db-journal.bad.1"));
	unlink(past_path("history.db-journal"));
}

static void try_damage(size_t offset, char bits)
{
	const struct history_filter all = HISTORY_FILTER_ALL;

	whole[offset] ^= bits;
	write_file("history.db", whole, whole_length);
	past_open();
	check_what_is_read(offset);
	past_add(&(struct past_run){0}, 0xabc);
	(void)ask_for_all();
	if (strncmp(past_list(&all, 1), "2748", 4) != 0)
		fail_msg("offset %zu: no run can be added", offset);
	past_close();
	whole[offset] ^= bits;
	set_back();
}

/* Fault 49. Some bytes of each page, more of its head. */
static void one_damaged_byte_costs_only_history(void **state)
{
	unsigned int seed = 1;

	(void)state;
	make_file();
	for (size_t page = 0; page < whole_length; page += 4096) {
		for (size_t i = 0; i < 12; i += 3)
			try_damage(page + i, (char)(1 << (page / 4096 + i) % 8));
		for (size_t i = 0; i < 6; i++)
			try_damage(page + (size_t)rand_r(&seed) % 4096,
				   (char)(1 << rand_r(&seed) % 8));
	}
}

/* Fault 49. Versions, among them one that may only be read, and settings of the file. */
static void a_damaged_head_costs_only_history(void **state)
{
	static const char bits[] = {0x01, 0x02, 0x04, 0x40, (char)0x80, (char)0xff};

	(void)state;
	make_file();
	for (size_t offset = 16; offset < 100; offset++)
		for (size_t i = 0; i < sizeof(bits); i += 3) /* all of them would take minutes */
			try_damage(offset, bits[(offset + i) % sizeof(bits)]);
}

/* Fault 49. */
static void a_file_that_was_cut_off_is_set_aside(void **state)
{
	(void)state;
	make_file();
	for (size_t length = 0; length < whole_length; length += 1024 + whole_length / 20) {
		write_file("history.db", whole, length);
		past_open();
		check_what_is_read(length);
		assert_true(past_exists("history.db.bad"));
		past_close();
		set_back();
	}
}

static void change_file(const char *sql)
{
	sqlite3 *database;

	assert_int_equal(sqlite3_open(past_path("history.db"), &database), SQLITE_OK);
	assert_int_equal(sqlite3_exec(database, sql, NULL, NULL, NULL), SQLITE_OK);
	sqlite3_close(database);
}

static void expect_a_new_one(void)
{
	past_open();
	assert_int_equal(past_count(), 0);
	assert_true(past_exists("history.db.bad"));
	past_add(&(struct past_run){0}, 1);
	assert_int_equal(past_count(), 1);
	past_close();
	past_open();
	assert_int_equal(past_count(), 1);
}

static void one_of_another_version_is_set_aside(void **state)
{
	(void)state;
	make_file();
	change_file("PRAGMA user_version=99");
	expect_a_new_one();
}

/* Fault 49. */
static void a_foreign_database_is_set_aside(void **state)
{
	(void)state;
	change_file("CREATE TABLE theirs(a)");
	expect_a_new_one();
}

/* Fault 49. */
static void a_fifo_is_set_aside(void **state)
{
	(void)state;
	assert_int_equal(mkfifo(past_path("history.db"), 0600), 0);
	expect_a_new_one();
}

/* Fault 49. */
static void a_link_is_set_aside(void **state)
{
	char target[128];

	(void)state;
	snprintf(target, sizeof(target), "%s", past_path("target"));
	write_file("target", "theirs", 6);
	assert_int_equal(symlink(target, past_path("history.db")), 0);
	expect_a_new_one();
	past_close();
	free(whole);
	whole = read_whole(past_path("target"), &whole_length);
	assert_string_equal(whole, "theirs");
}

static void a_link_in_place_of_the_journal_is_set_aside(void **state)
{
	(void)state;
	make_file();
	unlink(past_path("history.db-journal"));
	assert_int_equal(symlink("/dev/null", past_path("history.db-journal")), 0);
	expect_a_new_one();
}

/* Fault 50. The other process may still write to it, so it stays where it is. */
static void a_locked_file_is_waited_for(void **state)
{
	struct history_view view;
	int ready[2], go[2], status;
	char byte = 0;
	pid_t pid;

	(void)state;
	make_file();
	assert_int_equal(pipe(ready) | pipe(go), 0);
	pid = fork();
	if (pid == 0) {
		sqlite3 *database;

		if (sqlite3_open(past_path("history.db"), &database) != SQLITE_OK ||
		    sqlite3_exec(database, "BEGIN EXCLUSIVE", NULL, NULL, NULL) != SQLITE_OK ||
		    write(ready[1], &byte, 1) != 1 || read(go[0], &byte, 1) != 1)
			_exit(1);
		_exit(sqlite3_exec(database, "COMMIT", NULL, NULL, NULL) != SQLITE_OK);
	}
	assert_int_equal(read(ready[0], &byte, 1), 1);
	past_open();
	past_add(&(struct past_run){0}, 0xabc);
	past_await(HISTORY_FAILING);
	history_view(past.history, &view);
	snprintf(view.path, sizeof(view.path), "it is locked by process %d", pid);
	assert_string_equal(view.error, view.path);
	assert_int_equal(ask_for_all(), -EAGAIN);
	assert_int_equal(write(go[1], &byte, 1), 1);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
	past_await(HISTORY_READY);
	assert_int_equal(past_count(), RUNS + 1);
	assert_false(past_exists("history.db.bad"));
	close(ready[0]), close(ready[1]), close(go[0]), close(go[1]);
}

/* One that only the file has, and one that memory has, too. */
static void add_two_runs(void)
{
	struct run *run;

	past_open();
	past_add(&(struct past_run){0}, 1);
	run = past_make(&(struct past_run){0}, 2);
	history_add(past.history, run);
	assert_int_equal(store_add(past.store, run), 0);
	store_finished(past.store, run);
	assert_string_equal(past_list(&HISTORY_FILTER_ALL, 9), "2 1");
}

static void await_list(const char *expected)
{
	for (int i = 0; i < 5000 && strcmp(past_list(&HISTORY_FILTER_ALL, 9), expected) != 0; i++)
		usleep(1000);
	assert_string_equal(past_list(&HISTORY_FILTER_ALL, 9), expected);
}

/* Fault 49. */
static void a_file_that_was_removed_is_begun_again(void **state)
{
	(void)state;
	add_two_runs();
	assert_int_equal(unlink(past_path("history.db")), 0);
	past_add(&(struct past_run){0}, 3);
	await_list("3 2");
	past_close();
	past_open();
	assert_string_equal(past_list(&HISTORY_FILTER_ALL, 9), "3 2");
	assert_int_equal(history_dropped(past.history), 0);
}

/* Fault 49. */
static void a_file_that_was_replaced_is_opened(void **state)
{
	char other[128];

	(void)state;
	make_file();
	past_close();
	snprintf(other, sizeof(other), "%s", past_path("other"));
	assert_int_equal(rename(past_path("history.db"), other), 0);
	set_back();
	add_two_runs();
	assert_int_equal(rename(other, past_path("history.db")), 0);
	past_add(&(struct past_run){0}, 0xabc);
	for (int i = 0; i < 5000 && past_count() != RUNS + 1; i++)
		usleep(1000);
	assert_int_equal(past_count(), RUNS + 1); /* it has run 2 */
	assert_false(past_exists("history.db.bad"));
}

static void a_directory_of_others_is_not_used(void **state)
{
	char other[128];

	(void)state;
	snprintf(other, sizeof(other), "%s", past_path("other"));
	assert_int_equal(mkdir(other, 0777) | chmod(other, 0777), 0);
	past.config.history_directory = other;
	past_open();
	past_await(HISTORY_FAILING);
	assert_false(past_exists("other/history.db"));
}

static int free_texts(void **state)
{
	(void)state;
	for (size_t i = 0; i <= RUNS; i++)
		free(texts[i]);
	free(whole);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    PAST_TEST(one_damaged_byte_costs_only_history),
	    PAST_TEST(a_damaged_head_costs_only_history),
	    PAST_TEST(a_file_that_was_cut_off_is_set_aside),
	    PAST_TEST(one_of_another_version_is_set_aside),
	    PAST_TEST(a_foreign_database_is_set_aside),
	    PAST_TEST(a_fifo_is_set_aside),
	    PAST_TEST(a_link_is_set_aside),
	    PAST_TEST(a_link_in_place_of_the_journal_is_set_aside),
	    PAST_TEST(a_locked_file_is_waited_for),
	    PAST_TEST(a_file_that_was_removed_is_begun_again),
	    PAST_TEST(a_file_that_was_replaced_is_opened),
	    PAST_TEST(a_directory_of_others_is_not_used),
	};

	bound_time();
	return cmocka_run_group_tests(tests, NULL, free_texts);
}
