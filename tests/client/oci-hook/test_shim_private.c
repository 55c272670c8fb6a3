/* SPDX-License-Identifier: Apache-2.0 */

/* hookd-oci-hook --if-down=run-local without hookd: real hooks in a private hookd. */

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "tests/client/oci-hook/shim.h"

#define PRIVATE(stage, hooks)                                                                      \
	run_privately(stage, "--hooks-json={\"" stage "\":[" hooks "]}", STATE)
#define SH(script) "{\"path\":\"/bin/sh\",\"args\":[\"sh\",\"-c\",\"" script "\"]"

static struct outcome run_privately(const char *stage, const char *hooks, const char *state)
{
	char option[64];

	(void)snprintf(option, sizeof(option), "--stage=%s", stage);
	return run_shim_with(state, ENV,
			     ARGV(option, (char *)NOBODY, PRIVATE_OPTIONS, (char *)hooks));
}

static void test_hooks_run_in_order(void **state)
{
	struct outcome outcome = PRIVATE(
	    "createRuntime", SH("echo one >&2; cat >&2") "}," SH("echo two >&2; cat >&2") "}");

	(void)state;
	assert_int_equal(outcome.status, 0);
	assert_string_equal(outcome.text, "one\n" STATE "\ntwo\n" STATE "\n");
}

static void test_environment(void **state)
{
	struct outcome outcome =
	    PRIVATE("createRuntime",
		    SH("echo $A-$B >&2") "}," SH("echo $A-$B >&2") ",\"env\":[\"B=2\"]}," SH(
			"echo $A-$B >&2") ",\"env\":[]}");

	(void)state;
	assert_string_equal(outcome.text, "1-\n-2\n-\n");
}

#define UNSAFE                                                                                     \
	(char *)"LD_PRELOAD=/nonexistent.so", (char *)"LD_LIBRARY_PATH=/nonexistent",              \
	    (char *)"GLIBC_TUNABLES=x", (char *)"MALLOC_ARENA_MAX=1", (char *)"GCONV_PATH=/n",     \
	    (char *)"TMPDIR=/nonexistent", (char *)"LOCPATH=/n"

/*
 * The hook's environment. That of hookd itself is empty, or its loader would complain of the
 * library that is to be preloaded.
 */
static void assert_environment(const char *stage, const char *expected)
{
	char *env[] = {(char *)"A=1", UNSAFE, (char *)"TMPDIRS=kept", NULL};
	char option[64];
	struct outcome outcome;

	(void)snprintf(option, sizeof(option), "--stage=%s", stage);
	outcome = run_shim_with(STATE, env,
				ARGV(option, (char *)NOBODY, PRIVATE_OPTIONS,
				     (char *)"--hook=/bin/sh", (char *)"--", (char *)"-c",
				     (char *)"tr '\\0' '\\n' </proc/self/environ >&2"));
	assert_int_equal(outcome.status, 0);
	/* A shim that is not static prints an error about LD_PRELOAD. */
	assert_true(strlen(outcome.text) >= strlen(expected));
	assert_string_equal(outcome.text + strlen(outcome.text) - strlen(expected), expected);
	assert_null(strstr(outcome.text, "LD_PRELOAD="));
}

static void test_environment_is_inherited_by_stage(void **state)
{
	(void)state;
	assert_environment("createRuntime", "A=1\nTMPDIRS=kept\n");
	assert_environment("poststop", "A=1\nTMPDIRS=kept\n");
	assert_null(strstr(PRIVATE("createContainer", SH("echo A=$A >&2") "}").text, "A=1"));
	assert_null(strstr(PRIVATE("startContainer", SH("echo A=$A >&2") "}").text, "A=1"));
	assert_non_null(strstr(PRIVATE("createContainer", SH("echo $PATH >&2") "}").text,
			       "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin\n"));
}

static void test_signals_are_reset(void **state)
{
	struct outcome outcome =
	    PRIVATE("poststop", SH("grep -E '^Sig(Blk|Ign)' /proc/self/status >&2") "}");

	(void)state;
	assert_string_equal(outcome.text, "SigBlk:\t0000000000000000\nSigIgn:\t0000000000000000\n");
}

static void test_failure_stops(void **state)
{
	struct outcome outcome =
	    PRIVATE("createRuntime", SH("exit 0") "}," SH("exit 3") "}," SH("echo no >&2") "}");

	(void)state;
	assert_int_equal(outcome.status, 3);
	assert_non_null(strstr(outcome.text, "error running createRuntime hook #1: exit status 3"));
	assert_null(strstr(outcome.text, "no\n"));
}

