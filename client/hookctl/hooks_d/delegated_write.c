/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Writes the directory of delegated files. Which of its files are ours stands in a file there,
 * which the engines ignore, since its name does not end in ".json" (delegated_own.h).
 *
 * First everything is checked, then all new texts are written under other names, then they are
 * renamed. So what usually fails, such as a full disk, fails before anything has changed.
 */

#include "client/hookctl/hooks_d/delegated_write.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "client/hookctl/hooks_d/delegated_own.h"
#include "client/hookctl/table/escape.h"
#include "proto/base/write_all.h"

#define OWN_NAME DELEGATED_OWN_NAME
/* While it is written; the number of the file. */
#define NEW_NAME OWN_NAME "-%zu"

enum change { UNCHANGED, CREATED, CHANGED, FOREIGN };

struct directory {
	struct ctl *ctl;
	const char *path;
	int fd;
	const struct delegated_list *files;
	enum change *changes; /* of each file; FOREIGN: somebody else's with the same text */
	size_t change_count;
	size_t first_new; /* the number of the first new name */
	mode_t umask;

	/* What an earlier call has written. */
	struct delegated_own own;
	struct hp_buf own_text; /* the file that has it */
};

static int fail(const struct directory *directory, const char *name, int error)
{
	return ctl_usage("--output: %s/%s: %s", directory->path, name, strerror(error));
}

static int no_memory(void)
{
	return ctl_usage("%s", strerror(ENOMEM));
}

/* ---- what is there ---- */

