/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Process attributes that are inherited: hookd resets those that it gets from its parent, and hooks
 * get none of hookd. Each test starts hookd with an unusual attribute and checks a hook.
 */
#include <fcntl.h>
#include <linux/keyctl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "tests/integration/harness/check.h"

#define STDOUT "result.hooks[0].stdout"

static void report_of(struct harness *harness, void (*in_child)(void))
{
	struct client *client;
	char nice[16];

	harness_start(harness, &(struct start){.in_child = in_child});
	client = client_open(harness);
	run(client, .hooks = {HOOK("'report'")});
	check_success(client);
	/* The hook has the usual attributes, however hookd was started. */
	check_line(client, STDOUT, "fds 0 1 2");
	check_line(client, STDOUT, "SigBlk:\t0000000000000000");
	check_line(client, STDOUT, "SigIgn:\t0000000000000000");
	check_line(client, STDOUT, "SigCgt:\t0000000000000000");
	check_line(client, STDOUT, "umask 022");
	check_line(client, STDOUT, "oom_score_adj 0");
	/* hookd has precedence, unless it was started with another nice than 0; hooks have none. */
	snprintf(nice, sizeof(nice), "nice %d", getpriority(PRIO_PROCESS, 0));
	check_line(client, STDOUT, nice);
	check_line(client, STDOUT, "leads_session 1");
	check_line(client, STDOUT, "leads_group 1");
}

static void fresh_as_usual(void **state)
{
	report_of(*state, NULL);
}

static void leave_descriptors_open(void)
{
	int fd = open("/dev/null", O_RDONLY);

	dup2(fd, 17);
	dup2(fd, 200);
}

static void stray_descriptors_at_start(void **state)
{
	report_of(*state, leave_descriptors_open);
}

static void close_stdin_and_stdout(void)
{
	close(STDIN_FILENO);
	close(STDOUT_FILENO);
}

/* Else hookd's first socket would be descriptor 0, which is a hook's stdin. */
static void standard_descriptors_closed_at_start(void **state)
{
	report_of(*state, close_stdin_and_stdout);
}

static void ignore_sigchld(void)
{
	signal(SIGCHLD, SIG_IGN);
}

/* With SIGCHLD ignored the kernel drops exit statuses. */
static void sigchld_ignored_at_start(void **state)
{
	struct harness *harness = *state;
	struct client *client;

	report_of(harness, ignore_sigchld);
	client = client_open(harness);
	run(client, .hooks = {HOOK("'exit','3'")});
	check_int(client, "result.hooks[0].exitStatus", 3);
}

static void ignore_signals(void)
{
	for (int number = 1; number < NSIG; number++)
		signal(number, SIG_IGN);
}

static void signals_ignored_at_start(void **state)
{
	report_of(*state, ignore_signals);
}

static void block_signals(void)
{
	sigset_t all;

	sigfillset(&all);
	sigprocmask(SIG_SETMASK, &all, NULL);
}

/* The tear-down stops hookd by SIGTERM, so hookd must have unblocked it. */
static void signals_blocked_at_start(void **state)
{
	report_of(*state, block_signals);
}

static void set_tight_umask(void)
{
	umask(0777);
}

static void umask_at_start(void **state)
{
	report_of(*state, set_tight_umask);
}

static void raise_oom_score(void)
{
	int fd = open("/proc/self/oom_score_adj", O_WRONLY);

	if (write(fd, "500", 3) != 3)
		_exit(1);
	close(fd);
}

/* Children of conmon kept its oom_score_adj. hookd-run sets it back, since hookd keeps its own. */
static void oom_score_at_start(void **state)
{
	report_of(*state, raise_oom_score);
}

/* Such hooks are started by hookd-run, whose failures must not look like those of the hook. */
static void failures_behind_an_oom_score(void **state)
{
	struct harness *harness = *state;
	struct client *client;

	harness_start(harness, &(struct start){.in_child = raise_oom_score});
	client = client_open(harness);
	run(client, .hooks = {"{'path':'/nonexistent/hook'}"});
	check_string(client, "result.hooks[0].outcome", "spawn_failed");
	check_string(client, "result.hooks[0].failedStep", "exec");
	check_string(client, "result.hooks[0].errnoName", "ENOENT");
	run(client, .hooks = {HOOK("'exit','127'")});
	check_string(client, "result.hooks[0].outcome", "exited");
	check_int(client, "result.hooks[0].exitStatus", 127);
	run(client, .hooks = {HOOK("'cat'")});
	check_success(client);
	check_part(client, STDOUT, "\"id\":\"box\"");
}

static void join_a_keyring(void)
{
	if (syscall(SYS_keyctl, KEYCTL_JOIN_SESSION_KEYRING, NULL) < 0)
		_exit(1);
}

static void join_a_keyring_with_an_oom_score(void)
{
	raise_oom_score();
	join_a_keyring();
}

static long keyring_at(struct client *client, const char *path)
{
	const char *line = strstr(reply_string(client, path), "keyring ");

	assert_non_null(line);
	return strtol(line + strlen("keyring "), NULL, 10);
}

