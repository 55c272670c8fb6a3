/* SPDX-License-Identifier: Apache-2.0 */
/* Chooses the processes whose namespaces the hooks of a request enter. No state. */
#include "daemon/ipc/target.h"

#include <fcntl.h>
#include <string.h>

#include "daemon/base/pidfd.h"
#include "daemon/policy/policy.h"

/* Whether paths of the peer are in another mount namespace than hookd's. */
static bool has_other_mounts(const struct peer *peer, const struct self *self)
{
	return peer->view.namespaces.ids[NAMESPACE_MNT] != self->namespaces.ids[NAMESPACE_MNT];
}

static int take_caller(const struct peer *peer, struct target_process *ret_process,
		       struct hp_err *err)
{
	int copy = fcntl(peer->pidfd, F_DUPFD_CLOEXEC, 0);

	if (copy < 0)
		return hp_err_busy(err, "%s", strerror(errno));
	*ret_process = (struct target_process){peer->pid, copy};
	return 0;
}

/* The process state.pid, `number` for the caller, cannot be examined. Lack of resources is not the
 * fault of the request. */
static int cannot_look(pid_t number, int r, struct hp_err *err)
{
	if (error_is_transient(-r))
		return hp_err_busy(err, "%s", strerror(-r));
	if (r == -ESRCH)
		return hp_err_invalid(err, "state.pid",
				      "there is no process %d in the caller's pid namespace",
				      number);
	return hp_err_invalid(err, "state.pid", "the namespaces of process %d cannot be read: %s",
			      number, strerror(-r));
}

/*
 * A process in the mount namespace of hookd, or of the init process (they differ for a unit with
 * PrivateTmp=), is not in a container: a hook that is to run inside would run on the host with all
 * rights. hookd-run checks this again when the hook starts.
 */
static int check_container(const struct target_process *process, pid_t number,
			   const struct self *self, struct hp_err *err)
{
	struct namespaces namespaces;
	int r = namespaces_read(process->pid, &namespaces);

	if (r == 0 && !pidfd_is_alive(process->pidfd))
		r = -ESRCH;
	if (r < 0)
		return cannot_look(number, r, err);
	if (namespaces.ids[NAMESPACE_MNT] == self->namespaces.ids[NAMESPACE_MNT] ||
	    namespaces.ids[NAMESPACE_MNT] == self->mounts_of_init)
		return hp_err_invalid(
		    err, "state.pid",
		    "is not in a container: it is in the mount namespace of hookd "
		    "or of the init process");
	return 0;
}

static int find_container(const struct peer *peer, const struct self *self,
			  const struct hp_request *request, struct hook_target *target,
			  struct hp_err *err)
{
	struct target_process *container = &target->container;
	int r;

	/* crun calls createContainer hooks inside the container, with a state that has no pid. */
	if (request->pid == 0 && has_other_mounts(peer, self))
		return take_caller(peer, container, err);
	if (request->pid == 0)
		return hp_err_invalid(err, "state.pid",
				      "is required: the hook enters the container's namespaces");
	r = peer_find_process(peer, &self->namespaces, request->pid, &container->pid,
			      &container->pidfd);
	if (r < 0)
		return cannot_look(request->pid, r, err);
	return check_container(container, request->pid, self, err);
}

static int choose_container(const struct peer *peer, const struct self *self,
			    const struct hp_request *request, struct hook_target *target,
			    struct hp_err *err)
{
	int r = find_container(peer, self, request, target, err);

	target->is_image_program = request->stage != HP_STAGE_CREATE_CONTAINER;
	if (r == 0 && has_other_mounts(peer, self))
		r = take_caller(peer, &target->caller, err);
	return r;
}

static int choose_runtime(const struct peer *peer, const struct self *self,
			  const struct hp_request *request, struct hook_target *target,
			  struct hp_err *err)
{
	if (namespaces_are_equal(&peer->view.namespaces, &self->namespaces))
		return 0;
	if (request->namespaces == HP_NAMESPACES_AUTO)
		return take_caller(peer, &target->caller, err);
	if (policy_may_leave_namespaces(peer, self))
		return 0;
	return hp_err_invalid(
	    err, "namespaces",
	    "must be \"auto\": the caller is in another user namespace, where its "
	    "hooks have to run");
}

int target_choose(const struct peer *peer, const struct self *self,
		  const struct hp_request *request, struct hook_target *ret_target,
		  struct hp_err *err)
{
	bool is_container =
	    request->namespaces == HP_NAMESPACES_CONTAINER ||
	    (request->namespaces == HP_NAMESPACES_AUTO && hp_stage_is_container(request->stage));
	struct hook_target target = HOOK_TARGET_NONE;
	int r;

	if (is_container)
		r = choose_container(peer, self, request, &target, err);
	else
		r = choose_runtime(peer, self, request, &target, err);
	if (r < 0)
		hook_target_clear(&target);
	else
		*ret_target = target;
	return r;
}
