/* SPDX-License-Identifier: Apache-2.0 */

/* What the kernel tells of a peer: its ids, capabilities and namespaces. */

#include "tests/daemon/support/support.h"

#include <fcntl.h>
#include <grp.h>
#include <linux/capability.h>
#include <linux/nsfs.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>

#include "daemon/policy/peer.h"
#include "daemon/policy/self.h"

#define SO_PEERPIDFD_NUMBER 77

/* ---- kernels that do not keep the process that connected ---- */

static int peerpidfd_error; /* 0: as this kernel does */

int __real_getsockopt(int fd, int level, int name, void *value, socklen_t *length);
int __wrap_getsockopt(int fd, int level, int name, void *value, socklen_t *length);

int __wrap_getsockopt(int fd, int level, int name, void *value, socklen_t *length)
{
	if (level == SOL_SOCKET && name == SO_PEERPIDFD_NUMBER && peerpidfd_error) {
		errno = peerpidfd_error;
		return -1;
	}
	return __real_getsockopt(fd, level, name, value, length);
}

static bool ioctl_is_missing;

int __real_ioctl(int fd, unsigned long request, ...);
int __wrap_ioctl(int fd, unsigned long request, void *argument);

/* Linux 6.11 translates numbers of other pid namespaces. */
int __wrap_ioctl(int fd, unsigned long request, void *argument)
{
	if (ioctl_is_missing && request == _IOR(NSIO, 0x6, int)) {
		errno = ENOTTY;
		return -1;
	}
	return __real_ioctl(fd, request, argument);
}

/* ---- a child that has connected; it lives as long as `life` is open ---- */

struct other {
	pid_t pid;
	int connection;
	int life;
};

/* Called in the child before it connects; false ends it. */
typedef bool (*prepare_fn)(void);

static void live(int listener_fd, int life, prepare_fn prepare)
{
	struct sockaddr_un address;
	socklen_t length = sizeof(address);
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);
	char byte;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getsockname(listener_fd, (struct sockaddr *)&address, &length) < 0 ||
	    (prepare && !prepare()))
		_exit(1);
	if (connect(fd, (struct sockaddr *)&address, length) < 0)
		_exit(2);
	close(listener_fd); /* the parent waits for it when there is no connection */
	_exit(read(life, &byte, 1) == 0 ? 0 : 3);
}

/* Bound to a path: an abstract name is not visible from another network namespace. */
static int listen_in(char directory[static 32])
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	temporary_directory(directory);
	snprintf(address.sun_path, sizeof(address.sun_path), "%s/socket", directory);
	assert_int_equal(bind(fd, (const struct sockaddr *)&address, sizeof(address)), 0);
	assert_int_equal(chmod(directory, 0755), 0);
	assert_int_equal(chmod(address.sun_path, 0666), 0);
	assert_int_equal(listen(fd, 1), 0);
	return fd;
}

static struct other other_start(prepare_fn prepare)
{
	char directory[32], path[64];
	int listener_fd = listen_in(directory);
	struct other other;
	int life[2];

	assert_int_equal(pipe(life), 0);
	other.pid = fork();
	if (other.pid == 0) {
		close(life[1]);
		live(listener_fd, life[0], prepare);
	}
	close(life[0]);
	other.life = life[1];
	other.connection = accept4(listener_fd, NULL, NULL, SOCK_CLOEXEC);
	assert_true(other.connection >= 0);
	close(listener_fd);
	snprintf(path, sizeof(path), "%s/socket", directory);
	unlink(path);
	rmdir(directory);
	return other;
}

static void other_end(struct other *other)
{
	int status = -1;

	close(other->life);
	assert_int_equal(waitpid(other->pid, &status, 0), other->pid);
	assert_int_equal(status, 0);
}

/* ---- tests ---- */

