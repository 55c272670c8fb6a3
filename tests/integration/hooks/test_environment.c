/* SPDX-License-Identifier: Apache-2.0 */
/* A hook's environment, arguments and working directory are those of the request, not hookd's. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "tests/integration/harness/check.h"

#define STDOUT "result.hooks[0].stdout"

static size_t count_variables(struct client *client)
{
	size_t count = 0;

	for (const char *at = reply_string(client, STDOUT); (at = strstr(at, "\nenv ")); at++)
		count++;
	return count;
}

/* crun gave hooks its own environment, runc the container's with LD_PRELOAD (CVE-2025-23266). */
static void env_absent_is_path_only(void **state)
{
	struct client *client = client_open(*state);

	run(client, .hooks = {HOOK("'report'")});
	check_success(client);
	assert_int_equal(count_variables(client), 1);
	check_line(client, STDOUT,
		   "env PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin");
}

static void env_empty_is_empty(void **state)
{
	struct client *client = client_open(*state);

	run(client, .hooks = {HOOK_WITH(",'env':[]", "'report'")});
	check_success(client);
	assert_int_equal(count_variables(client), 0);
}

static void env_null_is_absent_in_libcontainer(void **state)
{
	struct client *client = client_open(*state);

	run(client, .extra = ",'dialect':'libcontainer'",
	    .hooks = {HOOK_WITH(",'env':null,'dir':'','timeout':null", "'report'")});
	check_success(client);
	assert_int_equal(count_variables(client), 1);
}

static void env_given_is_all(void **state)
{
	struct client *client = client_open(*state);

	run(client, .hooks = {HOOK_WITH(",'env':['A=1','B=','A=2','C=x=y \\u00e9']", "'report'")});
	check_success(client);
	check_part(client, STDOUT, "\nenv A=1\nenv B=\nenv A=2\nenv C=x=y \303\251\n");
	assert_int_equal(count_variables(client), 4);
}

static void path_is_the_configuration_s(void **state)
{
	struct harness *harness = *state;
	struct client *client;

	harness_start(harness, &(struct start){.config = "[Hooks]\nDefaultPath=/opt/bin\n"});
	client = client_open(harness);
	run(client, .hooks = {HOOK("'report'")});
	check_line(client, STDOUT, "env PATH=/opt/bin");
}

static void traceparent_is_a_variable(void **state)
{
	static const char trace[] = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
	struct client *client = client_open(*state);
	char extra[128], line[128];

	snprintf(extra, sizeof(extra), ",'traceparent':'%s'", trace);
	snprintf(line, sizeof(line), "env TRACEPARENT=%s", trace);
	run(client, .extra = extra, .hooks = {HOOK_WITH(",'env':['A=1']", "'report'")});
	check_line(client, STDOUT, "env A=1");
	check_line(client, STDOUT, line);
	assert_int_equal(count_variables(client), 2);
}

static void args_absent_is_the_path(void **state)
{
	struct harness *harness = *state;
	struct client *client = client_open(harness);
	char line[128];

	snprintf(line, sizeof(line), "alone %s\n", harness->hook);
	run(client, .hooks = {"{'path':'@HOOK@'}"});
	check_success(client);
	check_string(client, STDOUT, line);
	run(client, .hooks = {"{'path':'@HOOK@','args':[]}"});
	check_success(client);
	check_string(client, STDOUT, line);
	/* args is the whole argv, with argv[0]. */
	run(client, .hooks = {"{'path':'@HOOK@','args':['another name']}"});
	check_success(client);
	check_string(client, STDOUT, "alone another name\n");
}

static void directory_is_the_bundle(void **state)
{
	struct harness *harness = *state;
	struct client *client = client_open(harness);
	char line[128];

	snprintf(line, sizeof(line), "cwd %s", harness->directory);
	run(client, .hooks = {HOOK("'report'")});
	check_line(client, STDOUT, line);
	/* After a delete the bundle may no longer exist for poststop. */
	run(client, .stage = "poststop", .state = "{\"id\":\"box\",\"bundle\":\"/nonexistent\"}",
	    .hooks = {HOOK("'report'")});
	check_success(client);
	check_line(client, STDOUT, "cwd /");
	/* A relative one is below the directory of whoever wrote it, which hookd does not know. */
	run(client, .state = "{\"id\":\"box\",\"bundle\":\"tmp\"}", .hooks = {HOOK("'report'")});
	check_success(client);
	check_line(client, STDOUT, "cwd /");
}

static void directory_of_libcontainer(void **state)
{
	struct harness *harness = *state;
	struct client *client = client_open(harness);
	char line[128];

	assert_int_equal(mkdir(harness_path(harness, "inside"), 0755), 0);
	snprintf(line, sizeof(line), "cwd %s", harness_path(harness, "inside"));
	run(client, .extra = ",'dialect':'libcontainer'",
	    .hooks = {HOOK_WITH(",'dir':'@DIR@/inside'", "'report'")});
	check_success(client);
	check_line(client, STDOUT, line);
	run(client, .extra = ",'dialect':'libcontainer'",
	    .hooks = {HOOK_WITH(",'dir':'@DIR@/missing'", "'report'")});
	check_outcome(client, "failed");
	check_string(client, "result.hooks[0].outcome", "spawn_failed");
	check_string(client, "result.hooks[0].failedStep", "cwd");
	check_string(client, "result.hooks[0].errnoName", "ENOENT");
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
	    TEST(env_absent_is_path_only),
	    TEST(env_empty_is_empty),
	    TEST(env_null_is_absent_in_libcontainer),
	    TEST(env_given_is_all),
	    TEST_PREPARED(path_is_the_configuration_s),
	    TEST(traceparent_is_a_variable),
	    TEST(args_absent_is_the_path),
	    TEST(directory_is_the_bundle),
	    TEST(directory_of_libcontainer),
	};

	harness_read_arguments(argc, argv);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
