/* SPDX-License-Identifier: Apache-2.0 */
/*
 * resctrl's file system: found, locked, asked for its reasons. Nothing is kept from one visit to
 * the next, so it can be unmounted in between.
 */
#include "daemon/resctrl/fs.h"

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
#define WORDS_SIZE    512 /* as much as the kernel keeps */

int rdt_visit_begin(struct rdt_visit *visit, const char *directory)
{
	char path[1024], options[256] = "";
	int r = 0;

	*visit = (struct rdt_visit){.root = -1};
	if (!directory)
		r = mount_find("resctrl", path, sizeof(path), options, sizeof(options));
	if (r < 0)
		return r;
	visit->is_in_megabytes = strstr(options, "mba_MBps");
	visit->root = open(directory ? directory : path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return visit->root < 0 ? -errno : 0;
}

/* Those who only read the file system hold it too, for a moment. */
int rdt_visit_lock(struct rdt_visit *visit)
{
	for (int i = 0; i < LOCK_TRIES; i++) {
		if (flock(visit->root, LOCK_EX | LOCK_NB) == 0)
			return 0;
		if (errno != EWOULDBLOCK)
			return -errno;
		if (i + 1 < LOCK_TRIES)
			nanosleep(&(struct timespec){.tv_nsec = LOCK_PAUSE_NS}, NULL);
	}
	return -EBUSY;
}

void rdt_visit_end(struct rdt_visit *visit)
{
	close_fd(&visit->root);
}

/* ---- reasons ---- */

/*
 * Said by the kernel; "ok" where it has nothing to say. A write to a file begins the text anew,
 * while mkdir adds a line to what was said of other things before.
 */
static void last_words(const struct rdt_visit *visit, char words[static WORDS_SIZE])
{
	if (file_read_at(visit->root, "info/last_cmd_status", words, WORDS_SIZE) <= 0 ||
	    strcmp(words, "ok\n") == 0)
		words[0] = '\0';
	for (char *end = words + strlen(words); end > words && end[-1] == '\n';)
		*--end = '\0';
}

int rdt_visit_fail(const struct rdt_visit *visit, int r, const char *path, struct hp_err *err)
{
	char words[WORDS_SIZE];

	last_words(visit, words);
	for (char *c = words; *c; c++)
		if (*c == '\n')
			*c = ' ';
	return hp_err_setting(err, r, path, "%s%s%s", strerror(-r), words[0] ? ": " : "", words);
}

/* The least of all resources counts. 0: not known. */
static unsigned long long least_in_info(const struct rdt_visit *visit, const char *file)
{
	int fd = openat(visit->root, "info", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
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

int rdt_visit_closids(const struct rdt_visit *visit)
{
	return (int)least_in_info(visit, "num_closids");
}

int rdt_visit_fail_to_make(const struct rdt_visit *visit, int r, const char *path,
			   struct hp_err *err)
{
	char words[WORDS_SIZE];
	const char *line;

	if (r != -ENOSPC)
		return hp_err_setting(err, r, path, "%s", strerror(-r));
	last_words(visit, words);
	line = strrchr(words, '\n');
	line = line ? line + 1 : words;
	return hp_err_setting(err, r, path, "%s; this machine has %llu CLOSIDs and %llu RMIDs",
			      *line ? line : strerror(ENOSPC), least_in_info(visit, "num_closids"),
			      least_in_info(visit, "num_rmids"));
}

/* ---- files ---- */

static int open_group(const struct rdt_visit *visit, const char *group)
{
	int fd = openat(visit->root, group, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

	return fd < 0 ? -errno : fd;
}

ssize_t rdt_visit_read(const struct rdt_visit *visit, const char *group, const char *file,
		       char *text, size_t size)
{
	cleanup_close int fd = open_group(visit, group);

	return fd < 0 ? fd : file_read_at(fd, file, text, size);
}

int rdt_visit_write(const struct rdt_visit *visit, const char *group, const char *file,
		    const char *text)
{
	cleanup_close int fd = open_group(visit, group);

	return fd < 0 ? fd : file_write_at(fd, file, text);
}

uint64_t rdt_visit_bandwidth_step(const struct rdt_visit *visit)
{
	char text[32];

	if (visit->is_in_megabytes ||
	    file_read_at(visit->root, "info/MB/bandwidth_gran", text, sizeof(text)) <= 0)
		return 1;
	return strtoull(text, NULL, 10);
}
