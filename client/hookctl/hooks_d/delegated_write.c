/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Writes the directory of delegated files. Which of its files are ours stands in a file there,
 * which the engines ignore, since its name does not end in ".json".
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

#include "proto/base/limits.h"
#include "proto/json/json_writer.h"

#define OWN_NAME ".hookctl-delegate"
/* While it is written; the number of the file. */
#define NEW_NAME OWN_NAME "-%zu"

enum change { UNCHANGED, CREATED, CHANGED };

struct directory {
	struct ctl *ctl;
	const char *path;
	int fd;
	const struct delegated_list *files;
	enum change *changes; /* of each file */
	size_t change_count;

	/* The names that an earlier call has written. */
	char **own;
	struct hp_buf own_text; /* the file that has them */
	struct hp_arena arena;
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
static int load(const struct directory *directory, const char *name, struct hp_buf *text)
{
	struct stat status;
	struct hp_err err = {0};
	char *path;
	int r;

	if (fstatat(directory->fd, name, &status, AT_SYMLINK_NOFOLLOW) < 0)
		return -errno;
	if (!S_ISREG(status.st_mode))
		return -EINVAL;
	if (asprintf(&path, "%s/%s", directory->path, name) < 0)
		return -ENOMEM;
	r = document_load(text, path, &err);
	free(path);
	return r;
}

/* A name that leads out of the directory, or to what the engines do not read, is not ours. */
static bool may_be_own(const char *name)
{
	size_t length = strlen(name);

	return strchr(name, '/') == NULL && length >= 5 && strcmp(name + length - 5, ".json") == 0;
}

static int read_own(struct directory *directory)
{
	static char *none[] = {NULL};
	struct hp_json json = {0};
	struct hp_err err = {0};
	int r = load(directory, OWN_NAME, &directory->own_text);

	directory->own = none;
	if (r == -ENOENT)
		return 0;
	if (r == 0)
		r = hp_json_parse(&json, directory->own_text.data, directory->own_text.length,
				  &err);
	if (r == 0)
		r = hp_json_get_strings(hp_json_member(hp_json_root(&json), "files"),
					&directory->arena, UINT32_MAX, &directory->own, &err);
	hp_json_free(&json);
	for (size_t i = 0; r == 0 && directory->own[i] != NULL; i++)
		if (!may_be_own(directory->own[i]))
			r = -EINVAL;
	if (r == -EINVAL)
		return ctl_usage("--output: %s/" OWN_NAME ": is damaged", directory->path);
	return r < 0 ? fail(directory, OWN_NAME, -r) : 0;
}

static bool is_own(const struct directory *directory, const char *name)
{
	for (size_t i = 0; directory->own[i] != NULL; i++)
		if (strcmp(directory->own[i], name) == 0)
			return true;
	return false;
}

/* The exit status of a file of somebody else's. */
static int compare(struct directory *directory, size_t index)
{
	const struct delegated *file = &directory->files->list[index];
	enum change *change = &directory->changes[index];
	struct hp_buf text = HP_BUF_INIT;
	int r = load(directory, file->name, &text);
	bool is_same = r == 0 && text.length == file->text.length &&
		       memcmp(text.data, file->text.data, text.length) == 0;

	hp_buf_free(&text);
	if (is_same)
		return 0;
	directory->change_count++;
	*change = r == -ENOENT ? CREATED : CHANGED;
	if (r == -ENOENT || (r == 0 && is_own(directory, file->name)))
		return 0;
	if (r < 0 && r != -EINVAL && r != -EMSGSIZE)
		return fail(directory, file->name, -r);
	return ctl_usage("--output: %s/%s: is not from hookctl delegate, and is not replaced",
			 directory->path, file->name);
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

static int write_all(int fd, const struct hp_buf *text)
{
	for (size_t done = 0; done < text->length;) {
		ssize_t n = write(fd, text->data + done, text->length - done);

		if (n < 0 && errno != EINTR)
			return -errno;
		done += n < 0 ? 0 : (size_t)n;
	}
	return fsync(fd) < 0 ? -errno : 0;
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
	r = write_all(fd, text);
	if (close(fd) < 0 && r == 0)
		r = -errno;
	if (r < 0)
		unlinkat(directory->fd, name, 0);
	return r;
}

static void new_name(size_t index, char ret[static 64])
{
	snprintf(ret, 64, NEW_NAME, index);
}

static void remove_new(const struct directory *directory)
{
	char name[64];

	for (size_t i = 0; i < directory->files->count; i++) {
		new_name(i, name);
		if (directory->changes[i] != UNCHANGED)
			unlinkat(directory->fd, name, 0);
	}
}

static int write_all_new(const struct directory *directory)
{
	char name[64];

	for (size_t i = 0; i < directory->files->count; i++) {
		const struct delegated *file = &directory->files->list[i];
		int r;

		if (directory->changes[i] == UNCHANGED)
			continue;
		new_name(i, name);
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
	struct hp_buf text = HP_BUF_INIT;
	struct hp_json_writer writer = HP_JSON_WRITER_INIT(&text);
	size_t count = directory->files->count;
	char name[64];
	int r;

	hp_json_begin(&writer, '{');
	hp_json_key(&writer, "files");
	hp_json_begin(&writer, '[');
	for (size_t i = 0; i < count; i++)
		hp_json_put_string(&writer, directory->files->list[i].name);
	for (size_t i = 0; has_old && directory->own[i] != NULL; i++)
		if (!is_among(directory->files, directory->own[i]))
			hp_json_put_string(&writer, directory->own[i]);
	hp_json_end(&writer, ']');
	hp_json_end(&writer, '}');
	hp_buf_append(&text, "\n", 1);
	new_name(count, name);
	r = text.failed ? -ENOMEM : replace_own(directory, name, &text);
	hp_buf_free(&text);
	return r == 0 ? 0 : fail(directory, OWN_NAME, -r);
}

static void say(const struct directory *directory, const char *what, const char *name)
{
	if (!directory->ctl->is_quiet)
		printf("%s %s/%s\n", what, directory->path, name);
}

static int rename_all(const struct directory *directory)
{
	char name[64];

	for (size_t i = 0; i < directory->files->count; i++) {
		const char *file = directory->files->list[i].name;

		if (directory->changes[i] == UNCHANGED)
			continue;
		new_name(i, name);
		if (renameat(directory->fd, name, directory->fd, file) < 0)
			return fail(directory, file, errno);
		say(directory, directory->changes[i] == CREATED ? "created" : "changed", file);
	}
	return 0;
}

static int remove_old(struct directory *directory)
{
	for (size_t i = 0; directory->own[i] != NULL; i++) {
		const char *name = directory->own[i];

		if (is_among(directory->files, name))
			continue;
		if (unlinkat(directory->fd, name, 0) == 0) {
			directory->change_count++;
			say(directory, "removed", name);
		} else if (errno != ENOENT) {
			return fail(directory, name, errno);
		}
	}
	return 0;
}

static int write_directory(struct directory *directory)
{
	int r = write_all_new(directory);

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
	    .arena = HP_ARENA_INIT,
	};
	int r = directory.changes != NULL ? open_directory(&directory) : no_memory();

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
	hp_arena_free(&directory.arena);
	return r;
}
