/* SPDX-License-Identifier: Apache-2.0 */

/* Starting processes: what they get, which step fails, many at once. */

#include "tests/daemon/support/support.h"

#include <fcntl.h>
#include <linux/close_range.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "daemon/proc/slots.h"
#include "daemon/proc/spawn.h"

static struct spawner *spawner;
static bool is_apart; /* all is true as well of children that get a copy of hookd's memory */
static struct rlimit nofile_before;
static char *const no_environment[] = {NULL};

static int set_up(void **state)
{
	const struct rlimit low = {300, 4000};

	(void)state;
	/* As main() does: the parent of the test may have left descriptors open. */
	assert_int_equal(syscall(SYS_close_range, 3, ~0u, CLOSE_RANGE_CLOEXEC), 0);
	/* So that the soft limit is raised and restored. */
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &low), 0);
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &nofile_before), 0);
	return spawner_new(&spawner);
}

static int set_up_apart(void **state)
{
	is_apart = true;
	return set_up(state);
}

static int tear_down(void **state)
{
	(void)state;
	spawner = spawner_free(spawner);
	return 0;
}

/* A program's output, or its end, with 0, 1, 2 in place. */
struct started {
	struct spawn_child child;
	int output;
};

static struct spawn_spec shell(const char *script)
{
	static char *argv[4];

	argv[0] = (char *)"sh";
	argv[1] = (char *)"-c";
	argv[2] = (char *)script;
	return (struct spawn_spec){
	    .path = "/bin/sh",
	    .program = -1,
	    .argv = argv,
	    .envp = no_environment,
	    .cgroup = -1,
	    .copies_memory = is_apart,
	};
}

static void start(struct spawn_spec *spec, struct started *started)
{
	int null = open("/dev/null", O_RDWR | O_CLOEXEC), ends[2];

	assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
	assert_true(null >= 3 && ends[1] >= 3);
	spec->fds[0] = null;
	spec->fds[1] = ends[1];
	spec->fds[2] = null;
	spec->fd_count = 3;
	assert_int_equal(spawner_start(spawner, spec, &started->child), 0);
	assert_true(started->child.pid > 0 && started->child.pidfd >= 0);
	started->output = ends[0];
	close(ends[1]);
	close(null);
}

/* Waits for the exit and returns the status of waitid(2). `output` is what it wrote. */
static siginfo_t finish(struct started *started, char *output, size_t size)
{
	siginfo_t info = {0};
	char rest[256];
	size_t length;

	output = output ? output : rest;
	assert_int_equal(waitid(P_PIDFD, (id_t)started->child.pidfd, &info, WEXITED), 0);
	assert_int_equal(info.si_pid, started->child.pid);
	spawner_settle(spawner, &started->child);
	length = read_all(started->output, output, size ? size - 1 : sizeof(rest) - 1);
	output[length] = '\0';
	close(started->child.pidfd);
	close(started->output);
	return info;
}

static void expect_output(struct spawn_spec spec, const char *expected)
{
	struct started started;
	char output[4096];
	siginfo_t info;

	start(&spec, &started);
	info = finish(&started, output, sizeof(output));
	assert_string_equal(output, expected);
	assert_int_equal(info.si_code, CLD_EXITED);
	assert_int_equal(info.si_status, 0);
	assert_int_equal(started.child.failed_step, SPAWN_STEP_NONE);
}

static void expect_failure(struct spawn_spec spec, enum spawn_step step, int error)
{
	struct started started;
	siginfo_t info;

	start(&spec, &started);
	info = finish(&started, NULL, 0);
	assert_int_equal(info.si_code, CLD_EXITED);
	assert_int_equal(info.si_status, 127);
	assert_int_equal(started.child.failed_step, step);
	assert_int_equal(started.child.failed_errno, error);
}

/* ---- how it ends ---- */

static void every_exit_status_comes_back(void **state)
{
	static const int statuses[] = {0, 1, 2, 42, 126, 127, 128, 255};
	char script[32];

	(void)state;
	for (size_t i = 0; i < ELEMENTS(statuses); i++) {
		struct spawn_spec spec;
		struct started started;
		siginfo_t info;

		snprintf(script, sizeof(script), "exit %d", statuses[i]);
		spec = shell(script);
		start(&spec, &started);
		info = finish(&started, NULL, 0);
		assert_int_equal(info.si_code, CLD_EXITED);
		assert_int_equal(info.si_status, statuses[i]);
		assert_int_equal(started.child.failed_step, SPAWN_STEP_NONE);
	}
}

static void a_signal_is_told_apart_from_an_exit(void **state)
{
	struct spawn_spec spec = shell("kill -TERM $$");
	struct started started;
	siginfo_t info;

	(void)state;
	start(&spec, &started);
	info = finish(&started, NULL, 0);
	assert_int_equal(info.si_code, CLD_KILLED);
	assert_int_equal(info.si_status, SIGTERM);
}

