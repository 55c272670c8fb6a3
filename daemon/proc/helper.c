/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Starts hookd-run and reads its reports. Owns a sealed memfd with the program.
 *
 * The memfd cannot be written to any more, so a process of a container that opens /proc/PID/exe of
 * hookd-run cannot change it (CVE-2019-5736).
 */
#include "daemon/proc/helper.h"

#include <assert.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "daemon/base/file.h"
#include "daemon/base/memfd.h"
#include "daemon/proc/helper_message.h"

/* The static program, linked in by hookd-run/image.S. */
extern const char hookd_run_image[], hookd_run_image_end[];

static_assert(HELPER_CALL_FDS == HELPER_FD_COUNT - HELPER_FD_CONTROL, "one for each helper_fd");
static_assert(HELPER_FD_COUNT <= SPAWN_FDS_MAX, "the child places all of them");

/*
 * Copies to a number above those that the child copies them to, so that none overwrites another.
 * fcntl(2) fails with EINVAL if RLIMIT_NOFILE is below that number.
 */
static int copy_high(int fd)
{
	int copy = fcntl(fd, F_DUPFD_CLOEXEC, 2 * SPAWN_FDS_MAX);

	if (copy < 0)
		return errno == EINVAL ? -EMFILE : -errno;
	return copy;
}

/* Root owns the file while the process is not dumpable: proc(5). */
static int open_own_oom_score(void)
{
	int was_dumpable = prctl(PR_GET_DUMPABLE, 0, 0, 0, 0);
	int fd;

	(void)prctl(PR_SET_DUMPABLE, 1, 0, 0, 0);
	fd = open("/proc/self/oom_score_adj", O_RDWR | O_CLOEXEC);
	(void)prctl(PR_SET_DUMPABLE, was_dumpable, 0, 0, 0);
	return fd;
}

/*
 * Whether hookd's oom_score_adj is not 0 and can be set to 0, which is tried: without
 * CAP_SYS_RESOURCE it cannot go below the last value that was set with it. systemd sets such a
 * value for services of users; their hooks keep it.
 */
static bool resets_oom_score(void)
{
	char text[16] = "";
	cleanup_close int fd = open_own_oom_score();
	bool is_reset;

	if (fd < 0 || read(fd, text, sizeof(text) - 1) <= 0 || strtol(text, NULL, 10) == 0)
		return false;
	is_reset = write(fd, "0", 1) == 1;
	return is_reset && write(fd, text, strlen(text)) > 0;
}

int helper_image_init(struct helper_image *image)
{
	cleanup_close int memfd = memfd_sealed("hookd-run", hookd_run_image,
					       (size_t)(hookd_run_image_end - hookd_run_image));
	int fd = memfd < 0 ? memfd : copy_high(memfd);

	if (fd < 0)
		return fd;
	*image = (struct helper_image){.program = fd, .resets_oom_score = resets_oom_score()};
	return 0;
}

void helper_image_clear(struct helper_image *image)
{
	close_fd(&image->program);
}

/* Also true if that cannot be found out. */
static bool has_other_root(pid_t pid, pid_t runtime)
{
	char theirs[32], ours[32] = "/";
	struct stat a, b;

	snprintf(theirs, sizeof(theirs), "/proc/%d/root/.", pid);
	if (runtime)
		snprintf(ours, sizeof(ours), "/proc/%d/root/.", runtime);
	return stat(theirs, &a) < 0 || stat(ours, &b) < 0 || a.st_ino != b.st_ino ||
	       a.st_dev != b.st_dev;
}

bool hook_target_runs_image(const struct hook_target *target)
{
	if (target->container.pid == 0)
		return false;
	return target->is_image_program ||
	       has_other_root(target->container.pid, target->caller.pid);
}

void hook_target_clear(struct hook_target *target)
{
	close_fd(&target->caller.pidfd);
	close_fd(&target->container.pidfd);
	*target = HOOK_TARGET_NONE;
}

/* ---- the call ---- */

