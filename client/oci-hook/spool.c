/* SPDX-License-Identifier: Apache-2.0 */

/*
 * --if-down=spool: leaves the hooks of a stage in the spool, one file for each request. All files
 * are written before the first of them gets its name, so that a full spool or disk leaves nothing.
 *
 *	view, room --ok--> write .part-NAME ... --all--> rename each to NAME
 *	    `--------------------`--> remove what was written; the hooks are not left
 *
 * The hooks will be run by hookd in its own namespaces, when this process is gone. So they are left
 * only where hookd's view is that of this process.
 */

#include "client/oci-hook/spool.h"

#include <assert.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <time.h>
#include <unistd.h>

#include "client/libhookd/run.h"
#include "client/oci-hook/oci-hook.h"
#include "client/oci-hook/part.h"
#include "proto/base/write_all.h"
#include "proto/json/json.h"
#include "proto/spool/spool.h"

#define LOCK_TRIES    100
#define LOCK_PAUSE_MS 10

struct part {
	char name[HP_SPOOL_NAME_SIZE];
	size_t first; /* the first hook in it */
};

struct spooling {
	const struct shim_run *run;
	int directory;
	struct hp_spool_head head;
	struct part *parts; /* written, and not renamed yet */
	size_t count;
	size_t files, bytes; /* in the spool */
	char *reason;
};

