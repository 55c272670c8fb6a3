/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Checks what the kernel supports. No state: resctrl can be mounted at any time. A security module
 * can be built in but disabled, so it is checked whether it is enabled.
 */
#include "daemon/apply/support.h"

#include <fcntl.h>
#include <unistd.h>

/* The file has "Y" if AppArmor is enabled; it does not exist if the module is not built in. */
bool support_has_apparmor(void)
{
	cleanup_close int fd =
	    open("/sys/module/apparmor/parameters/enabled", O_RDONLY | O_CLOEXEC);
	char answer = 'N';

	return fd >= 0 && read(fd, &answer, 1) == 1 && answer == 'Y';
}

/* selinuxfs has the file only if SELinux is enabled. */
bool support_has_selinux(void)
{
	return access("/sys/fs/selinux/enforce", F_OK) == 0;
}

static int fail(struct hp_err *err, const char *path, const char *reason)
{
	return hp_err_setting(err, -EOPNOTSUPP, path, "%s", reason);
}

int support_check(const struct support *support, const struct hp_settings *settings,
		  struct hp_err *err)
{
	if (settings->apparmor_profile && !support_has_apparmor())
		return fail(err, "process.apparmorProfile",
			    "AppArmor is not enabled in this kernel");
	if (settings->selinux_label && !support_has_selinux())
		return fail(err, "process.selinuxLabel", "SELinux is not enabled in this kernel");
	/* libcontainer: "When RootlessCgroups is set, cgroups errors are ignored." */
	if (settings->resources && !support->has_cgroups && !settings->rootless_cgroups)
		return fail(err, "linux.resources", "hookd has no cgroup2 that it may write to");
	if (settings->intel_rdt && !rdt_is_there(support->rdt))
		return fail(err, "linux.intelRdt", "resctrl is not mounted");
	return 0;
}
