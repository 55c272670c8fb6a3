/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Watches the cgroups of runs: whether another program has opened a file in one, has changed its
 * mode, owner or attributes, or has made a cgroup in it; and whether controllers were enabled or
 * disabled.
 *
 * To write to a file of a cgroup a program must open it, and to attach a BPF program it must open
 * the directory. So a cgroup without such an event is the same as a new one. Two files, which hookd
 * itself reads, are ignored: cgroup.events cannot be written, and cgroup.procs only changes which
 * processes are in it, which is read anyway.
 *
 * Owns an inotify(7) instance, which is read when a cgroup is acquired and before each hook that is
 * spawned into one. Without inotify every cgroup is taken to have been changed.
 */
#include <assert.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/inotify.h>

#include "daemon/cgroup/tree.h"

#define CHANGES_OF_A_RUN (IN_OPEN | IN_ATTRIB | IN_CREATE | IN_ONLYDIR)

static int watch_file(struct cgroup_tree *tree, int directory, const char *file)
{
	char path[80];

	snprintf(path, sizeof(path), "/proc/self/fd/%d/%s", directory, file);
	return inotify_add_watch(tree->inotify, path, IN_MODIFY) < 0 ? -errno : 0;
}

/*
 * A controller is enabled for the cgroups of runs by subtree_control of each directory above, and a
 * limit applies to everything below. -ENOENT: not a cgroup.
 */
static int watch_directory(struct cgroup_tree *tree, int directory)
{
	int r = watch_file(tree, directory, "memory.max");

	return r == 0 || r == -ENOENT ? watch_file(tree, directory, "cgroup.subtree_control") : r;
}

/* Call again after a change, since files appear with their controller. Watches are not doubled. */
void cgroup_watch_directories(struct cgroup_tree *tree)
{
	int at = openat(tree->runs->fd, ".", O_PATH | O_DIRECTORY | O_CLOEXEC);
	int r;

	while ((r = watch_directory(tree, at)) == 0) {
		int above = openat(at, "..", O_PATH | O_DIRECTORY | O_CLOEXEC);

		close(at);
		at = above;
	}
	close_fd(&at);
	if (r != -ENOENT)
		close_fd(&tree->inotify);
	cgroup_tree_look_for_controllers(tree);
}

void cgroup_watch_tree(struct cgroup_tree *tree)
{
	tree->inotify = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
	cgroup_watch_directories(tree);
}

void cgroup_watch(struct cgroup *cgroup)
{
	struct cgroup_tree *tree = cgroup->tree;
	char path[128];

	assert(cgroup->watch < 0);
	if (tree->has_controllers) /* then it is not reused anyway */
		return;
	snprintf(path, sizeof(path), "/proc/self/fd/%d/%s", cgroup->parent_fd, cgroup->name);
	cgroup->watch = inotify_add_watch(tree->inotify, path, CHANGES_OF_A_RUN);
	if (cgroup->watch >= 0)
		LIST_INSERT_HEAD(&tree->watched, cgroup, watched);
}

void cgroup_unwatch(struct cgroup *cgroup)
{
	if (cgroup->watch < 0)
		return;
	LIST_REMOVE(cgroup, watched);
	(void)inotify_rm_watch(cgroup->tree->inotify, cgroup->watch);
	cgroup->watch = -1;
}

/* ---- events ---- */

static bool is_ignored(const struct inotify_event *event)
{
	return event->len > 0 && (strcmp(event->name, "cgroup.events") == 0 ||
				  strcmp(event->name, "cgroup.procs") == 0);
}

/* Marks the cgroup with this watch; -1: all cgroups. */
static void mark_touched(struct cgroup_tree *tree, int watch)
{
	struct cgroup *cgroup;

	LIST_FOREACH (cgroup, &tree->watched, watched)
		cgroup->is_touched |= watch < 0 || cgroup->watch == watch;
}

static void handle_event(struct cgroup_tree *tree, const struct inotify_event *event)
{
	if (event->mask & (IN_MODIFY | IN_Q_OVERFLOW))
		cgroup_watch_directories(tree);
	if (event->mask & IN_Q_OVERFLOW)
		mark_touched(tree, -1);
	/* Of cgroup.procs a change of mode counts, an open does not. */
	else if (!(event->mask & IN_OPEN) || !is_ignored(event))
		mark_touched(tree, event->wd);
}

void cgroup_watch_read(struct cgroup_tree *tree)
{
	char bytes[4096] __attribute__((aligned(__alignof__(struct inotify_event))));
	ssize_t length;

	while (tree->inotify >= 0 && (length = read(tree->inotify, bytes, sizeof(bytes))) > 0) {
		const struct inotify_event *event;

		for (char *next = bytes; next < bytes + length;
		     next += sizeof(*event) + event->len) {
			event = (const struct inotify_event *)next;
			handle_event(tree, event);
		}
	}
}
