/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Sets groups, ids and capabilities of the hook (capabilities(7)).
 *
 * A change from uid 0 to another uid clears the permitted set, and the steps between that and the
 * exec need some capabilities (seccomp(2) without no_new_privs needs CAP_SYS_ADMIN). So the set is
 * kept over the change, and capabilities_set() sets exactly what the rights say. No state.
 */
#include <errno.h>
#include <grp.h>
#include <linux/capability.h>
#include <linux/securebits.h>
#include <poll.h>
#include <sched.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "daemon/hookd-run/hookd-run.h"

struct capability_state {
	uint64_t permitted, effective, inheritable;
};

static int read_capabilities(struct capability_state *ret_state)
{
	struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
	struct __user_cap_data_struct data[2];

	if (syscall(SYS_capget, &header, data) < 0)
		return errno;
	*ret_state = (struct capability_state){
	    .permitted = data[0].permitted | (uint64_t)data[1].permitted << 32,
	    .effective = data[0].effective | (uint64_t)data[1].effective << 32,
	    .inheritable = data[0].inheritable | (uint64_t)data[1].inheritable << 32,
	};
	return 0;
}

static int write_capabilities(const struct capability_state *state)
{
	struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
	struct __user_cap_data_struct data[2] = {
	    {(uint32_t)state->effective, (uint32_t)state->permitted, (uint32_t)state->inheritable},
	    {(uint32_t)(state->effective >> 32), (uint32_t)(state->permitted >> 32),
	     (uint32_t)(state->inheritable >> 32)},
	};

	return syscall(SYS_capset, &header, data) < 0 ? errno : 0;
}

void capabilities_give_up(void)
{
	if (write_capabilities(&(struct capability_state){0}))
		_exit(1);
}

/* ---- ids ---- */

/* Needs CAP_SETPCAP. The kernel drops one capability per call. */
static void cut_bounding_set(uint64_t wanted)
{
	char name[32];

	for (int capability = 0; capability < 64; capability++) {
		int is_there = prctl(PR_CAPBSET_READ, capability, 0, 0, 0);

		if (is_there < 0)
			return; /* above the kernel's last capability */
		if (!is_there || (wanted >> capability & 1))
			continue;
		if (prctl(PR_CAPBSET_DROP, capability, 0, 0, 0) < 0) {
			snprintf(name, sizeof(name), "bounding, capability %d", capability);
			step_fail_at(SPAWN_STEP_CAPABILITIES, errno, name);
		}
	}
}

/*
 * A failure (EPERM) is an error only if the settings ask for groups. setgroups(2) is not permitted
 * in a user namespace with "deny" in /proc/PID/setgroups (namespaces.c has dropped the host's
 * groups before), in a user's hookd (whose hooks have that user's groups), and with RootlessEUID.
 */
static void set_groups(const struct job *job, uid_t before)
{
	const struct rights *rights = &job->rights;
	bool is_asked = rights->group_count > 0 && !job->has_container_rights;
	bool may_stay = !is_asked && (before != 0 || (job->namespaces & CLONE_NEWUSER) ||
				      job->settings.rootless_euid);

	if (setgroups(rights->group_count, rights->groups) < 0 && !(errno == EPERM && may_stay))
		step_fail_at(SPAWN_STEP_CREDENTIALS, errno, "additional groups");
}

/* Needs CAP_SETPCAP. The bit is locked, so that the hook cannot clear it again. */
static void end_root(void)
{
	int bits = prctl(PR_GET_SECUREBITS, 0, 0, 0, 0);

	if (bits < 0 ||
	    prctl(PR_SET_SECUREBITS, bits | SECBIT_NOROOT | SECBIT_NOROOT_LOCKED, 0, 0, 0) < 0)
		step_fail_at(SPAWN_STEP_CAPABILITIES, errno, "securebits");
}

/* The change of uid has cleared the effective set, which the next steps need. */
static void take_effective(void)
{
	struct capability_state state = {0};
	int error = read_capabilities(&state);

	state.effective = state.permitted;
	if (!error)
		error = write_capabilities(&state);
	if (error)
		step_fail(SPAWN_STEP_CAPABILITIES, error);
}

void ids_set(const struct job *job)
{
	const struct rights *rights = &job->rights;
	const uint32_t *uids = rights->uids, *gids = rights->gids;

	if (rights->cuts_bounding)
		cut_bounding_set(rights->sets[HP_CAPABILITIES_BOUNDING]);
	if (rights->ends_root)
		end_root();
	if (!rights->has_ids)
		return;
	if (prctl(PR_SET_KEEPCAPS, 1, 0, 0, 0) < 0)
		step_fail(SPAWN_STEP_CREDENTIALS, errno);
	set_groups(job, geteuid());
	if (setresgid(gids[0], gids[1], gids[2]) < 0)
		step_fail_at(SPAWN_STEP_CREDENTIALS, errno, "gid");
	if (setresuid(uids[0], uids[1], uids[2]) < 0)
		step_fail_at(SPAWN_STEP_CREDENTIALS, errno, "uid");
	take_effective();
	undumpable_set(); /* a change of ids resets it */
}

/*
 * Set after the ids, since a change of them clears it (PR_SET_PDEATHSIG(2const)). If hookd died
 * before, its end of the control socket is closed.
 */
void parent_death_signal_set(const struct job *job)
{
	struct pollfd control = {.fd = HELPER_FD_CONTROL};

	if (!job->settings.parent_death_signal)
		return;
	if (prctl(PR_SET_PDEATHSIG, job->settings.parent_death_signal, 0, 0, 0) < 0)
		step_fail_at(SPAWN_STEP_CREDENTIALS, errno, "parent death signal");
	if (poll(&control, 1, 0) > 0 && (control.revents & POLLHUP))
		_exit(127);
}

/* ---- capabilities ---- */

/*
 * `wanted` has only capabilities that are permitted and inheritable; the kernel refuses others. The
 * caller leaves the rest out, as runc does: configs made by `runc spec` ask for them.
 */
static void set_ambient(uint64_t wanted)
{
	char name[32];

	if (prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0) < 0 && errno != EINVAL)
		step_fail_at(SPAWN_STEP_CAPABILITIES, errno, "ambient");
	for (int capability = 0; capability < 64; capability++) {
		if (!(wanted >> capability & 1) ||
		    prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, capability, 0, 0) == 0)
			continue;
		snprintf(name, sizeof(name), "ambient, capability %d", capability);
		step_fail_at(SPAWN_STEP_CAPABILITIES, errno, name);
	}
}

void capabilities_set(const struct job *job, uint64_t keeps)
{
	const struct rights *rights = &job->rights;
	const struct capability_state state = {
	    .permitted = rights->sets[HP_CAPABILITIES_PERMITTED] | keeps,
	    .effective = rights->sets[HP_CAPABILITIES_EFFECTIVE] | keeps,
	    .inheritable = rights->sets[HP_CAPABILITIES_INHERITABLE],
	};
	int error;

	if (!rights->has_capabilities)
		return;
	error = write_capabilities(&state);
	if (error)
		step_fail(SPAWN_STEP_CAPABILITIES, error);
	set_ambient(rights->sets[HP_CAPABILITIES_AMBIENT] &
		    rights->sets[HP_CAPABILITIES_PERMITTED] & state.inheritable);
}
