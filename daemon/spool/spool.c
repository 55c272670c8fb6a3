/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The files of the spool. A request is believed by what the kernel tells of its open file: the
 * owner, and for root's an attribute that only root with its capabilities can set. All checks are
 * made on the descriptor that is read.
 *
 *	.part-NAME --shim--> NAME --spool_remove()--> gone
 *	                       `---spool_set_aside()--> NAME.refused
 */
#include "daemon/spool/spool.h"

#include <assert.h>
#include <dirent.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <time.h>

#include "daemon/base/log.h"
#include "proto/base/buf.h"
#include "proto/json/json.h"

#define REFUSED_SUFFIX ".refused"
#define VIEW_PART      ".part-" HP_SPOOL_VIEW_FILE

struct spool {
	int directory;
	struct hp_spool_view view; /* hookd's */
	bool is_view_written;
	bool is_view_missed; /* it could not be written, which is logged */
};

/* ---- life ---- */

/*
 * Whole before it has its name, since a shim may read it at any time. Without room for it there is
 * none: an old one could be of other namespaces.
 */
static int write_view(struct spool *spool)
{
	const int flags = O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC;
	cleanup_close int fd = openat(spool->directory, VIEW_PART, flags, 0600);
	struct hp_buf line = HP_BUF_INIT;
	ssize_t written;
	int r = 0;

	if (fd < 0)
		return -errno;
	hp_spool_view_write(&line, &spool->view);
	written = line.failed ? -1 : write(fd, line.data, line.length);
	if (written != (ssize_t)line.length)
		r = line.failed ? -ENOMEM : written < 0 ? -errno : -ENOSPC;
	hp_buf_free(&line);
	if (r == 0 &&
	    renameat(spool->directory, VIEW_PART, spool->directory, HP_SPOOL_VIEW_FILE) < 0)
		r = -errno;
	if (r < 0)
		(void)unlinkat(spool->directory, VIEW_PART, 0);
	return r;
}

/*
 * An error keeps nothing from being run: a shim that does not find it may run the hooks itself. It
 * is written again at each look, since a disk does not stay full.
 */
static void tell_view(struct spool *spool)
{
	int r;

	if (spool->is_view_written)
		return;
	r = write_view(spool);
	spool->is_view_written = r == 0;
	if (r < 0)
		(void)unlinkat(spool->directory, HP_SPOOL_VIEW_FILE, 0);
	if (r < 0 && !spool->is_view_missed)
		log_warning("the spool: its file " HP_SPOOL_VIEW_FILE " cannot be written: %s: "
			    "until it can, shims may run hooks themselves",
			    strerror(-r));
	else if (r == 0 && spool->is_view_missed)
		log_info("the spool: its file " HP_SPOOL_VIEW_FILE " is written");
	spool->is_view_missed = r < 0;
}

int spool_open(const char *path, struct spool **ret_spool, char reason[static HP_SPOOL_REASON_SIZE])
{
	struct spool *spool = calloc(1, sizeof(*spool));
	int r;

	if (!spool) {
		snprintf(reason, HP_SPOOL_REASON_SIZE, "cannot be opened: out of memory");
		return -ENOMEM;
	}
	r = spool->directory = hp_spool_open(path, 1, reason);
	if (r >= 0) {
		r = hp_spool_view_read("self", &spool->view);
		if (r < 0)
			snprintf(reason, HP_SPOOL_REASON_SIZE,
				 "is not used without hookd's namespaces: %s", strerror(-r));
	}
	if (r < 0) {
		spool_free(spool);
		return r;
	}
	tell_view(spool);
	*ret_spool = spool;
	return 0;
}

struct spool *spool_free(struct spool *spool)
{
	if (spool)
		close_fd(&spool->directory);
	free(spool);
	return NULL;
}

/* ---- the names ---- */

static bool is_refused(const char *name)
{
	size_t length = strlen(name), suffix = strlen(REFUSED_SUFFIX);

	return length > suffix && strcmp(name + length - suffix, REFUSED_SUFFIX) == 0;
}

static bool is_request(const char *name)
{
	return strcmp(name, ".") != 0 && strcmp(name, "..") != 0 &&
	       strcmp(name, HP_SPOOL_VIEW_FILE) != 0 && !hp_spool_is_part(name) &&
	       !is_refused(name);
}

/* The names of one kind, sorted. */
static int list(struct spool *spool, bool (*is_wanted)(const char *name),
		struct spool_names *ret_names)
{
	int copy = openat(spool->directory, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *directory = copy < 0 ? NULL : fdopendir(copy);
	const struct dirent *entry;
	int r = 0;

	*ret_names = (struct spool_names){0};
	if (!directory) {
		r = -errno;
		close_fd(&copy);
		return r;
	}
	while (r == 0 && (entry = readdir(directory))) {
		char **grown;

		if (!is_wanted(entry->d_name))
			continue;
		grown =
		    reallocarray(ret_names->names, ret_names->count + 1, sizeof(*ret_names->names));
		if (grown)
			ret_names->names = grown;
		if (!grown || !(grown[ret_names->count] = strdup(entry->d_name)))
			r = -ENOMEM;
		else
			ret_names->count++;
	}
	(void)closedir(directory);
	if (r < 0)
		spool_names_clear(ret_names);
	return r;
}

static int compare(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

static int list_sorted(struct spool *spool, bool (*is_wanted)(const char *name),
		       struct spool_names *ret_names)
{
	int r = list(spool, is_wanted, ret_names);

	if (r == 0 && ret_names->count > 0)
		qsort(ret_names->names, ret_names->count, sizeof(*ret_names->names), compare);
	return r;
}

void spool_names_clear(struct spool_names *names)
{
	for (size_t i = 0; i < names->count; i++)
		free(names->names[i]);
	free(names->names);
	*names = (struct spool_names){0};
}

/* The shim that writes such a file renames it within moments, unless it was killed. */
static void remove_old_parts(struct spool *spool)
{
	struct spool_names parts;
	struct stat st;

	if (list(spool, hp_spool_is_part, &parts) < 0)
		return;
	for (size_t i = 0; i < parts.count; i++)
		if (fstatat(spool->directory, parts.names[i], &st, AT_SYMLINK_NOFOLLOW) == 0 &&
		    time(NULL) - st.st_mtime > HP_SPOOL_PART_AGE_MAX_S)
			(void)unlinkat(spool->directory, parts.names[i], 0);
	spool_names_clear(&parts);
}

int spool_list(struct spool *spool, struct spool_names *ret_names)
{
	tell_view(spool);
	remove_old_parts(spool);
	return list_sorted(spool, is_request, ret_names);
}

/* ---- reading ---- */

static int check_file(int fd, struct stat *ret_st, struct hp_err *err)
{
	struct stat *st = ret_st;

	if (fstat(fd, st) < 0)
		return -errno;
	if (!S_ISREG(st->st_mode))
		return hp_err_invalid(err, NULL, "it is not a regular file");
	if (st->st_nlink != 1)
		return hp_err_invalid(err, NULL, "it has another hard link");
	if (st->st_uid != 0 && st->st_uid != geteuid())
		return hp_err_invalid(err, NULL, "it belongs to uid %u", st->st_uid);
	if (st->st_mode & (S_IWGRP | S_IWOTH))
		return hp_err_invalid(err, NULL, "others may write to it: mode %04o",
				      st->st_mode & 07777);
	if (st->st_size > (off_t)HP_SPOOL_ENTRY_BYTES_MAX)
		return hp_err_invalid(err, NULL, "it is too large");
	if (st->st_uid == 0 && fgetxattr(fd, HP_SPOOL_MARK, NULL, 0) < 0)
		return hp_err_invalid(err, NULL,
				      "who left it was uid 0 without CAP_SYS_ADMIN: it has no "
				      "attribute " HP_SPOOL_MARK);
	return 0;
}

/* -EINVAL for what is no file that can be read, as a link or a socket. */
static int open_file(struct spool *spool, const char *name, struct hp_err *err)
{
	int fd = openat(spool->directory, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);

	if (fd >= 0)
		return fd;
	if (errno == ENOENT || error_is_transient(errno))
		return -errno;
	return hp_err_invalid(err, NULL, "it cannot be opened: %s", strerror(errno));
}

static int read_bytes(int fd, size_t size, struct hp_buf *text)
{
	ssize_t got = 1;

	if (!hp_buf_reserve(text, size + 1))
		return -ENOMEM;
	while (got > 0 && text->length <= size) {
		got = read(fd, text->data + text->length, size + 1 - text->length);
		if (got < 0 && errno != EINTR)
			return -errno;
		text->length += got > 0 ? (size_t)got : 0;
	}
	return 0;
}

static int check_head(const struct spool *spool, const struct hp_spool_head *head,
		      const struct hp_request *request, struct hp_err *err)
{
	uint64_t now_ns = (uint64_t)clock_ns(CLOCK_BOOTTIME);

	if (strcmp(head->view.boot_id, spool->view.boot_id) != 0)
		return hp_err_invalid(err, NULL, "container %s: it was left before the last boot",
				      request->container);
	if (head->left_ns > now_ns)
		return hp_err_invalid(err, NULL, "container %s: it was left in the future",
				      request->container);
	if (now_ns - head->left_ns > HP_SPOOL_AGE_MAX_S * 1000000000ull)
		return hp_err_invalid(err, NULL, "container %s: it was left %llu s ago",
				      request->container,
				      (unsigned long long)(now_ns - head->left_ns) / 1000000000);
	if (!hp_spool_view_is_same(&head->view, &spool->view))
		return hp_err_invalid(err, NULL,
				      "container %s: it was left in other namespaces than hookd's",
				      request->container);
	return 0;
}

static int parse(struct spool *spool, const struct hp_buf *text, struct hp_request *ret_request,
		 struct hp_err *err)
{
	struct hp_spool_head head;
	struct hp_json json = {0};
	int r = hp_spool_read(text->data, text->length, &json, &head, ret_request, err);

	hp_json_free(&json);
	if (r < 0)
		return r == -ENOMEM ? r : -EINVAL;
	r = check_head(spool, &head, ret_request, err);
	if (r < 0)
		hp_request_free(ret_request);
	return r;
}

int spool_read(struct spool *spool, const char *name, uid_t *ret_uid,
	       struct hp_request *ret_request, struct hp_err *err)
{
	cleanup_close int fd = open_file(spool, name, err);
	struct hp_buf text = HP_BUF_INIT;
	struct stat st;
	int r;

	if (fd < 0)
		return fd;
	r = check_file(fd, &st, err);
	if (r == 0 && !hp_spool_is_name(name))
		r = hp_err_invalid(err, NULL, "it does not have the name of a request");
	if (r == 0)
		r = read_bytes(fd, (size_t)st.st_size, &text);
	if (r == 0)
		r = parse(spool, &text, ret_request, err);
	hp_buf_free(&text);
	*ret_uid = st.st_uid;
	return r;
}

/* ---- the end of a file ---- */

static int remove_any(struct spool *spool, const char *name)
{
	if (unlinkat(spool->directory, name, 0) == 0 || errno == ENOENT)
		return 0;
	if (errno == EISDIR && unlinkat(spool->directory, name, AT_REMOVEDIR) == 0)
		return 0;
	return -errno;
}

int spool_remove(struct spool *spool, const char *name)
{
	assert(is_request(name));
	return remove_any(spool, name);
}

/* Makes room for one more. */
static void remove_old_refused(struct spool *spool)
{
	struct spool_names refused;

	if (list_sorted(spool, is_refused, &refused) < 0)
		return;
	for (size_t i = 0; i + SPOOL_REFUSED_MAX <= refused.count; i++)
		(void)remove_any(spool, refused.names[i]);
	spool_names_clear(&refused);
}

int spool_set_aside(struct spool *spool, const char *name)
{
	const int room = NAME_MAX - (int)strlen(REFUSED_SUFFIX);
	char aside[NAME_MAX + 1];

	assert(is_request(name));
	remove_old_refused(spool);
	snprintf(aside, sizeof(aside), "%.*s" REFUSED_SUFFIX, room, name);
	if (renameat(spool->directory, name, spool->directory, aside) == 0)
		return 0;
	/* Its name may be taken by a directory. */
	return remove_any(spool, name);
}
