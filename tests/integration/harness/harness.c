/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Starts and stops the hookd under test, and checks that it leaves nothing behind.
 *
 *	prepared --harness_start()--> running --harness_stop()--> prepared --harness_end()--> gone
 *
 * A test that fails leaves its function by longjmp(3). So the harness owns all resources, and
 * releases them in cmocka's teardown.
 */
#include "tests/integration/harness/harness.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/prctl.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "tests/integration/harness/client.h"
#include "tests/integration/harness/files.h"
#include "tests/integration/harness/probe.h"

#define LOG_PIPE_BYTES                                                                             \
	(1024 * 1024) /* so that hookd does not block while the test does not read                 \
		       */

static bool without_cgroups, without_runners;

static void clear_half_ended(void);

/* A test that fails does not free its memory. Leaks of hookd are still reported. */
const char *__asan_default_options(void);
const char *__asan_default_options(void)
{
	return "detect_leaks=0";
}

void harness_read_arguments(int argc, char **argv)
{
	for (int i = 1; i < argc; i++) {
		without_cgroups |= strcmp(argv[i], "--no-cgroups") == 0;
		without_runners |= strcmp(argv[i], "--no-runners") == 0;
	}
	atexit(clear_half_ended);
}

void harness_needs_cgroups(const struct harness *harness)
{
	if (!harness->cgroup[0])
		skip(without_cgroups ? "is about cgroups" : "no cgroup2 to write to");
}

void harness_needs_root(void)
{
	if (geteuid() != 0)
		skip("needs root");
}

bool harness_has_runners(void)
{
	return !without_runners;
}

/* ---- time ---- */

int64_t now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * 1000ll + now.tv_nsec / 1000000;
}

int64_t deadline(void)
{
	return now_ms() + DEADLINE_MS;
}

void await_a_moment(int64_t until, const char *what)
{
	const struct timespec moment = {.tv_nsec = 1000000};

	if (now_ms() > until)
		fail_msg("in vain waited for: %s", what);
	nanosleep(&moment, NULL);
}

/* ---- hookd's stderr ---- */

/* False at the end of the stream, or after the deadline. */
static bool read_log(struct harness *harness, int timeout_ms)
{
	struct pollfd poll_fd = {.fd = harness->log, .events = POLLIN};
	ssize_t length;
	char *space;

	if (poll(&poll_fd, 1, timeout_ms) <= 0)
		return false;
	space = hp_buf_reserve(&harness->said, 65536);
	assert_non_null(space);
	length = read(harness->log, space, 65536);
	if (length <= 0)
		return false;
	harness->said.length += (size_t)length;
	return true;
}

void harness_await_log_without(struct harness *harness, const char *text, const char *unwanted)
{
	struct hp_buf *said = &harness->said;
	int64_t until = deadline();
	char *found;

	while (
	    !(found = said->length ? memmem(said->data, said->length, text, strlen(text)) : NULL)) {
		if (!read_log(harness, (int)(until - now_ms())))
			fail_msg("hookd did not say \"%s\" but: %.*s", text, (int)said->length,
				 said->length ? said->data : "");
	}
	if (unwanted &&
	    memmem(said->data, (size_t)(found - said->data), unwanted, strlen(unwanted)))
		fail_msg("hookd said \"%s\" before \"%s\"", unwanted, text);
	hp_buf_consume(said, (size_t)(found - said->data) + strlen(text));
}

void harness_await_log(struct harness *harness, const char *text)
{
	harness_await_log_without(harness, text, NULL);
}

void harness_fail(struct harness *harness, const char *reason)
{
	probe_print(harness->pid);
	if (harness->runner != harness->pid)
		probe_print(harness->runner);
	while (read_log(harness, 0))
		continue;
	fail_msg("%s; it said: %.*s", reason, (int)harness->said.length,
		 harness->said.length ? harness->said.data : "");
}

static void check_sanitizers(const struct harness *harness)
{
	static const char *const alarms[] = {"Sanitizer", "runtime error:", "this is a bug"};
	const struct hp_buf *said = &harness->said;

	for (size_t i = 0; said->length && i < sizeof(alarms) / sizeof(alarms[0]); i++)
		if (memmem(said->data, said->length, alarms[i], strlen(alarms[i])))
			fail_msg("hookd said: %.*s", (int)said->length, said->data);
}

/* ---- start ---- */

static bool has_runners(const struct start *start)
{
	return start->runners > 0 || !without_runners;
}

static bool names_state(const struct start *start)
{
	for (size_t i = 0; i < 4 && start->arguments[i]; i++)
		if (strncmp(start->arguments[i], "--state-dir", 11) == 0)
			return true;
	return false;
}