static void test_poststop_goes_on(void **state)
{
	struct outcome outcome =
	    PRIVATE("poststop", SH("exit 3") "}," SH("exit 4") "}," SH("echo yes >&2") "}");

	(void)state;
	assert_int_equal(outcome.status, 3);
	assert_non_null(strstr(outcome.text, "error running poststop hook #0: exit status 3"));
	assert_non_null(strstr(outcome.text, "yes\n"));
}

static void test_outcomes(void **state)
{
	struct outcome outcome = PRIVATE("poststart", "{\"path\":\"/nonexistent/x\"}");

	(void)state;
	assert_int_equal(outcome.status, 126);
	assert_string_equal(outcome.text,
			    "error running poststart hook #0: fork/exec /nonexistent/x: no such "
			    "file or directory\n");
	outcome = PRIVATE("poststart", SH("kill -9 $$") "}");
	assert_int_equal(outcome.status, 128 + SIGKILL);
	assert_non_null(strstr(outcome.text, "error running poststart hook #0: signal: killed"));
	outcome = PRIVATE("poststart", SH("exit 200") "}");
	assert_int_equal(outcome.status, 1);
}

/* A runtime that keeps the output of hooks gets all of it, on the stream that it was written to. */
static void test_output_is_streamed(void **state)
{
	static const char with_files[] =
	    "{\"id\":\"c\",\"status\":\"stopped\",\"bundle\":\"/\",\"annotations\":{"
	    "\"run.oci.hooks.stdout\":\"/x\"}}";
	struct outcome outcome = run_privately(
	    "poststop", "--hooks-json={\"poststop\":[" SH("echo out") "}]}", with_files);

	(void)state;
	assert_int_equal(outcome.status, 0);
	assert_string_equal(outcome.text, "out\n");
	outcome = PRIVATE("poststop", SH("echo out") "}");
	assert_string_equal(outcome.text, "");
}

/* ---- processes that hooks leave behind ---- */

/* A FIFO that a hook opens for writing: its end is the end of all who have it. */
struct fifo {
	char path[64];
	int fd;
};