/* 0, or an exit status after a message; it is held until the fd is closed. */
static int open_directory(struct directory *directory)
{
	int error = 0;

	if (mkdir(directory->path, 0777) < 0 && errno != EEXIST)
		error = errno;
	if (error == 0)
		directory->fd = open(directory->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (error == 0 && directory->fd < 0)
		error = errno;
	if (error == 0 && flock(directory->fd, LOCK_EX | LOCK_NB) < 0) {
		if (errno == EWOULDBLOCK)
			return ctl_usage("--output=%s: another hookctl is writing there",
					 directory->path);
		error = errno;
	}
	return error == 0 ? 0 : ctl_usage("--output=%s: %s", directory->path, strerror(error));
}

/* -ENOENT: there is none. Of what is no regular file -EINVAL. */
static int load(const struct directory *directory, const char *name, struct hp_buf *text,
		mode_t *ret_mode)
{
	struct stat status;
	struct hp_err err = {0};
	char *path;
	int r;

	if (fstatat(directory->fd, name, &status, AT_SYMLINK_NOFOLLOW) < 0)
		return -errno;
	if (!S_ISREG(status.st_mode))
		return -EINVAL;
	*ret_mode = status.st_mode & 0777;
	if (asprintf(&path, "%s/%s", directory->path, name) < 0)
		return -ENOMEM;
	r = document_load(text, path, &err);
	free(path);
	return r;
}

static int read_own(struct directory *directory)
{
	mode_t mode;
	int r = load(directory, OWN_NAME, &directory->own_text, &mode);

	if (r == -ENOENT)
		return 0;
	if (r == 0)
		r = delegated_own_read(&directory->own_text, &directory->own);
	if (r == -EINVAL)
		return ctl_usage("--output: %s/" OWN_NAME ": is damaged", directory->path);
	return r < 0 ? fail(directory, OWN_NAME, -r) : 0;
}

/* Whether an earlier call has written what is there now. */
static bool is_own(const struct directory *directory, const char *name, const struct hp_buf *text)
{
	return delegated_own_has(&directory->own, name, delegated_digest(text));
}

/* 2, after a message, for a file that is not to be replaced. */
static int refuse(const struct directory *directory, const char *name)
{
	if (delegated_own_has_name(&directory->own, name))
		return ctl_usage("--output: %s/%s: has changed since hookctl delegate wrote it, "
				 "and is not replaced",
				 directory->path, name);
	return ctl_usage("--output: %s/%s: is not from hookctl delegate, and is not replaced",
			 directory->path, name);
}

static enum change change_of_same(const struct directory *directory, const struct delegated *file,
				  mode_t mode)
{
	if (!is_own(directory, file->name, &file->text)) {
		ctl_note(directory->ctl,
			 "%s/%s: is not from hookctl delegate, has the same text, and stays",
			 directory->path, file->name);
		return FOREIGN;
	}
	return mode == (file->mode & ~directory->umask) ? UNCHANGED : CHANGED;
}

/* 0, or an exit status after a message. */
static int compare(struct directory *directory, size_t index)
{
	const struct delegated *file = &directory->files->list[index];
	enum change *change = &directory->changes[index];
	struct hp_buf text = HP_BUF_INIT;
	mode_t mode = 0;
	int r = load(directory, file->name, &text, &mode), exit_status = 0;

	*change = CHANGED;
	if (r == -ENOENT)
		*change = CREATED;
	else if (r < 0 && r != -EINVAL && r != -EMSGSIZE)
		exit_status = fail(directory, file->name, -r);
	else if (r == 0 && text.length == file->text.length &&
		 memcmp(text.data, file->text.data, text.length) == 0)
		*change = change_of_same(directory, file, mode);
	else if (r < 0 || !is_own(directory, file->name, &text))
		exit_status = refuse(directory, file->name);
	hp_buf_free(&text);
	directory->change_count += *change == CREATED || *change == CHANGED;
	return exit_status;
}

static int compare_all(struct directory *directory)
{
	int exit_status = 0;

	for (size_t i = 0; i < directory->files->count; i++) {
		int status = compare(directory, i);

		exit_status = status != 0 ? status : exit_status;
	}
	return exit_status;
}

/* ---- writing ---- */

static int write_to_disk(int fd, const struct hp_buf *text)
{
	int r = write_all(fd, text->data, text->length);

	return r == 0 && fsync(fd) < 0 ? -errno : r;
}

static int write_new(const struct directory *directory, const char *name, const struct hp_buf *text,
		     unsigned int mode)
{
	int fd, r;

	/* What a hookctl that was killed has left. */
	if (unlinkat(directory->fd, name, 0) < 0 && errno != ENOENT)
		return -errno;
	fd =
	    openat(directory->fd, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, mode);
	if (fd < 0)
		return -errno;
	/* A default ACL of the directory would give others than the next call expects. */
	r = fchmod(fd, mode & ~directory->umask) < 0 ? -errno : write_to_disk(fd, text);
	if (close(fd) < 0 && r == 0)
		r = -errno;
	if (r < 0)
		unlinkat(directory->fd, name, 0);
	return r;
}

static void new_name(const struct directory *directory, size_t index, char ret[static 64])
{
	snprintf(ret, 64, NEW_NAME, directory->first_new + index);
}

/* Of each file and of the list, without those that are directories: somebody else's. */
static void choose_new_names(struct directory *directory)
{
	size_t needed = directory->files->count + 1, next = 0;
	struct stat status;
	char name[64];

	directory->first_new = 0;
	while (next < directory->first_new + needed) {
		snprintf(name, sizeof(name), NEW_NAME, next++);
		if (fstatat(directory->fd, name, &status, AT_SYMLINK_NOFOLLOW) == 0 &&
		    S_ISDIR(status.st_mode))
			directory->first_new = next;
	}
}

static bool is_written(const struct directory *directory, size_t index)
{
	return directory->changes[index] == CREATED || directory->changes[index] == CHANGED;
}

static void remove_new(const struct directory *directory)
{
	char name[64];

	for (size_t i = 0; i < directory->files->count; i++) {
		new_name(directory, i, name);
		if (is_written(directory, i))
			unlinkat(directory->fd, name, 0);
	}
}

static int write_all_new(const struct directory *directory)
{
	char name[64];

	for (size_t i = 0; i < directory->files->count; i++) {
		const struct delegated *file = &directory->files->list[i];
		int r;

		if (!is_written(directory, i))
			continue;
		new_name(directory, i, name);
		r = write_new(directory, name, &file->text, file->mode);
		if (r < 0)
			return fail(directory, file->name, -r);
	}
	return 0;
}

static bool is_among(const struct delegated_list *files, const char *name)
{
	for (size_t i = 0; i < files->count; i++)
		if (strcmp(files->list[i].name, name) == 0)
			return true;
	return false;
}

/* Takes the text. */
static int replace_own(struct directory *directory, const char *name, struct hp_buf *text)
{
	struct hp_buf *own = &directory->own_text;
	int r;

	if (text->length == own->length && memcmp(text->data, own->data, own->length) == 0)
		return 0;
	r = write_new(directory, name, text, 0666);
	if (r == 0 && renameat(directory->fd, name, directory->fd, OWN_NAME) < 0)
		r = -errno;
	/* Now that is the text of the file. */
	if (r == 0) {
		hp_buf_free(own);
		*own = *text;
		*text = HP_BUF_INIT;
	}
	return r;
}

/* With `has_old` also those of before, some of which are still there. */
static int write_own(struct directory *directory, bool has_old)
{
	const struct delegated_own *own = &directory->own;
	size_t count = directory->files->count, used = 0;
	struct delegated_own_file *list = calloc(count + own->count + 1, sizeof(*list));
	struct hp_buf text = HP_BUF_INIT;
	char name[64];
	int r = -ENOMEM;

	if (list == NULL)
		return no_memory();
	for (size_t i = 0; i < count; i++) {
		const struct delegated *file = &directory->files->list[i];

		if (directory->changes[i] != FOREIGN)
			list[used++] =
			    (struct delegated_own_file){file->name, delegated_digest(&file->text)};
	}
	for (size_t i = 0; has_old && i < own->count; i++)
		if (!delegated_own_has(&(struct delegated_own){.list = list, .count = used},
				       own->list[i].name, own->list[i].digest))
			list[used++] = own->list[i];
	delegated_own_write(list, used, &text);
	new_name(directory, count, name);
	if (!text.failed)
		r = replace_own(directory, name, &text);
	hp_buf_free(&text);
	free(list);
	return r == 0 ? 0 : fail(directory, OWN_NAME, -r);
}

static void say(const struct directory *directory, const char *what, const char *name)
{
	struct hp_buf text = HP_BUF_INIT, line = HP_BUF_INIT;

	hp_buf_format(&text, "%s %s/%s", what, directory->path, name);
	escape_append(&line, text.data, text.length, ESCAPE_LINE);
	if (!directory->ctl->is_quiet && !text.failed && !line.failed)
		printf("%.*s\n", (int)line.length, line.data);
	hp_buf_free(&line);
	hp_buf_free(&text);
}

static int rename_all(const struct directory *directory)
{
	char name[64];

	for (size_t i = 0; i < directory->files->count; i++) {
		const char *file = directory->files->list[i].name;

		if (!is_written(directory, i))
			continue;
		new_name(directory, i, name);
		if (renameat(directory->fd, name, directory->fd, file) < 0)
			return fail(directory, file, errno);
		say(directory, directory->changes[i] == CREATED ? "created" : "changed", file);
	}
	return 0;
}

/* 0, or an exit status after a message. One that somebody has changed is theirs now. */
static int remove_own(struct directory *directory, const char *name)
{
	struct hp_buf text = HP_BUF_INIT;
	mode_t mode;
	int r = load(directory, name, &text, &mode);
	bool is_ours = r == 0 && is_own(directory, name, &text);

	hp_buf_free(&text);
	if (r == -ENOENT)
		return 0;
	if (r < 0 && r != -EINVAL && r != -EMSGSIZE)
		return fail(directory, name, -r);
	if (!is_ours) {
		ctl_error("%s/%s: has changed since hookctl delegate wrote it, and is not removed",
			  directory->path, name);
		return 0;
	}
	if (unlinkat(directory->fd, name, 0) < 0)
		return errno == ENOENT ? 0 : fail(directory, name, errno);
	directory->change_count++;
	say(directory, "removed", name);
	return 0;
}

static int remove_old(struct directory *directory)
{
	const struct delegated_own *own = &directory->own;
	int r = 0;

	for (size_t i = 0; r == 0 && i < own->count; i++) {
		const struct delegated_own before = {.list = own->list, .count = i};
		const char *name = own->list[i].name;

		if (!is_among(directory->files, name) && !delegated_own_has_name(&before, name))
			r = remove_own(directory, name);
	}
	return r;
}

static int write_directory(struct directory *directory)
{
	int r;

	choose_new_names(directory);
	r = write_all_new(directory);
	if (r == 0)
		r = write_own(directory, true);
	if (r == 0)
		r = rename_all(directory);
	if (r != 0)
		remove_new(directory);
	if (r == 0)
		r = remove_old(directory);
	if (r == 0)
		r = write_own(directory, false);
	if (r == 0 && fsync(directory->fd) < 0)
		r = fail(directory, "", errno);
	if (r == 0 && directory->change_count == 0)
		ctl_note(directory->ctl, "Nothing changes");
	return r;
}

int delegated_write(struct ctl *ctl, const char *path, const struct delegated_list *list)
{
	struct directory directory = {
	    .ctl = ctl,
	    .path = path,
	    .fd = -1,
	    .files = list,
	    .changes = calloc(list->count + 1, sizeof(enum change)),
	    .own_text = HP_BUF_INIT,
	    .own.arena = HP_ARENA_INIT,
	};
	int r = directory.changes != NULL ? open_directory(&directory) : no_memory();

	directory.umask = umask(0);
	umask(directory.umask);
	if (r == 0)
		r = read_own(&directory);
	if (r == 0)
		r = compare_all(&directory);
	if (r == 0)
		r = write_directory(&directory);
	if (directory.fd >= 0)
		close(directory.fd);
	free(directory.changes);
	hp_buf_free(&directory.own_text);
	delegated_own_free(&directory.own);
	return r;
}