static void become_hookd(struct harness *harness, const struct start *start, int log)
{
	char socket[128], config[128], state[128];
	const char *program = start->program ? start->program : HOOKD_PATH;
	const char *argv[12] = {program, socket, "--log-target=stderr"};
	size_t count = 3;

	snprintf(socket, sizeof(socket), "--socket=%s", harness->socket);
	snprintf(config, sizeof(config), "--config=%s", harness->config);
	argv[count++] = config;
	snprintf(state, sizeof(state), "--state-dir=%s/state", harness->directory);
	if (has_runners(start) && !names_state(start))
		argv[count++] = state;
	if (without_cgroups)
		argv[count++] = "--cgroup-root=/nonexistent";
	for (size_t i = 0; i < 4 && start->arguments[i]; i++)
		argv[count++] = start->arguments[i];
	dup2(open("/dev/null", O_RDWR | O_CLOEXEC), STDOUT_FILENO);
	dup2(log, STDERR_FILENO);
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (start->in_child)
		start->in_child();
	execv(program, (char **)argv);
	_exit(126);
}

/* At the end, so that lines keep their numbers. */
static void write_config(const struct harness *harness, const struct start *start)
{
	const char *config = start->config ? start->config : "";
	size_t size = strlen(config) + 64;
	char *text = malloc(size);
	int length;

	assert_non_null(text);
	length = snprintf(text, size, "%s", config);
	snprintf(text + length, size - (size_t)length, "\n[Hooks]\nRunners=%u\n",
		 start->no_runners ? 0
		 : start->runners  ? start->runners
				   : !without_runners);
	harness_write_file(harness, "hookd.conf", text);
	free(text);
}

void harness_spawn(struct harness *harness, const struct start *start)
{
	int ends[2];

	write_config(harness, start);
	assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
	(void)fcntl(ends[0], F_SETPIPE_SZ, LOG_PIPE_BYTES);
	harness->log = ends[0];
	harness->pid = fork();
	assert_true(harness->pid >= 0);
	if (harness->pid == 0)
		become_hookd(harness, start, ends[1]);
	close(ends[1]);
	harness->pidfd = (int)syscall(SYS_pidfd_open, harness->pid, 0);
	assert_true(harness->pidfd >= 0);
}

int harness_count_fds(const struct harness *harness)
{
	int count = probe_count_fds(harness->pid);

	if (harness->runner != harness->pid)
		count += probe_count_fds(harness->runner);
	return count;
}

void harness_await_ready(struct harness *harness)
{
	harness_await_log(harness, "hookd: ready\n");
	harness->runner = probe_find_runner(harness->directory);
	if (harness->runner == 0)
		harness->runner = harness->pid;
	harness->fds_at_start = harness_count_fds(harness);
	if (without_cgroups || !probe_find_cgroup(harness->pid, harness->cgroup))
		harness->cgroup[0] = '\0';
}

void harness_start(struct harness *harness, const struct start *start)
{
	static const struct start as_usual;

	if (!start)
		start = &as_usual;
	harness_spawn(harness, start);
	if (start->says)
		harness_await_log(harness, start->says);
	harness_await_ready(harness);
}

void harness_signal(const struct harness *harness, int signal)
{
	assert_int_equal(kill(harness->pid, signal), 0);
}

void harness_freeze(const struct harness *harness)
{
	harness_signal(harness, SIGSTOP);
	await_true(probe_state(harness->pid) == 'T', "hookd stops");
}

void harness_thaw(const struct harness *harness)
{
	harness_signal(harness, SIGCONT);
}

/* ---- stop ---- */

int harness_await_end(struct harness *harness)
{
	struct pollfd poll_fd = {.fd = harness->pidfd, .events = POLLIN};
	int64_t until = deadline();
	int status;

	while (read_log(harness, 10) || poll(&poll_fd, 1, 0) == 0)
		if (now_ms() > until)
			fail_msg("hookd does not end");
	assert_int_equal(waitpid(harness->pid, &status, 0), harness->pid);
	harness->pid = 0;
	while (read_log(harness, 0))
		continue;
	close(harness->pidfd);
	close(harness->log);
	check_sanitizers(harness);
	if (!WIFEXITED(status))
		fail_msg("hookd died of signal %d: %.*s", WTERMSIG(status),
			 (int)harness->said.length, harness->said.data);
	return WEXITSTATUS(status);
}

int harness_run_once(struct harness *harness, const struct start *start)
{
	harness_spawn(harness, start);
	return harness_await_end(harness);
}

static bool has_descriptors_as_at_start(struct harness *harness)
{
	if (probe_state(harness->pid) == 'Z')
		fail_msg("hookd has ended by itself with status %d", harness_await_end(harness));
	return harness_count_fds(harness) <= harness->fds_at_start;
}

static void expect_descriptors_as_at_start(struct harness *harness)
{
	int64_t until = deadline();

	while (!has_descriptors_as_at_start(harness) && now_ms() < until)
		await_a_moment(until, "descriptors as at the start");
	if (has_descriptors_as_at_start(harness))
		return;
	probe_print_fds(harness->pid);
	if (harness->runner != harness->pid)
		probe_print_fds(harness->runner);
	fail_msg("hookd and its runner have %d descriptors, at their start %d",
		 harness_count_fds(harness), harness->fds_at_start);
}

