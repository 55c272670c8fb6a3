/* SPDX-License-Identifier: Apache-2.0 */

/* Creating sockets, replacing unused ones; accepting connections, also without descriptors. */

#include "tests/daemon/support/support.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>

#include "daemon/ipc/listener.h"

/* Takes the place of event_add(3) in this program: see CMakeLists.txt. */
int __real_event_add(struct event *event, const struct timeval *timeout);
int __wrap_event_add(struct event *event, const struct timeval *timeout);

static int pauses_us[64]; /* of timers that were set to less than a second */
static size_t pause_count;
static bool no_socket_can_be_added;

int __wrap_event_add(struct event *event, const struct timeval *timeout)
{
	if (no_socket_can_be_added && event_get_fd(event) >= 0)
		return -1;
	if (timeout && timeout->tv_sec == 0 && pause_count < ELEMENTS(pauses_us))
		pauses_us[pause_count++] = (int)timeout->tv_usec;
	return __real_event_add(event, timeout);
}

static char directory[32], path[64];
static struct event_base *base;

/* Accepted connections. */
static int accepted[64];
static size_t accepted_count;

static void on_connection(int fd, void *userdata)
{
	assert_ptr_equal(userdata, accepted);
	assert_true(accepted_count < ELEMENTS(accepted));
	accepted[accepted_count++] = fd;
}

static int set_up(void **state)
{
	(void)state;
	temporary_directory(directory);
	snprintf(path, sizeof(path), "%s/socket", directory);
	base = loop_new();
	accepted_count = pause_count = 0;
	no_socket_can_be_added = false;
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	for (size_t i = 0; i < accepted_count; i++)
		close(accepted[i]);
	event_base_free(base);
	unlink(path);
	return rmdir(directory);
}

static int connect_to(const char *to)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	snprintf(address.sun_path, sizeof(address.sun_path), "%s", to);
	if (fd >= 0 && connect(fd, (const struct sockaddr *)&address, sizeof(address)) < 0) {
		close(fd);
		return -1;
	}
	return fd;
}

static struct listener *listen_here(void)
{
	struct listener *listener;
	int fd;

	assert_int_equal(listener_bind(path, true, &fd), 0);
	assert_int_equal(listener_new(base, fd, on_connection, accepted, &listener), 0);
	return listener;
}

/* ---- the socket file ---- */

static void a_socket_is_made_for_its_owner_alone(void **state)
{
	const mode_t before = umask(0);
	struct stat st;
	int fd;

	(void)state;
	assert_int_equal(listener_bind(path, true, &fd), 0);
	assert_int_equal(lstat(path, &st), 0);
	assert_true(S_ISSOCK(st.st_mode));
	assert_int_equal(st.st_mode & 07777, 0600);
	assert_true(fcntl(fd, F_GETFL) & O_NONBLOCK);
	assert_true(fcntl(fd, F_GETFD) & FD_CLOEXEC);
	assert_int_equal(umask(before), 0);
	close(fd);
}

static void a_dead_socket_file_is_replaced(void **state)
{
	struct stat first, second;
	int fd, client;

	(void)state;
	assert_int_equal(listener_bind(path, true, &fd), 0);
	assert_int_equal(lstat(path, &first), 0);
	close(fd);
	assert_int_equal(connect_to(path), -1);
	assert_int_equal(listener_bind(path, true, &fd), 0);
	assert_int_equal(lstat(path, &second), 0);
	assert_int_equal(second.st_mode & 07777, 0600);
	client = connect_to(path);
	assert_true(client >= 0);
	close(client);
	close(fd);
}

/* A child of a hookd that was killed has its socket until it is executed: here until a connection.
 */
static pid_t leave_to_child(void)
{
	pid_t child;
	int fd;

	assert_int_equal(listener_bind(path, true, &fd), 0);
	child = fork();
	if (child == 0) {
		struct pollfd readable = {.fd = fd, .events = POLLIN};

		_exit(poll(&readable, 1, 10000) == 1 ? 0 : 1);
	}
	close(fd);
	return child;
}

static void a_dying_one_is_waited_for(void **state)
{
	pid_t child = leave_to_child();
	int fd, status;

	(void)state;
	assert_int_equal(listener_bind(path, true, &fd), 0);
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_int_equal(status, 0);
	close(fd);
}

/* Were it waited for, its end would be seen. */
static void but_not_in_the_event_loop(void **state)
{
	pid_t child = leave_to_child();
	int fd, status;

	(void)state;
	assert_int_equal(listener_bind(path, false, &fd), -EADDRINUSE);
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_int_equal(listener_bind(path, false, &fd), 0);
	close(fd);
}

static void a_live_one_is_left_alone(void **state)
{
	int fd, second = 4711, client;

	(void)state;
	assert_int_equal(listener_bind(path, true, &fd), 0);
	assert_int_equal(listener_bind(path, true, &second), -EADDRINUSE);
	assert_int_equal(second, 4711);
	client = connect_to(path);
	assert_true(client >= 0);
	close(client);
	close(fd);
}