static void a_failed_exec_says_why(void **state)
{
	struct spawn_spec spec = shell("");
	char path[32], not_executable[64];
	int fd;

	(void)state;
	temporary_directory(path);
	snprintf(not_executable, sizeof(not_executable), "%s/file", path);
	fd = open(not_executable, O_CREAT | O_WRONLY | O_CLOEXEC, 0644);
	assert_int_equal(write(fd, "#!/bin/sh\n", 10), 10);
	close(fd);
	spec.path = "/nonexistent/program";
	expect_failure(spec, SPAWN_STEP_EXEC, ENOENT);
	spec.path = not_executable;
	expect_failure(spec, SPAWN_STEP_EXEC, EACCES);
	spec.path = path;
	expect_failure(spec, SPAWN_STEP_EXEC, EACCES);
	assert_int_equal(truncate(not_executable, 1), 0);
	assert_int_equal(chmod(not_executable, 0755), 0);
	spec.path = not_executable;
	expect_failure(spec, SPAWN_STEP_EXEC, ENOEXEC);
	unlink(not_executable);
	rmdir(path);
}

/* ---- what it gets ---- */

static void directories(void **state)
{
	struct spawn_spec spec = shell("pwd");

	(void)state;
	expect_output(spec, "/\n");
	spec.dir = "/usr/bin";
	spec.soft_dir = "/tmp";
	expect_output(spec, "/usr/bin\n");
	spec.dir = NULL;
	expect_output(spec, "/tmp\n");
	spec.soft_dir = "/nonexistent";
	expect_output(spec, "/\n");
	spec.soft_dir = "/dev/null";
	expect_output(spec, "/\n");
}

static void a_directory_that_must_be_there_fails(void **state)
{
	struct spawn_spec spec = shell("echo ran");

	(void)state;
	spec.dir = "/nonexistent";
	spec.soft_dir = "/tmp";
	expect_failure(spec, SPAWN_STEP_CWD, ENOENT);
	spec.dir = "/dev/null";
	expect_failure(spec, SPAWN_STEP_CWD, ENOTDIR);
}

static void arguments_and_environment_are_those_given(void **state)
{
	static char *const environment[] = {(char *)"B=2", (char *)"A=1 x", (char *)"EMPTY=", NULL};
	static char *const argv[] = {(char *)"other-name",
				     (char *)"-c",
				     (char *)"echo \"$0 $1 $2|$A|$B|${EMPTY-unset}|${HOME-unset}\"",
				     (char *)"a",
				     (char *)"",
				     (char *)"b c",
				     NULL};
	struct spawn_spec spec = shell("");

	(void)state;
	setenv("HOME", "/home/of/hookd", 1);
	spec.argv = argv;
	spec.envp = environment;
	expect_output(spec, "a  b c|1 x|2||unset\n");
}

/* It gets no other descriptors: all of hookd's are close-on-exec. */
static void descriptors_are_placed(void **state)
{
	int fds[20];

	(void)state;
	for (size_t i = 0; i < ELEMENTS(fds); i++)
		fds[i] = open("/dev/zero", O_RDONLY | O_CLOEXEC);
	expect_output(shell("/bin/ls /proc/$$/fd; :"), "0\n1\n2\n");
	expect_output(shell("test /dev/null -ef /proc/$$/fd/0 && test -p /proc/$$/fd/1 && echo ok"),
		      "ok\n");
	for (size_t i = 0; i < ELEMENTS(fds); i++)
		close(fds[i]);
}

static void a_descriptor_that_is_none_fails(void **state)
{
	struct spawn_spec spec = shell("");
	struct spawn_child child;
	siginfo_t info = {0};

	(void)state;
	spec.fds[0] = 3999;
	spec.fd_count = 1;
	assert_int_equal(spawner_start(spawner, &spec, &child), 0);
	assert_int_equal(waitid(P_PIDFD, (id_t)child.pidfd, &info, WEXITED), 0);
	spawner_settle(spawner, &child);
	assert_int_equal(child.failed_step, SPAWN_STEP_STDIN);
	assert_int_equal(child.failed_errno, EBADF);
	close(child.pidfd);
}

static void hookd_gets_more_files_and_its_children_do_not(void **state)
{
	struct rlimit raised;

	(void)state;
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &raised), 0);
	assert_int_equal(raised.rlim_cur, nofile_before.rlim_max);
	expect_output(shell("ulimit -Sn; ulimit -Hn"), "300\n4000\n");
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &raised), 0);
	assert_int_equal(raised.rlim_cur, nofile_before.rlim_max);
}

