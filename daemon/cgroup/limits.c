/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Writes the limits of a list to the files of a cgroup, and restores old values. No state but the
 * caller's journal.
 */
#include "daemon/cgroup/limits.h"

#include <assert.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "daemon/base/file.h"

/* io.max and rdma.max have a line for each device. */
#define FILE_SIZE 16384

/* ---- old values ---- */

/* Files with a line for each device; `nothing` is the value of a line that is not shown. */
static const struct keyed_file {
	const char *file, *nothing;
} keyed_files[] = {
    {"io.max", "rbps=max wbps=max riops=max wiops=max"},
    {"io.weight", "default"},
    {"io.bfq.weight", "default"},
    {"io.latency", "target=0"},
    {"rdma.max", "hca_handle=max hca_object=max"},
    {"misc.max", "max"},
};

static const struct keyed_file *find_keyed(const char *file)
{
	for (size_t i = 0; i < ELEMENTS(keyed_files); i++)
		if (strcmp(keyed_files[i].file, file) == 0)
			return &keyed_files[i];
	return NULL;
}

static const char *find_line(const char *text, const char *key, size_t length)
{
	while (*text) {
		if (strncmp(text, key, length) == 0 && text[length] == ' ')
			return text;
		text = strchrnul(text, '\n');
		text += *text == '\n';
	}
	return NULL;
}

/* Finds the line that undoes `written` in `old`, the present contents of the file. */
static int old_line(const struct keyed_file *keyed, const char *old, const char *written,
		    char *ret_line, size_t size)
{
	/* io.weight accepts "100" as well as "default 100", and shows the latter. */
	bool has_key = strpbrk(written, " :");
	const char *key = has_key ? written : "default";
	int length = (int)strcspn(key, " "), printed;
	const char *line = find_line(old, key, (size_t)length);

	if (line)
		printed = snprintf(ret_line, size, "%.*s", (int)strcspn(line, "\n"), line);
	else
		printed = snprintf(ret_line, size, "%.*s %s", length, key, keyed->nothing);
	return printed < (int)size ? 0 : -ENOBUFS;
}

/*
 * Changes `old` to a text that can be written: an empty line empties a file (cpuset.cpus). False
 * for the weight 0 that an idle cgroup shows, which cannot be written.
 */
static bool can_be_put_back(const char *file, char *old)
{
	old[strcspn(old, "\n")] = '\0';
	if (!*old)
		memcpy(old, "\n", sizeof("\n"));
	return strcmp(file, "cpu.weight") != 0 || strcmp(old, "0") != 0;
}

static int remember(struct limits_journal *journal, const char *file, const char *text)
{
	struct limit_value *value = hp_arena_alloc(&journal->arena, sizeof(*value));

	if (!value)
		return -ENOMEM;
	*value = (struct limit_value){
	    .before = journal->last,
	    .file = hp_arena_copy(&journal->arena, file, strlen(file)),
	    .text = hp_arena_copy(&journal->arena, text, strlen(text)),
	};
	if (!value->file || !value->text)
		return -ENOMEM;
	journal->last = value;
	return 0;
}

/* A file that cannot be read (missing, or write-only) has no old value. */
static int remember_file(struct limits_journal *journal, int cgroup_fd, const char *file,
			 const char *written)
{
	const struct keyed_file *keyed = find_keyed(file);
	char old[FILE_SIZE], line[512];
	int r;

	if (file_read_at(cgroup_fd, file, old, sizeof(old)) < 0)
		return 0;
	if (keyed) {
		r = old_line(keyed, old, written, line, sizeof(line));
		return r < 0 ? r : remember(journal, file, line);
	}
	return can_be_put_back(file, old) ? remember(journal, file, old) : 0;
}

/*
 * The kernel does not empty the cpuset of a cgroup that has processes (ENOSPC). An empty one means
 * the effective one of the parent, so that is written instead.
 */
static int undo_one(int cgroup_fd, const struct limit_value *value)
{
	int r = file_write_at(cgroup_fd, value->file, value->text);
	char path[64], text[FILE_SIZE];

	if (r != -ENOSPC || strcmp(value->text, "\n") != 0)
		return r;
	snprintf(path, sizeof(path), "../%.40s.effective", value->file);
	return file_read_at(cgroup_fd, path, text, sizeof(text)) <= 0
		   ? r
		   : file_write_at(cgroup_fd, value->file, text);
}