static void a_socketpair_is_oneself(void **state)
{
	int ends[2];
	struct peer peer;
	struct self self;

	(void)state;
	assert_int_equal(self_init(&self), 0);
	assert_int_equal(self.uid, geteuid());
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends), 0);
	assert_int_equal(peer_init(&peer, ends[0]), 0);
	assert_int_equal(peer.uid, geteuid());
	assert_int_equal(peer.gid, getegid());
	assert_int_equal(peer.pid, getpid());
	assert_int_equal(peer_look(&peer, ends[0]), 0);
	assert_true(fcntl(peer.pidfd, F_GETFD) & FD_CLOEXEC);
	assert_int_equal(peer.sight, PEER_SEEN);
	assert_true(namespaces_are_equal(&peer.view.namespaces, &self.namespaces));
	peer_clear(&peer);
	assert_int_equal(peer.pidfd, -1);
	close(ends[0]);
	close(ends[1]);
}

/* Nothing is read of it: its view is hookd's own, whatever /proc says of its pid. */
static void a_starter_is_of_the_same_user(void **state)
{
	struct self self;
	struct peer peer;
	int ends[2];

	(void)state;
	assert_int_equal(self_init(&self), 0);
	self.capabilities = 0x1234;
	self.namespaces.ids[NAMESPACE_MNT] = 4711;
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends), 0);
	assert_int_equal(peer_init(&peer, ends[0]), 0);
	self.uid++;
	assert_int_equal(peer_take_as_starter(&peer, &self), -EPERM);
	assert_int_equal(peer.sight, PEER_NOT_LOOKED_AT);
	self.uid--;
	assert_int_equal(peer_take_as_starter(&peer, &self), 0);
	assert_int_equal(peer_look(&peer, ends[0]), 0);
	assert_int_equal(peer.sight, PEER_SEEN);
	assert_int_equal(peer.view.capabilities, 0x1234);
	assert_int_equal(peer.view.namespaces.ids[NAMESPACE_MNT], 4711);
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

/* Its pid may have been reused: nothing may be concluded from /proc/PID. */
static void nothing_is_seen_of_an_ended_peer(void **state)
{
	static const int errors[] = {0, ENOPROTOOPT, EINVAL, ESRCH, ENODATA};

	(void)state;
	for (size_t i = 0; i < ELEMENTS(errors); i++) {
		struct other other = other_start(NULL);
		struct peer peer;

		other_end(&other);
		peerpidfd_error = errors[i];
		assert_int_equal(peer_init(&peer, other.connection), 0);
		assert_int_equal(peer_look(&peer, other.connection), 0);
		peerpidfd_error = 0;
		assert_int_equal(peer.pid, other.pid);
		assert_int_equal(peer.sight, PEER_NOT_SEEN);
		peer_clear(&peer);
		close(other.connection);
	}
}

/* Without SO_PEERPIDFD the pid is used; where the kernel has it and it fails, nothing is. */
static void a_living_peer_is_seen_by_either_kernel(void **state)
{
	static const struct {
		int error;
		bool is_seen;
	} kernels[] = {{0, true}, {ENOPROTOOPT, true}, {EINVAL, false}, {ESRCH, false}};

	(void)state;
	for (size_t i = 0; i < ELEMENTS(kernels); i++) {
		struct other other = other_start(NULL);
		struct peer peer;

		peerpidfd_error = kernels[i].error;
		assert_int_equal(peer_init(&peer, other.connection), 0);
		assert_int_equal(peer_look(&peer, other.connection), 0);
		assert_int_equal(peer.sight, kernels[i].is_seen ? PEER_SEEN : PEER_NOT_SEEN);
		assert_int_equal(peer_look(&peer, other.connection), 0);
		assert_int_equal(peer.sight, kernels[i].is_seen ? PEER_SEEN : PEER_NOT_SEEN);
		/* After the exit its pid may have been reused. */
		other_end(&other);
		assert_int_equal(peer_look(&peer, other.connection), 0);
		assert_int_equal(peer.sight, PEER_NOT_SEEN);
		peerpidfd_error = 0;
		peer_clear(&peer);
		close(other.connection);
	}
}

static bool give_up_capabilities(void)
{
	struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
	struct __user_cap_data_struct data[2] = {
	    {.effective = 1 << CAP_KILL, .permitted = 1 << CAP_KILL | 1 << CAP_CHOWN}};

	return syscall(SYS_capset, &header, data) == 0;
}

