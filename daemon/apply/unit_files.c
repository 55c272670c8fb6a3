/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Owns the inotify instance and, for each holding with such files, their watches. A watch stays
 * until the holding is removed. While a holding has another owner (an Update, a removal) events for
 * it are ignored, and unit_files_watch() looks at the files when it is HELD again.
 */
#include "daemon/apply/unit_files.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>
#include <sys/inotify.h>

#include "daemon/apply/application.h"
#include "daemon/base/file.h"
#include "daemon/cgroup/path.h"

enum { UNIT_FILE_COUNT = 2 };

const char *const unit_files[] = {"memory.oom.group", "memory.zswap.max", NULL};
/* What systemd writes to them. */
static const char *const defaults[UNIT_FILE_COUNT] = {"0", "max"};

static_assert(ELEMENTS(unit_files) == UNIT_FILE_COUNT + 1, "with a NULL");

struct unit_watcher {
	struct applier *applier;
	int inotify; /* -1: not opened yet */
	struct event *event;
};

struct unit_watch {
	struct unit_watcher *watcher;
	int watches[UNIT_FILE_COUNT]; /* of inotify; -1: none */
};

/* ---- values ---- */

static bool is_default(int file, const char *value)
{
	return strcmp(value, defaults[file]) == 0;
}

/* False where it cannot be read: it does not exist. */
static bool read_value(int cgroup_fd, int file, char value[static 32])
{
	if (file_read_at(cgroup_fd, unit_files[file], value, 32) < 0)
		return false;
	value[strcspn(value, "\n")] = '\0';
	return true;
}

/* The value in a text of holding::unit_files. False: it has none. */
static bool find_value(const char *text, int file, char value[static 32])
{
	size_t length = strlen(unit_files[file]);

	for (; text && *text; text = strchrnul(text, '\n'), text += *text == '\n')
		if (strncmp(text, unit_files[file], length) == 0 && text[length] == ' ')
			return sscanf(text + length, " %31[^\n]", value) == 1;
	return false;
}

static bool is_limited(const struct limit_list *limits, int file)
{
	for (size_t i = 0; i < limits->count; i++)
		if (strcmp(limits->limits[i].file, unit_files[file]) == 0)
			return true;
	return false;
}

/* The kernel's form of the value, by which it is compared with the default. */
int unit_files_join(const char *text, const struct limit_list *limits, int cgroup_fd,
		    char **ret_text)
{
	char joined[UNIT_FILE_COUNT * 64] = "", value[32];

	for (int i = 0; i < UNIT_FILE_COUNT; i++) {
		size_t length = strlen(joined);
		bool is_there = is_limited(limits, i) ? read_value(cgroup_fd, i, value)
						      : find_value(text, i, value);

		if (is_there && !is_default(i, value))
			snprintf(joined + length, sizeof(joined) - length, "%s %s\n", unit_files[i],
				 value);
	}
	*ret_text = joined[0] ? strdup(joined) : NULL;
	return joined[0] && !*ret_text ? -ENOMEM : 0;
}

static void report(struct applier *applier, const struct holding *holding, const char *format,
		   const char *file, int r)
{
	char what[128];

	snprintf(what, sizeof(what), format, file, strerror(-r));
	applier->report(holding->container, what, applier->userdata);
}

static void write_again(struct applier *applier, const struct holding *holding, int cgroup_fd,
			int file)
{
	char value[32], wanted[32];
	int r = 0;

	if (read_value(cgroup_fd, file, value) && is_default(file, value) &&
	    find_value(holding->unit_files, file, wanted))
		r = file_write_at(cgroup_fd, unit_files[file], wanted);
	if (r < 0 && !cgroup_is_gone(r))
		report(applier, holding, "cannot write %s again, which systemd has reset: %s",
		       unit_files[file], r);
}

static int open_cgroup(const struct applier *applier, const struct holding *holding)
{
	return holding->cgroup_path ? cgroup_path_open(applier->mount_fd, holding->cgroup_path)
				    : -ENOENT;
}

/* ---- events ---- */

static void handle_event(struct unit_watcher *watcher, const struct inotify_event *event)
{
	struct applier *applier = watcher->applier;
	struct holding *holding = holdings_first(applier->holdings);

	for (; holding; holding = holdings_next(holding))
		for (int i = 0; holding->unit_watch && i < UNIT_FILE_COUNT; i++)
			if (holding->state == HOLDING_HELD &&
			    (event->mask & IN_Q_OVERFLOW ||
			     holding->unit_watch->watches[i] == event->wd)) {
				cleanup_close int fd = open_cgroup(applier, holding);

				if (fd >= 0)
					write_again(applier, holding, fd, i);
			}
}