/* If fd is -1, the child gets /dev/null, to which writes succeed. */
static int place_copy(struct helper_call *call, enum helper_fd place, int fd)
{
	cleanup_close int null = fd < 0 ? open("/dev/null", O_RDWR | O_CLOEXEC) : -1;
	int copy;

	if (fd < 0 && null < 0)
		return -errno;
	copy = copy_high(fd < 0 ? null : fd);
	assert(call->child_fds[place - HELPER_FD_CONTROL] < 0);
	call->child_fds[place - HELPER_FD_CONTROL] = copy;
	return copy < 0 ? copy : 0;
}

static int place_cgroup(struct helper_call *call, struct cgroup *cgroup)
{
	cleanup_close int procs = cgroup ? cgroup_open_procs(cgroup) : -1;

	return cgroup && procs < 0 ? procs : place_copy(call, HELPER_FD_CGROUP, procs);
}

static int open_child_fds(const struct spawn_spec *spec, const struct hook_target *target,
			  const struct helper_settings *settings, uint32_t flags,
			  struct helper_call *call)
{
	cleanup_close int message = helper_message_open(spec, target, settings, flags);
	bool joins = settings->settings && settings->settings->intel_rdt;
	int ends[2], r;

	if (message < 0)
		return message;
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) < 0)
		return -errno;
	call->control = ends[0];
	r = place_copy(call, HELPER_FD_CONTROL, ends[1]);
	close(ends[1]);
	if (r == 0)
		r = place_copy(call, HELPER_FD_MESSAGE, message);
	if (r == 0)
		r = place_copy(call, HELPER_FD_CALLER, target->caller.pidfd);
	if (r == 0)
		r = place_copy(call, HELPER_FD_CONTAINER, target->container.pidfd);
	if (r == 0)
		r = place_copy(call, HELPER_FD_RDT_TASKS, joins ? settings->rdt_tasks : -1);
	if (r == 0)
		r = place_copy(call, HELPER_FD_RDT_MON_TASKS, joins ? settings->rdt_mon_tasks : -1);
	if (r == 0)
		r = place_cgroup(call, settings->container_cgroup);
	if (settings->filter_count > 0)
		call->message = take_fd(&message);
	return r;
}

int helper_call_prepare(const struct helper_image *image, const struct hook_target *target,
			const struct helper_settings *settings, struct spawn_spec *spec,
			struct helper_call *ret_call, enum spawn_step *ret_step)
{
	uint32_t flags = (target->caller.pid ? HELPER_ENTER_CALLER : 0) |
			 (target->container.pid ? HELPER_ENTER_CONTAINER : 0) |
			 (target->is_image_program ? HELPER_IMAGE_PROGRAM : 0) |
			 (spec->any_owner ? HELPER_ANY_OWNER : 0) |
			 (image->resets_oom_score ? HELPER_RESET_OOM_SCORE : 0) |
			 (settings->settings ? HELPER_SETTINGS : 0) |
			 (settings->needs_listener ? HELPER_LISTENER : 0) |
			 (hook_target_runs_image(target) ? HELPER_RUNS_IMAGE : 0) |
			 (settings->container_cgroup ? HELPER_JOIN_CGROUP : 0) |
			 (settings->is_held ? HELPER_IS_HELD : 0);
	int r;

	assert(spec->fd_count == HELPER_FD_CONTROL && spec->program < 0);
	*ret_call = HELPER_CALL_NONE;
	if (!(flags & (HELPER_ENTER_CALLER | HELPER_ENTER_CONTAINER | HELPER_RESET_OOM_SCORE |
		       HELPER_SETTINGS)))
		return 0;
	r = open_child_fds(spec, target, settings, flags, ret_call);
	if (r < 0) {
		*ret_step = SPAWN_STEP_NAMESPACES;
		helper_call_clear(ret_call);
		return r;
	}
	for (int i = 0; i < HELPER_CALL_FDS; i++)
		spec->fds[HELPER_FD_CONTROL + i] = ret_call->child_fds[i];
	spec->fd_count = HELPER_FD_COUNT;
	spec->program = image->program;
	spec->dir = NULL;
	spec->soft_dir = NULL;
	return 0;
}

void helper_call_started(struct helper_call *call)
{
	for (int i = 0; i < HELPER_CALL_FDS; i++)
		close_fd(&call->child_fds[i]);
}