/* A lack of descriptors refuses one call, and not all later ones. */
static void without_descriptors_it_is_looked_again(void **state)
{
	struct other other = other_start(NULL);
	struct peer peer;

	(void)state;
	assert_int_equal(peer_init(&peer, other.connection), 0);
	peerpidfd_error = EMFILE;
	assert_int_equal(peer_look(&peer, other.connection), -EMFILE);
	assert_int_equal(peer.sight, PEER_NOT_LOOKED_AT);
	peerpidfd_error = 0;
	assert_int_equal(peer_look(&peer, other.connection), 0);
	assert_int_equal(peer.sight, PEER_SEEN);
	other_end(&other);
	peer_clear(&peer);
	close(other.connection);
}

static void effective_capabilities_are_seen(void **state)
{
	struct other other;
	struct peer peer;

	(void)state;
	if (geteuid() != 0)
		skip("needs root");
	other = other_start(give_up_capabilities);
	assert_int_equal(peer_init(&peer, other.connection), 0);
	assert_int_equal(peer_look(&peer, other.connection), 0);
	assert_int_equal(peer.uid, 0);
	assert_int_equal(peer.sight, PEER_SEEN);
	assert_int_equal(peer.view.capabilities, 1 << CAP_KILL);
	other_end(&other);
	peer_clear(&peer);
	close(other.connection);
}

static int unshared; /* CLONE_NEW* */

static bool move(void)
{
	return unshare(unshared) == 0;
}

static void each_other_namespace_is_seen(void **state)
{
	static const struct {
		int flag;
		enum namespace_kind kind;
	} kinds[] = {
	    {CLONE_NEWNS, NAMESPACE_MNT},    {CLONE_NEWNET, NAMESPACE_NET},
	    {CLONE_NEWUTS, NAMESPACE_UTS},   {CLONE_NEWIPC, NAMESPACE_IPC},
	    {CLONE_NEWUSER, NAMESPACE_USER}, {CLONE_NEWCGROUP, NAMESPACE_CGROUP},
	};
	struct self self;

	(void)state;
	if (geteuid() != 0)
		skip("needs root");
	assert_int_equal(self_init(&self), 0);
	for (size_t i = 0; i < ELEMENTS(kinds); i++) {
		struct other other;
		struct peer peer;

		unshared = kinds[i].flag;
		other = other_start(move);
		assert_int_equal(peer_init(&peer, other.connection), 0);
		assert_int_equal(peer_look(&peer, other.connection), 0);
		assert_int_equal(peer.sight, PEER_SEEN);
		for (size_t k = 0; k < NAMESPACE_KINDS; k++)
			assert_int_equal(peer.view.namespaces.ids[k] == self.namespaces.ids[k],
					 k != kinds[i].kind);
		other_end(&other);
		peer_clear(&peer);
		close(other.connection);
	}
}

static size_t group_count;

static bool take_groups(void)
{
	static gid_t groups[65536];

	for (size_t i = 0; i < group_count; i++)
		groups[i] = (gid_t)(100000 + i);
	return setgroups(group_count, groups) == 0;
}

static void all_groups_are_known(void **state)
{
	static const size_t counts[] = {0, 1, 8, 9, 65536};

	(void)state;
	if (geteuid() != 0)
		skip("needs root");
	for (size_t i = 0; i < ELEMENTS(counts); i++) {
		struct other other;
		struct peer peer;

		group_count = counts[i];
		other = other_start(take_groups);
		assert_int_equal(peer_init(&peer, other.connection), 0);
		assert_int_equal(peer.group_count, counts[i]);
		for (size_t k = 0; k < counts[i]; k++)
			assert_int_equal(peer.groups[k], 100000 + k);
		other_end(&other);
		peer_clear(&peer);
		assert_null(peer.groups);
		close(other.connection);
	}
}

static void a_sender_is_looked_at_alike(void **state)
{
	struct other other = other_start(NULL);
	struct process_view view;
	struct self self;

	(void)state;
	assert_int_equal(self_init(&self), 0);
	assert_int_equal(peer_look_at_sender(other.pid, &view), 0);
	assert_true(namespaces_are_equal(&view.namespaces, &self.namespaces));
	other_end(&other);
	assert_int_equal(peer_look_at_sender(other.pid, &view), -ESRCH);
	assert_int_equal(peer_look_at_sender(0, &view), -ESRCH);
	close(other.connection);
}

