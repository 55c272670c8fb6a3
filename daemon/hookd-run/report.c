/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What hookd-run tells hookd: which step failed, or which process goes on in its place. Success
 * needs no word: the exec closes the control socket.
 */
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "daemon/hookd-run/job.h"

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

static void send_report(const struct plan_report *report, int pidfd)
{
	(void)send_with_fd(PLAN_FD_CONTROL, report, sizeof(*report), pidfd);
}

void report_successor(int32_t pid, int pidfd)
{
	send_report(&(struct plan_report){.pid = pid}, pidfd);
}

void fail_at(enum spawn_step step, int error, const char *detail)
{
	struct plan_report report = {.step = step, .error = error};

	snprintf(report.detail, sizeof(report.detail), "%s", detail);
	send_report(&report, -1);
	_exit(127);
}

void fail(enum spawn_step step, int error)
{
	fail_at(step, error, "");
}
