/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <limits.h>
#include <stdbool.h>
#include <sys/types.h>
#include <time.h>

#include "daemon/raw/interpreter.h"

/*
 * Whether a program may be executed for a uid: only root or that uid may own and write to its file,
 * the interpreter of a script or the dynamic loader of an ELF file, all directories above them and
 * all symbolic links in their paths. Then root or the hook's own user chose what is executed, and
 * nobody else can replace it between the check and the exec.
 *
 * Group-writable counts as writable by others (with an ACL that lets others write, the mode shows
 * so). A sticky directory is allowed, since others cannot replace the files in it. A FUSE server
 * can report any owner and mode.
 *
 * A link of procfs (/proc/PID/exe) is resolved by the kernel and not by its text: the file that it
 * leads to is checked, but not the directories above, since nobody can put another file there.
 *
 * The check makes raw system calls only and keeps all state in the struct: it runs in a child that
 * shares hookd's memory, on a stack of one page (spawn_child.c), and in hookd-run.
 */
struct program_check {
	uid_t uid;	     /* of the hook */
	bool is_behind_proc; /* a link of procfs is part of `path` */
	/*
	 * The last file that was read and has no interpreter. It is kept from one check to the
	 * next, so that the file is not read again. Only the kernel can set the ctime, and does so
	 * at each change.
	 */
	struct {
		dev_t device;
		ino_t inode;
		struct timespec changed;
	} binary;
	char root[32];	  /* the path is resolved below it: "/proc/PID/root"; "": hookd's root */
	char detail[400]; /* of a failure: what is wrong, and the path */
	_Alignas(8) char head[INTERPRETER_HEAD_SIZE];
	char interpreter[INTERPRETER_SIZE];
	char rest[PATH_MAX]; /* not checked yet; ends at the end of the array */
	char path[PATH_MAX]; /* checked, without symbolic links */
};

/*
 * The caller sets `uid` and `root`; all else is zero before the first check. 0, or a positive
 * errno: EACCES with check->detail if others could have chosen the program, or with an empty detail
 * the error that execve(2) would return (ENOENT, ELOOP).
 */
int program_check(struct program_check *check, const char *path);
