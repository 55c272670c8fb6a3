/* SPDX-License-Identifier: Apache-2.0 */

/* Bounded capture: head and tail byte for byte at every border, whole characters, leftovers. */

#include "tests/daemon/support/support.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/wait.h>

#include "daemon/base/loop.h"
#include "daemon/proc/capture.h"
#include "proto/base/limits.h"
#include "proto/json/text.h"

#define HEAD	   ((size_t)HP_CAPTURE_HEAD_BYTES)
#define KEPT	   ((size_t)HP_CAPTURE_HEAD_BYTES + HP_CAPTURE_TAIL_BYTES)
#define BYTES_MAX  (512 * 1024)
#define PIPE_BYTES (64 * 1024)

static struct event_base *base;

static int set_up(void **state)
{
	(void)state;
	signal(SIGPIPE, SIG_IGN);
	base = loop_new();
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	event_base_free(base);
	return 0;
}

/* Each byte shows its offset: the period does not divide a power of two. */
static char pattern(size_t offset)
{
	return (char)(' ' + offset % 89);
}

static char *make_pattern(size_t length)
{
	char *bytes = malloc(length + 1);

	assert_non_null(bytes);
	for (size_t i = 0; i < length; i++)
		bytes[i] = pattern(i);
	return bytes;
}

/* Writes in pieces of `chunk` bytes, each read before the next, then closes; the kept part. */
static struct hp_output captured(const char *bytes, size_t length, size_t chunk)
{
	struct hp_output output = {0};
	struct capture capture;
	int fd;

	assert_int_equal(capture_open(&capture, base, &fd), 0);
	for (size_t at = 0; at < length; at += chunk) {
		size_t piece = length - at < chunk ? length - at : chunk;

		assert_int_equal(write(fd, bytes + at, piece), piece);
		capture_drain(&capture);
	}
	assert_true(capture_is_open(&capture));
	close(fd);
	capture_drain(&capture);
	assert_false(capture_is_open(&capture));
	capture_take(&capture, &output);
	capture_close(&capture);
	return output;
}

static void expect_pattern(size_t length, size_t chunk)
{
	char *bytes = make_pattern(length);
	struct hp_output output = captured(bytes, length, chunk);

	if (output.total != length || output.length != (length < KEPT ? length : KEPT))
		fail_msg("%zu bytes by %zu: kept %zu of %lu", length, chunk, output.length,
			 output.total);
	if (length <= KEPT) {
		assert_memory_equal(output.bytes, bytes, length);
	} else {
		assert_memory_equal(output.bytes, bytes, HEAD);
		assert_memory_equal(output.bytes + HEAD, bytes + length - (KEPT - HEAD),
				    KEPT - HEAD);
	}
	free(output.bytes);
	free(bytes);
}

static void every_length_around_the_borders_is_exact(void **state)
{
	static const size_t borders[] = {0, HEAD / 4, HEAD, KEPT, KEPT + HEAD, 3 * KEPT};
	static const size_t chunks[] = {4096, 10007, PIPE_BYTES};

	(void)state;
	for (size_t i = 0; i < ELEMENTS(borders); i++)
		for (size_t j = 0; j < ELEMENTS(chunks); j++)
			for (int shift = -3; shift <= 3; shift++)
				if (shift >= 0 || borders[i] > 0)
					expect_pattern(borders[i] + (size_t)shift, chunks[j]);
}

static void small_writes_add_up(void **state)
{
	static const size_t chunks[] = {1, 3, 89, 1000};

	(void)state;
	for (size_t i = 0; i < ELEMENTS(chunks); i++) {
		expect_pattern(7 * chunks[i], chunks[i]);
		expect_pattern(chunks[i] < 89 ? 3000 : KEPT + 12345, chunks[i]);
	}
}

static void nothing_written_is_nothing_kept(void **state)
{
	struct hp_output output = captured("", 0, 1);

	(void)state;
	assert_int_equal(output.length, 0);
	assert_int_equal(output.total, 0);
	free(output.bytes);
}

/* Binary output that is not cut must be unchanged, whatever it looks like in UTF-8. */
static void what_is_whole_is_not_touched(void **state)
{
	char *bytes = malloc(KEPT);
	struct hp_output output;

	(void)state;
	memset(bytes, 0xe2, KEPT);
	output = captured(bytes, KEPT, 4096);
	assert_int_equal(output.length, KEPT);
	assert_memory_equal(output.bytes, bytes, KEPT);
	free(output.bytes);
	output = captured(bytes, HEAD, 4096);
	assert_int_equal(output.length, HEAD);
	assert_memory_equal(output.bytes, bytes, HEAD);
	free(output.bytes);
	free(bytes);
}

static bool is_utf8(const char *at, size_t length)
{
	const char *end = at + length;
	size_t sequence = 1;

	for (; at < end && sequence; at += sequence)
		sequence = (unsigned char)*at < 0x80 ? 1 : hp_text_sequence(at, end);
	return at == end;
}