int limits_undo(int cgroup_fd, const struct limits_journal *journal)
{
	int first = 0;

	for (const struct limit_value *value = journal->last; value; value = value->before) {
		int r = undo_one(cgroup_fd, value);

		first = first ? first : r;
	}
	return first;
}

void limits_journal_clear(struct limits_journal *journal)
{
	hp_arena_free(&journal->arena);
	*journal = LIMITS_JOURNAL_INIT;
}

/* ---- writing ---- */

static bool exists(int cgroup_fd, const char *file)
{
	return faccessat(cgroup_fd, file, F_OK, AT_SYMLINK_NOFOLLOW) == 0;
}

static bool is_among(const char *words, const char *word, size_t length)
{
	for (const char *next = words; *next; next += strspn(next, " \n")) {
		size_t next_length = strcspn(next, " \n");

		if (next_length == length && strncmp(next, word, length) == 0)
			return true;
		next += next_length;
	}
	return false;
}

static int fail_missing(int cgroup_fd, const char *path, const char *file, struct hp_err *err)
{
	int length = (int)strcspn(file, ".");
	char controllers[512];

	if (file_read_at(cgroup_fd, "cgroup.controllers", controllers, sizeof(controllers)) > 0 &&
	    is_among(controllers, file, (size_t)length))
		return hp_err_setting(err, -EOPNOTSUPP, path, "this kernel has no %s", file);
	return hp_err_setting(err, -EOPNOTSUPP, path, "the cgroup has no %.*s controller", length,
			      file);
}

static int fail_to_write(int r, const char *path, const char *file, const char *text,
			 struct hp_err *err)
{
	if (r == -ENOMEM)
		return hp_err_no_memory(err);
	return hp_err_setting(err, r, path, "cannot write \"%.64s\" to %s: %s", text, file,
			      strerror(-r));
}

static bool may_be_missing(const struct limit *limit)
{
	if (limit->flags & LIMIT_OPTIONAL)
		return true;
	return limit->flags & LIMIT_OPTIONAL_WITHOUT_SWAP && access("/proc/swaps", F_OK) < 0;
}

/* cpu.max is "QUOTA PERIOD"; a period alone cannot be written. */
static int put_behind_first_word(int cgroup_fd, const char *file, const char *text, char *ret_text,
				 size_t size)
{
	char old[64];
	ssize_t length = file_read_at(cgroup_fd, file, old, sizeof(old));

	if (length < 0)
		return (int)length;
	snprintf(ret_text, size, "%.*s %s", (int)strcspn(old, " \n"), old, text);
	return 0;
}

/*
 * systemd's unit has CPU time per second in steps of 10 ms, and it writes cpu.max from that again
 * whenever it realizes the unit. So that is written from the beginning: the file does not change
 * then. `text` is "QUOTA", "QUOTA PERIOD" or "max ...".
 */
static void round_quota(int cgroup_fd, const char *file, const char *text, char *ret_text,
			size_t size)
{
	char old[64], quota[24];
	uint64_t quota_us, period_us = 0;
	int count = sscanf(text, "%23s %" SCNu64, quota, &period_us);

	snprintf(ret_text, size, "%s", text);
	/* Without a quota systemd writes its default period; the unit remembers the other. */
	if (strcmp(quota, "max") == 0)
		snprintf(ret_text, size, "max 100000");
	if (count == 1 && (file_read_at(cgroup_fd, file, old, sizeof(old)) < 0 ||
			   sscanf(old, "%*s %" SCNu64, &period_us) < 1))
		return;
	quota_us = strtoull(quota, NULL, 10); /* 0: "max" */
	if (quota_us == 0 || period_us == 0)
		return;
	quota_us = limit_cpu_per_second_us(quota_us, period_us);
	if (quota_us != UINT64_MAX)
		snprintf(ret_text, size, "%" PRIu64 " %" PRIu64,
			 limit_cpu_quota_us(quota_us, period_us), period_us);
}

static int write_one(int cgroup_fd, const char *file, const struct limit *limit,
		     struct limits_journal *journal, const char *text)
{
	struct limit_value *before = journal ? journal->last : NULL;
	char both[128], rounded[128];
	int r = 0;

