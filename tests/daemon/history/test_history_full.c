/* SPDX-License-Identifier: Apache-2.0 */
/* A file system without room: runs wait to be written, are counted, and nothing else suffers. */
#include <fcntl.h>
#include <sys/mount.h>

#include "tests/daemon/history/history_world.h"

#define FILL "fill"

static void mount_small(const char *options)
{
	if (!own_mounts() || mount("tmpfs", past.directory, "tmpfs", 0, options) < 0)
		skip("needs root, to mount a tmpfs");
}

static void fill(void)
{
	static char block[4096];
	int fd = open(past_path(FILL), O_WRONLY | O_CREAT | O_APPEND, 0600);

	while (write(fd, block, sizeof(block)) > 0)
		continue;
	close(fd);
}

/* Fault 50. */
static void a_full_file_system_is_told_and_waited_for(void **state)
{
	struct history_filter all = HISTORY_FILTER_ALL;
	struct history_view view;

	(void)state;
	mount_small("mode=0700,size=4m");
	fill();
	past_open();
	past_add(&(struct past_run){0}, 1);
	past_await(HISTORY_FAILING);
	history_view(past.history, &view);
	assert_string_equal(view.error, "No space left on device");
	assert_false(past_exists("history.db"));
	unlink(past_path(FILL));
	past_await(HISTORY_READY);
	assert_string_equal(past_list(&all, 9), "1");
	assert_int_equal(history_dropped(past.history), 0);
}

/* Fault 50. What is there can still be read. */
static void one_that_fills_later_too(void **state)
{
	static char output[60000];
	struct history_filter all = HISTORY_FILTER_ALL;

	(void)state;
	mount_small("mode=0700,size=4m");
	past_open();
	past_add(&(struct past_run){0}, 1);
	assert_string_equal(past_list(&all, 9), "1");
	fill();
	memset(output, 'x', sizeof(output) - 1);
	past_add(&(struct past_run){.output = output}, 2);
	past_await(HISTORY_FAILING);
	assert_string_equal(past_list(&all, 9), "1");
	unlink(past_path(FILL));
	past_await(HISTORY_READY);
	assert_string_equal(past_list(&all, 9), "2 1");
}

/* A quarter is left for the records of runs, without which no run begins. */
static void it_leaves_room_for_the_records(void **state)
{
	static char output[8000];
	struct history_view view;

	(void)state;
	mount_small("mode=0700,size=8m");
	memset(output, 'x', sizeof(output) - 1);
	past_open();
	for (unsigned int i = 1; i <= 1500; i++)
		past_add(&(struct past_run){.output = output}, i);
	assert_true(past_count() > 200);
	history_view(past.history, &view);
	assert_true(view.bytes < 6 * 1024 * 1024);
}

/* Fault 50. */
static void runs_beyond_the_queue_are_dropped_and_counted(void **state)
{
	static char output[100000];

	(void)state;
	mount_small("mode=0700,size=512k");
	memset(output, 'x', sizeof(output) - 1);
	past_open();
	past_await(HISTORY_FAILING);
	for (unsigned int i = 1; i <= 400; i++)
		past_add(&(struct past_run){.output = output}, i);
	assert_true(history_dropped(past.history) > 200);
	assert_true(history_dropped(past.history) < 300);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    PAST_TEST(a_full_file_system_is_told_and_waited_for),
	    PAST_TEST(one_that_fills_later_too),
	    PAST_TEST(it_leaves_room_for_the_records),
	    PAST_TEST(runs_beyond_the_queue_are_dropped_and_counted),
	};

	bound_time();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
