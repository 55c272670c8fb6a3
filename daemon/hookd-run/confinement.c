/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Sets what takes effect at the exec or for all later system calls: security labels, no_new_privs,
 * the seccomp filter. No state.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/seccomp.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "daemon/hookd-run/hookd-run.h"

/* In hookd's /proc: in a container's the file may be a fake that ignores the label. */
static void write_attribute(const struct job *job, const char *file, const char *text)
{
	int fd = openat(job->proc, file, O_WRONLY | O_CLOEXEC);

	if (fd < 0 || write(fd, text, strlen(text)) < 0)
		step_fail_at(SPAWN_STEP_LABEL, errno, text);
	close(fd);
}

/* Since Linux 5.8 AppArmor has its own file. Before, the security modules shared one. */
static void set_apparmor(const struct job *job)
{
	static const char own[] = "self/attr/apparmor/exec", shared[] = "self/attr/exec";
	char text[HELPER_DETAIL_SIZE + 4096];

	snprintf(text, sizeof(text), "exec %s", job->settings.apparmor_profile);
	write_attribute(job, faccessat(job->proc, own, F_OK, 0) == 0 ? own : shared, text);
}

void label_set(const struct job *job)
{
	if (job->settings.apparmor_profile)
		set_apparmor(job);
	if (job->settings.selinux_label)
		write_attribute(job, "self/attr/exec", job->settings.selinux_label);
}

void no_new_privileges_set(const struct job *job)
{
	if (job->rights.no_new_privileges && prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		step_fail_at(SPAWN_STEP_CREDENTIALS, errno, "no_new_privs");
}

void filter_install(const struct job *job)
{
	struct sock_fprog program = {
	    .len = (unsigned short)job->message->filter_count,
	    .filter = (struct sock_filter *)job->filter,
	};
	unsigned int flags = job->message->filter_flags;
	long result;

	if (job->message->filter_count == 0)
		return;
	listener_prepare(job);
	if (job->listener_socket >= 0)
		flags |= SECCOMP_FILTER_FLAG_NEW_LISTENER;
	result = syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, flags, &program);
	if (result < 0) {
		listener_publish(LISTENER_NONE);
		step_fail(SPAWN_STEP_SECCOMP, errno);
	}
	report_mark_filtered();
	listener_publish((int)result);
}
