/* SPDX-License-Identifier: Apache-2.0 */

/* The texts of failed hooks, compared word for word with those of the runc that is installed. */

#include "tests/proto/base/unit.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "proto/messages/failure_text.h"

#define OUTPUT(text)                                                                               \
	{                                                                                          \
		.bytes = (char *)(text), .length = sizeof(text) - 1, .total = sizeof(text) - 1     \
	}

static void expect(const struct hp_hook_result *result, uint64_t timeout_ns, const char *expected)
{
	char *text = hp_failure_text(result, timeout_ns);

	assert_non_null(text);
	assert_string_equal(text, expected);
	free(text);
}

static void every_outcome_has_its_text(void **state)
{
	const struct hp_output streams[2] = {OUTPUT("out\n"), OUTPUT("err\n")};
	struct hp_hook_result result = {.path = (char *)"/bin/nothing",
					.output = {streams[0], streams[1]}};

	(void)state;
	result.outcome = HP_HOOK_EXITED;
	result.exit_status = 1;
	expect(&result, 0, "exit status 1, stdout: out\n, stderr: err\n");
	result.exit_status = 255;
	expect(&result, 0, "exit status 255, stdout: out\n, stderr: err\n");
	result.outcome = HP_HOOK_SIGNALED;
	result.signal = SIGKILL;
	expect(&result, 0, "signal: killed, stdout: out\n, stderr: err\n");
	result.outcome = HP_HOOK_TIMED_OUT;
	expect(&result, 1000000000, "hook ran past specified timeout of 1.0s");
	expect(&result, 1250000000, "hook ran past specified timeout of 1.2s");
	expect(&result, 86400000000000, "hook ran past specified timeout of 86400.0s");
	result.outcome = HP_HOOK_SPAWN_FAILED;
	result.failed_errno = ENOENT;
	expect(&result, 0, "fork/exec /bin/nothing: no such file or directory");
	result.failed_step = (char *)"exec";
	result.failed_errno = EACCES;
	expect(&result, 0, "fork/exec /bin/nothing: permission denied");
	result.failed_step = (char *)"cwd";
	result.failed_errno = ENOTDIR;
	expect(&result, 0, "cwd: not a directory");
	result.outcome = HP_HOOK_CANCELLED;
	expect(&result, 0, "cancelled before it was started");
	result.pid = 1;
	expect(&result, 0, "cancelled");
}

static void a_hook_without_output_has_empty_ones(void **state)
{
	const struct hp_hook_result result = {.outcome = HP_HOOK_EXITED, .exit_status = 2};
	char *cause = hp_failure_cause(&result, 0);

	(void)state;
	expect(&result, 0, "exit status 2, stdout: , stderr: ");
	assert_string_equal(cause, "exit status 2");
	free(cause);
}

static void a_run_names_stage_and_hook(void **state)
{
	char *text = hp_run_failure_text(HP_STAGE_CREATE_RUNTIME, 1, "exit status 1");

	(void)state;
	assert_string_equal(text, "error running createRuntime hook #1: exit status 1");
	free(text);
	text = hp_run_failure_text(HP_STAGE_POSTSTOP, 1, NULL);
	assert_string_equal(text, "error running poststop hook #1: out of memory");
	free(text);
}

/* It goes into a JSON string and must be one, whatever the hook wrote. */
static void what_is_no_text_is_replaced(void **state)
{
	struct hp_hook_result result = {
	    .outcome = HP_HOOK_EXITED,
	    .output = {OUTPUT("a\0b\xff\xc3"), OUTPUT("gr\xc3\xb6\xc3\x9f"
						      "e")},
	};

	(void)state;
	expect(&result, 0,
	       "exit status 0, stdout: a?b??, stderr: gr\xc3\xb6\xc3\x9f"
	       "e");
}

static void a_long_output_is_shown_from_its_end(void **state)
{
	struct hp_hook_result result = {.outcome = HP_HOOK_EXITED};
	char output[10000], *text;

	(void)state;
	memset(output, 'x', sizeof(output));
	memcpy(output + sizeof(output) - 9, "the point", 9);
	result.output[0] = (struct hp_output){output, sizeof(output), sizeof(output)};
	text = hp_failure_text(&result, 0);
	assert_in_range(strlen(text), 1024, 1100);
	assert_non_null(strstr(text, "stdout: ...xxx"));
	assert_non_null(strstr(text, "xthe point, stderr: "));
	free(text);
}

