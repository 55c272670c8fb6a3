/* SPDX-License-Identifier: Apache-2.0 */
/*
 * hookd's side of hookd-run: keeps its image in a sealed memfd, writes plans, reads reports.
 *
 * The image is executed from memory that nobody can write to any more, so a container that gets
 * hold of /proc/PID/exe finds nothing worth changing (CVE-2019-5736). Called by proc.c.
 */
#include "daemon/run/enter.h"

#include <fcntl.h>
#include <string.h>
#include <sys/socket.h>

#include "daemon/base/memfd.h"
#include "daemon/run/plan.h"
#include "proto/buf.h"

/* The static program, linked in by hookd-run/image.S. */
extern const char hookd_run_image[], hookd_run_image_end[];

/* A copy far above the numbers that the child places them at, so that none overwrites another. */
static int copy_high(int fd)
{
	int copy = fcntl(fd, F_DUPFD_CLOEXEC, 2 * SPAWN_FDS_MAX);

	return copy < 0 ? -errno : copy;
}

static bool own_oom_score_is_set(void)
{
	char text[16] = "";
	cleanup_close int fd = open("/proc/self/oom_score_adj", O_RDONLY | O_CLOEXEC);

	return fd >= 0 && read(fd, text, sizeof(text) - 1) > 0 && strtol(text, NULL, 10) != 0;
}

int entrance_init(struct entrance *entrance)
{
	cleanup_close int image = memfd_sealed("hookd-run", hookd_run_image,
					       (size_t)(hookd_run_image_end - hookd_run_image));
	int fd = image < 0 ? image : copy_high(image);

	if (fd < 0)
		return fd;
	*entrance = (struct entrance){.program = fd, .resets_oom_score = own_oom_score_is_set()};
	return 0;
}

void entrance_clear(struct entrance *entrance)
{
	close_fd(&entrance->program);
}

/* ---- the plan ---- */

static void add_string(struct hp_buf *buf, const char *string)
{
	if (string)
		hp_buf_append(buf, string, strlen(string) + 1);
}

static uint32_t count_of(char *const *vector)
{
	uint32_t count = 0;

	while (vector[count])
		count++;
	return count;
}

static int write_plan(const struct spawn_spec *spec, const struct enter_target *target,
		      uint32_t flags)
{
	struct hp_buf buf = HP_BUF_INIT;
	struct plan plan = {
	    .flags = flags,
	    .target_pid = target->pid,
	    .argc = count_of(spec->argv),
	    .envc = count_of(spec->envp),
	    .has_dir = spec->dir != NULL,
	    .has_soft_dir = spec->soft_dir != NULL,
	};
	int fd = -ENOMEM;

	hp_buf_append(&buf, &plan, offsetof(struct plan, strings));
	add_string(&buf, spec->path);
	add_string(&buf, spec->dir);
	add_string(&buf, spec->soft_dir);
	for (uint32_t i = 0; i < plan.argc; i++)
		add_string(&buf, spec->argv[i]);
	for (uint32_t i = 0; i < plan.envc; i++)
		add_string(&buf, spec->envp[i]);
	if (!buf.failed)
		fd = memfd_sealed("hookd-plan", buf.data, buf.length);
	hp_buf_free(&buf);
	return fd;
}

static int open_child_fds(const struct spawn_spec *spec, const struct enter_target *target,
			  uint32_t flags, struct enter *enter)
{
	cleanup_close int plan = write_plan(spec, target, flags);
	cleanup_close int null = -1;
	int ends[2];

	if (plan < 0)
		return plan;
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) < 0)
		return -errno;
	enter->control = ends[0];
	enter->child_fds[0] = copy_high(ends[1]);
	close(ends[1]);
	enter->child_fds[1] = copy_high(plan);
	if (target->pid == 0)
		null = open("/dev/null", O_RDONLY | O_CLOEXEC);
	enter->child_fds[2] = copy_high(target->pid ? target->pidfd : null);
	for (int i = 0; i < 3; i++)
		if (enter->child_fds[i] < 0)
			return enter->child_fds[i];
	return 0;
}

int enter_prepare(const struct entrance *entrance, const struct enter_target *target,
		  struct spawn_spec *spec, struct enter *ret_enter, enum spawn_step *ret_step)
{
	uint32_t flags = (target->pid ? PLAN_ENTER : 0) |
			 (target->resolves_inside ? PLAN_RESOLVE_INSIDE : 0) |
			 (entrance->resets_oom_score ? PLAN_RESET_OOM_SCORE : 0);
	int r;

	*ret_enter = ENTER_NONE;
	if (!target->pid && !entrance->resets_oom_score)
		return 0;
	r = open_child_fds(spec, target, flags, ret_enter);
	if (r < 0) {
		*ret_step = SPAWN_STEP_NAMESPACES;
		enter_clear(ret_enter);
		return r;
	}
	for (int i = 0; i < 3; i++)
		spec->fds[PLAN_FD_CONTROL + i] = ret_enter->child_fds[i];
	spec->fd_count = PLAN_FD_COUNT;
	spec->program = entrance->program;
	spec->dir = NULL;
	spec->soft_dir = NULL;
	return 0;
}

void enter_started(struct enter *enter)
{
	for (int i = 0; i < 3; i++)
		close_fd(&enter->child_fds[i]);
}

void enter_clear(struct enter *enter)
{
	enter_started(enter);
	close_fd(&enter->control);
}

/* ---- the report ---- */

static bool receive_report(int control, struct plan_report *ret_report, int *ret_pidfd)
{
	struct iovec iov = {ret_report, sizeof(*ret_report)};
	union {
		struct cmsghdr header;
		char bytes[CMSG_SPACE(sizeof(int))];
	} buffer;
	struct msghdr message = {
	    .msg_iov = &iov,
	    .msg_iovlen = 1,
	    .msg_control = &buffer,
	    .msg_controllen = sizeof(buffer),
	};

	*ret_pidfd = -1;
	if (recvmsg(control, &message, MSG_DONTWAIT | MSG_CMSG_CLOEXEC) != sizeof(*ret_report))
		return false;
	if (message.msg_controllen >= CMSG_LEN(sizeof(int)) &&
	    buffer.header.cmsg_type == SCM_RIGHTS)
		memcpy(ret_pidfd, CMSG_DATA(&buffer.header), sizeof(int));
	return true;
}

int enter_finish(struct enter *enter, struct spawn_child *child)
{
	struct plan_report report;
	int pidfd;

	if (enter->control < 0 || !receive_report(enter->control, &report, &pidfd))
		return 0;
	if (report.pid > 0 && pidfd >= 0) {
		close_fd(&child->pidfd);
		child->pid = report.pid;
		child->pidfd = pidfd;
		return 1;
	}
	close_fd(&pidfd);
	child->failed_step = report.step;
	child->failed_errno = report.error;
	return 0;
}