static void fifo_make(struct fifo *fifo)
{
	(void)snprintf(fifo->path, sizeof(fifo->path), "/tmp/hookd-shim-private.%d", getpid());
	(void)unlink(fifo->path);
	assert_int_equal(mkfifo(fifo->path, 0600), 0);
	fifo->fd = open(fifo->path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	assert_true(fifo->fd >= 0);
}

/* Waits for a line. */
static void fifo_read(const struct fifo *fifo, char *text, size_t size)
{
	struct pollfd ready = {.fd = fifo->fd, .events = POLLIN};
	ssize_t n;

	assert_int_equal(poll(&ready, 1, 30000), 1);
	n = read(fifo->fd, text, size - 1);
	assert_true(n > 0);
	text[n] = '\0';
}

static void fifo_await_end(const struct fifo *fifo)
{
	struct pollfd ready = {.fd = fifo->fd, .events = POLLIN};
	char byte;

	while (poll(&ready, 1, 30000) == 1 && read(fifo->fd, &byte, 1) == 1)
		continue;
	assert_true(ready.revents & POLLHUP);
}

static bool fifo_has_writers(const struct fifo *fifo)
{
	struct pollfd ready = {.fd = fifo->fd, .events = POLLIN};

	return poll(&ready, 1, 0) == 0;
}

static void fifo_remove(struct fifo *fifo)
{
	close(fifo->fd);
	assert_int_equal(unlink(fifo->path), 0);
}

static struct shim start_with_fifo(const struct fifo *fifo, const char *timeout, const char *script)
{
	char hooks[1024];

	(void)snprintf(hooks, sizeof(hooks),
		       "--hooks-json={\"poststop\":[{\"path\":\"/bin/sh\",\"args\":[\"sh\",\"-c\","
		       "\"exec 9>%s; %s\"]%s}]}",
		       fifo->path, script, timeout);
	return start_shim(STATE, ENV,
			  ARGV((char *)"--stage=poststop", (char *)NOBODY, PRIVATE_OPTIONS, hooks));
}

/* Also a child in a session of its own, one whose parent has ended, and one of which both hold. */
static void test_timeout_kills_the_tree(void **state)
{
	struct fifo fifo;
	struct shim shim;
	struct outcome outcome;

	(void)state;
	fifo_make(&fifo);
	shim = start_with_fifo(&fifo, ",\"timeout\":1",
			       "setsid sleep 1000 & (sleep 1000 &) ; "
			       "(setsid sleep 1000 </dev/null >/dev/null 2>&1 &) ; sleep 1000");
	outcome = end_shim(&shim);
	assert_int_equal(outcome.status, 124);
	assert_non_null(strstr(outcome.text, "error running poststop hook #0: hook ran past "
					     "specified timeout of 1.0s"));
	fifo_await_end(&fifo);
	fifo_remove(&fifo);
}

/* Fault 54 */
static void test_hook_dies_with_the_shim(void **state)
{
	struct fifo fifo;
	struct shim shim;
	char text[8];

	(void)state;
	fifo_make(&fifo);
	shim = start_with_fifo(&fifo, "", "echo up >&9; sleep 1000 & sleep 1000");
	fifo_read(&fifo, text, sizeof(text));
	assert_int_equal(kill(shim.pid, SIGKILL), 0);
	fifo_await_end(&fifo);
	assert_string_equal(end_shim(&shim).text, "");
	fifo_remove(&fifo);
}

/* A hook stops its parent, the private hookd. */
static void test_hook_dies_with_the_shim_of_a_stopped_hookd(void **state)
{
	struct fifo fifo;
	struct shim shim;
	char text[8];

	(void)state;
	fifo_make(&fifo);
	shim = start_with_fifo(&fifo, "", "kill -STOP $PPID; echo up >&9; sleep 1000 & sleep 1000");
	fifo_read(&fifo, text, sizeof(text));
	assert_int_equal(kill(shim.pid, SIGKILL), 0);
	fifo_await_end(&fifo);
	(void)end_shim(&shim);
	fifo_remove(&fifo);
}

/* A daemon of an earlier hook is not the one that hangs. */
static void test_timeout_spares_what_an_earlier_hook_has_left(void **state)
{
	char hooks[1024], text[16];
	struct fifo fifo;
	struct outcome outcome;
	pid_t child;

	(void)state;
	fifo_make(&fifo);
	(void)snprintf(
	    hooks, sizeof(hooks),
	    "--hooks-json={\"poststop\":[" SH("exec 9>%s; (setsid sleep 1000 & echo $! "
					      ">&9)") "}," SH("sleep 1000") ",\"timeout\":1}]}",
	    fifo.path);
	outcome = run_privately("poststop", hooks, STATE);
	assert_int_equal(outcome.status, 124);
	fifo_read(&fifo, text, sizeof(text));
	child = (pid_t)strtol(text, NULL, 10);
	assert_true(child > 1);
	assert_true(fifo_has_writers(&fifo));
	assert_int_equal(kill(child, SIGKILL), 0);
	fifo_await_end(&fifo);
	fifo_remove(&fifo);
}

/* It has the hook's stdout and stderr, and is nobody's business. */
static void test_a_child_left_behind_holds_nothing_up(void **state)
{
	struct fifo fifo;
	struct shim shim;
	struct outcome outcome;
	char text[16];
	pid_t child;

	(void)state;
	fifo_make(&fifo);
	shim = start_with_fifo(&fifo, "", "sleep 1000 & echo $! >&9; echo done >&2");
	outcome = end_shim(&shim);
	assert_int_equal(outcome.status, 0);
	assert_string_equal(outcome.text, "done\n");
	fifo_read(&fifo, text, sizeof(text));
	child = (pid_t)strtol(text, NULL, 10);
	assert_true(child > 1);
	assert_int_equal(kill(child, SIGKILL), 0); /* it is alive */
	fifo_await_end(&fifo);
	fifo_remove(&fifo);
}

/* ---- the private hookd ---- */

/* Fault 53 */
static void test_hookd_is_killed(void **state)
{
	struct outcome outcome = PRIVATE("poststop", SH("kill -9 $PPID; exec sleep 1") "}");

	(void)state;
	assert_int_equal(outcome.status, 125);
	assert_non_null(strstr(outcome.text, "the private hookd: "));
	assert_non_null(strstr(outcome.text, " was killed by signal 9 (Killed)\n"));
}

/* SIGTERM: it ends after the hooks. The list is one request, and is run to its end. */
static void test_hookd_is_terminated(void **state)
{
	struct outcome outcome = PRIVATE("poststop", SH("kill $PPID") "}," SH("echo two >&2") "}");

	(void)state;
	assert_int_equal(outcome.status, 0);
	assert_string_equal(outcome.text, "two\n");
}

static void expect_no_hookd(const char *option, const char *why)
{
	struct outcome outcome =
	    run_shim((char *)"--stage=poststop", (char *)NOBODY, (char *)"--if-down=run-local",
		     (char *)option, (char *)"--hook=/bin/sh", (char *)"--", (char *)"-c",
		     (char *)"echo ran >&2");

	assert_int_equal(outcome.status, 125);
	assert_non_null(strstr(outcome.text, "hookd-oci-hook: the private hookd: /"));
	assert_non_null(strstr(outcome.text, why));
	/* podman and docker would conclude that the container's program is missing. */
	assert_null(strcasestr(outcome.text, "no such file or directory"));
	assert_null(strcasestr(outcome.text, "permission denied"));
	assert_null(strstr(outcome.text, "ran"));
}

/* Fault 55 */
static void test_hookd_cannot_be_executed(void **state)
{
	(void)state;
	expect_no_hookd("--hookd=/nonexistent/hookd", "there is no such program here");
	expect_no_hookd("--hookd=/dev/null/hookd", "there is no such program here");
	expect_no_hookd("--hookd=/etc/passwd", "it may not be executed");
	expect_no_hookd("--hookd=/etc", "it may not be executed");
	expect_no_hookd("--hookd=/bin/false", "/bin/false has ended with exit status 1");
}

/* The list is sent in several requests, all of them to the same hookd. */
static void test_a_long_list(void **state)
{
	static char hooks[1 << 17], variable[20000];
	char *const env[] = {variable, NULL};
	struct outcome outcome;
	size_t length = (size_t)snprintf(hooks, sizeof(hooks), "--hooks-json={\"poststop\":[");

	(void)state;
	memset(variable, 'x', sizeof(variable) - 1);
	memcpy(variable, "LARGE=", 6);
	for (int i = 0; i < 249; i++)
		length += (size_t)snprintf(hooks + length, sizeof(hooks) - length,
					   "{\"path\":\"/bin/true\"},");
	(void)snprintf(hooks + length, sizeof(hooks) - length,
		       SH("echo last, of $PPID >&2; exit 7") "}]}");
	outcome = run_shim_with(
	    STATE, env, ARGV((char *)"--stage=poststop", (char *)NOBODY, PRIVATE_OPTIONS, hooks));
	assert_int_equal(outcome.status, 7);
	assert_non_null(strstr(outcome.text, "last, of "));
	assert_non_null(strstr(outcome.text, "error running poststop hook #249: exit status 7"));
}

static void test_state_larger_than_a_pipe(void **state)
{
	size_t length = 300 * 1024;
	char *text = test_malloc(length + 1), size[32];
	struct outcome outcome;

	(void)state;
	memset(text, ' ', length);
	memcpy(text, STATE, strlen(STATE) - 1);
	text[length - 1] = '}';
	text[length] = '\0';
	/* The first does not read it, the second does. */
	outcome = run_privately(
	    "poststart", "--hooks-json={\"poststart\":[" SH("exit 0") "}," SH("wc -c >&2") "}]}",
	    text);
	(void)snprintf(size, sizeof(size), "%zu\n", length);
	assert_int_equal(outcome.status, 0);
	assert_string_equal(outcome.text, size);
	test_free(text);
}

/* hookd's descriptors must not come to stand in their place. */
static void test_without_a_standard_descriptor(void **state)
{
	(void)state;
	for (int closed = 0; closed < 3; closed++) {
		struct outcome outcome =
		    run_shim_without(closed, STATE, ENV,
				     ARGV((char *)"--stage=poststop", (char *)NOBODY,
					  PRIVATE_OPTIONS, (char *)"--hook=/bin/sh", (char *)"--",
					  (char *)"-c", (char *)"echo ran >&2; exit 9"));

		/* Without stdin there is no state. */
		assert_int_equal(outcome.status, closed == 0 ? 125 : 9);
		assert_true((strstr(outcome.text, "ran\n") != NULL) == (closed == 1));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_hooks_run_in_order),
	    cmocka_unit_test(test_environment),
	    cmocka_unit_test(test_environment_is_inherited_by_stage),
	    cmocka_unit_test(test_signals_are_reset),
	    cmocka_unit_test(test_failure_stops),
	    cmocka_unit_test(test_poststop_goes_on),
	    cmocka_unit_test(test_outcomes),
	    cmocka_unit_test(test_output_is_streamed),
	    cmocka_unit_test(test_timeout_kills_the_tree),
	    cmocka_unit_test(test_hook_dies_with_the_shim),
	    cmocka_unit_test(test_hook_dies_with_the_shim_of_a_stopped_hookd),
	    cmocka_unit_test(test_timeout_spares_what_an_earlier_hook_has_left),
	    cmocka_unit_test(test_a_child_left_behind_holds_nothing_up),
	    cmocka_unit_test(test_hookd_is_killed),
	    cmocka_unit_test(test_hookd_is_terminated),
	    cmocka_unit_test(test_hookd_cannot_be_executed),
	    cmocka_unit_test(test_a_long_list),
	    cmocka_unit_test(test_state_larger_than_a_pipe),
	    cmocka_unit_test(test_without_a_standard_descriptor),
	};

	alarm(120);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
