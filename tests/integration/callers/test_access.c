/* SPDX-License-Identifier: Apache-2.0 */
/* Access control, by the peer credentials that the kernel reports. */
#include <errno.h>
#include <linux/capability.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/integration/harness/check.h"
#include "tests/integration/harness/probe.h"

#define NOBODY 65534

static void open_to_all(const struct harness *harness)
{
	assert_int_equal(chmod(harness->directory, 0755), 0);
	assert_int_equal(chmod(harness->socket, 0666), 0);
}

static void refused_for_other_uid(void **state)
{
	static const char *const calls[] = {
	    "{'method':'io.hookd.hooks.Run','parameters':{'stage':'createRuntime','state':{'id':"
	    "'box'},'hooks':{'createRuntime':[" HOOK("'mark','@DIR@/log','x'") "]}}}",
	    "{'method':'io.hookd.hooks.Run','parameters':{'nonsense':true}}",
	    "{'method':'io.hookd.hooks.Wait','parameters':{'run':'x'}}",
	    "{'method':'io.hookd.hooks.Cancel','parameters':{'run':'x'}}",
	    "{'method':'io.hookd.status.List'}",
	    "{'method':'io.hookd.status.Get','parameters':{'run':'x'}}",
	    "{'method':'io.hookd.status.GetStatus'}",
	    "{'method':'io.hookd.status.Watch','more':true}",
	    "{'method':'io.hookd.status.Summary'}",
	    "{'method':'io.hookd.status.GetMetrics'}",
	    "{'method':'io.hookd.control.Ping'}",
	    "{'method':'io.hookd.control.Reload'}",
	    "{'method':'io.hookd.control.SetLogLevel','parameters':{'level':'debug'}}",
	    "{'method':'io.hookd.control.ExplainPolicy','parameters':{'uid':0,'method':'x'}}",
	    "{'method':'io.hookd.control.Drain'}",
	};
	struct harness *harness = *state;
	struct client *client;

	harness_needs_root();
	open_to_all(harness);
	client = client_open_as(harness, NOBODY);
	for (size_t i = 0; i < sizeof(calls) / sizeof(calls[0]); i++) {
		client_call(client, calls[i]);
		check_error(client, "io.hookd.hooks.Refused");
		check_part(client, "reason", "65534");
	}
	assert_int_equal(harness_count_lines(harness, "log"), 0);
	assert_int_equal(status_number(harness, "stored"), 0);
}

/* varlinkctl makes this call first. */
static void service_is_described_to_anyone(void **state)
{
	struct harness *harness = *state;
	struct client *client;

	harness_needs_root();
	open_to_all(harness);
	client = client_open_as(harness, NOBODY);
	client_expect_alive(client);
	check_string(client, "interfaces[0]", "org.varlink.service");
	client_call(client, "{'method':'org.varlink.service.GetInterfaceDescription',"
			    "'parameters':{'interface':'io.hookd.hooks'}}");
	check_part(client, "description", "interface io.hookd.hooks\n");
	client_call(client, "{'method':'com.example.Run'}");
	check_error(client, "org.varlink.service.InterfaceNotFound");
}

/* The mode of the socket refuses them before hookd's policy does. */
static void socket_is_closed_to_others_at_first(void **state)
{
	struct harness *harness = *state;
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0), error;
	struct stat st;

	harness_needs_root();
	assert_int_equal(stat(harness->socket, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0600);
	assert_int_equal(chmod(harness->directory, 0755), 0);
	memcpy(address.sun_path, harness->socket, strlen(harness->socket));
	assert_int_equal(seteuid(NOBODY), 0);
	error = connect(fd, (struct sockaddr *)&address, sizeof(address)) < 0 ? errno : 0;
	assert_int_equal(seteuid(0), 0);
	assert_int_equal(error, EACCES);
	close(fd);
}

static void connections_of_one_uid_are_bounded(void **state)
{
	struct harness *harness = *state;
	struct client *clients[2];

	harness_needs_root();
	harness_start(harness, &(struct start){.config = "[Connections]\nMaxPerUser=2\n"});
	open_to_all(harness);
	for (int i = 0; i < 2; i++) {
		clients[i] = client_open_as(harness, NOBODY);
		client_expect_alive(clients[i]);
	}
	client_expect_end(client_open_as(harness, NOBODY));
	client_expect_alive(clients[0]);
	client_expect_alive(client_open_as(harness, NOBODY - 1));
	client_expect_alive(client_open(harness));
	client_close(clients[0]);
	await_true(status_number(harness, "connections") == 4, "hookd has seen it go");
	client_expect_alive(client_open_as(harness, NOBODY));
}

/* ---- uid 0 without capabilities ---- */

#define MARK HOOK("'mark','@DIR@/log','x'")

/*
 * Sets the effective capabilities of this process, keeps the permitted ones; returns the old ones.
 */