void helper_call_release(const struct helper_call *call)
{
	if (call->control >= 0)
		(void)send(call->control, "", 1, MSG_NOSIGNAL | MSG_DONTWAIT);
}

void helper_call_clear(struct helper_call *call)
{
	helper_call_started(call);
	close_fd(&call->control);
	close_fd(&call->message);
}

/* ---- the report ---- */

static bool receive_report(int control, struct helper_report *ret_report, int *ret_pidfd)
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
	    .msg_controllen = CMSG_LEN(sizeof(int)), /* room for one */
	};

	*ret_pidfd = -1;
	if (recvmsg(control, &message, MSG_DONTWAIT | MSG_CMSG_CLOEXEC) != sizeof(*ret_report))
		return false;
	if (message.msg_controllen >= CMSG_LEN(sizeof(int)) &&
	    buffer.header.cmsg_type == SCM_RIGHTS)
		memcpy(ret_pidfd, CMSG_DATA(&buffer.header), sizeof(int));
	return true;
}

/* The report that hookd-run wrote into the message itself, under the filter. */
static bool read_report(int message, struct helper_report *ret_report)
{
	off_t at = offsetof(struct helper_message, report);

	if (message < 0 ||
	    pread(message, ret_report, sizeof(*ret_report), at) != sizeof(*ret_report))
		return false;
	ret_report->pid = 0;
	return ret_report->step != SPAWN_STEP_NONE;
}

/*
 * The pid of the process that the pidfd refers to, if that is a child of hookd; else 0. From
 * proc_pid_fdinfo(5), since the report is not trusted.
 */
static pid_t own_child_of(int pidfd)
{
	char path[64], text[512];
	siginfo_t info;

	if (waitid(P_PIDFD, (id_t)pidfd, &info, WEXITED | WNOHANG | WNOWAIT | __WALL) < 0)
		return 0;
	snprintf(path, sizeof(path), "/proc/self/fdinfo/%d", pidfd);
	if (file_read_at(AT_FDCWD, path, text, sizeof(text)) < 0)
		return 0;
	for (char *line = text; line; line = strchr(line, '\n')) {
		line += *line == '\n';
		if (strncmp(line, "Pid:", 4) == 0)
			return (pid_t)strtol(line + 4, NULL, 10);
	}
	return 0;
}

/*
 * Makes the reported process the hook, if there is one. The report is not trusted, since the
 * process that sent it may be under the control of a container: only a child of hookd is accepted.
 */
static bool take_successor(const struct helper_report *report, int pidfd, struct spawn_child *child)
{
	pid_t pid = report->pid > 0 && pidfd >= 0 ? own_child_of(pidfd) : 0;

	if (pid <= 0)
		return false;
	close_fd(&child->pidfd);
	child->pid = pid;
	child->pidfd = pidfd;
	return true;
}

bool helper_call_has_sent_listener(const struct helper_call *call)
{
	char byte;

	return call->control < 0 ||
	       recv(call->control, &byte, sizeof(byte), MSG_PEEK | MSG_DONTWAIT) >= 0 ||
	       errno != EAGAIN;
}

int helper_call_finish(struct helper_call *call, struct spawn_child *child)
{
	struct helper_report report;
	int pidfd = -1;

	if (call->control < 0 || (!receive_report(call->control, &report, &pidfd) &&
				  !read_report(call->message, &report)))
		return 0;
	if (take_successor(&report, pidfd, child))
		return 1;
	close_fd(&pidfd);
	/* The hook cannot be waited for, so it must not count as one that succeeded. */
	if (report.pid > 0)
		report = (struct helper_report){.step = SPAWN_STEP_NAMESPACES, .error = ECHILD};
	if (report.step <= SPAWN_STEP_NONE || report.step >= SPAWN_STEP_COUNT)
		return 0;
	/*
	 * Under a filter a system call can fail without an errno. The step has failed all the same.
	 */
	child->failed_step = report.step;
	child->failed_errno = report.error > 0 ? report.error : EPROTO;
	static_assert(sizeof(report.detail) <= sizeof(child->failed_detail), "it is copied");
	report.detail[sizeof(report.detail) - 1] = '\0';
	memcpy(child->failed_detail, report.detail, sizeof(report.detail));
	return 0;
}
