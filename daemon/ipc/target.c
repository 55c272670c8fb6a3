/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From a request and its caller to the processes whose namespaces its hooks enter. No state.
 */
#include "daemon/ipc/target.h"

#include <fcntl.h>
#include <string.h>

#include "daemon/base/pidfd.h"
#include "daemon/policy/policy.h"

/* The paths of its requests are those of other mounts than hookd's. */
static bool has_other_mounts(const struct peer *peer, const struct self *self)
{
	return peer->view.namespaces.ids[NAMESPACE_MNT] != self->namespaces.ids[NAMESPACE_MNT];
}

static int take_caller(const struct peer *peer, struct enter_process *ret_process,
		       struct hp_err *err)
{
	int copy = fcntl(peer->pidfd, F_DUPFD_CLOEXEC, 0);

	if (copy < 0)
		return hp_err_busy(err, "%s", strerror(errno));
	*ret_process = (struct enter_process){peer->pid, copy};
	return 0;
}

/* At state.pid. What hookd lacks for the moment says nothing of that process. */
static int cannot_look(int r, struct hp_err *err)
{
	if (error_is_transient(-r))
		return hp_err_busy(err, "%s", strerror(-r));
	return hp_err_invalid(err, "state.pid", "%s", strerror(-r));
}

/*
 * A process that shares hookd's mounts, or those of the init process (a hookd in a unit with
 * PrivateTmp= has others), is in no container: a hook that is to be kept inside would
 * run on the host, with all rights. hookd-run looks again when the hook starts.
 */
static int check_container(const struct enter_process *process, const struct self *self,
			   struct hp_err *err)
{
	struct namespaces namespaces;
	int r = namespaces_read(process->pid, &namespaces);

	if (r == 0 && !pidfd_is_alive(process->pidfd))
		r = -ESRCH;
	if (r < 0)
		return cannot_look(r, err);
	if (namespaces.ids[NAMESPACE_MNT] == self->namespaces.ids[NAMESPACE_MNT] ||
	    namespaces.ids[NAMESPACE_MNT] == self->mounts_of_init)
		return hp_err_invalid(err, "state.pid",
				      "is a process in the mount namespace of hookd or of the "
				      "init process, and in no container");
	return 0;
}

static int find_container(const struct peer *peer, const struct self *self,
			  const struct hp_request *request, struct enter_target *target,
			  struct hp_err *err)
{
	struct enter_process *container = &target->container;
	int r;

	/* crun's createContainer hooks are called from inside, and their state has no pid. */
	if (request->pid == 0 && has_other_mounts(peer, self))
		return take_caller(peer, container, err);
	if (request->pid == 0)
		return hp_err_invalid(
		    err, "state.pid",
		    "the hook enters the container's namespaces, so it is needed");
	r = peer_find_process(peer, &self->namespaces, request->pid, &container->pid,
			      &container->pidfd);
	if (r < 0)
		return cannot_look(r, err);
	return check_container(container, self, err);
}

static int choose_container(const struct peer *peer, const struct self *self,
			    const struct hp_request *request, struct enter_target *target,
			    struct hp_err *err)
{
	int r = find_container(peer, self, request, target, err);

	target->is_image_program = request->stage != HP_STAGE_CREATE_CONTAINER;
	if (r == 0 && has_other_mounts(peer, self))
		r = take_caller(peer, &target->caller, err);
	return r;
}

static int choose_runtime(const struct peer *peer, const struct self *self,
			  const struct hp_request *request, struct enter_target *target,
			  struct hp_err *err)
{
	if (namespaces_are_equal(&peer->view.namespaces, &self->namespaces))
		return 0;
	if (request->namespaces == HP_NAMESPACES_AUTO)
		return take_caller(peer, &target->caller, err);
	if (policy_may_leave_namespaces(peer, self))
		return 0;
	return hp_err_invalid(err, "namespaces",
			      "the caller lives in a user namespace of its own, so its hooks run "
			      "there");
}

int target_choose(const struct peer *peer, const struct self *self,
		  const struct hp_request *request, struct enter_target *ret_target,
		  struct hp_err *err)
{
	bool is_container =
	    request->namespaces == HP_NAMESPACES_CONTAINER ||
	    (request->namespaces == HP_NAMESPACES_AUTO && hp_stage_is_container(request->stage));
	struct enter_target target = ENTER_NOWHERE;
	int r;

	if (is_container)
		r = choose_container(peer, self, request, &target, err);
	else
		r = choose_runtime(peer, self, request, &target, err);
	if (r < 0)
		enter_target_clear(&target);
	else
		*ret_target = target;
	return r;
}
