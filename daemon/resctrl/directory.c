/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Owns the list of resctrl groups that hookd uses, and their counts of users.
 *
 * A group was made by hookd, which removes it with its last user unless that is a class to be kept,
 * or was there before. The names of
 * the groups made are also in a file, from before the mkdir until after the rmdir: a machine has
 * few groups, and one that a killed hookd has left would be lost until the next boot. The file is
 * replaced at each change. It is not synced, since groups do not outlive a boot either.
 */
#include "daemon/resctrl/directory.h"

#include <assert.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "daemon/base/file.h"
#include "proto/base/buf.h"
#include "proto/settings/resources.h"

#define JOURNAL	       "resctrl-groups"
#define JOURNAL_BYTES  (64 * 1024)
#define BOOT_ID_LENGTH 36

/* ---- the file: a line with the boot id, then a line with the path of each group ---- */

static void append_line(struct hp_buf *text, const char *line)
{
	hp_buf_append(text, line, strlen(line));
	hp_buf_append(text, "\n", 1);
}

/* By rename(2), so that the file is always complete. */
static int replace_journal(int state_directory, const struct hp_buf *text)
{
	cleanup_close int fd =
	    file_open_own(state_directory, JOURNAL ".new", O_WRONLY | O_CREAT | O_TRUNC);
	ssize_t written;
	int r = 0;

	if (fd == -EILSEQ && unlinkat(state_directory, JOURNAL ".new", 0) == 0)
		fd = file_open_own(state_directory, JOURNAL ".new", O_WRONLY | O_CREAT | O_EXCL);
	if (fd < 0)
		return fd;
	written = text->failed ? -1 : write(fd, text->data, text->length);
	if (written != (ssize_t)text->length)
		r = text->failed ? -ENOMEM : written < 0 ? -errno : -ENOSPC;
	if (r == 0 && renameat(state_directory, JOURNAL ".new", state_directory, JOURNAL) < 0)
		r = -errno;
	if (r < 0)
		(void)unlinkat(state_directory, JOURNAL ".new", 0);
	return r;
}

/* A class stays without users, so the next hookd must not remove it either. */
static bool is_kept(const struct rdt_directories *directories,
		    const struct rdt_directory *directory)
{
	return directory->is_class && !directory->is_leftover && directories->keeps_classes;
}

static int write_journal(const struct rdt_directories *directories, const char *about_to_be_made)
{
	const struct rdt_directory *directory;
	struct hp_buf text = HP_BUF_INIT;
	int r;

	if (directories->state_directory < 0)
		return 0;
	append_line(&text, directories->boot);
	if (about_to_be_made)
		append_line(&text, about_to_be_made);
	LIST_FOREACH (directory, &directories->list, link)
		if (directory->is_made && !is_kept(directories, directory))
			append_line(&text, directory->path);
	r = replace_journal(directories->state_directory, &text);
	hp_buf_free(&text);
	return r;
}

/*
 * After the end of a group. If it fails the file names a group too many, until it is written again;
 * a later hookd removes one of that name only if it has no tasks.
 */
static void rewrite_journal(const struct rdt_directories *directories)
{
	(void)write_journal(directories, NULL);
}

/* ---- the list ---- */

void rdt_directories_init(struct rdt_directories *directories)
{
	LIST_INIT(&directories->list);
	directories->keeps_classes = true;
	directories->state_directory = -1;
}

static void directory_free(struct rdt_directory *directory)
{
	LIST_REMOVE(directory, link);
	free(directory->path);
	free(directory);
}

void rdt_directories_clear(struct rdt_directories *directories)
{
	while (!LIST_EMPTY(&directories->list))
		directory_free(LIST_FIRST(&directories->list));
	close_fd(&directories->state_directory);
}

struct rdt_directory *rdt_directory_find(const struct rdt_directories *directories,
					 const char *path)
{
	struct rdt_directory *directory;

	LIST_FOREACH (directory, &directories->list, link)
		if (strcmp(directory->path, path) == 0)
			return directory;
	return NULL;
}

static struct rdt_directory *directory_new(struct rdt_directories *directories, const char *path)
{
	struct rdt_directory *directory = calloc(1, sizeof(*directory));

	if (!directory)
		return NULL;
	directory->path = strdup(path);
	if (!directory->path) {
		free(directory);
		return NULL;
	}
	LIST_INSERT_HEAD(&directories->list, directory, link);
	return directory;
}

bool rdt_directory_can_be_made(const char *path)
{
	static const char middle[] = "/mon_groups/";
	const char *found = strstr(path, middle);
	char group[NAME_MAX + 1];

	if (!found)
		return hp_is_resctrl_group_name(path);
	if (found - path > NAME_MAX)
		return false;
	snprintf(group, sizeof(group), "%.*s", (int)(found - path), path);
	return (strcmp(group, ".") == 0 || hp_is_resctrl_group_name(group)) &&
	       hp_is_resctrl_group_name(found + strlen(middle));
}

/* ---- groups of an earlier hookd ---- */

int rdt_directory_adopt(struct rdt_directories *directories, const char *path)
{
	struct rdt_directory *directory = directory_new(directories, path);

	if (!directory)
		return -ENOMEM;
	directory->is_made = true;
	directory->is_leftover = true;
	return 0;
}

/* True where the text begins with a boot id and ends with a newline, as hookd writes it. */
static bool is_journal(const char *text, ssize_t length)
{
	return length > BOOT_ID_LENGTH && length < JOURNAL_BYTES - 1 &&
	       strlen(text) == (size_t)length && text[length - 1] == '\n' &&
	       strspn(text, "0123456789abcdef-") == BOOT_ID_LENGTH && text[BOOT_ID_LENGTH] == '\n';
}