static void on_signal(int signal)
{
	(void)signal;
}

static void handlers_do_not_reach_the_child(void **state)
{
	static char *const argv[] = {(char *)"cat", (char *)"/proc/self/status", NULL};
	static const char *const lines[] = {"\nSigBlk:\t0000000000000000\n",
					    "\nSigIgn:\t0000000000000000\n",
					    "\nSigCgt:\t0000000000000000\n"};
	struct spawn_spec spec = shell("");
	struct started started;
	char output[4096];

	(void)state;
	spec.path = "/bin/cat";
	spec.argv = argv;
	signal(SIGPIPE, on_signal);
	signal(SIGTERM, on_signal);
	start(&spec, &started);
	finish(&started, output, sizeof(output));
	for (size_t i = 0; i < ELEMENTS(lines); i++)
		assert_non_null(strstr(output, lines[i]));
	signal(SIGPIPE, SIG_DFL);
	signal(SIGTERM, SIG_DFL);
}

static void it_leads_a_session(void **state)
{
	struct spawn_spec spec = shell("read -r pid name state ppid group session rest "
				       "< /proc/$$/stat; echo $((pid == group)) "
				       "$((pid == session))");

	(void)state;
	expect_output(spec, "1 1\n");
}

static void a_descriptor_can_be_the_program(void **state)
{
	struct spawn_spec spec = shell("");
	static char *const argv[] = {(char *)"name", (char *)"-c", (char *)"echo $0", NULL};

	(void)state;
	spec.argv = argv;
	spec.path = "/nonexistent";
	spec.program = open("/bin/sh", O_PATH | O_CLOEXEC);
	expect_output(spec, "name\n");
	close(spec.program);
}

/* ---- many ---- */

/* The size of the address space. Not the number of mappings: adjacent ones are merged. */
static size_t mapped_pages(void)
{
	char text[64] = "";
	int fd = open("/proc/self/statm", O_RDONLY | O_CLOEXEC);

	assert_true(read_all(fd, text, sizeof(text) - 1) > 0);
	close(fd);
	return strtoul(text, NULL, 10);
}

static void stacks_are_used_again(void **state)
{
	struct spawn_spec spec = shell("");
	static char *const argv[] = {(char *)"true", NULL};
	size_t before = 0;

	(void)state;
	spec.path = "/bin/true";
	spec.argv = argv;
	for (int i = 0; i < 1000; i++) {
		struct started started;

		if (i == 10)
			before = mapped_pages();
		start(&spec, &started);
		assert_int_equal(finish(&started, NULL, 0).si_status, 0);
	}
	assert_in_range(mapped_pages(), 0, before + 200); /* of 2000 or more */
}

/* Each prints its own number, so an order overwritten by another one would show. */
static void many_are_in_flight_at_once(void **state)
{
	enum { COUNT = 64 };
	static struct started started[COUNT];
	static char texts[COUNT][16];
	static char *argv[COUNT][3];

	(void)state;
	for (int i = 0; i < COUNT; i++) {
		struct spawn_spec spec = shell("");

		snprintf(texts[i], sizeof(texts[i]), "%d", i);
		argv[i][0] = (char *)"echo";
		argv[i][1] = texts[i];
		spec.path = "/bin/echo";
		spec.argv = argv[i];
		spec.dir = i % 4 == 3 ? "/nonexistent" : NULL;
		start(&spec, &started[i]);
	}
	for (int i = 0; i < COUNT; i++) {
		char output[32];
		siginfo_t info = finish(&started[i], output, sizeof(output));

		assert_int_equal(info.si_status, i % 4 == 3 ? 127 : 0);
		assert_int_equal(atoi(output), i % 4 == 3 ? 0 : i);
		assert_int_equal(started[i].child.failed_step,
				 i % 4 == 3 ? SPAWN_STEP_CWD : SPAWN_STEP_NONE);
	}
}

/* ---- with many descriptors open ---- */

enum { MANY = 290 }; /* so that the next ones are too high to be worth copying all below them */
static int many[MANY];

static void open_many(void)
{
	for (int i = 0; i < MANY; i++)
		many[i] = fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, 3);
	assert_true(many[MANY - 1] >= 256);
}

static void close_many(void)
{
	for (int i = 0; i < MANY; i++)
		close(many[i]);
}

