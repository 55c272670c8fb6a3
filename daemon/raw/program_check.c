/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Resolves a program's path component by component, as the kernel will do at the exec, and checks
 * the owner and mode of each. All state is in the caller's struct; no libc: see program_check.h.
 * Compiled into hookd and into hookd-run.
 */
#include "daemon/raw/program_check.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/vfs.h>

#include "daemon/raw/raw.h"

#define LINKS_MAX 40 /* the kernel's MAXSYMLINKS */

/* ---- strings ---- */

static size_t length_of(const char *text)
{
	size_t length = 0;

	while (text[length])
		length++;
	return length;
}

/* Appends at offset *at, which is moved to the new end. False: it does not fit. */
static bool append(char *text, size_t size, size_t *at, const char *more, size_t length)
{
	if (length >= size - *at)
		return false;
	for (size_t i = 0; i < length; i++)
		text[(*at)++] = more[i];
	text[*at] = '\0';
	return true;
}

/* Writes the detail; a path that does not fit into it is left out. */
static int refuse(struct program_check *check, const char *what, const char *path)
{
	static const char setting[] = " (CheckHookFiles=)";
	size_t at = 0;

	check->detail[0] = '\0';
	(void)append(check->detail, sizeof(check->detail), &at, what, length_of(what));
	(void)append(check->detail, sizeof(check->detail) - sizeof(setting), &at, path,
		     length_of(path));
	(void)append(check->detail, sizeof(check->detail), &at, setting, sizeof(setting) - 1);
	return EACCES;
}

static bool set_rest(struct program_check *check, const char *path, char **ret_rest)
{
	size_t length = length_of(path);

	if (length >= sizeof(check->rest))
		return false;
	*ret_rest = check->rest + sizeof(check->rest) - 1 - length;
	for (size_t i = 0; i <= length; i++)
		(*ret_rest)[i] = path[i];
	return true;
}

/* ---- one entry ---- */

static int check_owner(struct program_check *check, const struct stat *st)
{
	const char *path = check->path[0] ? check->path : "/";
	bool is_safe_directory = S_ISDIR(st->st_mode) && (st->st_mode & S_ISVTX);

	if (st->st_uid != 0 && st->st_uid != check->uid)
		return refuse(check, "neither root nor the hook's user owns ", path);
	if (!S_ISLNK(st->st_mode) && (st->st_mode & (S_IWGRP | S_IWOTH)) && !is_safe_directory)
		return refuse(check, "others than its owner can write to ", path);
	return 0;
}

static int status_of(const char *path, struct stat *st, int flags)
{
	return (int)-call5(SYS_newfstatat, AT_FDCWD, (long)path, (long)st, flags, 0);
}

/* ---- symbolic links ---- */

static bool is_in_proc(const char *directory)
{
	struct statfs fs;

	return call2(SYS_statfs, (long)directory, (long)&fs) == 0 && fs.f_type == PROC_SUPER_MAGIC;
}

static void go_to_root(struct program_check *check, size_t *at)
{
	*at = 0;
	check->is_behind_proc = false;
	(void)append(check->path, sizeof(check->path), at, check->root, length_of(check->root));
}

/* Puts the link's target before the rest, and cuts the path to the link's directory or the root. */
static int replace_link(struct program_check *check, size_t *at, size_t directory, char **rest)
{
	size_t room = (size_t)(*rest - check->rest);
	long length;

	if (room < 2)
		return ENAMETOOLONG;
	length = call5(SYS_readlink, (long)check->path, (long)check->rest, (long)room - 1, 0, 0);
	if (length < 0)
		return (int)-length;
	if (length == 0 || (size_t)length >= room - 1)
		return ENAMETOOLONG;
	*--*rest = '/';
	for (long i = length; i-- > 0;)
		*--*rest = check->rest[i];
	*at = directory;
	check->path[*at] = '\0';
	if (**rest == '/')
		go_to_root(check, at);
	return 0;
}

/* ---- the walk ---- */

static int step_back(struct program_check *check, size_t *at)
{
	if (check->is_behind_proc)
		return refuse(check, "'..' behind a link of procfs: ", check->path);
	while (*at > length_of(check->root) && check->path[--*at] != '/')
		continue;
	check->path[*at] = '\0';
	return 0;
}

