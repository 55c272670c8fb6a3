/* SPDX-License-Identifier: Apache-2.0 */

/* What the kernel says of a peer: who it is, and whether it lives among other mounts. */

#include "tests/daemon/support.h"

#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>

#include "daemon/policy/peer.h"

/* A child that has connected; it lives as long as `life` is open. */
struct other {
	pid_t pid;
	int connection;
	int life;
};

static void live(int listener_fd, int life, bool moves)
{
	struct sockaddr_un address;
	socklen_t length = sizeof(address);
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);
	char byte;

	if (moves && unshare(CLONE_NEWNS) < 0)
		_exit(1);
	if (getsockname(listener_fd, (struct sockaddr *)&address, &length) < 0 ||
	    connect(fd, (struct sockaddr *)&address, length) < 0)
		_exit(2);
	_exit(read(life, &byte, 1) == 0 ? 0 : 3);
}

static struct other other_start(bool moves)
{
	const struct sockaddr_un address = {.sun_family = AF_UNIX};
	int listener_fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	struct other other;
	int life[2];

	assert_int_equal(bind(listener_fd, (const struct sockaddr *)&address, sizeof(sa_family_t)),
			 0);
	assert_int_equal(listen(listener_fd, 1), 0);
	assert_int_equal(pipe(life), 0);
	other.pid = fork();
	if (other.pid == 0) {
		close(life[1]);
		live(listener_fd, life[0], moves);
	}
	close(life[0]);
	other.life = life[1];
	other.connection = accept4(listener_fd, NULL, NULL, SOCK_CLOEXEC);
	assert_true(other.connection >= 0);
	close(listener_fd);
	return other;
}

static void other_end(struct other *other)
{
	int status = -1;

	close(other->life);
	assert_int_equal(waitpid(other->pid, &status, 0), other->pid);
	assert_int_equal(status, 0);
}

static void a_socketpair_is_oneself(void **state)
{
	int ends[2];
	struct peer peer;

	(void)state;
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends), 0);
	assert_int_equal(peer_init(&peer, ends[0]), 0);
	assert_int_equal(peer.uid, geteuid());
	assert_int_equal(peer.gid, getegid());
	assert_int_equal(peer.pid, getpid());
	assert_int_equal(peer.pidfd, -1);
	assert_false(peer_is_elsewhere(&peer));
	assert_int_equal(peer.pidfd, -1);
	peer_clear(&peer);
	close(ends[0]);
	close(ends[1]);
}

static void what_is_no_socket_has_no_peer(void **state)
{
	struct peer peer = {.uid = 4711};
	int fd = open("/dev/null", O_RDONLY | O_CLOEXEC);

	(void)state;
	assert_int_equal(peer_init(&peer, fd), -ENOTSOCK);
	assert_int_equal(peer.uid, 4711);
	close(fd);
}

static void a_neighbour_is_not_elsewhere(void **state)
{
	struct other other = other_start(false);
	struct peer peer;

	(void)state;
	assert_int_equal(peer_init(&peer, other.connection), 0);
	assert_int_equal(peer.pid, other.pid);
	assert_false(peer_is_elsewhere(&peer));
	other_end(&other);
	peer_clear(&peer);
	close(other.connection);
}

static void another_mount_namespace_is_elsewhere(void **state)
{
	struct other other;
	struct pollfd exit = {.events = POLLIN};
	struct peer peer;

	(void)state;
	if (geteuid() != 0)
		skip();
	other = other_start(true);
	assert_int_equal(peer_init(&peer, other.connection), 0);
	assert_true(peer_is_elsewhere(&peer));
	assert_true(fcntl(peer.pidfd, F_GETFD) & FD_CLOEXEC);
	/* The answer stays after the peer's end, and the pidfd is that peer's. */
	exit.fd = peer.pidfd;
	assert_int_equal(poll(&exit, 1, 0), 0);
	other_end(&other);
	assert_int_equal(poll(&exit, 1, 0), 1);
	assert_true(peer_is_elsewhere(&peer));
	peer_clear(&peer);
	assert_int_equal(peer.pidfd, -1);
	close(other.connection);
}

/* Its number may be another's by now: nothing may be concluded from /proc/PID. */
static void an_ended_peer_leads_nowhere(void **state)
{
	struct other other = other_start(false);
	struct peer peer;

	(void)state;
	other_end(&other);
	assert_int_equal(peer_init(&peer, other.connection), 0);
	assert_int_equal(peer.pid, other.pid);
	assert_false(peer_is_elsewhere(&peer));
	assert_int_equal(peer.pidfd, -1);
	peer_clear(&peer);
	close(other.connection);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_socketpair_is_oneself),
	    cmocka_unit_test(what_is_no_socket_has_no_peer),
	    cmocka_unit_test(a_neighbour_is_not_elsewhere),
	    cmocka_unit_test(another_mount_namespace_is_elsewhere),
	    cmocka_unit_test(an_ended_peer_leads_nowhere),
	};

	bound_time();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