/* hookd handles the end of each connection as an event, so this may take a moment. */
static void check_nothing_is_held(struct harness *harness)
{
	client_close_all(harness);
	if (harness->leaves_children)
		return;
	await_true(probe_count_processes(harness->directory) == 0, "the processes of hooks end");
	await_true(probe_count_children(harness->runner) == 0, "hookd has no children left");
	expect_descriptors_as_at_start(harness);
}

static void check_nothing_is_left(const struct harness *harness)
{
	if (harness->cgroup[0] && !harness->leaves_children && access(harness->cgroup, F_OK) == 0)
		fail_msg("hookd left its cgroup %s", harness->cgroup);
	if (access(harness->socket, F_OK) == 0)
		fail_msg("hookd left its socket");
	if (probe_find_runner(harness->directory) > 0)
		fail_msg("hookd left its runner");
}

void harness_stop(struct harness *harness)
{
	check_nothing_is_held(harness);
	harness_signal(harness, SIGTERM);
	assert_int_equal(harness_await_end(harness), 0);
	check_nothing_is_left(harness);
}

static void kill_hookd(struct harness *harness)
{
	kill(harness->pid, SIGKILL);
	waitpid(harness->pid, NULL, 0);
	harness->pid = 0;
	close(harness->pidfd);
	close(harness->log);
	hp_buf_free(&harness->said);
}

void harness_crash(struct harness *harness)
{
	kill_hookd(harness);
	client_close_all(harness);
	memcpy(harness->left_cgroup, harness->cgroup, sizeof(harness->cgroup));
}

/* ---- set-up and tear-down ---- */

static void copy_helper(const struct harness *harness)
{
	int from = open(HOOK_HELPER_PATH, O_RDONLY | O_CLOEXEC);
	int to = open(harness->hook, O_WRONLY | O_CREAT | O_CLOEXEC, 0755);
	struct stat st;

	assert_true(from >= 0 && to >= 0);
	assert_int_equal(fstat(from, &st), 0);
	assert_int_equal(sendfile(to, from, NULL, (size_t)st.st_size), st.st_size);
	close(from);
	close(to);
}

int harness_prepare(void **state)
{
	struct harness *harness = calloc(1, sizeof(*harness));

	if (!harness)
		return -1;
	*state = harness;
	TAILQ_INIT(&harness->clients);
	snprintf(harness->directory, sizeof(harness->directory), "/tmp/hookd-test.XXXXXX");
	if (!mkdtemp(harness->directory))
		return -1;
	snprintf(harness->socket, sizeof(harness->socket), "%s/socket", harness->directory);
	snprintf(harness->hook, sizeof(harness->hook), "%s/hook", harness->directory);
	snprintf(harness->config, sizeof(harness->config), "%s/hookd.conf", harness->directory);
	copy_helper(harness);
	return 0;
}

int harness_begin(void **state)
{
	if (harness_prepare(state) < 0)
		return -1;
	harness_start(*state, NULL);
	return 0;
}

/*
 * Another hookd may have the pid of one that was killed, and so a directory of the same name: its
 * lock is held.
 */
static bool is_of_live_hookd(const char *path)
{
	int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	bool is_held = fd >= 0 && flock(fd, LOCK_EX | LOCK_NB) < 0;

	if (fd >= 0)
		close(fd);
	return is_held;
}

/* For a hookd that was killed. A process that is still exiting keeps the cgroup for a moment. */
static void remove_cgroup(const char *path)
{
	int64_t until = deadline();

	while (path[0] && access(path, F_OK) == 0 && now_ms() < until)
		if (!is_of_live_hookd(path))
			files_remove(path);
}

static void clear(struct harness *harness)
{
	client_close_all(harness);
	if (harness->pid)
		kill_hookd(harness);
	while ((harness->runner = probe_find_runner(harness->directory)) > 0) {
		kill(harness->runner, SIGKILL);
		await_true(probe_state(harness->runner) <= 0 || probe_state(harness->runner) == 'Z',
			   "the runner ends");
	}
	probe_kill_processes(harness->directory);
	remove_cgroup(harness->cgroup);
	remove_cgroup(harness->left_cgroup);
	files_remove(harness->directory);
	hp_buf_free(&harness->said);
	free(harness);
}

/* For a test whose tear-down has failed before. */
static struct harness *half_ended;

static void clear_half_ended(void)
{
	if (half_ended)
		clear(half_ended);
	half_ended = NULL;
}

/* cmocka reports a failure in here as one of this test; the next test starts afresh. */
int harness_end(void **state)
{
	struct harness *harness = *state;

	clear_half_ended();
	half_ended = harness;
	if (harness->pid)
		harness_stop(harness);
	clear_half_ended();
	return 0;
}
