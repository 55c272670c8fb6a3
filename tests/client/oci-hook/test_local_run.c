/* SPDX-License-Identifier: Apache-2.0 */

/* hookd-oci-hook --if-down=run-local without hookd: real hooks, which it runs itself. */

#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <time.h>
#include <unistd.h>

#include "tests/client/oci-hook/shim.h"

#define LOCAL(stage, hooks) run_local(stage, "--hooks-json={\"" stage "\":[" hooks "]}", STATE)
#define SH(script)	    "{\"path\":\"/bin/sh\",\"args\":[\"sh\",\"-c\",\"" script "\"]"

static struct outcome run_local(const char *stage, const char *hooks, const char *state)
{
	char option[64];

	(void)snprintf(option, sizeof(option), "--stage=%s", stage);
	return run_shim_with(
	    state, ENV, ARGV(option, (char *)NOBODY, (char *)"--if-down=run-local", (char *)hooks));
}

static void test_local_hooks_run_in_order(void **state)
{
	struct outcome outcome =
	    LOCAL("createRuntime", SH("echo one; cat") "}," SH("echo two; cat >&2") "}");

	(void)state;
	assert_int_equal(outcome.status, 0);
	assert_string_equal(outcome.text, "one\n" STATE "two\n" STATE);
}

static void test_local_environment(void **state)
{
	struct outcome outcome =
	    LOCAL("createRuntime", SH("echo $A-$B") "}," SH("echo $A-$B") ",\"env\":[\"B=2\"]}," SH(
				       "echo $A-$B") ",\"env\":[]}");

	(void)state;
	assert_string_equal(outcome.text, "1-\n-2\n-\n");
}

#define UNSAFE                                                                                     \
	(char *)"LD_PRELOAD=/nonexistent.so", (char *)"LD_LIBRARY_PATH=/nonexistent",              \
	    (char *)"GLIBC_TUNABLES=x", (char *)"MALLOC_ARENA_MAX=1", (char *)"GCONV_PATH=/n",     \
	    (char *)"TMPDIR=/nonexistent", (char *)"LOCPATH=/n"

/* The hook is /usr/bin/env: its output is its environment. */
static void assert_local_environment(const char *stage, const char *expected)
{
	char *env[] = {(char *)"A=1", UNSAFE, (char *)"TMPDIRS=kept", NULL};
	char option[64];
	struct outcome outcome;

	(void)snprintf(option, sizeof(option), "--stage=%s", stage);
	outcome = run_shim_with(STATE, env,
				ARGV(option, (char *)NOBODY, (char *)"--if-down=run-local",
				     (char *)"--hook=/usr/bin/env"));
	assert_int_equal(outcome.status, 0);
	/* A shim that is not static prints an error about LD_PRELOAD. */
	assert_true(strlen(outcome.text) >= strlen(expected));
	assert_string_equal(outcome.text + strlen(outcome.text) - strlen(expected), expected);
	assert_null(strstr(outcome.text, "LD_PRELOAD="));
}

static void test_local_environment_is_inherited_by_stage(void **state)
{
	static const char path_alone[] =
	    "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin\n";

	(void)state;
	assert_local_environment("createRuntime", "A=1\nTMPDIRS=kept\n");
	assert_local_environment("poststop", "A=1\nTMPDIRS=kept\n");
	assert_local_environment("createContainer", path_alone);
	assert_local_environment("startContainer", path_alone);
}

static void test_local_signals_are_reset(void **state)
{
	struct outcome outcome =
	    LOCAL("poststop", "{\"path\":\"/bin/grep\",\"args\":[\"grep\",\"-E\","
			      "\"^Sig(Blk|Ign)\",\"/proc/self/status\"]}");

	(void)state;
	assert_string_equal(outcome.text, "SigBlk:\t0000000000000000\nSigIgn:\t0000000000000000\n");
}

static void test_local_failure_stops(void **state)
{
	struct outcome outcome =
	    LOCAL("createRuntime", SH("exit 0") "}," SH("exit 3") "}," SH("echo no") "}");

	(void)state;
	assert_int_equal(outcome.status, 3);
	assert_string_equal(outcome.text, "error running createRuntime hook #1: exit status 3\n");
}

static void test_local_poststop_goes_on(void **state)
{
	struct outcome outcome =
	    LOCAL("poststop", SH("exit 3") "}," SH("exit 4") "}," SH("echo yes") "}");

	(void)state;
	assert_int_equal(outcome.status, 3);
	assert_string_equal(outcome.text, "error running poststop hook #0: exit status 3\n"
					  "error running poststop hook #1: exit status 4\nyes\n");
}

static void test_local_outcomes(void **state)
{
	struct outcome outcome = LOCAL("poststart", "{\"path\":\"/nonexistent/x\"}");

	(void)state;
	assert_int_equal(outcome.status, 126);
	assert_string_equal(outcome.text,
			    "error running poststart hook #0: fork/exec /nonexistent/x: no such "
			    "file or directory\n");
	outcome = LOCAL("poststart", SH("kill -9 $$") "}");
	assert_int_equal(outcome.status, 128 + SIGKILL);
	assert_string_equal(outcome.text, "error running poststart hook #0: signal: killed\n");
	outcome = LOCAL("poststart", SH("exit 200") "}");
	assert_int_equal(outcome.status, 1);
}