/* Where the cut falls into a character, that one is lost, and not all others with it. */
static void a_long_output_is_cut_between_characters(void **state)
{
	struct hp_hook_result result = {.outcome = HP_HOOK_EXITED};
	char output[9000 + 3], *text;

	(void)state;
	for (size_t i = 0; i < 9000; i++)
		output[i] = "\xe9\x92\xa9"[i % 3];
	memset(output + 9000, '.', 3);
	for (size_t dots = 0; dots <= 3; dots++) {
		result.output[0] = (struct hp_output){output, 9000 + dots, 9000 + dots};
		text = hp_failure_text(&result, 0);
		assert_true(hp_json_is_text(text, strlen(text)));
		if (!strstr(text, "\xe9\x92\xa9"))
			fail_msg("%zu dots: all characters were replaced", dots);
		free(text);
	}
}

/* ---- runc ---- */

static char bundle[32];

static void write_bundle(const char *hook)
{
	char path[64];
	FILE *file;

	snprintf(path, sizeof(path), "%s/config.json", bundle);
	file = fopen(path, "we");
	assert_non_null(file);
	fprintf(file,
		"{\"ociVersion\":\"1.0.2\",\"root\":{\"path\":\"rootfs\"},"
		"\"process\":{\"args\":[\"/x\"],\"cwd\":\"/\"},"
		"\"linux\":{\"namespaces\":[{\"type\":\"mount\"},{\"type\":\"pid\"}]},"
		"\"hooks\":{\"createRuntime\":[%s]}}",
		hook);
	assert_int_equal(fclose(file), 0);
}

/* What runc logs when this hook is the container's createRuntime hook, JSON escapes in it. */
static void run_runc(const char *hook, char *log, size_t size)
{
	char command[256];
	FILE *output;

	write_bundle(hook);
	snprintf(command, sizeof(command),
		 "timeout 10 runc --root %s/state --log-format json run -b %s hookd-test-%d 2>&1",
		 bundle, bundle, getpid());
	output = popen(command, "re");
	assert_non_null(output);
	log[fread(log, 1, size - 1, output)] = '\0';
	pclose(output);
}

static void expect_runc(const char *hook, const struct hp_hook_result *result, uint64_t timeout_ns)
{
	char *text = hp_failure_text(result, timeout_ns);
	char log[4096], escaped[1024] = "", quoted[1100];

	for (const char *at = text; *at; at++) {
		const char plain[] = {*at, '\0'};

		strcat(escaped, *at == '\n' ? "\\n" : plain);
	}
	/* The end of the message: nothing may be missing behind it. */
	snprintf(quoted, sizeof(quoted), ": %s\",", escaped);
	free(text);
	run_runc(hook, log, sizeof(log));
	if (!strstr(log, quoted))
		fail_msg("runc says %s, and we %s", log, quoted);
}

static void exits_are_those_of_runc(void **state)
{
	const struct hp_output streams[2] = {OUTPUT("out\n"), OUTPUT("err\n")};
	const struct hp_hook_result result = {
	    .outcome = HP_HOOK_EXITED, .exit_status = 3, .output = {streams[0], streams[1]}};

	(void)state;
	expect_runc("{\"path\":\"/bin/sh\",\"args\":[\"sh\",\"-c\","
		    "\"echo out; echo err >&2; exit 3\"]}",
		    &result, 0);
}

static void expect_runc_signal(int signal)
{
	const struct hp_hook_result result = {.outcome = HP_HOOK_SIGNALED, .signal = signal};
	char hook[128];

	snprintf(hook, sizeof(hook),
		 "{\"path\":\"/bin/sh\",\"args\":[\"sh\",\"-c\",\"ulimit -c 0; kill -%d $$\"]}",
		 signal);
	expect_runc(hook, &result, 0);
}

