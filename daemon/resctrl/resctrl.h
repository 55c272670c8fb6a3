/* SPDX-License-Identifier: Apache-2.0 */
/*
 * daemon/resctrl: cache and bandwidth limits of processes through the kernel's resctrl file system.
 *
 * May use: daemon/base, proto/base, proto/settings.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "daemon/base/base.h"
#include "proto/base/err.h"
#include "proto/settings/resources.h"

/*
 * Intel RDT, and the like of other CPUs, by resctrl; the rules are those of runtime-spec 1.3
 * config-linux.md "IntelRdt". Kernel: Documentation/arch/x86/resctrl.rst.
 *
 *	closID		l3CacheSchema, memBwSchema, schemata
 *	not set		any	the group is named by the container's id; made where missing
 *	set		none	the group must exist
 *	set		some	made where missing
 *	"/"		any	the default group
 *
 * A group that exists is not changed, since others may rely on it: the request is refused where it
 * has another value for any domain. A group that is made gets its schemata before any process.
 * `schemata` come last: a value there replaces that of the others for the same domain. MB: lines in
 * l3CacheSchema are ignored where memBwSchema is set. Bandwidths are compared after the kernel's
 * rounding.
 *
 * A group that is named by the container's id is removed with its last user if hookd has made it;
 * processes that a hook has left in it then belong to the default group. A class, which a request
 * has named by closID, stays, as runtime-spec wants it, also if hookd has made it. Since groups are
 * few (num_closids: 4 to 16), rdt_remove_classes() can have those that hookd has made removed with
 * their last user, when they have no tasks: tried again with each later user. A group that existed
 * before is never removed.
 *
 * Blocks for some file accesses, together 0.2 ms, and up to 5 ms where another program holds the
 * lock of the file system. Only the descriptors of members stay open, so resctrl can be unmounted
 * while there are none.
 */
struct rdt;
struct rdt_member;

/* True where resctrl is mounted; and where it has the group, "/" or a path like "c1". */
bool rdt_is_there(const struct rdt *rdt);
bool rdt_has_group(const struct rdt *rdt, const char *group);

/*
 * How many groups there can be, including the default one; <= 0: not known. *ret_in_use: how many
 * there are, whoever has made them; unchanged without resctrl.
 */
int rdt_closids(const struct rdt *rdt, int *ret_in_use);

/* `root`: the mount point, copied; NULL: it is searched at each call. -ENOMEM. */
int rdt_new(const char *root, struct rdt **ret_rdt) must_check;
/* False at first. */
void rdt_remove_classes(struct rdt *rdt, bool removes_them);
/* All members must have been freed by rdt_leave() or rdt_keep(). NULL is fine. */
struct rdt *rdt_free(struct rdt *rdt);

/*
 * Records, from now on, the names of the groups made in a file in this directory, so that a
 * restarted hookd can remove those of one that was killed. Of the groups of this boot that are
 * recorded there it takes over all but those for which is_held() returns true: their holding
 * removes them. Call it once, and rdt_remove_unused() when the runs that go on have joined theirs.
 * 1: the file was damaged and was renamed to resctrl-groups.bad; its groups are not removed.
 * -errno: nothing is recorded, and groups that are made may outlive hookd.
 */
int rdt_restore(struct rdt *rdt, const char *directory,
		bool (*is_held)(const char *group, void *userdata), void *userdata) must_check;

/*
 * Removes the groups without a member that rdt_restore() has taken over. One that has tasks stays
 * until a later user leaves it, or until the next hookd.
 */
void rdt_remove_unused(struct rdt *rdt);

/*
 * Makes or finds the groups for one run or container, and opens their lists of tasks. `container`
 * is its id. The caller frees the member by rdt_leave() or rdt_keep(). On failure *err gets a path
 * relative to intelRdt and the kernel's reason (info/last_cmd_status), and no group that was made
 * is left.
 *
 *	-EINVAL		closID, container or a schema is malformed, or the kernel refuses it
 *	-EOPNOTSUPP	resctrl is not mounted; no monitoring (enableMonitoring)
 *	-EBUSY		another program holds the lock: nothing was done, a retry may work
 *	-ENOENT		closID is set without schemata, and there is no such group
 *	-EEXIST		the group exists with other schemata
 *	-ENOSPC		no CLOSID (or RMID) is free; the reason has their number
 */
int rdt_join(struct rdt *rdt, const struct hp_intel_rdt *wanted, const char *container,
	     struct rdt_member **ret_member, struct hp_err *err) must_check;
/*
 * Joins the groups of a run that an earlier hookd has joined to them: keeps them until it ends. The
 * member has no lists of tasks. -ENOENT: they are gone; others as with rdt_join().
 */
int rdt_join_again(struct rdt *rdt, const struct hp_intel_rdt *wanted, const char *container,
		   struct rdt_member **ret_member) must_check;
/*
 * Joins a group that exists, by the name that the kernel reports for a process, "/" or "c1". Other
 * programs may have made it and named it freely. -ENOENT: there is none with this name;
 * -EOPNOTSUPP, -EBUSY and others as with rdt_join().
 */
int rdt_join_existing(struct rdt *rdt, const char *group,
		      struct rdt_member **ret_member) must_check;
/* Closes the descriptors, removes groups as described above, frees the member. NULL is fine. */
void rdt_leave(struct rdt_member *member);
/*
 * Like rdt_leave(), but keeps the groups. The caller has recorded their names, and removes them
 * later by rdt_remove().
 */
void rdt_keep(struct rdt_member *member);

/*
 * Leaves a class that hookd has made for a container. `member` may be NULL: then hookd was
 * restarted meanwhile. True: the group is gone.
 */
bool rdt_leave_class(struct rdt *rdt, struct rdt_member *member, const char *group);

/*
 * The files "tasks" of the group and of its monitoring group, open for writing; the member's. Write
 * a pid, or "0" for the writing thread itself, to the first one, then to the second one, which is
 * -1 where there is no monitoring group.
 */
int rdt_member_tasks(const struct rdt_member *member);
int rdt_member_monitored_tasks(const struct rdt_member *member);
/* "c1", or "/" for the default group. The member's. */
const char *rdt_member_group(const struct rdt_member *member);
/* "c1/mon_groups/c1"; NULL: not monitored. The member's. */
const char *rdt_member_monitored_group(const struct rdt_member *member);
/* True where hookd has made that group, for this member or an earlier one. */
bool rdt_member_group_is_made(const struct rdt_member *member);
bool rdt_member_monitored_group_is_made(const struct rdt_member *member);
/* Reads the schemata of the member's group, or of a group by its name. The length, or -errno. */
ssize_t rdt_member_schemata(const struct rdt_member *member, char *text, size_t size) must_check;
ssize_t rdt_schemata(const struct rdt *rdt, const char *group, char *text, size_t size) must_check;
/* Writes a text that rdt_schemata() has read. -errno. */
int rdt_set_schemata(struct rdt *rdt, const char *group, const char *text);

/*
 * Writes the schemata of `wanted` to a group by its name; where `is_made` is false they are only
 * compared. Errors are those of rdt_join().
 */
int rdt_update(struct rdt *rdt, const struct hp_intel_rdt *wanted, const char *group, bool is_made,
	       struct hp_err *err) must_check;

/*
 * Removes a group by a name that rdt_member_group() or rdt_member_monitored_group() has returned;
 * remove the monitoring group first. With `has_closid` a group that has tasks is kept. 0: removed,
 * or it did not exist; -EBUSY: it is in use; -EINVAL: not the name of a group; or another -errno.
 */
int rdt_remove(struct rdt *rdt, const char *group, bool has_closid) must_check;
