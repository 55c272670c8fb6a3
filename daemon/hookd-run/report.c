/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reports to hookd which step failed, or which process continues as the hook. There is no report of
 * success: the exec closes the control socket.
 *
 * Once the filter is active, any system call may be refused, kill the process, or wait for an agent
 * that never answers. So a later failure is stored in memory shared with hookd, and the process
 * ends by an undefined instruction.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include "daemon/hookd-run/hookd-run.h"

bool send_with_fd(int socket, const void *bytes, size_t length, int fd)
{
	struct iovec iov = {(void *)bytes, length};
	union {
		struct cmsghdr header;
		char bytes[CMSG_SPACE(sizeof(int))];
	} control = {0};
	struct msghdr message = {.msg_iov = &iov, .msg_iovlen = 1};

	if (fd >= 0) {
		message.msg_control = &control;
		message.msg_controllen = sizeof(control);
		control.header = (struct cmsghdr){
		    .cmsg_level = SOL_SOCKET,
		    .cmsg_type = SCM_RIGHTS,
		    .cmsg_len = CMSG_LEN(sizeof(int)),
		};
		memcpy(CMSG_DATA(&control.header), &fd, sizeof(int));
	}
	return sendmsg(socket, &message, MSG_NOSIGNAL) == (ssize_t)length;
}

static void send_report(const struct helper_report *report, int pidfd)
{
	(void)send_with_fd(HELPER_FD_CONTROL, report, sizeof(*report), pidfd);
}

void report_successor(int32_t pid, int pidfd)
{
	send_report(&(struct helper_report){.pid = pid}, pidfd);
}

/* If hookd's process dies before it knows this one, nobody would find it: so it ends. */
void wait_for_release(const struct job *job)
{
	char byte;

	if (!(job->message->flags & HELPER_IS_HELD))
		return;
	if (recv(HELPER_FD_CONTROL, &byte, sizeof(byte), 0) != sizeof(byte))
		_exit(127);
}

static struct helper_report *shared; /* NULL: there is no filter */

/* Call before the descriptor of the message is closed. */
void report_map_shared(void)
{
	struct helper_message *message =
	    mmap(NULL, sizeof(*message), PROT_READ | PROT_WRITE, MAP_SHARED, HELPER_FD_MESSAGE, 0);

	if (message == MAP_FAILED)
		step_fail(SPAWN_STEP_SECCOMP, errno);
	shared = &message->report;
}

static bool is_filtered;

void report_mark_filtered(void)
{
	is_filtered = true;
}

/*
 * An undefined instruction: the kernel kills the process even if SIGILL is blocked or ignored.
 * There is no core dump, since the process is not dumpable.
 */
static _Noreturn void end_under_filter(void)
{
	for (;;)
		__builtin_trap();
}

void step_fail_at(enum spawn_step step, int error, const char *detail)
{
	struct helper_report report = {.step = step, .error = error};

	snprintf(report.detail, sizeof(report.detail), "%s", detail);
	if (is_filtered) {
		*shared = report;
		end_under_filter();
	}
	send_report(&report, -1);
	_exit(127);
}

void step_fail(enum spawn_step step, int error)
{
	step_fail_at(step, error, "");
}