static void on_events(evutil_socket_t fd, short what, void *userdata)
{
	char bytes[4096] __attribute__((aligned(__alignof__(struct inotify_event))));
	const struct inotify_event *event;
	ssize_t length = read(fd, bytes, sizeof(bytes));

	(void)what;
	for (char *next = bytes; length > 0 && next < bytes + length;
	     next += sizeof(*event) + event->len) {
		event = (const struct inotify_event *)next;
		handle_event(userdata, event);
	}
}

int unit_watcher_new(struct applier *applier, struct unit_watcher **ret_watcher)
{
	struct unit_watcher *watcher = calloc(1, sizeof(*watcher));

	if (!watcher)
		return -ENOMEM;
	watcher->applier = applier;
	watcher->inotify = -1;
	*ret_watcher = watcher;
	return 0;
}

struct unit_watcher *unit_watcher_free(struct unit_watcher *watcher)
{
	if (!watcher)
		return NULL;
	if (watcher->event)
		event_free(watcher->event);
	close_fd(&watcher->inotify);
	free(watcher);
	return NULL;
}

static int open_inotify(struct unit_watcher *watcher)
{
	if (watcher->event)
		return 0;
	watcher->inotify = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
	if (watcher->inotify < 0)
		return -errno;
	watcher->event = event_new(watcher->applier->base, watcher->inotify, EV_READ | EV_PERSIST,
				   on_events, watcher);
	if (watcher->event && event_add(watcher->event, NULL) == 0)
		return 0;
	if (watcher->event)
		event_free(take_ptr(watcher->event));
	close_fd(&watcher->inotify);
	return -ENOMEM;
}

/* ---- watches ---- */

static struct unit_watch *watch_of(struct unit_watcher *watcher, struct holding *holding)
{
	struct unit_watch *watch = holding->unit_watch;

	if (watch)
		return watch;
	watch = calloc(1, sizeof(*watch));
	if (!watch)
		return NULL;
	watch->watcher = watcher;
	for (int i = 0; i < UNIT_FILE_COUNT; i++)
		watch->watches[i] = -1;
	return holding->unit_watch = watch;
}

static int watch_file(struct unit_watch *watch, int cgroup_fd, int file)
{
	char path[80];
	int r;

	if (watch->watches[file] >= 0)
		return 0;
	snprintf(path, sizeof(path), "/proc/self/fd/%d/%s", cgroup_fd, unit_files[file]);
	r = inotify_add_watch(watch->watcher->inotify, path, IN_MODIFY);
	if (r < 0)
		return -errno;
	watch->watches[file] = r;
	return 0;
}

/* Watched first, so that no reset is missed between the two. */
static void watch_and_write(struct unit_watcher *watcher, struct holding *holding, int cgroup_fd)
{
	struct unit_watch *watch = watch_of(watcher, holding);
	int r = watch ? open_inotify(watcher) : -ENOMEM;
	char wanted[32];

	for (int i = 0; i < UNIT_FILE_COUNT; i++) {
		int r_of_file = r;

		if (!find_value(holding->unit_files, i, wanted))
			continue;
		if (r == 0)
			r_of_file = watch_file(watch, cgroup_fd, i);
		if (r_of_file < 0 && !cgroup_is_gone(r_of_file))
			report(watcher->applier, holding,
			       "cannot watch %s, which is lost when systemd reloads: %s",
			       unit_files[i], r_of_file);
		write_again(watcher->applier, holding, cgroup_fd, i);
	}
}

void unit_files_watch(struct unit_watcher *watcher, struct holding *holding)
{
	cleanup_close int fd = -1;

	if (!holding->unit_files)
		return;
	assert(holding->state == HOLDING_HELD);
	fd = open_cgroup(watcher->applier, holding);
	if (fd >= 0)
		watch_and_write(watcher, holding, fd);
}

void unit_files_unwatch(struct holding *holding)
{
	struct unit_watch *watch = take_ptr(holding->unit_watch);

	for (int i = 0; watch && i < UNIT_FILE_COUNT; i++)
		if (watch->watches[i] >= 0)
			(void)inotify_rm_watch(watch->watcher->inotify, watch->watches[i]);
	free(watch);
}
