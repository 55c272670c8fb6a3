/* SPDX-License-Identifier: Apache-2.0 */
/* Callers in other namespaces than hookd: where their hooks run, and which processes pids mean. */
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/integration/harness/check.h"
#include "tests/integration/harness/container.h"

#define ALL_BUT_USER                                                                               \
	(CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWUTS | CLONE_NEWNET | CLONE_NEWIPC | CLONE_NEWCGROUP)

#define STDOUT "result.hooks[0].stdout"
#define MARKER HOOK("'show','@DIR@/private/marker'")

static const char *state_of_pid(pid_t pid)
{
	static char state[64];

	snprintf(state, sizeof(state), "{\"id\":\"box\",\"pid\":%d}", pid);
	return state;
}

/* A path is looked up in the caller's mount namespace. */
static void caller_in_another_mount_namespace(void **state)
{
	struct harness *harness = *state;
	struct container container;
	struct client *client;

	harness_needs_root();
	container_start(harness, CLONE_NEWNS, true, &container);
	client = client_adopt(harness, container.socket);
	run(client, .hooks = {"{'path':'@DIR@/private/hook','args':['h','show',"
			      "'@DIR@/private/marker']}"});
	check_success(client);
	check_string(client, STDOUT, "inside");
	run(client, .extra = ",'namespaces':'runtime'", .hooks = {"{'path':'@DIR@/private/hook'}"});
	check_string(client, "result.hooks[0].errnoName", "ENOENT");
	container_stop(&container);
}

/* "net:[4026531840]", as readlink(2) shows it. */
static void read_namespace(pid_t pid, const char *kind, char text[static 64])
{
	char path[64];
	ssize_t length;

	snprintf(path, sizeof(path), "/proc/%d/ns/%s", pid, kind);
	length = readlink(path, text, 63);
	assert_true(length > 0);
	text[length] = '\0';
}

/* All other namespaces too: a hook that makes a network device makes it in the caller's. */
static void caller_in_any_other_namespace(void **state)
{
	static const struct {
		int flag;
		const char *kind;
	} kinds[] = {
	    {CLONE_NEWNET, "net"}, {CLONE_NEWUTS, "uts"},	{CLONE_NEWIPC, "ipc"},
	    {CLONE_NEWPID, "pid"}, {CLONE_NEWCGROUP, "cgroup"},
	};
	struct harness *harness = *state;

	harness_needs_root();
	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		char theirs[64], ours[64], line[80];
		struct container container;
		struct client *client;

		container_start(harness, kinds[i].flag, true, &container);
		client = client_adopt(harness, container.socket);
		read_namespace(container.pid, kinds[i].kind, theirs);
		read_namespace(getpid(), kinds[i].kind, ours);
		run(client, .hooks = {HOOK("'view'")});
		check_success(client);
		snprintf(line, sizeof(line), "ns %s", theirs);
		check_line(client, STDOUT, line);
		run(client, .extra = ",'namespaces':'runtime'", .hooks = {HOOK("'view'")});
		check_success(client);
		snprintf(line, sizeof(line), "ns %s", ours);
		check_line(client, STDOUT, line);
		container_stop(&container);
	}
}

/* The caller is process 1 in its pid namespace, and sends that pid. */
static void pid_counts_in_the_caller_s_namespace(void **state)
{
	struct harness *harness = *state;
	struct container caller, other;
	struct client *client;

	harness_needs_root();
	container_start(harness, CLONE_NEWNS | CLONE_NEWPID, true, &caller);
	client = client_adopt(harness, caller.socket);
	run(client, .stage = "startContainer", .state = state_of_pid(1), .hooks = {MARKER});
	check_success(client);
	check_string(client, STDOUT, "inside");
	/* These pids exist in hookd's pid namespace only. */
	container_start(harness, CLONE_NEWNS, false, &other);
	run(client, .stage = "startContainer", .state = state_of_pid(other.pid), .hooks = {MARKER});
	check_invalid(client, "hooks", "state.pid");
	check_part(client, "detail", "there is no process ");
	run(client, .stage = "startContainer", .state = state_of_pid(caller.pid),
	    .hooks = {MARKER});
	check_invalid(client, "hooks", "state.pid");
	container_stop(&other);
	container_stop(&caller);
}

