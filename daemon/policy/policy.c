/* SPDX-License-Identifier: Apache-2.0 */
/* Decides what a caller may do. No I/O, no state. */
#include "daemon/policy/policy.h"

#include <stdarg.h>
#include <stdio.h>

#include "proto/base/own_directory.h"
#include "proto/settings/kernel_names.h"

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

/* In the initial user namespace every uid is mapped: there it is that user. */
static bool may_be_unmapped(uid_t uid, const struct self *self)
{
	return uid == HP_OVERFLOW_UID &&
	       self->namespaces.ids[NAMESPACE_USER] != HP_INITIAL_USER_NAMESPACE;
}

/* False for a hookd that is root: root is subject to the checks of check_view(). */
static bool is_own_user(const struct peer *peer, const struct self *self)
{
	return self->uid != 0 && peer->uid == self->uid && !may_be_unmapped(self->uid, self);
}

static bool has_other_user_namespace(const struct process_view *view, const struct self *self)
{
	return view->namespaces.ids[NAMESPACE_USER] != self->namespaces.ids[NAMESPACE_USER];
}

/*
 * Capabilities are valid in the user namespace of their process only. A caller in another one than
 * hookd's lacks all of hookd's capabilities; and since a hook runs as root with all capabilities in
 * the caller's user namespace, the caller must have all of them there.
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
	return "one that this hookd does not know";
}

static int check_user(const struct peer *peer, const struct self *self, enum permission permission,
		      struct hp_err *err)
{
	if (peer->uid == 0)
		return 0;
	if (permission == PERMISSION_APPLY)
		return refuse(permission, err,
			      "uid %u is not root: only root may change the settings of processes",
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
			      "uid 0 is not root here: its user namespace is not hookd's");
	if (missing)
		return refuse(permission, err,
			      "uid %u lacks a capability that its hooks would have: %s", peer->uid,
			      name_of_first(missing));
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
			      "pid %d, which opened this connection, has exited, or its "
			      "capabilities cannot be read",
			      peer->pid);
	if (peer->stranger)
		return refuse(permission, err,
			      "pid %d wrote to this connection and has fewer rights than pid %d, "
			      "which opened it",
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

bool policy_may_see_all(const struct peer *peer)
{
	return peer->uid == 0;
}

bool policy_may_see(const struct peer *peer, uid_t owner)
{
	return policy_may_see_all(peer) || peer->uid == owner;
}

/*
 * Root with every capability can enter any namespace by itself. A process of an ordinary user may
 * be confined by its user namespace, so its hooks stay in it.
 */
bool policy_may_leave_namespaces(const struct peer *peer, const struct self *self)
{
	return !has_other_user_namespace(&peer->view, self);
}