static void test_local_timeout_kills_the_group(void **state)
{
	time_t begin = time(NULL);
	struct outcome outcome =
	    LOCAL("poststart", SH("sleep 1000 & sleep 1000; echo no") ",\"timeout\":1}");

	(void)state;
	assert_int_equal(outcome.status, 124);
	assert_string_equal(outcome.text, "error running poststart hook #0: hook ran past "
					  "specified timeout of 1.0s\n");
	/* The output has ended, so the child in the background has ended as well. */
	assert_true(time(NULL) - begin < 30);
}

/* ---- hooks that try to escape: this program itself, see main() ---- */

static _Noreturn void sleep_for_long(void)
{
	alarm(30);
	for (;;)
		pause();
}

/* It joins the shim's group, which is not killed. */
static int hook_in_another_group(void)
{
	if (setpgid(0, getpgid(getppid())) < 0)
		return 1;
	sleep_for_long();
}

/* Its child, in another session, traces it: the kernel reports its exit to that child alone. */
static int hook_traced_by_its_child(void)
{
	pid_t hook = getpid();
	int ends[2];
	char byte;

	(void)prctl(PR_SET_PTRACER, PR_SET_PTRACER_ANY, 0, 0, 0);
	if (pipe(ends) < 0)
		return 1;
	if (fork() == 0) {
		setsid();
		for (int fd = 0; fd < 3; fd++)
			close(fd);
		if (ptrace(PTRACE_SEIZE, hook, NULL, NULL) < 0 || write(ends[1], "!", 1) != 1)
			_exit(1);
		sleep_for_long();
	}
	return read(ends[0], &byte, 1) != 1;
}

static void expect_no_escape(const char *name)
{
	char program[256], hooks[512];
	ssize_t length = readlink("/proc/self/exe", program, sizeof(program) - 1);
	struct outcome outcome;
	time_t begin = time(NULL);

	assert_true(length > 0);
	program[length] = '\0';
	(void)snprintf(hooks, sizeof(hooks),
		       "--hooks-json={\"poststart\":[{\"path\":\"%s\",\"args\":[\"%s\"],"
		       "\"timeout\":1}]}",
		       program, name);
	outcome = run_local("poststart", hooks, STATE);
	assert_int_equal(outcome.status, 124);
	assert_true(time(NULL) - begin < 15);
}

static void test_local_timeout_kills_who_left_the_group(void **state)
{
	(void)state;
	expect_no_escape("another-group");
}

static void test_local_timeout_of_a_traced_hook(void **state)
{
	(void)state;
	expect_no_escape("traced");
}

static void test_local_hook_dies_with_us(void **state)
{
	struct shim shim =
	    start_shim(STATE, ENV,
		       ARGV((char *)"--stage=poststop", (char *)NOBODY,
			    (char *)"--if-down=run-local", (char *)"--hook=/bin/sh", (char *)"--",
			    (char *)"-c", (char *)"echo up; exec sleep 1000"));
	char text[3];

	(void)state;
	assert_int_equal(read(shim.out, text, 3), 3);
	assert_int_equal(kill(shim.pid, SIGKILL), 0);
	/* The end of its output is the end of the hook. */
	assert_string_equal(end_shim(&shim).text, "");
}

static void test_local_state_larger_than_a_pipe(void **state)
{
	size_t length = 300 * 1024;
	char *text = test_malloc(length + 1), size[32];
	struct outcome outcome;

	(void)state;
	memset(text, ' ', length);
	memcpy(text, "{\"id\":\"c\"", 9);
	text[length - 1] = '}';
	text[length] = '\0';
	/* The first does not read it, the second does. */
	outcome = run_local(
	    "poststart", "--hooks-json={\"poststart\":[" SH("exit 0") "}," SH("wc -c") "}]}", text);
	(void)snprintf(size, sizeof(size), "%zu\n", length);
	assert_int_equal(outcome.status, 0);
	assert_string_equal(outcome.text, size);
	test_free(text);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_local_hooks_run_in_order),
	    cmocka_unit_test(test_local_environment),
	    cmocka_unit_test(test_local_environment_is_inherited_by_stage),
	    cmocka_unit_test(test_local_signals_are_reset),
	    cmocka_unit_test(test_local_failure_stops),
	    cmocka_unit_test(test_local_poststop_goes_on),
	    cmocka_unit_test(test_local_outcomes),
	    cmocka_unit_test(test_local_timeout_kills_the_group),
	    cmocka_unit_test(test_local_timeout_kills_who_left_the_group),
	    cmocka_unit_test(test_local_timeout_of_a_traced_hook),
	    cmocka_unit_test(test_local_hook_dies_with_us),
	    cmocka_unit_test(test_local_state_larger_than_a_pipe),
	};

	if (argc == 1 && strcmp(argv[0], "another-group") == 0)
		return hook_in_another_group();
	if (argc == 1 && strcmp(argv[0], "traced") == 0)
		return hook_traced_by_its_child();
	alarm(60);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