/* The second time by hookd-run. No hook can read a key in the session keyring of another one. */
static void every_hook_has_its_own_session_keyring(void **state)
{
	void (*const starts[])(void) = {join_a_keyring, join_a_keyring_with_an_oom_score};
	struct harness *harness = *state;

	for (size_t i = 0; i < sizeof(starts) / sizeof(starts[0]); i++) {
		struct client *client;
		long first, second;

		harness_start(harness, &(struct start){.in_child = starts[i]});
		client = client_open(harness);
		run(client, .hooks = {HOOK("'view'"), HOOK("'view'")});
		check_success(client);
		first = keyring_at(client, STDOUT);
		second = keyring_at(client, "result.hooks[1].stdout");
		assert_true(first > 0 && second > 0);
		assert_int_not_equal(first, second);
		client_close_all(harness);
		harness_stop(harness);
	}
}

static void lower_file_limit(void)
{
	const struct rlimit limit = {.rlim_cur = 256, .rlim_max = 4096};

	setrlimit(RLIMIT_NOFILE, &limit);
}

/* hookd raises its own soft limit; hooks keep it, since select(2) fails beyond 1024 descriptors. */
static void file_limit_is_the_one_at_start(void **state)
{
	struct harness *harness = *state;
	struct client *client;

	report_of(harness, lower_file_limit);
	client = TAILQ_FIRST(&harness->clients);
	check_line(client, STDOUT, "nofile 256 4096");
}

#define FILE_BYTES_MAX (256 * 1024)

static void lower_file_size(void)
{
	const struct rlimit limit = {.rlim_cur = FILE_BYTES_MAX, .rlim_max = FILE_BYTES_MAX};

	setrlimit(RLIMIT_FSIZE, &limit);
}

/*
 * With a state larger than RLIMIT_FSIZE the run cannot be recorded, and where nothing is recorded
 * the hook fails; hookd is not killed by SIGXFSZ.
 */
static void file_size_limit_at_start(void **state)
{
	static char padding[FILE_BYTES_MAX + 1], large[FILE_BYTES_MAX + 256];
	struct harness *harness = *state;
	struct client *client;

	report_of(harness, lower_file_size);
	client = client_open(harness);
	memset(padding, 'x', FILE_BYTES_MAX);
	snprintf(large, sizeof(large),
		 "{\"id\":\"box\",\"pid\":1,\"bundle\":\"/\",\"annotations\":{\"a\":\"%s\"}}",
		 padding);
	run(client, .state = large, .hooks = {HOOK("'cat'")});
	if (harness_has_runners()) {
		check_part(client, "reason", "runs cannot be recorded: File too large");
	} else {
		check_string(client, "result.hooks[0].outcome", "spawn_failed");
		check_string(client, "result.hooks[0].failedStep", "stdin");
		check_string(client, "result.hooks[0].errnoName", "EFBIG");
	}
	run(client, .hooks = {HOOK("'exit','0'")});
	check_success(client);
	/* In the hook SIGXFSZ has its default action. */
	run(client, .hooks = {HOOK("'raise','25'")});
	check_string(client, "result.hooks[0].signal", "SIGXFSZ");
}

/* Of two runs at the same time, neither is in the other's cgroup or in hookd's. */
static void every_run_has_its_own_cgroup(void **state)
{
	struct harness *harness = *state;
	struct client *first = client_open(harness), *second = client_open(harness);
	int started = fifo_open(harness, "started"), go = fifo_open(harness, "go");
	const char *lines[2];

	harness_needs_cgroups(harness);
	begin_run(first, .container = "one",
		  .hooks = {HOOK("'tell','@DIR@/started','await','@DIR@/go','report'")});
	fifo_await(started);
	run(second, .container = "two", .hooks = {HOOK("'report'")});
	fifo_release(go);
	client_receive(first);
	lines[0] = strstr(reply_string(first, STDOUT), "cgroup 0::");
	lines[1] = strstr(reply_string(second, STDOUT), "cgroup 0::");
	assert_non_null(lines[0]);
	assert_non_null(lines[1]);
	assert_non_null(strstr(lines[0], "/runs/"));
	assert_non_null(strstr(lines[1], "/runs/"));
	assert_true(strcspn(lines[0], "\n") != strcspn(lines[1], "\n") ||
		    strncmp(lines[0], lines[1], strcspn(lines[0], "\n")) != 0);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
	    TEST_PREPARED(fresh_as_usual),
	    TEST_PREPARED(stray_descriptors_at_start),
	    TEST_PREPARED(standard_descriptors_closed_at_start),
	    TEST_PREPARED(sigchld_ignored_at_start),
	    TEST_PREPARED(signals_ignored_at_start),
	    TEST_PREPARED(signals_blocked_at_start),
	    TEST_PREPARED(umask_at_start),
	    TEST_PREPARED(oom_score_at_start),
	    TEST_PREPARED(failures_behind_an_oom_score),
	    TEST_PREPARED(file_limit_is_the_one_at_start),
	    TEST_PREPARED(file_size_limit_at_start),
	    TEST_PREPARED(every_hook_has_its_own_session_keyring),
	    TEST(every_run_has_its_own_cgroup),
	};

	harness_read_arguments(argc, argv);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
