/* SPDX-License-Identifier: Apache-2.0 */

/* The server with clients in the same event loop: how often it makes its text, its socket's file.
 */

#include "tests/daemon/support/support.h"

#include <fcntl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include "daemon/http/http.h"

static char directory[32], path[64], address[96];
static struct event_base *base;
static int makings[2]; /* of the two formats */

static void write_text(bool is_openmetrics, struct hp_buf *buf, void *userdata)
{
	char text[64];

	assert_ptr_equal(userdata, makings);
	snprintf(text, sizeof(text), "making %d", ++makings[is_openmetrics]);
	hp_buf_append(buf, text, strlen(text));
}

static int set_up(void **state)
{
	(void)state;
	temporary_directory(directory);
	snprintf(path, sizeof(path), "%s/socket", directory);
	snprintf(address, sizeof(address), "unix:%s", path);
	memset(makings, 0, sizeof(makings));
	base = loop_new();
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	event_base_free(base);
	unlink(path);
	return rmdir(directory);
}

static struct http *serve(void)
{
	const struct http_options options = {.base = base,
					     .listen = address,
					     .mode = 0640,
					     .gid = (gid_t)-1,
					     .write = write_text,
					     .userdata = makings};
	struct http *http;

	assert_int_equal(http_new(&options, &http), 0);
	return http;
}

static int connect_now(void)
{
	struct sockaddr_un to = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	snprintf(to.sun_path, sizeof(to.sun_path), "%s", path);
	assert_true(fd >= 0);
	assert_int_equal(connect(fd, (const struct sockaddr *)&to, sizeof(to)), 0);
	return fd;
}

static void ask(int fd, const char *accept)
{
	char request[128];
	int length = snprintf(request, sizeof(request),
			      "GET /metrics HTTP/1.1\r\nHost: hookd\r\nAccept: %s\r\n\r\n", accept);

	assert_int_equal(write(fd, request, (size_t)length), length);
}

/* Closes the descriptor. */
static void expect_answer(int fd)
{
	char answer[4096] = "";
	size_t length = 0;
	ssize_t n = -1;
	int64_t deadline_ns = clock_ns(CLOCK_MONOTONIC) + WAIT_NS;

	while ((n = read(fd, answer + length, sizeof(answer) - 1 - length)) != 0) {
		if (n > 0)
			length += (size_t)n;
		else
			assert_true(errno == EAGAIN && loop_turn(base, deadline_ns));
	}
	answer[length] = '\0';
	assert_true(strncmp(answer, "HTTP/1.1 200", 12) == 0);
	assert_non_null(strstr(answer, "\r\n\r\nmaking "));
	close(fd);
}

/* Only the time that has passed says how often, not how many ask. */
static void the_text_is_made_once_a_second(void **state)
{
	int64_t began_ns = clock_ns(CLOCK_MONOTONIC), seconds;
	struct http *http = serve();

	(void)state;
	for (int i = 0; i < 40; i++) {
		int fds[] = {connect_now(), connect_now()};

		ask(fds[0], "text/plain");
		ask(fds[1], "application/openmetrics-text");
		expect_answer(fds[0]);
		expect_answer(fds[1]);
	}
	seconds = (clock_ns(CLOCK_MONOTONIC) - began_ns) / NS_PER_S;
	assert_in_range(makings[0], 1, seconds + 1);
	assert_in_range(makings[1], 1, seconds + 1);
	http_free(http);
}

/* A text that is made anew while an answer is being sent, and after the end of the server. */
static void an_answer_keeps_its_text(void **state)
{
	struct http *http = serve();
	int first = connect_now();

	(void)state;
	ask(first, "text/plain");
	wait_for(base, makings[0] == 1);
	while (makings[0] < 2) {
		int fd = connect_now();

		ask(fd, "text/plain");
		expect_answer(fd);
	}
	expect_answer(first);
	http_free(http);
}

/* accept(2) fails, and hookd tries again later. */
static void without_descriptors_clients_wait(void **state)
{
	struct http *http = serve();
	struct rlimit before, few;
	int fd = connect_now();

	(void)state;
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
	few = before;
	few.rlim_cur = 3;
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &few), 0);
	ask(fd, "text/plain");
	assert_true(loop_turn(base, clock_ns(CLOCK_MONOTONIC) + WAIT_NS));
	assert_int_equal(makings[0], 0);
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
	expect_answer(fd);
	http_free(http);
}

/* ---- the socket's file ---- */

static void it_is_removed(void **state)
{
	struct stat st;
	struct http *http = serve();

	(void)state;
	assert_int_equal(lstat(path, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0640);
	http_free(http);
	assert_int_equal(lstat(path, &st), -1);
}

static void that_of_another_program_is_left(void **state)
{
	struct http *http = serve(), *other;
	struct stat st;

	(void)state;
	assert_int_equal(unlink(path), 0);
	other = serve();
	http_free(http);
	assert_int_equal(lstat(path, &st), 0);
	http_free(other);
	assert_int_equal(lstat(path, &st), -1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(the_text_is_made_once_a_second, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(an_answer_keeps_its_text, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(without_descriptors_clients_wait, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(it_is_removed, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(that_of_another_program_is_left, set_up, tear_down),
	};

	bound_time();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