/* The child has replaced 0, 1 and 2 and closed the rest; hookd's descriptors are unchanged. */
static void a_shared_table_stays_hookds(void **state)
{
	struct spawn_spec spec = shell("echo /proc/self/fd/*; exit 3");
	struct started started;
	struct stat before[3], after;
	char output[256];

	(void)state;
	open_many();
	for (int i = 0; i < 3; i++)
		assert_int_equal(fstat(i, &before[i]), 0);
	start(&spec, &started);
	assert_non_null(started.child.slots);
	assert_int_equal(finish(&started, output, sizeof(output)).si_status, 3);
	/* 3 is the directory that the shell itself lists. */
	assert_string_equal(output, "/proc/self/fd/0 /proc/self/fd/1 /proc/self/fd/2 "
				    "/proc/self/fd/3\n");
	for (int i = 0; i < 3; i++) {
		assert_int_equal(fstat(i, &after), 0);
		assert_true(before[i].st_ino == after.st_ino && before[i].st_dev == after.st_dev);
	}
	for (int i = 0; i < MANY; i++)
		assert_true(fcntl(many[i], F_GETFD) == FD_CLOEXEC);
	close_many();
}

/* More children than sets: a set whose child has its own table is taken over, or none is used. */
static void many_share_the_table_at_once(void **state)
{
	open_many();
	many_are_in_flight_at_once(state);
	close_many();
}

/* More live children than sets: each can still write to its pipes at its end. */
static void sets_are_taken_over_from_those_that_live(void **state)
{
	enum { COUNT = 3 * SLOT_SETS };
	static struct started started[COUNT];
	char ready[] = "?\n", output[16];

	(void)state;
	open_many();
	for (int i = 0; i < COUNT; i++) {
		struct spawn_spec spec = shell("trap 'kill $!; echo 2; exit 4' TERM; "
					       "sleep 1000 > /dev/null & echo 1; wait");

		start(&spec, &started[i]);
		assert_non_null(started[i].child.slots);
		assert_int_equal(read(started[i].output, ready, 2), 2);
		assert_string_equal(ready, "1\n");
	}
	for (int i = 0; i < COUNT; i++) {
		kill(started[i].child.pid, SIGTERM);
		assert_int_equal(finish(&started[i], output, sizeof(output)).si_status, 4);
		assert_string_equal(output, "2\n");
	}
	close_many();
}

/* Killed at any step, also before the first. */
static void a_killed_child_gives_its_set_back(void **state)
{
	(void)state;
	open_many();
	for (int i = 0; i < 3 * SLOT_SETS; i++) {
		struct spawn_spec spec = shell("exec sleep 1000");
		struct started started;

		start(&spec, &started);
		assert_non_null(started.child.slots);
		kill(started.child.pid, SIGKILL);
		assert_int_equal(finish(&started, NULL, 0).si_code, CLD_KILLED);
	}
	close_many();
}

static int fail_to_fork(void *userdata)
{
	const struct rlimit none = {0, 0};
	struct spawn_spec spec = shell("");
	struct spawn_child child;

	(void)userdata;
	if (setrlimit(RLIMIT_NPROC, &none) < 0 || setuid(4711) < 0)
		return TEST_SKIPPED;
	CHECK(spawner_start(spawner, &spec, &child) == -EAGAIN);
	CHECK(child.failed_step == SPAWN_STEP_EXEC && child.failed_errno == EAGAIN);
	CHECK(child.pidfd == -1 && child.pid == 0);
	return 0;
}

static void without_a_process_there_is_an_error(void **state)
{
	int r;

	(void)state;
	r = in_child(fail_to_fork, NULL);
	if (r == TEST_SKIPPED)
		skip("needs the right to become another user");
	assert_int_equal(r, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(every_exit_status_comes_back),
	    cmocka_unit_test(a_signal_is_told_apart_from_an_exit),
	    cmocka_unit_test(a_failed_exec_says_why),
	    cmocka_unit_test(directories),
	    cmocka_unit_test(a_directory_that_must_be_there_fails),
	    cmocka_unit_test(arguments_and_environment_are_those_given),
	    cmocka_unit_test(descriptors_are_placed),
	    cmocka_unit_test(a_descriptor_that_is_none_fails),
	    cmocka_unit_test(hookd_gets_more_files_and_its_children_do_not),
	    cmocka_unit_test(handlers_do_not_reach_the_child),
	    cmocka_unit_test(it_leads_a_session),
	    cmocka_unit_test(a_descriptor_can_be_the_program),
	    cmocka_unit_test(stacks_are_used_again),
	    cmocka_unit_test(many_are_in_flight_at_once),
	    cmocka_unit_test(a_shared_table_stays_hookds),
	    cmocka_unit_test(many_share_the_table_at_once),
	    cmocka_unit_test(sets_are_taken_over_from_those_that_live),
	    cmocka_unit_test(a_killed_child_gives_its_set_back),
	    cmocka_unit_test(without_a_process_there_is_an_error),
	};

	bound_time();
	(void)cmocka_run_group_tests_name("shared", tests, set_up, tear_down);
	return cmocka_run_group_tests_name("apart", tests, set_up_apart, tear_down);
}