static uint64_t set_effective(uint64_t effective)
{
	struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
	struct __user_cap_data_struct data[2];
	uint64_t before;

	syscall(SYS_capget, &header, data);
	before = data[0].effective | (uint64_t)data[1].effective << 32;
	data[0].effective = (uint32_t)effective;
	data[1].effective = (uint32_t)(effective >> 32);
	syscall(SYS_capset, &header, data);
	return before;
}

static void refused_to_uid_0_without_capabilities(void **state)
{
	struct harness *harness = *state;
	uint64_t all, missing[] = {~0ull, 1ull << CAP_SYS_ADMIN, 1ull << CAP_NET_RAW};
	struct client *client;

	harness_needs_root();
	for (size_t i = 0; i < sizeof(missing) / sizeof(missing[0]); i++) {
		all = set_effective(0);
		set_effective(all & ~missing[i]);
		client = client_open(harness);
		run(client, .hooks = {MARK});
		set_effective(all);
		check_error(client, "io.hookd.hooks.Refused");
		check_part(client, "reason", "capability");
	}
	assert_int_equal(harness_count_lines(harness, "log"), 0);
	client = client_open(harness);
	run(client, .hooks = {MARK});
	check_success(client);
	assert_int_equal(harness_count_lines(harness, "log"), 1);
}

/* After the connect a process of root may drop its capabilities and execute another program. */
static void refused_once_the_capabilities_are_given_up(void **state)
{
	struct harness *harness = *state;
	struct client *client = client_open(harness);
	uint64_t all;

	harness_needs_root();
	run(client, .hooks = {MARK});
	check_success(client);
	all = set_effective(0);
	run(client, .hooks = {MARK});
	set_effective(all);
	check_error(client, "io.hookd.hooks.Refused");
	assert_int_equal(harness_count_lines(harness, "log"), 1);
}

/* A child that uses the client's connection, and sleeps until it is killed. */
static pid_t in_child(void (*act)(struct client *client), struct client *client)
{
	int done[2];
	char byte;
	pid_t pid;

	assert_int_equal(pipe(done), 0);
	pid = fork();
	if (pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		act(client);
		prctl(PR_SET_PDEATHSIG, SIGKILL); /* again: a change of ids resets it */
		if (write(done[1], "!", 1) != 1)
			_exit(1);
		for (;;)
			pause();
	}
	close(done[1]);
	assert_int_equal(read(done[0], &byte, 1), 1);
	close(done[0]);
	return pid;
}

static void end_child(pid_t pid)
{
	kill(pid, SIGKILL);
	assert_int_equal(waitpid(pid, NULL, 0), pid);
}

static void send_run(struct client *client)
{
	begin_run(client, .hooks = {MARK});
}

static void send_run_as_nobody(struct client *client)
{
	if (setresgid(NOBODY, NOBODY, NOBODY) == 0 && setresuid(NOBODY, NOBODY, NOBODY) == 0)
		send_run(client);
}

static void send_run_without_capabilities(struct client *client)
{
	set_effective(0);
	send_run(client);
}

/* Same user and capabilities: a child of a runtime may make its calls. */
static void a_child_with_the_same_rights_may_write(void **state)
{
	struct harness *harness = *state;
	struct client *client = client_open(harness);
	pid_t pid;

	harness_needs_root();
	client_expect_alive(client);
	pid = in_child(send_run, client);
	client_receive(client);
	check_success(client);
	end_child(pid);
	assert_int_equal(harness_count_lines(harness, "log"), 1);
}

/* SO_PEERCRED still has root when the descriptor was passed on. */
static void a_descriptor_of_root_is_refused_to_another_user(void **state)
{
	struct harness *harness = *state;
	struct client *client = client_open(harness);
	pid_t pid;

	harness_needs_root();
	client_expect_alive(client);
	pid = in_child(send_run_as_nobody, client);
	client_expect_end(client);
	harness_await_log(harness, "another user");
	end_child(pid);
	assert_int_equal(harness_count_lines(harness, "log"), 0);
}

static void a_descriptor_of_root_is_refused_without_capabilities(void **state)
{
	struct harness *harness = *state;
	struct client *client = client_open(harness);
	pid_t pid;

	harness_needs_root();
	client_expect_alive(client);
	pid = in_child(send_run_without_capabilities, client);
	client_receive(client);
	check_error(client, "io.hookd.hooks.Refused");
	/* All further messages of the connection are refused. */
	run(client, .hooks = {MARK});
	check_error(client, "io.hookd.hooks.Refused");
	end_child(pid);
	assert_int_equal(harness_count_lines(harness, "log"), 0);
}

/* ---- a peer that has exited ---- */

static struct client *client_unconnected(struct harness *harness)
{
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	assert_true(fd >= 0);
	return client_adopt(harness, fd);
}

