/* SPDX-License-Identifier: Apache-2.0 */
/* The confinement of a hook from an image, besides its privileges: that of its container. */
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/integration/harness/check.h"
#include "tests/integration/harness/container.h"

#define HOOK0  "result.hooks[0]"
#define STDOUT HOOK0 ".stdout"
#define VIEW   HOOK("'view'")
#define FILES(soft, hard)                                                                          \
	",'settings':{'process':{'rlimits':[{'type':'RLIMIT_NOFILE','soft':" #soft                 \
	",'hard':" #hard "}]}}"

static const char *state_of(const struct container *container)
{
	static char state[64];

	snprintf(state, sizeof(state), "{\"id\":\"box\",\"pid\":%d}", container->pid);
	return state;
}

static bool be_limited(void)
{
	const struct rlimit files = {64, 64};
	int fd = open("/proc/self/oom_score_adj", O_WRONLY | O_CLOEXEC);

	return setrlimit(RLIMIT_NOFILE, &files) == 0 && fd >= 0 && write(fd, "500", 3) == 3 &&
	       close(fd) == 0;
}

static void limits_of_the_process_hold(void **state)
{
	struct harness *harness = *state;
	struct client *client = client_open(harness);
	struct container container;

	harness_needs_root();
	container_start_as(harness, CLONE_NEWNS, be_limited, &container);
	run(client, .stage = "startContainer", .state = state_of(&container), .hooks = {VIEW});
	check_success(client);
	check_line(client, STDOUT, "limit Max open files 64 64 files ");
	check_line(client, STDOUT, "oom_score_adj 500");
	container_stop(&container);
}

static void settings_raise_no_limit(void **state)
{
	struct harness *harness = *state;
	struct client *client = client_open(harness);
	struct container container;

	harness_needs_root();
	container_start_as(harness, CLONE_NEWNS, be_limited, &container);
	run(client, .stage = "startContainer", .state = state_of(&container),
	    .extra = FILES(64, 65), .hooks = {VIEW});
	check_string(client, HOOK0 ".failedStep", "rlimits");
	check_string(client, HOOK0 ".errnoName", "EPERM");
	run(client, .stage = "startContainer", .state = state_of(&container),
	    .extra = FILES(32, 33), .hooks = {VIEW});
	check_success(client);
	check_line(client, STDOUT, "limit Max open files 32 33 files ");
	container_stop(&container);
}

/* A cgroup of cgroup2 beside hookd's own, with the container's process in it. */
static void put_into_cgroup(const struct harness *harness, const struct container *container,
			    char path[static 400])
{
	char file[420], pid[16];
	int fd;

	snprintf(path, 400, "%s/../hookd-test-box-%d", harness->cgroup, getpid());
	assert_int_equal(mkdir(path, 0755), 0);
	snprintf(file, sizeof(file), "%s/cgroup.procs", path);
	fd = open(file, O_WRONLY | O_CLOEXEC);
	snprintf(pid, sizeof(pid), "%d", container->pid);
	assert_true(fd >= 0 && write(fd, pid, strlen(pid)) > 0);
	close(fd);
}

/* Left by an earlier hookd with the same pid, or made by the container in advance. */
static void change_names(const struct harness *harness, const char *container_cgroup,
			 int (*change)(const char *path))
{
	char path[500];

	for (int i = 1; i <= 100; i++) {
		snprintf(path, sizeof(path), "%s/hook-%d-%d", container_cgroup, harness->pid, i);
		assert_int_equal(change(path), 0);
	}
}

static int make(const char *path)
{
	return mkdir(path, 0755);
}

static void names_that_are_taken_are_passed_over(void **state)
{
	struct harness *harness = *state;
	struct client *client = client_open(harness);
	struct container container;
	char path[400];

	harness_needs_root();
	harness_needs_cgroups(harness);
	container_start(harness, CLONE_NEWNS | CLONE_NEWPID, false, &container);
	put_into_cgroup(harness, &container, path);
	change_names(harness, path, make);
	run(client, .stage = "startContainer", .state = state_of(&container), .hooks = {VIEW});
	check_success(client);
	change_names(harness, path, rmdir);
	container_stop(&container);
	await_true(rmdir(path) == 0, "nothing is left in the container's cgroup");
}

/* The container's limits and device rules apply to the hook, which can be killed separately. */
static void a_hook_is_below_the_cgroup_of_the_container(void **state)
{
	struct harness *harness = *state;
	struct client *client = client_open(harness);
	struct container container;
	char path[400], part[64];

	harness_needs_root();
	harness_needs_cgroups(harness);
	container_start(harness, CLONE_NEWNS | CLONE_NEWPID, false, &container);
	put_into_cgroup(harness, &container, path);
	snprintf(part, sizeof(part), "/hookd-test-box-%d/hook-%d-", getpid(), harness->pid);
	run(client, .stage = "startContainer", .state = state_of(&container), .hooks = {VIEW});
	check_success(client);
	check_part(client, STDOUT, part);
	run(client, .stage = "createContainer", .state = state_of(&container), .hooks = {VIEW});
	check_success(client);
	assert_null(strstr(reply_string(client, STDOUT), part));
	run(client, .stage = "startContainer", .state = state_of(&container),
	    .hooks = {TIMED_HOOK(1, "'crowd','3','foreground','setsid','sleep','60000'")});
	check_string(client, HOOK0 ".outcome", "timed_out");
	check_bool(client, HOOK0 ".lingering", false);
	assert_int_equal(kill(container.pid, 0), 0);
	container_stop(&container);
	await_true(rmdir(path) == 0, "nothing is left in the container's cgroup");
}

static void namespaces_by_path_lead_nowhere_else(void **state)
{
	struct harness *harness = *state;
	struct client *client = client_open(harness);
	struct container container;
	char extra[160];

	harness_needs_root();
	container_start(harness, CLONE_NEWNS | CLONE_NEWNET, false, &container);
	for (int is_own = 0; is_own < 2; is_own++) {
		const pid_t pid = is_own ? container.pid : getpid();

		snprintf(extra, sizeof(extra),
			 ",'settings':{'linux':{'namespaces':[{'type':'network',"
			 "'path':'/proc/%d/ns/net'}]}}",
			 pid);
		run(client, .stage = "startContainer", .state = state_of(&container),
		    .extra = extra, .hooks = {VIEW});
		if (is_own) {
			check_success(client);
			continue;
		}
		check_string(client, HOOK0 ".failedStep", "namespaces");
		check_string(client, HOOK0 ".errnoName", "EPERM");
	}
	container_stop(&container);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
	    TEST(limits_of_the_process_hold),
	    TEST(settings_raise_no_limit),
	    TEST(a_hook_is_below_the_cgroup_of_the_container),
	    TEST(names_that_are_taken_are_passed_over),
	    TEST(namespaces_by_path_lead_nowhere_else),
	};

	harness_read_arguments(argc, argv);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
