/* SPDX-License-Identifier: Apache-2.0 */
/* The decision itself; no I/O, no state. */
#include "daemon/policy/policy.h"

#include <stdarg.h>
#include <stdio.h>

#include "proto/settings/kernel_names.h"

/* What the kernel shows of a uid that has no number in hookd's user namespace. */
#define OVERFLOW_UID 65534

static int refuse(enum permission permission, struct hp_err *err, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

static int refuse(enum permission permission, struct hp_err *err, const char *format, ...)
{
	va_list args;

	*err = (struct hp_err){
	    .code = permission == PERMISSION_APPLY ? HP_ERR_SETTINGS_REFUSED : HP_ERR_REFUSED,
	};
	va_start(args, format);
	(void)vsnprintf(err->reason, sizeof(err->reason), format, args);
	va_end(args);
	return -EACCES;
}

/* A root hookd has no rule for "its own user": that is root, and root has to be all of it. */
static bool is_own_user(const struct peer *peer, const struct self *self)
{
	return self->uid != 0 && peer->uid == self->uid && self->uid != OVERFLOW_UID;
}

static bool has_other_user_namespace(const struct process_view *view, const struct self *self)
{
	return view->namespaces.ids[NAMESPACE_USER] != self->namespaces.ids[NAMESPACE_USER];
}

/*
 * Capabilities count in the user namespace of their process: in another they are others. There a
 * hook is root, with all of them, so the caller must have all of them there.
 */
static uint64_t missing_capabilities(const struct process_view *view, const struct self *self)
{
	if (has_other_user_namespace(view, self))
		return self->capabilities | (self->all_capabilities & ~view->capabilities);
	return self->capabilities & ~view->capabilities;
}

static const char *name_of_first(uint64_t capabilities)
{
	for (size_t i = 0; i < hp_capability_names.count; i++)
		if (hp_capability_names.names[i].value & capabilities)
			return hp_capability_names.names[i].name;
	return "one that is newer than this hookd";
}

static int check_user(const struct peer *peer, const struct self *self, enum permission permission,
		      struct hp_err *err)
{
	if (peer->uid == 0)
		return 0;
	if (permission == PERMISSION_APPLY)
		return refuse(permission, err,
			      "uid %u is not root: what a process is put under is root's to say",
			      peer->uid);
	if (is_own_user(peer, self))
		return 0;
	return refuse(permission, err, "uid %u is neither root nor the user that hookd runs as",
		      peer->uid);
}

static int check_view(const struct peer *peer, const struct self *self, enum permission permission,
		      struct hp_err *err)
{
	uint64_t missing = missing_capabilities(&peer->view, self);

	if (peer->uid == 0 && has_other_user_namespace(&peer->view, self))
		return refuse(permission, err,
			      "uid 0 of another user namespace than hookd's is not root here");
	if (missing)
		return refuse(permission, err,
			      "uid %u has not every capability that its hooks would have: %s is "
			      "missing",
			      peer->uid, name_of_first(missing));
	return 0;
}

int policy_check(const struct peer *peer, const struct self *self, enum permission permission,
		 struct hp_err *err)
{
	int r;

	if (permission == PERMISSION_ANYONE)
		return 0;
	r = check_user(peer, self, permission, err);
	if (r < 0)
		return r;
	if (peer->sight != PEER_SEEN)
		return refuse(permission, err,
			      "the process that connected, pid %d, has ended or cannot be looked "
			      "at: what it may is not known",
			      peer->pid);
	if (peer->stranger)
		return refuse(permission, err,
			      "pid %d wrote to this connection and may not do what pid %d may, "
			      "which made it",
			      peer->stranger, peer->pid);
	return check_view(peer, self, permission, err);
}

bool policy_may_write_for(const struct peer *peer, const struct self *self,
			  const struct process_view *sender)
{
	if (peer->uid == 0 && has_other_user_namespace(sender, self))
		return false;
	return missing_capabilities(sender, self) == 0;
}

bool policy_may_see(const struct peer *peer, uid_t owner)
{
	return peer->uid == 0 || peer->uid == owner;
}

/*
 * Root with every capability can enter any namespace by itself. An ordinary user's process may live
 * in a user namespace just to be kept in: it stays there.
 */
bool policy_may_leave_namespaces(const struct peer *peer, const struct self *self)
{
	return !has_other_user_namespace(&peer->view, self);
}