/* A cut may fall on each byte of a character at both ends, independently of one another. */
static void cuts_fall_between_characters(void **state)
{
	static const char *const characters[] = {"\xc3\xa9", "\xe9\x92\xa9", "\xf0\x9f\xaa\x9d"};
	char *bytes = malloc(BYTES_MAX);

	(void)state;
	for (size_t i = 0; i < ELEMENTS(characters); i++) {
		for (size_t before = 0; before < 4; before++) {
			for (size_t after = 0; after < 4; after++) {
				size_t width = strlen(characters[i]), length = before;
				struct hp_output output;

				memset(bytes, '<', before);
				for (; length < 2 * KEPT; length += width)
					memcpy(bytes + length, characters[i], width);
				memset(bytes + length, '>', after);
				length += after;
				output = captured(bytes, length, PIPE_BYTES);
				assert_true(is_utf8(output.bytes, output.length));
				assert_in_range(output.length, KEPT - 6, KEPT);
				assert_int_equal(output.total, length);
				assert_memory_equal(output.bytes, bytes, HEAD - 3);
				assert_memory_equal(output.bytes + output.length - 1000,
						    bytes + length - 1000, 1000);
				free(output.bytes);
			}
		}
	}
	free(bytes);
}

/* Of bytes that are not UTF-8 at most three are removed at a cut. */
static void a_cut_in_binary_output_costs_little(void **state)
{
	char *bytes = malloc(2 * KEPT);

	(void)state;
	for (int byte = 0x80; byte < 0x100; byte++) {
		struct hp_output output;

		memset(bytes, byte, 2 * KEPT);
		output = captured(bytes, 2 * KEPT, PIPE_BYTES);
		assert_in_range(output.length, KEPT - 6, KEPT);
		free(output.bytes);
	}
	free(bytes);
}

/* ---- the pipe itself ---- */

static void ends_are_as_a_hook_needs_them(void **state)
{
	struct capture capture;
	int fd;

	(void)state;
	assert_int_equal(capture_open(&capture, base, &fd), 0);
	assert_false(fcntl(fd, F_GETFL) & O_NONBLOCK);
	assert_true(fcntl(capture.fd, F_GETFL) & O_NONBLOCK);
	assert_true(fcntl(fd, F_GETFD) & FD_CLOEXEC);
	assert_true(fcntl(capture.fd, F_GETFD) & FD_CLOEXEC);
	capture_drain(&capture); /* returns although nothing is there */
	assert_true(capture_is_open(&capture));
	capture_close(&capture);
	assert_false(capture_is_open(&capture));
	close(fd);
}

struct listener_record {
	char *bytes;
	size_t length;
};

static void record_chunk(const char *bytes, size_t length, void *userdata)
{
	struct listener_record *record = userdata;

	assert_true(record->length + length <= BYTES_MAX);
	memcpy(record->bytes + record->length, bytes, length);
	record->length += length;
}

static pid_t write_in_child(int fd, const char *bytes, size_t length)
{
	pid_t pid = fork();

	if (pid == 0) {
		signal(SIGPIPE, SIG_DFL);
		while (length > 0) {
			ssize_t n = write(fd, bytes, length);

			if (n <= 0)
				_exit(1);
			bytes += n;
			length -= (size_t)n;
		}
		_exit(0);
	}
	assert_true(pid > 0);
	return pid;
}

static int exit_status(pid_t pid)
{
	int status;

	assert_int_equal(waitpid(pid, &status, 0), pid);
	return status;
}

static void a_listener_hears_all_that_is_written(void **state)
{
	struct listener_record record = {.bytes = malloc(BYTES_MAX)};
	char *bytes = make_pattern(BYTES_MAX);
	struct capture capture;
	int fd;
	pid_t pid;

	(void)state;
	assert_int_equal(capture_open(&capture, base, &fd), 0);
	capture.on_chunk = record_chunk;
	capture.userdata = &record;
	assert_int_equal(capture_watch(&capture), 0);
	assert_int_equal(capture_watch(&capture), 0);
	pid = write_in_child(fd, bytes, BYTES_MAX);
	close(fd);
	wait_for(base, !capture_is_open(&capture));
	assert_int_equal(exit_status(pid), 0);
	assert_int_equal(record.length, BYTES_MAX);
	assert_memory_equal(record.bytes, bytes, BYTES_MAX);
	assert_int_equal(capture.total, BYTES_MAX);
	assert_int_equal(capture_watch(&capture), 0);
	capture_close(&capture);
	free(record.bytes);
	free(bytes);
}

/* ---- leftovers ---- */

static void leftovers_read_on_until_the_last_writer_is_gone(void **state)
{
	struct leftovers leftovers;
	struct capture capture;
	char *bytes = make_pattern(BYTES_MAX);
	int fd;
	pid_t pid;

	(void)state;
	assert_int_equal(leftovers_init(&leftovers, base), 0);
	assert_int_equal(capture_open(&capture, base, &fd), 0);
	assert_int_equal(capture_watch(&capture), 0);
	leftovers_adopt(&leftovers, &capture);
	assert_int_equal(leftovers.count, 1);
	assert_false(capture_is_open(&capture));
	capture_close(&capture); /* what the capture was is not needed any more */
	pid = write_in_child(fd, bytes, BYTES_MAX);
	close(fd);
	wait_for(base, leftovers.count == 0);
	assert_int_equal(exit_status(pid), 0);
	leftovers_clear(&leftovers);
	free(bytes);
}

