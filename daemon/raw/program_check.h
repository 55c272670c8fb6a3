/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <limits.h>
#include <stdbool.h>
#include <sys/types.h>
#include <time.h>

#include "daemon/raw/interpreter.h"

/*
 * Whether a program may be executed for a uid: its file, the interpreter of a script or the dynamic
 * loader of an ELF file, every directory above them and every symbolic link on the way belong to
 * root or to that uid, and can be written to by nobody else. Group-writable counts as writable (an
 * ACL that lets others write shows as that); a sticky directory does not, for what is in it cannot
 * be replaced by others. So what the hook is was chosen by root or by its own user, and what was
 * looked at is what will be executed. A FUSE file system says of its files what its server likes.
 *
 * A link of procfs (/proc/PID/exe) is followed by the kernel: what it leads to is looked at, and
 * the directories above that are not, for nobody can put another file there.
 *
 * Makes raw system calls only and keeps everything in the struct: it runs in a child that shares
 * hookd's memory, on a stack of a page (spawn_child.c), and in hookd-run.
 */
struct program_check {
	uid_t uid;	     /* of the hook */
	bool is_behind_proc; /* a link of procfs is part of `path` */
	/*
	 * The last file that was read and has no interpreter. Kept from one check to the next: it
	 * spares the reading. The kernel sets the time at each change, and nobody else does.
	 */
	struct {
		dev_t device;
		ino_t inode;
		struct timespec changed;
	} binary;
	char root[32];	  /* in which the program is looked up: "/proc/PID/root"; "": one's own */
	char detail[400]; /* of a failure: what of which file */
	_Alignas(8) char head[INTERPRETER_HEAD_SIZE];
	char interpreter[INTERPRETER_SIZE];
	char rest[PATH_MAX]; /* what is still to be checked: its end is that of the array */
	char path[PATH_MAX]; /* checked so far, free of symbolic links; beside the end of `rest` */
};

/*
 * `uid` and `root` are set before; all else is zero at first. 0, or an errno with check->detail:
 * EACCES where somebody else could have chosen the program. What the kernel would say of the path
 * (ENOENT, ELOOP) is said here, with an empty detail.
 */
int program_check(struct program_check *check, const char *path);