/*
 * The backlog of a daemon that hangs is full: its socket is in use, and connect(2) must not block.
 */
static int bind_beside_a_full_one(void *userdata)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM, 0), second;

	(void)userdata;
	memcpy(address.sun_path, path, strlen(path));
	CHECK(bind(fd, (const struct sockaddr *)&address, sizeof(address)) == 0);
	CHECK(listen(fd, 0) == 0);
	CHECK(connect_to(path) >= 0);
	CHECK(connect_to(path) < 0 && errno == EAGAIN);
	alarm(1);
	return listener_bind(path, true, &second) == -EADDRINUSE ? 0 : 2;
}

static void a_live_one_that_hangs_is_not_waited_for(void **state)
{
	(void)state;
	assert_int_equal(in_child(bind_beside_a_full_one, NULL), 0);
}

static void what_is_no_socket_is_left_alone(void **state)
{
	int file = open(path, O_CREAT | O_WRONLY | O_CLOEXEC, 0644), fd = 4711;
	struct stat st;

	(void)state;
	close(file);
	assert_int_equal(listener_bind(path, true, &fd), -EADDRINUSE);
	assert_int_equal(lstat(path, &st), 0);
	assert_true(S_ISREG(st.st_mode));
	unlink(path);
	assert_int_equal(symlink("/nonexistent", path), 0);
	assert_true(listener_bind(path, true, &fd) < 0);
	assert_int_equal(lstat(path, &st), 0);
	assert_int_equal(fd, 4711);
}

static void bad_paths_are_errors(void **state)
{
	char longest[sizeof(((struct sockaddr_un *)NULL)->sun_path) + 1];
	int fd = 4711;

	(void)state;
	memset(longest, 'x', sizeof(longest));
	longest[sizeof(longest) - 1] = '\0';
	assert_int_equal(listener_bind(longest, true, &fd), -ENAMETOOLONG);
	assert_int_equal(listener_bind("/nonexistent/socket", true, &fd), -ENOENT);
	assert_int_equal(fd, 4711);
}

/* ---- connections ---- */

static void connections_come_in(void **state)
{
	struct listener *listener = listen_here();
	int clients[40];

	(void)state;
	for (size_t i = 0; i < ELEMENTS(clients); i++) {
		clients[i] = connect_to(path);
		assert_true(clients[i] >= 0);
	}
	wait_for(base, accepted_count == ELEMENTS(clients));
	for (size_t i = 0; i < ELEMENTS(clients); i++) {
		assert_true(fcntl(accepted[i], F_GETFL) & O_NONBLOCK);
		assert_true(fcntl(accepted[i], F_GETFD) & FD_CLOEXEC);
		close(clients[i]);
	}
	listener_free(listener);
	assert_int_equal(connect_to(path), -1);
}

/* With "exec:" addresses and inetd the descriptor is the connection itself. */
static void a_connected_socket_is_the_connection(void **state)
{
	struct listener *listener;
	int ends[2];

	(void)state;
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends), 0);
	assert_int_equal(listener_new(base, ends[0], on_connection, accepted, &listener), 0);
	assert_int_equal(accepted_count, 1);
	assert_int_equal(accepted[0], ends[0]);
	listener_free(listener);
	assert_int_equal(write(ends[1], "x", 1), 1); /* the connection is not the listener's */
	close(ends[1]);
}

/* ---- no descriptors ---- */

static void set_nofile(rlim_t limit)
{
	struct rlimit nofile;

	assert_int_equal(getrlimit(RLIMIT_NOFILE, &nofile), 0);
	nofile.rlim_cur = limit;
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &nofile), 0);
}

static void set_flag(evutil_socket_t fd, short what, void *userdata)
{
	(void)fd, (void)what;
	*(bool *)userdata = true;
}

static size_t count_warnings(const char *log)
{
	size_t count = 0;

	while ((log = strstr(log, "cannot accept a connection"))) {
		count++;
		log++;
	}
	return count;
}

/* A client waits in the backlog: without the pause the event loop would spin. */
static void without_descriptors_it_backs_off_and_recovers(void **state)
{
	struct listener *listener = listen_here();
	struct rlimit before;
	struct grab grab;
	bool is_over = false;
	struct event *over = event_new(base, -1, 0, set_flag, &is_over);
	int client = connect_to(path), turns = 0;
	char *log;

	(void)state;
	event_add(over, &(struct timeval){.tv_usec = 350 * 1000});
	grab_stderr(&grab);
	getrlimit(RLIMIT_NOFILE, &before);
	set_nofile(0);
	while (!is_over && turns < 1000) {
		event_base_loop(base, EVLOOP_ONCE);
		turns++;
	}
	set_nofile(before.rlim_cur);
	log = grab_end(&grab);
	assert_int_equal(accepted_count, 0);
	/* It is tried repeatedly, but logged once. */
	assert_int_equal(count_warnings(log), 1);
	assert_in_range(turns, 3, 20);
	free(log);
	wait_for(base, accepted_count == 1);
	close(client);
	client = connect_to(path);
	wait_for(base, accepted_count == 2);
	close(client);
	event_free(over);
	listener_free(listener);
}