static int fail(struct spooling *spooling, int r, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* Fills the reason, with the text of the errno `r` behind it. */
static int fail(struct spooling *spooling, int r, const char *format, ...)
{
	char text[SHIM_REASON_SIZE - 64];
	va_list args;

	va_start(args, format);
	(void)vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	(void)snprintf(spooling->reason, SHIM_REASON_SIZE, "%s: %s", text, shim_words(-r));
	return r;
}

/* ---- whether the hooks may be left ---- */

/* The view of the hookd that has used the spool last. -ENOENT: there was none since the boot. */
static int read_note(int directory, struct hp_spool_view *ret)
{
	int fd =
	    openat(directory, HP_SPOOL_VIEW_FILE, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	char text[sizeof(struct hp_spool_view)] = "";
	ssize_t length = fd < 0 ? -1 : read(fd, text, sizeof(text) - 1);
	int error = errno;

	if (fd >= 0)
		close(fd);
	return length < 0 ? -error : hp_spool_view_parse(text, strcspn(text, "\n"), ret);
}

/* hookd usually has the view of the init process: where it has left no other. */
static int read_view_of_hookd(struct spooling *spooling, struct hp_spool_view *ret)
{
	int r = read_note(spooling->directory, ret);

	if (r == -EBADMSG) {
		(void)snprintf(spooling->reason, SHIM_REASON_SIZE,
			       "the file " HP_SPOOL_VIEW_FILE " in it is damaged");
		return r;
	}
	if (r < 0 && r != -ENOENT)
		return fail(spooling, r, "the file " HP_SPOOL_VIEW_FILE " in it cannot be read");
	if (r == 0 && strcmp(ret->boot_id, spooling->head.view.boot_id) == 0)
		return 0;
	r = hp_spool_view_read("1", ret);
	return r < 0 ? fail(spooling, r, "the namespaces of hookd are not known") : 0;
}

static int check_view(struct spooling *spooling)
{
	struct hp_spool_view *own = &spooling->head.view, of_hookd;
	int r = hp_spool_view_read("self", own);

	if (r < 0)
		return fail(spooling, r, "the namespaces cannot be read");
	r = read_view_of_hookd(spooling, &of_hookd);
	if (r < 0)
		return r;
	if (hp_spool_view_is_same(own, &of_hookd))
		return 0;
	(void)snprintf(spooling->reason, SHIM_REASON_SIZE,
		       "the namespaces or the root directory are not those of hookd");
	return -EXDEV;
}

/* The shims that leave something wait for each other, so that the bounds hold. */
static int lock(struct spooling *spooling)
{
	for (int i = 0; i < LOCK_TRIES; i++) {
		if (flock(spooling->directory, LOCK_EX | LOCK_NB) == 0)
			return 0;
		if (errno != EWOULDBLOCK)
			return fail(spooling, -errno, "it cannot be locked");
		(void)poll(NULL, 0, LOCK_PAUSE_MS);
	}
	return fail(spooling, -EBUSY, "it cannot be locked");
}

/* Counts all files, also those that hookd has set aside. */
static int count_files(struct spooling *spooling)
{
	int copy = openat(spooling->directory, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *directory = copy < 0 ? NULL : fdopendir(copy);
	const struct dirent *entry;
	struct stat st;

	if (!directory) {
		int r = -errno;

		if (copy >= 0)
			close(copy);
		return fail(spooling, r, "it cannot be read");
	}
	while ((entry = readdir(directory))) {
		if (fstatat(spooling->directory, entry->d_name, &st, AT_SYMLINK_NOFOLLOW) < 0 ||
		    strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0)
			continue;
		spooling->files++;
		spooling->bytes += S_ISREG(st.st_mode) ? (size_t)st.st_size : 0;
	}
	(void)closedir(directory);
	return 0;
}

static int take_room(struct spooling *spooling, size_t bytes)
{
	spooling->files++;
	spooling->bytes += bytes;
	if (spooling->files <= HP_SPOOL_FILES_MAX && spooling->bytes <= HP_SPOOL_BYTES_MAX)
		return 0;
	(void)snprintf(spooling->reason, SHIM_REASON_SIZE,
		       "it is full: there may be %d files and %llu bytes in it", HP_SPOOL_FILES_MAX,
		       HP_SPOOL_BYTES_MAX);
	return -ENOSPC;
}

/* ---- writing ---- */

static uint64_t now_ns(clockid_t clock)
{
	struct timespec now;

	clock_gettime(clock, &now);
	return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

static int write_file(struct spooling *spooling, const char *name, const struct hp_buf *text)
{
	int fd = openat(spooling->directory, name,
			O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	int r = fd < 0 ? -errno : write_all(fd, text->data, text->length);

	if (r < 0)
		(void)fail(spooling, r, "it cannot be written to");
	if (r == 0 && geteuid() == 0 && fsetxattr(fd, HP_SPOOL_MARK, "", 0, 0) < 0)
		r = fail(spooling, -errno, "the file cannot be marked as root's");
	if (fd >= 0 && close(fd) < 0 && r == 0)
		r = fail(spooling, -errno, "it cannot be written to");
	if (r < 0 && fd >= 0)
		(void)unlinkat(spooling->directory, name, 0);
	return r;
}

static void write_request(const struct spooling *spooling, const char *hooks, const char *id,
			  struct hp_buf *ret)
{
	const struct hp_request_draft draft = {
	    .stage = hp_stage_names[spooling->run->stage],
	    .state = spooling->run->state,
	    .hooks = hooks,
	    .dialect = hp_dialect_names[HP_DIALECT_LIBCONTAINER],
	    .request_id = id,
	    .on_disconnect = "continue", /* nobody waits for it */
	};

	hp_spool_write(ret, &spooling->head, &draft);
}

/* Reads the request as hookd will: one that it would refuse is not left. */
static int check_request(struct spooling *spooling, const struct hp_buf *text)
{
	struct hp_json json = {0};
	struct hp_spool_head head;
	struct hp_request request;
	struct hp_err err = {0};
	int r;

	if (text->failed)
		return fail(spooling, -ENOMEM, "it cannot be written to");
	r = hp_spool_read(text->data, text->length, &json, &head, &request, &err);
	hp_json_free(&json);
	if (r == 0)
		hp_request_free(&request);
	else
		(void)snprintf(spooling->reason, SHIM_REASON_SIZE, "hookd would refuse it: %s%s%s",
			       err.path, err.path[0] ? " " : "", err.reason);
	return r;
}

/* Writes one part, under its name for the time being. */
static int write_part(struct spooling *spooling, size_t first, const char *hooks)
{
	char id[RUN_ID_SIZE], part_name[HP_SPOOL_NAME_SIZE];
	struct part *part = &spooling->parts[spooling->count];
	struct hp_buf text = HP_BUF_INIT;
	int r = run_make_id(id);

	if (r < 0)
		return fail(spooling, r, "no random number");
	part->first = first;
	/* A clock may tell the same time twice. */
	hp_spool_name(now_ns(CLOCK_BOOTTIME) + spooling->count, id, part->name);
	hp_spool_part_name(part->name, part_name);
	write_request(spooling, hooks, id, &text);
	r = check_request(spooling, &text);
	if (r == 0)
		r = take_room(spooling, text.length);
	if (r == 0)
		r = write_file(spooling, part_name, &text);
	hp_buf_free(&text);
	if (r == 0)
		spooling->count++;
	return r;
}

static int write_parts(struct spooling *spooling, size_t first)
{
	struct hp_buf hooks = HP_BUF_INIT;
	int r = 0;

	while (r == 0 && first < spooling->run->list->count) {
		int count = shim_part_write(spooling->run, first, &hooks);

		r = count < 0 ? fail(spooling, count, "the hooks cannot be written")
			      : write_part(spooling, first, hooks.data);
		first += count > 0 ? (size_t)count : 0;
	}
	hp_buf_free(&hooks);
	return r;
}

/* ---- all of it ---- */

/* Returns the number of parts that have their names. */
static size_t rename_parts(struct spooling *spooling)
{
	char part_name[HP_SPOOL_NAME_SIZE];
	size_t i = 0;

	for (; i < spooling->count; i++) {
		const char *name = spooling->parts[i].name;

		hp_spool_part_name(name, part_name);
		if (renameat(spooling->directory, part_name, spooling->directory, name) < 0) {
			(void)fail(spooling, -errno, "a file cannot be renamed");
			break;
		}
	}
	return i;
}

static void remove_parts(const struct spooling *spooling, size_t from)
{
	char part_name[HP_SPOOL_NAME_SIZE];

	for (size_t i = from; i < spooling->count; i++) {
		hp_spool_part_name(spooling->parts[i].name, part_name);
		(void)unlinkat(spooling->directory, part_name, 0);
	}
}

static int leave(struct spooling *spooling, size_t first, size_t *ret_first)
{
	size_t renamed = 0;
	int r = check_view(spooling);

	if (r == 0)
		r = lock(spooling);
	if (r == 0)
		r = count_files(spooling);
	if (r == 0)
		r = write_parts(spooling, first);
	if (r == 0)
		renamed = rename_parts(spooling);
	if (r == 0 && renamed == spooling->count)
		return 0;
	remove_parts(spooling, renamed);
	*ret_first = renamed > 0 ? spooling->parts[renamed].first : first;
	return r < 0 ? r : -EIO;
}

int shim_spool(const struct shim_spool *spool, const struct shim_run *run, size_t first,
	       size_t *ret_first, char reason[static SHIM_REASON_SIZE])
{
	struct spooling spooling = {.run = run, .reason = reason};
	char why[HP_SPOOL_REASON_SIZE];
	int r;

	assert(run->stage == HP_STAGE_POSTSTOP && first < run->list->count);
	*ret_first = first;
	spooling.directory = hp_spool_open(spool->path, spool->levels, why);
	if (spooling.directory < 0) {
		if (spooling.directory == -EPERM || spooling.directory == -ENOTDIR)
			(void)snprintf(reason, SHIM_REASON_SIZE, "it %s", why);
		else
			(void)fail(&spooling, spooling.directory, "it cannot be opened");
		return spooling.directory;
	}
	spooling.head.left_ns = now_ns(CLOCK_BOOTTIME);
	/* At most one for each hook that is left. */
	spooling.parts = calloc(run->list->count - first, sizeof(*spooling.parts));
	r = spooling.parts ? leave(&spooling, first, ret_first)
			   : fail(&spooling, -ENOMEM, "it cannot be written to");
	free(spooling.parts);
	close(spooling.directory);
	return r;
}
