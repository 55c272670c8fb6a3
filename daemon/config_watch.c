/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Watches files of the configuration by inotify(7). Owns the inotify descriptor and its events.
 *
 *	quiet --a name of interest--> settling --SETTLED_AFTER_US without another--> quiet
 *	quiet --LOOK_EVERY_S--> quiet
 *
 * Every few seconds the files are taken for changed without an event. inotify does not tell of a
 * folder that a symbolic link leads through and that is replaced, as Kubernetes does, nor of one
 * that was moved away.
 */
#include "daemon/config_watch.h"

#include <dirent.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/inotify.h>

#include "daemon/base/loop.h"
#include "proto/base/config_files.h"

#define SETTLED_AFTER_US (100 * 1000)
#define LOOK_EVERY_S	 5
#define CHANGES		 (IN_CLOSE_WRITE | IN_CREATE | IN_DELETE | IN_MOVED_FROM | IN_MOVED_TO | IN_ATTRIB)

struct config_watch {
	const char *file; /* NULL: the default files */
	int inotify;
	struct event *readable, *settled;
	bool awaits_target; /* a symbolic link leads to a file that does not exist */
	void (*changed)(void *userdata);
	void *userdata;
};

/* Returns 0, or -ENOENT if there is no such file or folder. */
static int watch_path(const struct config_watch *watch, const char *path)
{
	return inotify_add_watch(watch->inotify, path, CHANGES) < 0 && errno == ENOENT ? -ENOENT
										       : 0;
}

/* Of a symbolic link to a file that does not exist: the folder in which it could appear. */
static void watch_target(struct config_watch *watch, const char *path)
{
	char target[PATH_MAX], folder[2 * PATH_MAX];
	ssize_t length = readlink(path, target, sizeof(target) - 1);
	const char *slash = strrchr(path, '/');

	if (length < 0)
		return;
	target[length] = '\0';
	snprintf(folder, sizeof(folder), "%.*s%s", target[0] == '/' ? 0 : (int)(slash + 1 - path),
		 path, target);
	*(strrchr(folder, '/') + 1) = '\0';
	watch->awaits_target |= watch_path(watch, folder) == 0;
}

/* The file itself, since it may be a symbolic link to one in another folder. */
static void watch_file(struct config_watch *watch, const char *path)
{
	if (watch_path(watch, path) == -ENOENT)
		watch_target(watch, path);
}

static void watch_drop_ins(struct config_watch *watch, const char *folder)
{
	char path[2 * PATH_MAX];
	struct dirent *entry;
	DIR *directory;

	snprintf(path, sizeof(path), "%s/hookd.conf.d", folder);
	(void)watch_path(watch, path);
	directory = opendir(path);
	while (directory && (entry = readdir(directory))) {
		if (entry->d_name[0] == '.')
			continue;
		snprintf(path, sizeof(path), "%s/hookd.conf.d/%s", folder, entry->d_name);
		watch_file(watch, path);
	}
	if (directory)
		closedir(directory);
}

/* Also if it is watched already: it may be another file now. */
static void watch_folder(struct config_watch *watch, const char *folder)
{
	char path[PATH_MAX];

	if (watch_path(watch, folder) == -ENOENT) {
		snprintf(path, sizeof(path), "%s/..", folder);
		*strrchr(path, '/') = '\0';
		*strrchr(path, '/') = '\0';
		(void)watch_path(watch, path);
		return;
	}
	watch_drop_ins(watch, folder);
	snprintf(path, sizeof(path), "%s/hookd.conf", folder);
	watch_file(watch, path);
}

static void watch_files(struct config_watch *watch)
{
	char folder[PATH_MAX];

	watch->awaits_target = false;
	if (!watch->file) {
		for (size_t i = 0; i < HP_CONFIG_FOLDERS; i++)
			watch_folder(watch, hp_config_folders[i]);
		return;
	}
	watch_file(watch, watch->file);
	snprintf(folder, sizeof(folder), "%s", watch->file);
	*strrchr(folder, '/') = '\0';
	(void)watch_path(watch, folder[0] ? folder : "/");
}

/* Of the default files: a folder, a file, a drop-in. The folders have other files too. */
static bool is_of_interest(const struct config_watch *watch, const char *name)
{
	const char *dot = strrchr(name, '.');

	/* What is watched itself; or what a link leads to may have any name. */
	if (name[0] == '\0' || watch->awaits_target)
		return true;
	if (watch->file)
		return strcmp(name, strrchr(watch->file, '/') + 1) == 0;
	return strcmp(name, "hookd") == 0 || strcmp(name, "hookd.conf.d") == 0 ||
	       (dot && strcmp(dot, ".conf") == 0);
}

static void on_readable(evutil_socket_t fd, short what, void *userdata)
{
	_Alignas(struct inotify_event) char buffer[4096];
	struct config_watch *watch = userdata;
	bool is_changed = false;
	ssize_t length;

	(void)what;
	while ((length = read(fd, buffer, sizeof(buffer))) > 0) {
		for (const char *at = buffer; at < buffer + length;) {
			const struct inotify_event *event = (const void *)at;

			is_changed |= is_of_interest(watch, event->len > 0 ? event->name : "");
			at += sizeof(*event) + event->len;
		}
	}
	if (is_changed)
		timer_set(watch->settled, &(struct timeval){.tv_usec = SETTLED_AFTER_US});
}

static void look_later(struct config_watch *watch)
{
	timer_set(watch->settled, &(struct timeval){.tv_sec = LOOK_EVERY_S});
}

static void on_settled(evutil_socket_t fd, short what, void *userdata)
{
	struct config_watch *watch = userdata;

	(void)fd, (void)what;
	look_later(watch);
	watch_files(watch);
	watch->changed(watch->userdata);
}

int config_watch_new(struct event_base *base, const char *file, void (*changed)(void *userdata),
		     void *userdata, struct config_watch **ret_watch)
{
	struct config_watch *watch = calloc(1, sizeof(*watch));

	if (!watch)
		return -ENOMEM;
	*watch = (struct config_watch){.file = file, .changed = changed, .userdata = userdata};
	watch->inotify = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
	if (watch->inotify < 0) {
		int r = -errno;

		free(watch);
		return r;
	}
	watch->readable = event_new(base, watch->inotify, EV_READ | EV_PERSIST, on_readable, watch);
	watch->settled = event_new(base, -1, 0, on_settled, watch);
	if (!watch->readable || !watch->settled || event_add(watch->readable, NULL) < 0) {
		config_watch_free(watch);
		return -ENOMEM;
	}
	watch_files(watch);
	look_later(watch);
	*ret_watch = watch;
	return 0;
}

struct config_watch *config_watch_free(struct config_watch *watch)
{
	if (!watch)
		return NULL;
	if (watch->readable)
		event_free(watch->readable);
	if (watch->settled)
		event_free(watch->settled);
	close_fd(&watch->inotify);
	free(watch);
	return NULL;
}