/* A link of procfs: the kernel does not resolve its text, so it must be followed as it is. */
static int follow_in_proc(struct program_check *check, struct stat *st)
{
	check->is_behind_proc = true;
	return status_of(check->path, st, 0);
}

/* Moves one component from `rest` to `path`; of a symbolic link its target is put into `rest`. */
static int step(struct program_check *check, size_t *at, char **rest, struct stat *st,
		int *links_left)
{
	size_t directory = *at, length = 0;
	bool is_proc;
	int error;

	while ((*rest)[length] && (*rest)[length] != '/')
		length++;
	if (!append(check->path, sizeof(check->path), at, "/", 1) ||
	    !append(check->path, sizeof(check->path), at, *rest, length))
		return ENAMETOOLONG;
	*rest += length;
	error = status_of(check->path, st, AT_SYMLINK_NOFOLLOW);
	if (!error)
		error = check_owner(check, st);
	if (error || !S_ISLNK(st->st_mode))
		return error;
	if ((*links_left)-- == 0)
		return ELOOP;
	check->path[directory] = '\0';
	is_proc = is_in_proc(directory ? check->path : "/");
	check->path[directory] = '/';
	if (!is_proc)
		return replace_link(check, at, directory, rest);
	error = follow_in_proc(check, st);
	return error ? error : check_owner(check, st);
}

static bool skip(char **rest, const char *word)
{
	size_t length = length_of(word);

	for (size_t i = 0; i < length; i++)
		if ((*rest)[i] != word[i])
			return false;
	if ((*rest)[length] && (*rest)[length] != '/')
		return false;
	*rest += length;
	return true;
}

/* The path without symbolic links is left in check->path, the status of the file in *st. */
static int walk(struct program_check *check, const char *path, struct stat *st)
{
	int links_left = LINKS_MAX, error;
	size_t at = 0;
	char *rest;

	if (path[0] != '/')
		return refuse(check, "not an absolute path: ", path);
	if (!set_rest(check, path, &rest))
		return ENAMETOOLONG;
	go_to_root(check, &at);
	error = status_of(at ? check->path : "/", st, 0);
	if (!error)
		error = check_owner(check, st);
	while (!error && *rest) {
		if (*rest == '/')
			rest++;
		else if (skip(&rest, ".."))
			error = step_back(check, &at);
		else if (!skip(&rest, "."))
			error = step(check, &at, &rest, st, &links_left);
	}
	/* For a directory or a FIFO execve(2) fails with EACCES, too. */
	return error ? error : S_ISREG(st->st_mode) ? 0 : EACCES;
}

/* ---- interpreters ---- */

static bool is_known_binary(const struct program_check *check, const struct stat *st)
{
	return check->binary.inode == st->st_ino && check->binary.device == st->st_dev &&
	       check->binary.changed.tv_sec == st->st_ctim.tv_sec &&
	       check->binary.changed.tv_nsec == st->st_ctim.tv_nsec;
}

/*
 * The interpreter of the file check->path; NULL: none. A file that cannot be read counts as a
 * program without one: if it is a script, its interpreter will not be able to read it either.
 */
static const char *interpreter_of(struct program_check *check, const struct stat *st)
{
	enum interpreter kind = INTERPRETER_NONE;
	long fd;

	if (is_known_binary(check, st))
		return NULL;
	fd = call5(SYS_open, (long)check->path, O_RDONLY | O_CLOEXEC | O_NONBLOCK, 0, 0, 0);
	if (fd >= 0) {
		kind = interpreter_read((int)fd, check->head, check->interpreter);
		call2(SYS_close, fd, 0);
	}
	if (kind != INTERPRETER_NONE)
		return check->interpreter;
	check->binary.device = st->st_dev;
	check->binary.inode = st->st_ino;
	check->binary.changed = st->st_ctim;
	return NULL;
}

int program_check(struct program_check *check, const char *path)
{
	struct stat st;

	check->detail[0] = '\0';
	for (int i = 0; path && i <= INTERPRETERS_MAX; i++) {
		int error = walk(check, path, &st);

		if (error)
			return error;
		path = interpreter_of(check, &st);
	}
	return path ? ELOOP : 0;
}
