/* SPDX-License-Identifier: Apache-2.0 */

/* The service manager: passed sockets, its notification socket, its watchdog. */

#include "tests/daemon/support/support.h"

#include <fcntl.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "daemon/base/sd.h"

#define FIRST_FD 3

/* What the timer was last set to. */
static struct timeval timeout;

int __real_event_add(struct event *event, const struct timeval *wanted);
int __wrap_event_add(struct event *event, const struct timeval *wanted);

int __wrap_event_add(struct event *event, const struct timeval *wanted)
{
	if (wanted)
		timeout = *wanted;
	return __real_event_add(event, wanted);
}

/* ---- sockets ---- */

/* Passes descriptors as the service manager does. */
static void hand_over(const int *fds, int count, const char *names)
{
	char text[16];
	int high[8];

	for (int i = 0; i < count; i++)
		high[i] = fcntl(fds[i], F_DUPFD, 100);
	for (int i = 0; i < count; i++)
		dup2(high[i], FIRST_FD + i);
	snprintf(text, sizeof(text), "%d", getpid());
	setenv("LISTEN_PID", text, 1);
	snprintf(text, sizeof(text), "%d", count);
	setenv("LISTEN_FDS", text, 1);
	if (names)
		setenv("LISTEN_FDNAMES", names, 1);
	else
		unsetenv("LISTEN_FDNAMES");
}

static int make_listening(int type)
{
	const struct sockaddr_un address = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, type, 0);

	/* The kernel chooses an abstract name. */
	if (fd < 0 || bind(fd, (const struct sockaddr *)&address, sizeof(sa_family_t)) < 0)
		return -1;
	return type == SOCK_STREAM && listen(fd, 1) < 0 ? -1 : fd;
}

static bool is_open(int fd)
{
	return fcntl(fd, F_GETFD) >= 0;
}

static int a_lone_socket_needs_no_name(void *userdata)
{
	int fd = make_listening(SOCK_STREAM), taken = -1;

	(void)userdata;
	CHECK(fd >= 0);
	hand_over(&fd, 1, "whatever");
	CHECK(sd_take_sockets(&taken, 1) == 1 && taken == FIRST_FD);
	CHECK(fcntl(taken, F_GETFL) & O_NONBLOCK);
	CHECK(fcntl(taken, F_GETFD) & FD_CLOEXEC);
	CHECK(!getenv("LISTEN_FDS") && !getenv("LISTEN_PID") && !getenv("LISTEN_FDNAMES"));
	return 0;
}

static int of_several_the_named_ones_are_taken(void *userdata)
{
	int stream = make_listening(SOCK_STREAM), datagram = make_listening(SOCK_DGRAM);
	int null = open("/dev/null", O_RDONLY);
	const int fds[] = {stream, datagram, null, stream, stream};
	int taken[8];

	(void)userdata;
	CHECK(stream >= 0 && datagram >= 0 && null >= 0);
	hand_over(fds, 5, "other:varlink:varlink:varlink:varlink");
	CHECK(sd_take_sockets(taken, 8) == 2);
	CHECK(taken[0] == FIRST_FD + 3 && taken[1] == FIRST_FD + 4);
	CHECK(!is_open(FIRST_FD) && !is_open(FIRST_FD + 1) && !is_open(FIRST_FD + 2));
	return 0;
}

static int more_than_there_is_room_for_are_closed(void *userdata)
{
	int stream = make_listening(SOCK_STREAM);
	const int fds[] = {stream, stream, stream};
	int taken[3] = {-1, -1, -1};

	(void)userdata;
	hand_over(fds, 3, "varlink:varlink:varlink");
	CHECK(sd_take_sockets(taken, 2) == 2);
	CHECK(taken[1] == FIRST_FD + 1 && taken[2] == -1);
	CHECK(!is_open(FIRST_FD + 2));
	return 0;
}

static int without_names_several_are_nobodys(void *userdata)
{
	int stream = make_listening(SOCK_STREAM);
	const int fds[] = {stream, stream};
	int taken[2];

	(void)userdata;
	hand_over(fds, 2, NULL);
	CHECK(sd_take_sockets(taken, 2) == 0);
	CHECK(!is_open(FIRST_FD) && !is_open(FIRST_FD + 1));
	return 0;
}

static int what_is_meant_for_another_process_stays(void *userdata)
{
	int stream = make_listening(SOCK_STREAM), taken;

	(void)userdata;
	hand_over(&stream, 1, "varlink");
	setenv("LISTEN_PID", "1", 1);
	CHECK(sd_take_sockets(&taken, 1) == 0);
	CHECK(is_open(FIRST_FD));
	unsetenv("LISTEN_PID");
	unsetenv("LISTEN_FDS");
	CHECK(sd_take_sockets(&taken, 1) == 0);
	return 0;
}