#define USER 4242

static void become_user(void)
{
	if (setresgid(USER, USER, USER) < 0 || setresuid(USER, USER, USER) < 0)
		_exit(1);
}

static void write_file(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);

	if (fd < 0 || write(fd, text, strlen(text)) < 0)
		_exit(1);
	close(fd);
}

/* Like a rootless engine: root in a user namespace in which one uid is mapped. */
static void call_rootless(struct client *client, int connected)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};

	become_user();
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	prctl(PR_SET_DUMPABLE, 1); /* as after an exec */
	if (unshare(CLONE_NEWUSER | CLONE_NEWNS) < 0)
		_exit(1);
	write_file("/proc/self/uid_map", "0 4242 1");
	write_file("/proc/self/setgroups", "deny");
	write_file("/proc/self/gid_map", "0 4242 1");
	memcpy(address.sun_path, client->harness->socket, strlen(client->harness->socket));
	if (connect(client->fd, (struct sockaddr *)&address, sizeof(address)) < 0 ||
	    write(connected, "!", 1) != 1)
		_exit(1);
	begin_run(client, .hooks = {"{'path':'/bin/sh','args':['sh','-c',"
				    "'readlink /proc/self/ns/user; id -u']}"});
	begin_run(client, .hooks = {HOOK("'exit','0'")});
	begin_run(client, .hooks = {HOOK("'exit','0'")}, .extra = ",'namespaces':'runtime'");
	for (;;)
		pause();
}

/* hookd as that user: programs of root are accepted, though root is not mapped there. */
static void caller_of_a_rootless_engine(void **state)
{
	struct harness *harness = *state;
	struct client *client;
	char user[64], line[80], byte;
	int connected[2];
	pid_t pid;

	harness_needs_root();
	assert_int_equal(pipe(connected), 0);
	assert_int_equal(chmod(harness->directory, 0755), 0);
	assert_int_equal(chown(harness->directory, USER, USER), 0);
	harness_start(harness, &(struct start){.in_child = become_user});
	client = client_adopt(harness, socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
	pid = fork();
	if (pid == 0)
		call_rootless(client, connected[1]);
	close(connected[1]);
	assert_int_equal(read(connected[0], &byte, 1), 1);
	close(connected[0]);
	client_receive(client);
	check_success(client);
	read_namespace(pid, "user", user);
	snprintf(line, sizeof(line), "%s\n0\n", user);
	check_string(client, STDOUT, line);
	/* The helper is in /tmp, which all users can write to, but it is sticky. */
	client_receive(client);
	check_success(client);
	client_receive(client);
	check_invalid(client, "hooks", "namespaces");
	kill(pid, SIGKILL);
	assert_int_equal(waitpid(pid, NULL, 0), pid);
}

/* The path of createContainer is in the runtime's mount namespace, which may not be hookd's. */
static void path_of_a_caller_elsewhere(void **state)
{
	struct harness *harness = *state;
	struct container caller, container;
	struct client *client;

	harness_needs_root();
	container_start(harness, CLONE_NEWNS, true, &caller);
	container_start(harness, ALL_BUT_USER, false, &container);
	client = client_adopt(harness, caller.socket);
	run(client, .stage = "createContainer", .state = state_of_pid(container.pid),
	    .hooks = {"{'path':'@DIR@/private/hook','args':['h','report']}"});
	check_success(client);
	check_part(client, STDOUT, "NSpid:");
	container_stop(&container);
	container_stop(&caller);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
	    TEST(caller_in_another_mount_namespace),	TEST(caller_in_any_other_namespace),
	    TEST(pid_counts_in_the_caller_s_namespace), TEST(path_of_a_caller_elsewhere),
	    TEST_PREPARED(caller_of_a_rootless_engine),
	};

	harness_read_arguments(argc, argv);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