static void signals_are_those_of_runc(void **state)
{
	static const int signals[] = {SIGHUP,  SIGINT,	SIGILL,	 SIGABRT, SIGBUS,  SIGFPE,
				      SIGKILL, SIGUSR1, SIGSEGV, SIGPIPE, SIGALRM, SIGTERM,
				      SIGXCPU, SIGXFSZ, SIGIO,	 SIGSYS,  SIGPWR};

	(void)state;
	for (size_t i = 0; i < COUNT(signals); i++)
		expect_runc_signal(signals[i]);
}

static void real_time_signals_are_those_of_runc(void **state)
{
	(void)state;
	expect_runc_signal(34);
	expect_runc_signal(64);
}

static void a_timeout_is_that_of_runc(void **state)
{
	const struct hp_hook_result result = {.outcome = HP_HOOK_TIMED_OUT};

	(void)state;
	expect_runc("{\"path\":\"/bin/sleep\",\"args\":[\"sleep\",\"5\"],\"timeout\":1}", &result,
		    1000000000);
}

static void expect_runc_errno(const char *path, int error)
{
	const struct hp_hook_result result = {
	    .outcome = HP_HOOK_SPAWN_FAILED, .path = (char *)path, .failed_errno = error};
	char hook[6000];

	snprintf(hook, sizeof(hook), "{\"path\":\"%s\"}", path);
	expect_runc(hook, &result, 0);
}

static void exec_failures_are_those_of_runc(void **state)
{
	char path[64];
	int fd;

	(void)state;
	expect_runc_errno("/nonexistent", ENOENT);
	expect_runc_errno("/etc/passwd", EACCES);
	expect_runc_errno("/etc/passwd/x", ENOTDIR);
	snprintf(path, sizeof(path), "%s/program", bundle);
	fd = open(path, O_CREAT | O_WRONLY | O_CLOEXEC, 0755);
	assert_int_equal(write(fd, "x", 1), 1);
	close(fd);
	expect_runc_errno(path, ENOEXEC);
	unlink(path);
	assert_int_equal(symlink("program", path), 0);
	expect_runc_errno(path, ELOOP);
}

/* Only where runc can make a container: as root, with what it needs of the kernel. */
static int set_up_runc(void **state)
{
	static const char *const folders[] = {"rootfs", "rootfs/proc", "rootfs/dev", "rootfs/sys"};
	char path[64], log[4096];

	(void)state;
	strcpy(bundle, "/tmp/hookd-test-XXXXXX");
	assert_non_null(mkdtemp(bundle));
	for (size_t i = 0; i < COUNT(folders); i++) {
		snprintf(path, sizeof(path), "%s/%s", bundle, folders[i]);
		assert_int_equal(mkdir(path, 0755), 0);
	}
	run_runc("{\"path\":\"/bin/false\"}", log, sizeof(log));
	return strstr(log, "exit status 1") ? 0 : 1;
}

static int tear_down_runc(void **state)
{
	char command[64];

	(void)state;
	snprintf(command, sizeof(command), "rm -rf %s", bundle);
	return system(command);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(every_outcome_has_its_text),
	    cmocka_unit_test(a_hook_without_output_has_empty_ones),
	    cmocka_unit_test(a_run_names_stage_and_hook),
	    cmocka_unit_test(what_is_no_text_is_replaced),
	    cmocka_unit_test(a_long_output_is_shown_from_its_end),
	    cmocka_unit_test(a_long_output_is_cut_between_characters),
	};
	const struct CMUnitTest with_runc[] = {
	    cmocka_unit_test(exits_are_those_of_runc),
	    cmocka_unit_test(signals_are_those_of_runc),
	    cmocka_unit_test(real_time_signals_are_those_of_runc),
	    cmocka_unit_test(a_timeout_is_that_of_runc),
	    cmocka_unit_test(exec_failures_are_those_of_runc),
	};
	int status;

	alarm(60); /* ends the program when it hangs */
	(void)cmocka_run_group_tests(tests, NULL, NULL);
	if (set_up_runc(NULL) == 0)
		status = cmocka_run_group_tests(with_runc, NULL, NULL);
	else
		status = skip_group(with_runc, "runc makes no containers here");
	tear_down_runc(NULL);
	return status;
}