/* ---- numbers ---- */

static void a_number_is_one_s_own_where_the_namespace_is(void **state)
{
	struct other other = other_start(NULL);
	struct self self;
	struct peer peer;
	int pidfd = -1;
	pid_t pid = 0;

	(void)state;
	assert_int_equal(self_init(&self), 0);
	assert_int_equal(peer_init(&peer, other.connection), 0);
	assert_int_equal(peer_look(&peer, other.connection), 0);
	assert_int_equal(peer_find_process(&peer, &self.namespaces, other.pid, &pid, &pidfd), 0);
	assert_int_equal(pid, other.pid);
	assert_true(pidfd >= 0);
	close(pidfd);
	assert_int_equal(peer_find_process(&peer, &self.namespaces, -1, &pid, &pidfd), -ESRCH);
	other_end(&other);
	assert_int_equal(peer_find_process(&peer, &self.namespaces, other.pid, &pid, &pidfd),
			 -ESRCH);
	peer_clear(&peer);
	close(other.connection);
}

static int told[2]; /* how the children of enter_pid_namespace() report their pids */

/* PID 1 of a namespace, whose child 2 connects, and a third process that is not an ancestor. */
static bool enter_pid_namespace(void)
{
	if (unshare(CLONE_NEWPID) < 0)
		return false;
	if (fork() > 0) {
		while (wait(NULL) > 0)
			continue;
		_exit(0);
	}
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (fork() > 0) {
		pid_t third = fork();

		if (third == 0)
			for (;;)
				pause();
		if (write(told[1], &third, sizeof(third)) != sizeof(third))
			_exit(1);
		while (wait(NULL) > 0)
			continue;
		_exit(0);
	}
	return getpid() == 2;
}

static void a_number_of_another_pid_namespace_is_translated(void **state)
{
	struct other other;
	struct self self;
	struct peer peer;
	pid_t third = 0;

	(void)state;
	if (geteuid() != 0)
		skip("needs root");
	assert_int_equal(self_init(&self), 0);
	assert_int_equal(pipe(told), 0);
	other = other_start(enter_pid_namespace);
	assert_int_equal(read(told[0], &third, sizeof(third)), sizeof(third));
	assert_int_equal(peer_init(&peer, other.connection), 0);
	assert_int_equal(peer_look(&peer, other.connection), 0);
	assert_int_equal(peer.sight, PEER_SEEN);
	for (int i = 0; i < 8; i++) {
		pid_t number = i / 2 + 1;
		bool is_there = number <= 2 || number == third;
		ino_t namespace = peer.view.namespaces.ids[NAMESPACE_PID];
		int pidfd = -1, r;
		pid_t pid = 0;

		ioctl_is_missing = i % 2;
		r = peer_find_process(&peer, &self.namespaces, number, &pid, &pidfd);
		assert_int_equal(r, is_there ? 0 : -ESRCH);
		if (r < 0)
			continue;
		assert_true(namespaces_has_number(pid, namespace, number));
		assert_int_equal(number == 2, pid == peer.pid);
		close(pidfd);
	}
	ioctl_is_missing = false;
	kill(peer.pid, SIGKILL);
	close(other.life);
	kill(other.pid, SIGKILL);
	waitpid(other.pid, NULL, 0);
	peer_clear(&peer);
	close(other.connection);
	close(told[0]);
	close(told[1]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_socketpair_is_oneself),
	    cmocka_unit_test(a_starter_is_of_the_same_user),
	    cmocka_unit_test(what_is_no_socket_has_no_peer),
	    cmocka_unit_test(nothing_is_seen_of_an_ended_peer),
	    cmocka_unit_test(a_living_peer_is_seen_by_either_kernel),
	    cmocka_unit_test(without_descriptors_it_is_looked_again),
	    cmocka_unit_test(effective_capabilities_are_seen),
	    cmocka_unit_test(each_other_namespace_is_seen),
	    cmocka_unit_test(all_groups_are_known),
	    cmocka_unit_test(a_sender_is_looked_at_alike),
	    cmocka_unit_test(a_number_is_one_s_own_where_the_namespace_is),
	    cmocka_unit_test(a_number_of_another_pid_namespace_is_translated),
	};

	bound_time();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
