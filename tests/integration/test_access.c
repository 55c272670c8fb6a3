/* SPDX-License-Identifier: Apache-2.0 */
/* Who may do what, by what the kernel says of who connected. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "tests/integration/check.h"

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
	    "{'method':'io.hookd.control.Ping'}",
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

/* varlinkctl asks this of any service before anything else. */
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

/* What a socket's mode keeps out never gets to the policy. */
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

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
	    TEST(refused_for_other_uid),
	    TEST(service_is_described_to_anyone),
	    TEST(socket_is_closed_to_others_at_first),
	    TEST_PREPARED(connections_of_one_uid_are_bounded),
	};

	harness_read_arguments(argc, argv);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
