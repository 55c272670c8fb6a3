/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Which reports of hookd-run are accepted. The process that sends them may be under the control of
 * a container by then.
 */

#include "tests/daemon/support/support.h"

#include <dirent.h>
#include <elf.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "daemon/proc/helper.h"
#include "daemon/proc/helper_message.h"

static struct helper_call call;
static int other_end;

static int set_up(void **state)
{
	int ends[2];

	(void)state;
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) < 0)
		return -1;
	call = HELPER_CALL_NONE;
	call.control = ends[0];
	other_end = ends[1];
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	helper_call_clear(&call);
	close(other_end);
	return 0;
}

static void send_report(const struct helper_report *report, size_t length, int fd, int count)
{
	struct iovec iov = {(void *)report, length};
	union {
		struct cmsghdr header;
		char bytes[CMSG_SPACE(4 * sizeof(int))];
	} control = {0};
	struct msghdr message = {.msg_iov = &iov, .msg_iovlen = 1};

	if (count > 0) {
		message.msg_control = &control;
		message.msg_controllen = CMSG_SPACE((size_t)count * sizeof(int));
		control.header = (struct cmsghdr){
		    .cmsg_level = SOL_SOCKET,
		    .cmsg_type = SCM_RIGHTS,
		    .cmsg_len = CMSG_LEN((size_t)count * sizeof(int)),
		};
		for (int i = 0; i < count; i++)
			memcpy(CMSG_DATA(&control.header) + (size_t)i * sizeof(int), &fd,
			       sizeof(int));
	}
	assert_int_equal(sendmsg(other_end, &message, 0), length);
}

static int count_fds(void)
{
	DIR *directory = opendir("/proc/self/fd");
	int count = 0;

	while (readdir(directory))
		count++;
	closedir(directory);
	return count;
}

static int pidfd_of(pid_t pid)
{
	int fd = (int)syscall(SYS_pidfd_open, pid, 0);

	assert_true(fd >= 0);
	return fd;
}

static pid_t start_child(void)
{
	pid_t pid = fork();

	if (pid == 0)
		for (;;)
			pause();
	return pid;
}

static void end_child(pid_t pid)
{
	kill(pid, SIGKILL);
	assert_int_equal(waitpid(pid, NULL, 0), pid);
}

static void expect_nothing(const struct helper_report *report, size_t length, int fd, int count)
{
	struct spawn_child child = {.pid = 4711, .pidfd = -1};
	int before = count_fds();

	send_report(report, length, fd, count);
	assert_int_equal(helper_call_finish(&call, &child), 0);
	assert_int_equal(child.pid, 4711);
	assert_int_equal(child.pidfd, -1);
	/* It must not count as a success. */
	assert_int_equal(child.failed_step, report->pid > 0 && length == sizeof(*report)
						? SPAWN_STEP_NAMESPACES
						: SPAWN_STEP_NONE);
	assert_int_equal(count_fds(), before);
}

/* The pid is that of the pidfd, not that of the report. */
static void a_child_goes_on_under_its_own_number(void **state)
{
	struct spawn_child child = {.pid = 4711, .pidfd = -1};
	pid_t pid = start_child();
	int pidfd = pidfd_of(pid);

	(void)state;
	send_report(&(struct helper_report){.pid = 1}, sizeof(struct helper_report), pidfd, 1);
	assert_int_equal(helper_call_finish(&call, &child), 1);
	assert_int_equal(child.pid, pid);
	assert_true(child.pidfd >= 0);
	assert_true(fcntl(child.pidfd, F_GETFD) & FD_CLOEXEC);
	end_child(pid);
	close(child.pidfd);
	close(pidfd);
}

