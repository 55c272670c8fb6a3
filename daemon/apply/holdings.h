/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <sys/queue.h>
#include <sys/types.h>

#include "daemon/base/base.h"

/*
 * What hookd holds for callers: for each container the process, and what was made for it and must
 * be taken away again. In memory, and in a SQLite file in the state directory that is written
 * before each step that makes something, so that a hookd that was killed knows on its return.
 */

enum made_kind {
	MADE_CGROUP,	/* a directory; name: its path below the cgroup2 mount */
	MADE_UNIT,	/* a systemd scope or slice */
	MADE_RDT_GROUP, /* name: of the resctrl group */
	MADE_RDT_MON_GROUP,
	MADE_KIND_COUNT,
};

struct made {
	enum made_kind kind;
	char *name;
	int64_t row;
	TAILQ_ENTRY(made) link; /* holding::made, the last made first */
};

struct rdt_member;
struct watch;

/*
 * What is done to a holding now. Whoever has entered a state other than HELD is its one owner until
 * it leaves it: nobody else changes or frees the holding, and what happens meanwhile (a Release,
 * the end of the process) is refused, or left to the owner to look at in the end.
 *
 *	(free) --Apply--> MAKING --done--> HELD <--> CHANGING (Update)
 *	                    |               | ^
 *	                    | failed        | | something could not be removed
 *	                    v               v |
 *	                    `-----------> REMOVING --nothing is left--> (free)
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
	enum holding_state state; /* changed by holdings_enter() alone */
	bool has_ended;		  /* the process; what was made for it is to go */
	bool is_mixed;		  /* an Update was cut short: limits are old or new, */
	char *mixed;		  /* those of these names (mixed.h); while CHANGING, what may be */
	bool is_to_go;		  /* what is left of a failed Apply: removed whenever that works */
	bool is_systemd;	  /* the cgroup's driver */
	char *cgroup_path;	  /* below the mount, starts with '/'; NULL: none was asked for */
	char *unit;		  /* systemd's; NULL: none */
	/* systemd is known to have made the unit for this holding; else it may be one of others. */
	bool is_unit_ours;
	char *mark; /* by which the unit is known again; NULL: an older hookd wrote none */
	/* The way back, until Apply has worked: where the process came from; NULL: not known. */
	char *former_path;	       /* its cgroup */
	char *former_group;	       /* of resctrl */
	char *rdt_group;	       /* "/" for the default one; NULL: none was asked for */
	struct rdt_member *rdt_member; /* since this daemon was started; release.c looks after it */
	struct watch *watch;	       /* applier.c's; NULL: none */
	unsigned int process;	       /* 1u << enum process_attribute */
	char *ignored; /* what could not be done and may be left out; NULL: nothing */
	TAILQ_HEAD(, made) made;
	TAILQ_ENTRY(holding) link; /* holdings::list, oldest first */
};

struct holdings;

/*
 * Opens or makes DIRECTORY/holdings.db and reads it; NULL: in memory only. A file that is not ours,
 * is empty or is damaged is renamed to holdings.db.bad (file_set_aside()) and *ret_set_aside says
 * so. What was written in another boot is dropped: all it speaks of is gone. -EBUSY where another
 * process has locked it, and still has after a second. Blocks for the file's reads and writes, and
 * never for a disk.
 */
int holdings_open(const char *directory, struct holdings **ret_holdings,
		  bool *ret_set_aside) must_check;
/* Who has locked the file; 0: nobody any more. Not while it is open. */
pid_t holdings_locker(const char *directory);
struct holdings *holdings_close(struct holdings *holdings);

struct holding *holdings_first(struct holdings *holdings);
struct holding *holdings_next(struct holding *holding);
struct holding *holdings_find(struct holdings *holdings, const char *container);

/*
 * A new one, MAKING, with a mark of its own and what of `from` is known before anything is made:
 * pid, start_time, uid, and copies of former_path, former_group, cgroup_path and rdt_group.
 * -EEXIST; -EIO and the like where it cannot be written.
 */
int holdings_add(struct holdings *holdings, const char *container, const struct holding *from,
		 struct holding **ret_holding) must_check;
/* Before something is made; and when it was taken away again, or was not made. */
int holdings_making(struct holdings *holdings, struct holding *holding, enum made_kind kind,
		    const char *name) must_check;
int holdings_unmade(struct holdings *holdings, struct holding *holding, struct made *made);
/* The unit was not made, or is not there any more: nor is its cgroup. */
int holdings_forget_unit(struct holdings *holdings, struct holding *holding);
/*
 * From one state to the next, as drawn above, and writes it. Where that fails the holding is in the
 * new state all the same: the file is for who comes after a crash.
 */
int holdings_enter(struct holdings *holdings, struct holding *holding, enum holding_state state);
/* Writes the holding as it is now. Strings of it are malloc'ed and the caller's to set. */
int holdings_write(struct holdings *holdings, const struct holding *holding) must_check;
/* Takes it out of the file. Where that fails it is held on, for the next hookd would read it. */
int holdings_erase(struct holdings *holdings, struct holding *holding) must_check;
/* Forgets one that is erased, has no watch and no member of resctrl. */
void holdings_remove(struct holdings *holdings, struct holding *holding);

/* The last one that was made of the kind; NULL: none. */
struct made *holding_find_made(const struct holding *holding, enum made_kind kind);
bool holding_has_made(const struct holding *holding, enum made_kind kind);