static void sockets(void **state)
{
	(void)state;
	assert_int_equal(in_child(a_lone_socket_needs_no_name, NULL), 0);
	assert_int_equal(in_child(of_several_the_named_ones_are_taken, NULL), 0);
	assert_int_equal(in_child(more_than_there_is_room_for_are_closed, NULL), 0);
	assert_int_equal(in_child(without_names_several_are_nobodys, NULL), 0);
	assert_int_equal(in_child(what_is_meant_for_another_process_stays, NULL), 0);
}

/* ---- notifications ---- */

/* A notification socket with an abstract name. */
static int make_manager(void)
{
	struct sockaddr_un address;
	socklen_t length = sizeof(address);
	char name[sizeof(address.sun_path) + 1];
	int fd = make_listening(SOCK_DGRAM);

	assert_true(fd >= 0);
	assert_int_equal(getsockname(fd, (struct sockaddr *)&address, &length), 0);
	snprintf(name, sizeof(name), "@%.*s", (int)(length - sizeof(sa_family_t) - 1),
		 address.sun_path + 1);
	setenv("NOTIFY_SOCKET", name, 1);
	return fd;
}

static void states_reach_the_manager(void **state)
{
	int manager = make_manager();
	char text[512] = "";

	(void)state;
	sd_tell("READY=1\nSTATUS=%zu hooks", (size_t)7);
	assert_true(recv(manager, text, sizeof(text), MSG_DONTWAIT) > 0);
	assert_string_equal(text, "READY=1\nSTATUS=7 hooks");
	close(manager);
	sd_tell("nobody listens any more");
	unsetenv("NOTIFY_SOCKET");
	sd_tell("nobody is there");
}

static void without_a_watchdog_there_is_no_timer(void **state)
{
	struct event_base *base = loop_new();
	struct event *timer = (struct event *)state;

	unsetenv("WATCHDOG_USEC");
	unsetenv("WATCHDOG_PID");
	assert_int_equal(sd_start_watchdog(base, &timer), 0);
	assert_null(timer);
	setenv("WATCHDOG_USEC", "1000000", 1);
	setenv("WATCHDOG_PID", "1", 1);
	assert_int_equal(sd_start_watchdog(base, &timer), 0);
	assert_null(timer);
	event_base_free(base);
}

static void count_datagram(evutil_socket_t fd, short what, void *userdata)
{
	char text[32] = "";

	(void)what;
	assert_true(recv(fd, text, sizeof(text) - 1, 0) > 0);
	assert_string_equal(text, "WATCHDOG=1");
	++*(int *)userdata;
}

static void the_watchdog_is_petted_in_time(void **state)
{
	struct event_base *base = loop_new();
	int manager = make_manager(), count = 0;
	struct event *on_manager =
	    event_new(base, manager, EV_READ | EV_PERSIST, count_datagram, &count);
	struct event *timer = NULL;

	(void)state;
	setenv("WATCHDOG_USEC", "60000", 1);
	unsetenv("WATCHDOG_PID");
	assert_int_equal(sd_start_watchdog(base, &timer), 0);
	assert_non_null(timer);
	assert_int_equal(timeout.tv_sec, 0);
	assert_int_equal(timeout.tv_usec, 30000);
	event_add(on_manager, NULL);
	wait_for(base, count == 4);
	event_free(timer);
	event_free(on_manager);
	event_base_free(base);
	close(manager);
	unsetenv("NOTIFY_SOCKET");
}

/* Half of 1 us is 0, and a timer of 0 would be active all the time. */
static void the_shortest_watchdog_lets_the_loop_rest(void **state)
{
	struct event_base *base = loop_new();
	struct event *timer = NULL;

	(void)state;
	setenv("WATCHDOG_USEC", "1", 1);
	unsetenv("WATCHDOG_PID");
	assert_int_equal(sd_start_watchdog(base, &timer), 0);
	assert_int_equal(timeout.tv_sec, 0);
	assert_int_equal(timeout.tv_usec, 1000);
	event_free(timer);
	event_base_free(base);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(sockets),
	    cmocka_unit_test(states_reach_the_manager),
	    cmocka_unit_test(without_a_watchdog_there_is_no_timer),
	    cmocka_unit_test(the_watchdog_is_petted_in_time),
	    cmocka_unit_test(the_shortest_watchdog_lets_the_loop_rest),
	};

	bound_time();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