/* Otherwise hookd would kill it at the hook's deadline. */
static void nobody_else_s_process_goes_on(void **state)
{
	const struct helper_report report = {.pid = 1};
	int parent = pidfd_of(getppid()), file = open("/dev/null", O_RDONLY | O_CLOEXEC);
	pid_t gone = start_child();
	int ended = pidfd_of(gone);

	(void)state;
	end_child(gone);
	expect_nothing(&report, sizeof(report), parent, 1);
	expect_nothing(&report, sizeof(report), ended, 1);
	expect_nothing(&report, sizeof(report), file, 1);
	expect_nothing(&report, sizeof(report), -1, 0);
	close(parent);
	close(ended);
	close(file);
}

static void there_is_room_for_one_descriptor(void **state)
{
	const struct helper_report report = {.pid = 1};
	int file = open("/dev/null", O_RDONLY | O_CLOEXEC);

	(void)state;
	expect_nothing(&report, sizeof(report), file, 2);
	expect_nothing(&report, sizeof(report), file, 4);
	close(file);
}

static void a_step_that_is_none_is_not_believed(void **state)
{
	static const int32_t steps[] = {SPAWN_STEP_NONE, SPAWN_STEP_COUNT, -1, INT32_MAX,
					INT32_MIN};
	struct helper_report report = {.error = EPERM};

	(void)state;
	for (size_t i = 0; i < ELEMENTS(steps); i++) {
		report.step = steps[i];
		expect_nothing(&report, sizeof(report), -1, 0);
	}
	report = (struct helper_report){.step = SPAWN_STEP_EXEC, .error = ENOENT};
	expect_nothing(&report, sizeof(report) - 1, -1, 0);
}

static void a_step_without_an_error_has_failed_as_well(void **state)
{
	static const int32_t errors[] = {0, -1, INT32_MIN};

	(void)state;
	for (size_t i = 0; i < ELEMENTS(errors); i++) {
		const struct helper_report report = {.step = SPAWN_STEP_EXEC, .error = errors[i]};
		struct spawn_child child = {.pidfd = -1};

		send_report(&report, sizeof(report), -1, 0);
		assert_int_equal(helper_call_finish(&call, &child), 0);
		assert_int_equal(child.failed_step, SPAWN_STEP_EXEC);
		assert_int_equal(child.failed_errno, EPROTO);
	}
}

static void a_text_without_an_end_has_one(void **state)
{
	struct helper_report report = {.step = SPAWN_STEP_EXEC, .error = ENOENT};
	struct spawn_child child = {.pidfd = -1};

	(void)state;
	memset(report.detail, 'x', sizeof(report.detail));
	send_report(&report, sizeof(report), -1, 0);
	assert_int_equal(helper_call_finish(&call, &child), 0);
	assert_int_equal(child.failed_step, SPAWN_STEP_EXEC);
	assert_int_equal(child.failed_errno, ENOENT);
	assert_int_equal(strlen(child.failed_detail), sizeof(report.detail) - 1);
}

/* A dynamic loader would be the container's, and would run with all rights. */
static void hookd_run_loads_nothing(void **state)
{
	extern const char hookd_run_image[];
	Elf64_Ehdr elf;

	(void)state;
	memcpy(&elf, hookd_run_image, sizeof(elf));
	assert_memory_equal(elf.e_ident, ELFMAG, SELFMAG);
	assert_true(elf.e_phnum > 0);
	for (size_t i = 0; i < elf.e_phnum; i++) {
		Elf64_Phdr header;

		memcpy(&header, hookd_run_image + elf.e_phoff + i * sizeof(header), sizeof(header));
		assert_int_not_equal(header.p_type, PT_INTERP);
		assert_int_not_equal(header.p_type, PT_DYNAMIC);
	}
}

#define HELPER_TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    HELPER_TEST(a_child_goes_on_under_its_own_number),
	    HELPER_TEST(nobody_else_s_process_goes_on),
	    HELPER_TEST(there_is_room_for_one_descriptor),
	    HELPER_TEST(a_step_that_is_none_is_not_believed),
	    HELPER_TEST(a_step_without_an_error_has_failed_as_well),
	    HELPER_TEST(a_text_without_an_end_has_one),
	    HELPER_TEST(hookd_run_loads_nothing),
	};

	bound_time();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