/* The first free descriptor's number; all below are in use. */
static rlim_t first_free(void)
{
	int fd = open("/dev/null", O_RDONLY | O_CLOEXEC);

	assert_true(fd >= 0);
	close(fd);
	return (rlim_t)fd;
}

/* Descriptors are free again soon where those who wait in the queue have given up. */
static void pauses_are_short_at_first_and_after_a_success(void **state)
{
	static const int longer[] = {2000, 4000, 8000, 16000, 32000, 64000, 100000, 100000};
	struct listener *listener = listen_here();
	struct rlimit before;
	struct grab grab;
	rlim_t one_more;
	int clients[3];

	(void)state;
	for (size_t i = 0; i < ELEMENTS(clients); i++)
		clients[i] = connect_to(path);
	grab_stderr(&grab);
	getrlimit(RLIMIT_NOFILE, &before);
	one_more = first_free() + 1;
	set_nofile(0);
	for (int i = 0; pause_count < ELEMENTS(longer) && i < 100; i++)
		event_base_loop(base, EVLOOP_ONCE);
	set_nofile(one_more);
	for (int i = 0; pause_count < ELEMENTS(longer) + 1 && i < 100; i++)
		event_base_loop(base, EVLOOP_ONCE);
	set_nofile(before.rlim_cur);
	free(grab_end(&grab));
	assert_int_equal(pause_count, ELEMENTS(longer) + 1);
	assert_memory_equal(pauses_us, longer, sizeof(longer));
	assert_int_equal(accepted_count, 1);
	assert_int_equal(pauses_us[ELEMENTS(longer)], 2000);
	wait_for(base, accepted_count == ELEMENTS(clients));
	for (size_t i = 0; i < ELEMENTS(clients); i++)
		close(clients[i]);
	listener_free(listener);
}

/* The kernel may have no memory to watch the socket again. */
static void it_accepts_again_without_adding_its_event(void **state)
{
	struct listener *listener = listen_here();
	struct rlimit before;
	struct grab grab;
	int clients[2] = {connect_to(path)};

	(void)state;
	no_socket_can_be_added = true;
	grab_stderr(&grab);
	getrlimit(RLIMIT_NOFILE, &before);
	set_nofile(0);
	for (int i = 0; pause_count < 2 && i < 100; i++)
		event_base_loop(base, EVLOOP_ONCE);
	set_nofile(before.rlim_cur);
	free(grab_end(&grab));
	wait_for(base, accepted_count == 1);
	clients[1] = connect_to(path);
	wait_for(base, accepted_count == 2);
	for (size_t i = 0; i < ELEMENTS(clients); i++)
		close(clients[i]);
	listener_free(listener);
}

static void it_can_be_freed_while_it_backs_off(void **state)
{
	struct listener *listener = listen_here();
	struct rlimit before;
	struct grab grab;
	int client = connect_to(path);

	(void)state;
	grab_stderr(&grab);
	getrlimit(RLIMIT_NOFILE, &before);
	set_nofile(0);
	event_base_loop(base, EVLOOP_ONCE);
	set_nofile(before.rlim_cur);
	free(grab_end(&grab));
	listener_free(listener);
	assert_int_equal(event_base_get_num_events(base, EVENT_BASE_COUNT_ADDED), 0);
	close(client);
}

#define LISTENER_TEST(function) cmocka_unit_test_setup_teardown(function, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    LISTENER_TEST(a_socket_is_made_for_its_owner_alone),
	    LISTENER_TEST(a_dead_socket_file_is_replaced),
	    LISTENER_TEST(a_dying_one_is_waited_for),
	    LISTENER_TEST(but_not_in_the_event_loop),
	    LISTENER_TEST(a_live_one_is_left_alone),
	    LISTENER_TEST(a_live_one_that_hangs_is_not_waited_for),
	    LISTENER_TEST(what_is_no_socket_is_left_alone),
	    LISTENER_TEST(bad_paths_are_errors),
	    LISTENER_TEST(connections_come_in),
	    LISTENER_TEST(a_connected_socket_is_the_connection),
	    LISTENER_TEST(without_descriptors_it_backs_off_and_recovers),
	    LISTENER_TEST(pauses_are_short_at_first_and_after_a_success),
	    LISTENER_TEST(it_accepts_again_without_adding_its_event),
	    LISTENER_TEST(it_can_be_freed_while_it_backs_off),
	};

	bound_time();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