static void a_closed_capture_leaves_nothing_over(void **state)
{
	struct leftovers leftovers;
	struct capture capture;
	int fd;

	(void)state;
	assert_int_equal(leftovers_init(&leftovers, base), 0);
	assert_int_equal(capture_open(&capture, base, &fd), 0);
	close(fd);
	capture_drain(&capture);
	leftovers_adopt(&leftovers, &capture);
	assert_int_equal(leftovers.count, 0);
	capture_close(&capture);
	leftovers_clear(&leftovers);
}

/* When hookd exits, the writers get SIGPIPE: nothing reads the pipes any more. */
static void clearing_lets_go_of_the_pipes(void **state)
{
	struct leftovers leftovers;
	struct capture capture;
	int fds[3];

	(void)state;
	assert_int_equal(leftovers_init(&leftovers, base), 0);
	for (size_t i = 0; i < ELEMENTS(fds); i++) {
		assert_int_equal(capture_open(&capture, base, &fds[i]), 0);
		leftovers_adopt(&leftovers, &capture);
		capture_close(&capture);
		assert_int_equal(write(fds[i], "x", 1), 1);
	}
	assert_int_equal(leftovers.count, 3);
	leftovers_clear(&leftovers);
	assert_int_equal(leftovers.count, 0);
	for (size_t i = 0; i < ELEMENTS(fds); i++) {
		assert_int_equal(write(fds[i], "x", 1), -1);
		assert_int_equal(errno, EPIPE);
		close(fds[i]);
	}
}

/* Of these pipes. */
static size_t count_unread(const int *fds, size_t count)
{
	size_t unread = 0;
	int queued;

	for (size_t i = 0; i < count; i++)
		unread += ioctl(fds[i], FIONREAD, &queued) == 0 && queued > 0;
	return unread;
}

/* Else it rests. */
static bool is_set(const struct event *tick)
{
	struct timeval due, now;

	assert_true(event_pending(tick, EV_TIMEOUT, &due));
	gettimeofday(&now, NULL);
	return due.tv_sec - now.tv_sec < TICK_REST_S / 2;
}

/* A pipe that was read is not read again before a tick, and one tick resumes only some. */
static void those_that_write_on_take_turns(void **state)
{
	struct leftovers leftovers;
	struct capture capture;
	int fds[100];
	size_t unread;

	(void)state;
	assert_int_equal(leftovers_init(&leftovers, base), 0);
	for (size_t i = 0; i < ELEMENTS(fds); i++) {
		assert_int_equal(capture_open(&capture, base, &fds[i]), 0);
		leftovers_adopt(&leftovers, &capture);
		capture_close(&capture);
		assert_int_equal(write(fds[i], "x", 1), 1);
	}
	wait_for(base, TAILQ_EMPTY(&leftovers.watched));
	assert_true(is_set(leftovers.tick));
	tick_rest(leftovers.tick);
	for (size_t i = 0; i < ELEMENTS(fds); i++)
		assert_int_equal(write(fds[i], "x", 1), 1);
	for (int i = 0; i < 3; i++)
		event_base_loop(base, EVLOOP_NONBLOCK);
	assert_int_equal(count_unread(fds, ELEMENTS(fds)), ELEMENTS(fds));
	event_active(leftovers.tick, EV_TIMEOUT, 0);
	event_base_loop(base, EVLOOP_NONBLOCK);
	wait_for(base, TAILQ_EMPTY(&leftovers.watched));
	unread = count_unread(fds, ELEMENTS(fds));
	assert_in_range(unread, 1, ELEMENTS(fds) - 1);
	assert_true(is_set(leftovers.tick));
	for (size_t i = 0; i < ELEMENTS(fds); i++)
		close(fds[i]);
	wait_for(base, leftovers.count == 0);
	event_base_loop(base, EVLOOP_NONBLOCK);
	assert_false(is_set(leftovers.tick));
	leftovers_clear(&leftovers);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(every_length_around_the_borders_is_exact),
	    cmocka_unit_test(small_writes_add_up),
	    cmocka_unit_test(nothing_written_is_nothing_kept),
	    cmocka_unit_test(what_is_whole_is_not_touched),
	    cmocka_unit_test(cuts_fall_between_characters),
	    cmocka_unit_test(a_cut_in_binary_output_costs_little),
	    cmocka_unit_test(ends_are_as_a_hook_needs_them),
	    cmocka_unit_test(a_listener_hears_all_that_is_written),
	    cmocka_unit_test(leftovers_read_on_until_the_last_writer_is_gone),
	    cmocka_unit_test(a_closed_capture_leaves_nothing_over),
	    cmocka_unit_test(clearing_lets_go_of_the_pipes),
	    cmocka_unit_test(those_that_write_on_take_turns),
	};

	bound_time();
	return cmocka_run_group_tests(tests, set_up, tear_down);
}
