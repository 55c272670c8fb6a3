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
 * Intel RDT (and what other makers have) through resctrl, by the rules of runtime-spec 1.3
 * config-linux.md "IntelRdt"; kernel: Documentation/arch/x86/resctrl.rst.
 *
 *	closID		l3CacheSchema, memBwSchema, schemata
 *	not set		any	the group has the container's id; made where it is missing
 *	set		none	the group must be there
 *	set		some	made where it is missing
 *	"/"		any	the default group
 *
 * A group that is there already, whoever made it, is taken as it is, and refused where it says
 * something else than the request, in any domain that the request names: others count on it. One
 * that is made gets its schemata before any process. MB: lines in l3CacheSchema give way to
 * memBwSchema. Bandwidths are compared as the kernel rounds them.
 *
 * Groups are few (num_closids: 4 to 16), so what is not used any more goes: when the last user of a
 * group that was made here leaves, the group of a container is removed, and what a hook has left
 * behind falls back to the default group; one with a closID is removed when no process is in it,
 * and else with a later user. A group that was there before is never removed.
 *
 * Blocks for some file accesses, 0.2 ms together, and for 5 ms at most where another program
 * holds the lock of the file system. Nothing is kept open but what a member's descriptors need, so
 * the file system can be unmounted while nobody uses it.
 */
struct rdt;
struct rdt_member;

/* True where resctrl is mounted; and where it has the group, by a name as below. */
bool rdt_is_there(const struct rdt *rdt);
bool rdt_has_group(const struct rdt *rdt, const char *group);

/* How many groups there can be, the default one among them; 0 or less where that is not known. */
int rdt_closids(const struct rdt *rdt);

/* `root`: the directory; NULL: where resctrl is mounted at the time of each call. -ENOMEM. */
int rdt_new(const char *root, struct rdt **ret_rdt) must_check;
/* All members must have left. NULL is fine. */
struct rdt *rdt_free(struct rdt *rdt);

/*
 * From now on the names of the groups that are made stand in a file in this directory, and those
 * that stand there are removed: an earlier daemon of this boot has made them and was killed. One
 * that is_held() is somebody's else to remove; one that processes are in stays until one of its
 * users leaves it, or until the next hookd. 1: the file was damaged, and is set aside as
 * resctrl-groups.bad: what it named is not removed. -errno: groups that are made now may outlive
 * hookd.
 */
int rdt_restore(struct rdt *rdt, const char *directory,
		bool (*is_held)(const char *group, void *userdata), void *userdata) must_check;

/*
 * Makes or finds the groups for one run or container and opens their lists of tasks. `container` is
 * its id. Fills *err with a path relative to intelRdt and, where the kernel has said something
 * (info/last_cmd_status), its words; then nothing that was made is left.
 *
 *	-EINVAL		closID, container or a schema is not proper; or the kernel does not take it
 *	-EOPNOTSUPP	no resctrl is mounted; no monitoring here (enableMonitoring)
 *	-EBUSY		another program holds the lock: nothing was done, worth trying again
 *	-ENOENT		closID is set without schemata, and there is no such group
 *	-EEXIST		the group is there and says something else
 *	-ENOSPC		all CLOSIDs (or RMIDs, for monitoring) are taken; the reason has their
 *number
 */
int rdt_join(struct rdt *rdt, const struct hp_intel_rdt *wanted, const char *container,
	     struct rdt_member **ret_member, struct hp_err *err) must_check;
/* Closes the descriptors; removes what is to be removed. NULL is fine. */
void rdt_leave(struct rdt_member *member);
/* The same, and removes nothing: who remembers the names takes them away with rdt_remove(). */
void rdt_keep(struct rdt_member *member);

/*
 * Descriptors for writing a pid to, or "0" for the writer itself, the first one first. The second
 * is of the monitoring group, -1 where there is none.
 */
int rdt_member_tasks(const struct rdt_member *member);
int rdt_member_monitored_tasks(const struct rdt_member *member);
/* "/" for the default group. */
const char *rdt_member_group(const struct rdt_member *member);
/* "c1/mon_groups/c1", NULL where there is none. */
const char *rdt_member_monitored_group(const struct rdt_member *member);
/* Whether that group was made for this member or for another one since rdt_new(). */
bool rdt_member_group_is_made(const struct rdt_member *member);
bool rdt_member_monitored_group_is_made(const struct rdt_member *member);
/* The kernel's reading of a group's schemata, the member's or by its name. The length, or -errno.
 */
ssize_t rdt_member_schemata(const struct rdt_member *member, char *text, size_t size) must_check;
ssize_t rdt_schemata(const struct rdt *rdt, const char *group, char *text, size_t size) must_check;
/* Writes what rdt_schemata() gave. */
int rdt_set_schemata(struct rdt *rdt, const char *group, const char *text);

/*
 * Other schemata for a group by its name, as far as `wanted` has some; where `is_made` is false
 * they are only compared. Errors are those of rdt_join().
 */
int rdt_update(struct rdt *rdt, const struct hp_intel_rdt *wanted, const char *group, bool is_made,
	       struct hp_err *err) must_check;

/* True where a run or a container is in it, the caller's own member not counted; or any process. */
bool rdt_group_is_in_use(const struct rdt *rdt, const char *group, const struct rdt_member *own);

/*
 * Removes a group that was made before rdt_new(), by the names that the functions above give, the
 * monitored one first. One with a closID is left where processes are in it, as rdt_leave() does.
 * 0 where it is gone; -EBUSY where it is in use; -EINVAL for what cannot be such a name.
 */
int rdt_remove(struct rdt *rdt, const char *group, bool has_closid) must_check;