/* The length; 0: no such file; -EILSEQ: it is damaged, or not hookd's; or another -errno. */
static ssize_t read_text(int state_directory, char *text)
{
	cleanup_close int fd = file_open_own(state_directory, JOURNAL, O_RDONLY);
	ssize_t length;

	if (fd < 0)
		return fd == -ENOENT ? 0 : fd;
	length = read(fd, text, JOURNAL_BYTES - 1);
	if (length < 0)
		return -errno;
	text[length] = '\0';
	return is_journal(text, length) ? length : -EILSEQ;
}

static int read_journal(struct rdt_directories *directories, char *text,
			bool (*is_held)(const char *path, void *userdata), void *userdata)
{
	ssize_t length = read_text(directories->state_directory, text);
	char *line;
	int r = 0;

	if (length == -EILSEQ) {
		r = file_set_aside(directories->state_directory, JOURNAL, "bad", NULL);
		return r < 0 ? r : 1;
	}
	if (length <= 0 || strcmp(strsep(&text, "\n"), directories->boot) != 0)
		return (int)(length < 0 ? length : 0);
	while (r == 0 && (line = strsep(&text, "\n")))
		if (rdt_directory_can_be_made(line) && !is_held(line, userdata))
			r = rdt_directory_adopt(directories, line);
	return r;
}

int rdt_directories_open(struct rdt_directories *directories, const char *state_directory,
			 bool (*is_held)(const char *path, void *userdata), void *userdata)
{
	cleanup_free char *text = malloc(JOURNAL_BYTES);
	int r = text ? file_boot_id(directories->boot) : -ENOMEM;

	assert(directories->state_directory < 0);
	if (r < 0)
		return r;
	directories->state_directory = open(state_directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (directories->state_directory < 0)
		return -errno;
	r = read_journal(directories, text, is_held, userdata);
	if (r < 0)
		close_fd(&directories->state_directory); /* leaves the file for the next hookd */
	else
		rewrite_journal(directories);
	return r;
}

/* ---- users ---- */

int rdt_directory_make(struct rdt_directories *directories, const struct rdt_fs *fs,
		       const char *path, const char *member, struct hp_err *err)
{
	struct stat st;
	int r;

	if (fstatat(fs->root, path, &st, AT_SYMLINK_NOFOLLOW) == 0)
		return 0;
	/* One that is not recorded would outlive a hookd that is killed. */
	r = write_journal(directories, path);
	if (r < 0)
		return hp_err_setting(err, -EIO, member,
				      "the group cannot be recorded in " JOURNAL ": %s",
				      strerror(-r));
	r = mkdirat(fs->root, path, 0755) < 0 ? -errno : 1;
	if (r < 0)
		rewrite_journal(directories);
	if (r == -EEXIST)
		return 0;
	return r < 0 ? rdt_fs_fail_to_make(fs, r, member, err) : r;
}

int rdt_directory_enter(struct rdt_directories *directories, const struct rdt_fs *fs,
			const char *path, bool is_made, struct rdt_directory **ret_directory)
{
	struct rdt_directory *directory = rdt_directory_find(directories, path);
	struct stat st;

	if (fstatat(fs->root, path, &st, AT_SYMLINK_NOFOLLOW) < 0 || !S_ISDIR(st.st_mode))
		return -ENOENT;
	if (!directory)
		directory = directory_new(directories, path);
	if (!directory) {
		if (is_made && unlinkat(fs->root, path, AT_REMOVEDIR) == 0)
			rewrite_journal(directories);
		return -ENOMEM;
	}
	directory->users++;
	directory->is_made |= is_made;
	*ret_directory = directory;
	return 0;
}

void rdt_directory_make_class(struct rdt_directories *directories, struct rdt_directory *directory)
{
	bool was_recorded = directory->is_made && !is_kept(directories, directory);

	assert(directory->users > 0);
	directory->is_class = true;
	directory->is_leftover = false;
	if (was_recorded && is_kept(directories, directory))
		rewrite_journal(directories);
}

bool rdt_directory_has_tasks(const struct rdt_fs *fs, const char *path)
{
	char text[16];

	return rdt_fs_read(fs, path, "tasks", text, sizeof(text)) > 0;
}

void rdt_directory_forget(struct rdt_directories *directories, struct rdt_directory *directory)
{
	bool is_made = directory->is_made;

	assert(directory->users == 0);
	directory_free(directory);
	if (is_made)
		rewrite_journal(directories);
}

void rdt_directory_leave(struct rdt_directories *directories, const struct rdt_fs *fs,
			 struct rdt_directory *directory)
{
	if (!directory)
		return;
	assert(directory->users > 0);
	if (--directory->users > 0)
		return;
	if (directory->is_made && fs->root >= 0 && !is_kept(directories, directory)) {
		if ((directory->is_class || directory->is_leftover) &&
		    rdt_directory_has_tasks(fs, directory->path))
			return; /* tried again when a later user leaves it */
		(void)unlinkat(fs->root, directory->path, AT_REMOVEDIR);
	}
	rdt_directory_forget(directories, directory);
}

/* A monitoring group before the group that it is in. */
void rdt_directories_remove_unused(struct rdt_directories *directories, const struct rdt_fs *fs)
{
	struct rdt_directory *directory, *next;

	for (int pass = 0; pass < 2; pass++)
		for (directory = LIST_FIRST(&directories->list); directory; directory = next) {
			next = LIST_NEXT(directory, link);
			if (directory->users > 0 || !directory->is_made ||
			    (pass == 0 && !strchr(directory->path, '/')))
				continue;
			directory->users++;
			rdt_directory_leave(directories, fs, directory);
		}
}
