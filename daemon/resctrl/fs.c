/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Access to resctrl's file system: its mount, its lock, its files, its error messages. Nothing
 * stays open from one rdt_fs to the next, so resctrl can be unmounted in between.
 */
#include "daemon/resctrl/fs.h"

#include <assert.h>
#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <time.h>

#include "daemon/base/file.h"
#include "daemon/base/mount.h"

#define LOCK_TRIES    6
#define LOCK_PAUSE_NS 1000000
#define WORDS_SIZE    512 /* of the kernel's buffer for last_cmd_status */

int rdt_fs_open(struct rdt_fs *fs, const char *directory)
{
	char path[1024], options[256] = "";
	int r = 0;

	*fs = (struct rdt_fs){.root = -1};
	if (!directory)
		r = mount_find("resctrl", path, sizeof(path), options, sizeof(options));
	if (r < 0)
		return r;
	fs->is_in_megabytes = strstr(options, "mba_MBps");
	fs->root = open(directory ? directory : path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return fs->root < 0 ? -errno : 0;
}

/* Retries, since programs that only read resctrl hold the lock too, for a moment. */
int rdt_fs_lock(struct rdt_fs *fs)
{
	assert(fs->root >= 0);
	for (int i = 0; i < LOCK_TRIES; i++) {
		if (flock(fs->root, LOCK_EX | LOCK_NB) == 0)
			return 0;
		if (errno != EWOULDBLOCK)
			return -errno;
		if (i + 1 < LOCK_TRIES)
			nanosleep(&(struct timespec){.tv_nsec = LOCK_PAUSE_NS}, NULL);
	}
	return -EBUSY;
}

void rdt_fs_close(struct rdt_fs *fs)
{
	close_fd(&fs->root);
}

/* ---- error messages ---- */

/*
 * Reads info/last_cmd_status; "" where it is "ok". A write to a file of resctrl clears the status
 * first, while mkdir(2) may append a line to an older one.
 */
static void last_words(const struct rdt_fs *fs, char words[static WORDS_SIZE])
{
	if (file_read_at(fs->root, "info/last_cmd_status", words, WORDS_SIZE) <= 0 ||
	    strcmp(words, "ok\n") == 0)
		words[0] = '\0';
	for (char *end = words + strlen(words); end > words && end[-1] == '\n';)
		*--end = '\0';
}

int rdt_fs_fail(const struct rdt_fs *fs, int r, const char *path, struct hp_err *err)
{
	char words[WORDS_SIZE];

	last_words(fs, words);
	for (char *c = words; *c; c++)
		if (*c == '\n')
			*c = ' ';
	return hp_err_setting(err, r, path, "%s%s%s", strerror(-r), words[0] ? ": " : "", words);
}

/* The minimum of `file` over all resources in info/. 0: not known. */
static unsigned long long least_in_info(const struct rdt_fs *fs, const char *file)
{
	int fd = openat(fs->root, "info", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *info = fd < 0 ? NULL : fdopendir(fd);
	unsigned long long least = 0;
	struct dirent *entry;

	while (info && (entry = readdir(info))) {
		char path[300], text[32];
		unsigned long long number;

		snprintf(path, sizeof(path), "%s/%s", entry->d_name, file);
		if (file_read_at(fd, path, text, sizeof(text)) <= 0)
			continue;
		number = strtoull(text, NULL, 10);
		least = least && least < number ? least : number;
	}
	if (info)
		closedir(info);
	return least;
}

int rdt_fs_closids(const struct rdt_fs *fs)
{
	return (int)least_in_info(fs, "num_closids");
}

/* The kernel's own directories. Each other one is a group. */
static bool is_group(const struct dirent *entry)
{
	return entry->d_type == DT_DIR && entry->d_name[0] != '.' &&
	       strcmp(entry->d_name, "info") != 0 && strcmp(entry->d_name, "mon_data") != 0 &&
	       strcmp(entry->d_name, "mon_groups") != 0;
}

int rdt_fs_groups(const struct rdt_fs *fs)
{
	int fd = openat(fs->root, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *root = fd < 0 ? NULL : fdopendir(fd);
	struct dirent *entry;
	int count = 1;

	while (root && (entry = readdir(root)))
		count += is_group(entry);
	if (root)
		closedir(root);
	else
		close_fd(&fd);
	return count;
}

int rdt_fs_fail_to_make(const struct rdt_fs *fs, int r, const char *path, struct hp_err *err)
{
	char words[WORDS_SIZE];
	const char *line;

	if (r != -ENOSPC)
		return hp_err_setting(err, r, path, "%s", strerror(-r));
	last_words(fs, words);
	line = strrchr(words, '\n');
	line = line ? line + 1 : words;
	return hp_err_setting(err, r, path, "%s; this machine has %llu CLOSIDs and %llu RMIDs",
			      *line ? line : strerror(ENOSPC), least_in_info(fs, "num_closids"),
			      least_in_info(fs, "num_rmids"));
}

/* ---- files ---- */

static int open_group(const struct rdt_fs *fs, const char *group)
{
	int fd = openat(fs->root, group, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

	assert(fs->root >= 0);
	return fd < 0 ? -errno : fd;
}

ssize_t rdt_fs_read(const struct rdt_fs *fs, const char *group, const char *file, char *text,
		    size_t size)
{
	cleanup_close int fd = open_group(fs, group);

	return fd < 0 ? fd : file_read_at(fd, file, text, size);
}

int rdt_fs_write(const struct rdt_fs *fs, const char *group, const char *file, const char *text)
{
	cleanup_close int fd = open_group(fs, group);

	return fd < 0 ? fd : file_write_at(fd, file, text);
}

uint64_t rdt_fs_bandwidth_step(const struct rdt_fs *fs)
{
	char text[32];

	if (fs->is_in_megabytes ||
	    file_read_at(fs->root, "info/MB/bandwidth_gran", text, sizeof(text)) <= 0)
		return 1;
	return strtoull(text, NULL, 10);
}