static void do_connect(struct client *client)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};

	memcpy(address.sun_path, client->harness->socket, strlen(client->harness->socket));
	if (connect(client->fd, (struct sockaddr *)&address, sizeof(address)) < 0)
		_exit(1);
}

/* The kernel no longer has its capabilities and namespaces. */
static void refused_when_the_peer_has_exited(void **state)
{
	struct harness *harness = *state;

	harness_needs_root();
	for (int is_seen_before = 0; is_seen_before < 2; is_seen_before++) {
		struct client *client = client_unconnected(harness);
		pid_t pid = in_child(do_connect, client);

		if (is_seen_before) {
			client_call(client, "{'method':'io.hookd.control.Ping'}");
			check_error(client, "");
		}
		end_child(pid);
		run(client, .hooks = {MARK});
		check_error(client, "io.hookd.hooks.Refused");
		check_part(client, "reason", "has exited");
		/* Calls that every user may make still work. */
		client_expect_alive(client);
	}
	assert_int_equal(harness_count_lines(harness, "log"), 0);
}

static void connect_from_another_user_namespace(struct client *client)
{
	if (unshare(CLONE_NEWUSER) < 0)
		_exit(1);
	do_connect(client);
}

/* hookd sees uid 0 and all capabilities, which are only valid in its user namespace. */
static void refused_to_root_of_another_user_namespace(void **state)
{
	struct harness *harness = *state;
	struct client *client = client_unconnected(harness);
	pid_t pid;

	harness_needs_root();
	pid = in_child(connect_from_another_user_namespace, client);
	run(client, .hooks = {MARK});
	check_error(client, "io.hookd.hooks.Refused");
	check_part(client, "reason", "user namespace");
	end_child(pid);
	assert_int_equal(harness_count_lines(harness, "log"), 0);
}

/* ---- descriptors ---- */

/* Sends one byte of a call with so many descriptors; returns the errno of the sender. */
static int send_descriptors(struct client *client, int count)
{
	union {
		struct cmsghdr header;
		char bytes[CMSG_SPACE(250 * sizeof(int))];
	} control = {0};
	struct iovec iov = {(char[]){'{'}, 1};
	struct msghdr message = {
	    .msg_iov = &iov,
	    .msg_iovlen = 1,
	    .msg_control = &control,
	    .msg_controllen = CMSG_SPACE((size_t)count * sizeof(int)),
	};
	int fds[250];

	for (int i = 0; i < count; i++)
		fds[i] = client->fd;
	control.header = (struct cmsghdr){
	    .cmsg_level = SOL_SOCKET,
	    .cmsg_type = SCM_RIGHTS,
	    .cmsg_len = CMSG_LEN((size_t)count * sizeof(int)),
	};
	memcpy(CMSG_DATA(&control.header), fds, (size_t)count * sizeof(int));
	return sendmsg(client->fd, &message, MSG_NOSIGNAL) < 0 ? errno : 0;
}

static bool kernel_can_refuse_descriptors(void)
{
	const int off = 0;
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	bool can = setsockopt(fd, SOL_SOCKET, 83 /* SO_PASSRIGHTS */, &off, sizeof(off)) == 0;

	close(fd);
	return can;
}

static void passed_descriptors_are_not_kept(void **state)
{
	static const int counts[] = {1, 2, 250};
	struct harness *harness = *state;
	bool is_refused = kernel_can_refuse_descriptors();

	for (size_t i = 0; i < sizeof(counts) / sizeof(counts[0]); i++) {
		struct client *client = client_open(harness);
		int before, error;

		client_expect_alive(client);
		before = harness_count_fds(harness);
		error = send_descriptors(client, counts[i]);
		assert_int_equal(error, is_refused ? EPERM : 0);
		/* The byte above, if it was sent, is the first one of this call. */
		client_send(client, is_refused ? "{'method':'org.varlink.service.GetInfo'}"
					       : "'method':'org.varlink.service.GetInfo'}");
		client_receive(client);
		check_error(client, "");
		assert_int_equal(harness_count_fds(harness), before);
	}
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
	    TEST(refused_for_other_uid),
	    TEST(service_is_described_to_anyone),
	    TEST(socket_is_closed_to_others_at_first),
	    TEST_PREPARED(connections_of_one_uid_are_bounded),
	    TEST(refused_to_uid_0_without_capabilities),
	    TEST(refused_once_the_capabilities_are_given_up),
	    TEST(a_child_with_the_same_rights_may_write),
	    TEST(a_descriptor_of_root_is_refused_to_another_user),
	    TEST(a_descriptor_of_root_is_refused_without_capabilities),
	    TEST(refused_when_the_peer_has_exited),
	    TEST(refused_to_root_of_another_user_namespace),
	    TEST(passed_descriptors_are_not_kept),
	};

	harness_read_arguments(argc, argv);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