	assert(file && text);
	if (limit->flags & LIMIT_SECOND_WORD) {
		r = put_behind_first_word(cgroup_fd, file, text, both, sizeof(both));
		text = both;
	}
	if (r == 0 && limit->flags & LIMIT_QUOTA_IN_STEPS) {
		round_quota(cgroup_fd, file, text, rounded, sizeof(rounded));
		text = rounded;
	}
	if (r == 0 && journal)
		r = remember_file(journal, cgroup_fd, file, text);
	if (r < 0 || limit->flags & LIMIT_ONLY_REMEMBERED)
		return r;
	r = file_write_at(cgroup_fd, file, text);
	/* The kernel has changed nothing, and may refuse the old value too (EOPNOTSUPP). */
	if (r < 0 && journal)
		journal->last = before;
	return r;
}

static int apply_one(int cgroup_fd, const struct limit *limit, struct limits_journal *journal,
		     struct hp_err *err)
{
	bool is_else = limit->else_file && !exists(cgroup_fd, limit->file);
	const char *file = is_else ? limit->else_file : limit->file;
	const char *text = is_else ? limit->else_text : limit->text;
	int r = write_one(cgroup_fd, file, limit, journal, text);

	if (r == -ENOENT && may_be_missing(limit))
		return 0;
	if (r == -ENOENT)
		return fail_missing(cgroup_fd, limit->path, file, err);
	return r < 0 ? fail_to_write(r, limit->path, file, text, err) : 0;
}

bool limits_have_bfq(int mount_fd, const char *path)
{
	static const char name[] = "io.bfq.weight";
	char file[4096];
	size_t length = strlen(path);

	/* Up from the cgroup: one that does not exist yet will have what those above it have. */
	while (length > 1) {
		snprintf(file, sizeof(file), "%.*s/%s", (int)length - 1, path + 1, name);
		if (exists(mount_fd, file))
			return true;
		while (length > 1 && path[--length] != '/')
			;
	}
	snprintf(file, sizeof(file), "init.scope/%s", name);
	return exists(mount_fd, file);
}

/* ---- all limits ---- */

/* Compares X.max with X.current. */
static int check_usage(int cgroup_fd, const struct limit *limit, struct hp_err *err)
{
	size_t prefix = strlen(limit->file) - strlen("max");
	char file[64], text[32];
	uint64_t used, allowed;

	if (!(limit->flags & LIMIT_ABOVE_USAGE) || strcmp(limit->text, "max") == 0)
		return 0;
	assert(strlen(limit->file) > strlen("max") && strcmp(limit->file + prefix, "max") == 0);
	snprintf(file, sizeof(file), "%.*scurrent", (int)prefix, limit->file);
	if (file_read_at(cgroup_fd, file, text, sizeof(text)) < 0)
		return 0; /* X.max is missing as well then, which the write reports */
	used = strtoull(text, NULL, 10);
	allowed = strtoull(limit->text, NULL, 10);
	if (used <= allowed)
		return 0;
	return hp_err_setting(err, -EBUSY, limit->path,
			      "is below the present usage of %" PRIu64 " bytes", used);
}

int limits_check_usage(int cgroup_fd, const struct limit_list *list, struct hp_err *err)
{
	int r = 0;

	for (size_t i = 0; i < list->count && r == 0; i++)
		r = check_usage(cgroup_fd, &list->limits[i], err);
	return r;
}

int limits_remember(int cgroup_fd, const char *const files[], struct limits_journal *journal)
{
	int r = 0;

	for (; r == 0 && *files; files++)
		r = remember_file(journal, cgroup_fd, *files, "");
	return r;
}

int limits_apply(int cgroup_fd, const struct limit_list *list, struct limits_journal *journal,
		 struct hp_err *err)
{
	const struct limit *again = NULL;
	int r = limits_check_usage(cgroup_fd, list, err);

	for (size_t i = 0; i < list->count && r == 0; i++) {
		const struct limit *limit = &list->limits[i];

		r = apply_one(cgroup_fd, limit, journal, err);
		if (r == -EINVAL && limit->flags & LIMIT_AGAIN_AFTER_NEXT) {
			again = limit;
			r = 0;
			continue;
		}
		if (r == 0 && again)
			r = apply_one(cgroup_fd, again, journal, err);
		again = NULL;
	}
	return r;
}
