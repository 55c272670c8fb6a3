/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <sys/queue.h>
#include <sys/types.h>

#include "daemon/base/base.h"
#include "proto/base/err.h"

#define HOLDINGS_FILE "holdings.db"

/*
 * Records of what Apply has done: for each container its process, and the objects that were created
 * for it and must be removed later. They are in memory and in a SQLite file in the state directory,
 * which is written before an object is created, so that a restarted hookd can clean up what its
 * predecessor created.
 */

/* The numbers are written to the file, as are those of enum holding_state. */
enum created_kind {
	CREATED_CGROUP,	   /* a directory; name: its path below the cgroup2 mount */
	CREATED_UNIT,	   /* a systemd scope; name: of the unit */
	CREATED_RDT_GROUP, /* a resctrl group; name: its path below the mount of resctrl */
	CREATED_RDT_MON_GROUP,
	CREATED_KIND_COUNT,
};

struct created {
	enum created_kind kind;
	char *name;
	int64_t row;		   /* its id in the file */
	TAILQ_ENTRY(created) link; /* holding::created, the newest first */
};

struct rdt_member;
struct watch;
struct unit_watch;

/*
 * In a state other than HELD a holding has an owner: the application (MAKING, CHANGING) or the
 * removal (REMOVING) that moved it there. Only the owner changes or frees it, until it moves it
 * back to HELD; but the removal of another holding may add objects to it that both use
 * (hand_over(), release.c). Calls for the container are refused meanwhile; if its process exits,
 * that is handled when the owner is done (applier_check_ended()).
 *
 *	(none) --Apply--> MAKING --done--> HELD <--> CHANGING (Update)
 *	                    |               | ^
 *	                    | failed        | | an object could not be removed
 *	                    v               v |
 *	                    `-----------> REMOVING --all was removed--> (freed)
 */
enum holding_state {
	HOLDING_MAKING,
	HOLDING_HELD,
	HOLDING_CHANGING,
	HOLDING_REMOVING,
	HOLDING_STATE_COUNT,
};

struct holding {
	char *container;
	pid_t pid;
	uint64_t start_time;	  /* of the process, in ticks after boot (proc_pid_stat(5)) */
	uid_t uid;		  /* the caller's */
	enum holding_state state; /* changed by holdings_enter() only */
	bool has_ended;		  /* the process has exited: what was created for it is removed */
	bool is_leftover;	  /* of an Apply that failed: removal is tried until it succeeds */
	/*
	 * An Update was interrupted, or failed and could not be undone: the settings in `uncertain`
	 * (uncertain.h) have the old or the new values. While CHANGING, `uncertain` also has those
	 * that the Update changes, for a restart.
	 */
	bool is_update_interrupted;
	char *uncertain;
	bool is_systemd;   /* the systemd driver, else cgroupfs */
	char *cgroup_path; /* below the mount, starts with '/'; NULL: no cgroup was requested */
	char *unit;	   /* systemd's name of the scope; NULL: none */
	/* systemd has started the unit for this holding. False: it may belong to somebody else. */
	bool is_unit_ours;
	char *mark; /* in the unit's description, identifies it; NULL: an older hookd wrote none */
	/* To undo an Apply that has not finished: where the process was before. NULL: unknown. */
	char *former_path;  /* cgroup */
	char *former_group; /* resctrl group */
	char *rdt_group;    /* "/": the default group; NULL: none was requested */
	bool has_closid;    /* the request has named the group; it may be the container's id */
	struct rdt_member *rdt_member; /* owned; NULL after a restart of hookd */
	struct watch *watch;	       /* owned, by applier.c; NULL: none */
	char *unit_files;	       /* to write again after systemd, unit_files.h; NULL: none */
	struct unit_watch *unit_watch; /* owned, by unit_files.c; NULL: none */
	unsigned int attributes_set;   /* 1u << enum process_attribute */
	char *ignored; /* an optional setting that could not be applied; NULL: none */
	TAILQ_HEAD(, created) created;
	TAILQ_ENTRY(holding) link; /* holdings::list, oldest first */
};

struct holdings;

/*
 * Opens DIRECTORY/holdings.db, creates it if it is missing, and reads it. `directory` NULL: the
 * holdings are in memory only. A file that cannot be read, is empty or not hookd's is renamed to
 * holdings.db.bad (file_set_aside()); so is the journal of a file that is missing. One with damaged
 * rows is copied to that name, the damaged rows are logged and deleted, and the others stay. In
 * these cases *ret_set_aside is true. Holdings of an earlier boot are
 * dropped: their processes and cgroups no longer exist. -EBUSY: another process has locked the
 * file, and still does after a second. This and all functions below that write block for reads and
 * writes of the file, but not for the disk: nothing is synced.
 */
int holdings_open(const char *directory, struct holdings **ret_holdings,
		  bool *ret_set_aside) must_check;
struct holdings *holdings_close(struct holdings *holdings);

struct holding *holdings_first(struct holdings *holdings);
struct holding *holdings_next(struct holding *holding);
struct holding *holdings_find(struct holdings *holdings, const char *container);

/*
 * Adds and writes a holding, in MAKING and with a new mark. Copies pid, start_time, uid,
 * former_path, former_group, cgroup_path, rdt_group and has_closid of `from`. -EEXIST: the
 * container has one; -EIO and the like: it cannot be written.
 */
int holdings_add(struct holdings *holdings, const char *container, const struct holding *from,
		 struct holding **ret_holding) must_check;
/*
 * Records an object: call it before the object is created. The second function deletes and frees
 * the record: call it when the object was removed, or was not created. When it cannot be written,
 * the record is freed too, and the error returned.
 */
int holdings_add_created(struct holdings *holdings, struct holding *holding, enum created_kind kind,
			 const char *name) must_check;
int holdings_remove_created(struct holdings *holdings, struct holding *holding,
			    struct created *created);
/* Forgets the unit and its cgroup: the unit was not started, or no longer exists. */
int holdings_forget_unit(struct holdings *holdings, struct holding *holding);
/*
 * Changes the state along an arrow of the diagram above, and writes the holding. On failure the
 * holding is in the new state nevertheless; only the file, which a restarted hookd reads, has the
 * old one.
 */
int holdings_enter(struct holdings *holdings, struct holding *holding, enum holding_state state);
/* Returns `r`, the result of a function of this file that writes; an error gets its reason. */
int holdings_written(int r, struct hp_err *err) must_check;
/* Writes the holding to the file. The caller may replace its strings, which are malloc'ed. */
int holdings_write(struct holdings *holdings, const struct holding *holding) must_check;
/* Deletes the holding from the file. On failure keep it: a restarted hookd would read it again. */
int holdings_erase(struct holdings *holdings, struct holding *holding) must_check;
/* Frees a holding that was erased. It must have neither a watch nor a member of a resctrl group. */
void holdings_remove(struct holdings *holdings, struct holding *holding);

/* The newest object of the kind; NULL: none. */
struct created *holding_find_created(const struct holding *holding, enum created_kind kind);
bool holding_has_created(const struct holding *holding, enum created_kind kind);
