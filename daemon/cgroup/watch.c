/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Watches the cgroups of runs: whether another program has opened a file in one, has changed its
 * mode, owner or attributes, has made a cgroup in it, or has removed it; and whether controllers
 * were enabled or disabled.
 *
 * To write to a file of a cgroup a program must open it, and to attach a BPF program it must open
 * the directory. So a cgroup without such an event is the same as a new one. Two files, which hookd
 * itself reads, are ignored: cgroup.events cannot be written, and cgroup.procs only changes which
 * processes are in it, which is read anyway.
 *
 * Of its removal a cgroup's own watch gets no event: kernfs keeps the inode and its links. The
 * directory of runs gets one, with the name, which is never used again: so what has it afterwards
 * was made by another program. cgroup2 has no rename(2).
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

static int add_watch(struct cgroup_tree *tree, int directory, const char *name, uint32_t mask)
{
	char path[128];
	int watch;

	snprintf(path, sizeof(path), "/proc/self/fd/%d/%s", directory, name);
	watch = inotify_add_watch(tree->inotify, path, mask);
	return watch < 0 ? -errno : watch;
}

static int watch_file(struct cgroup_tree *tree, int directory, const char *file)
{
	int watch = add_watch(tree, directory, file, IN_MODIFY);

	return watch < 0 ? watch : 0;
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
	int r = at < 0 ? -errno : 0;

	tree->runs->watch = add_watch(tree, tree->runs->fd, ".", IN_DELETE | IN_ONLYDIR);
	if (tree->runs->watch < 0)
		r = -EIO;
	while (r == 0 && (r = watch_directory(tree, at)) == 0) {
		int above = openat(at, "..", O_PATH | O_DIRECTORY | O_CLOEXEC);

		r = above < 0 ? -EIO : 0;
		close(at);
		at = above;
	}
	close_fd(&at);
	/* -ENOENT: above the root of cgroup2. Else a change could be missed. */
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
	int watch;

	assert(cgroup->watch < 0);
	if (tree->has_controllers) /* then it is not reused anyway */
		return;
	watch = add_watch(tree, cgroup->parent_fd, cgroup->name, CHANGES_OF_A_RUN);
	cgroup->watch = watch < 0 ? -1 : watch;
}

void cgroup_unwatch(struct cgroup *cgroup)
{
	if (cgroup->watch < 0)
		return;
	(void)inotify_rm_watch(cgroup->tree->inotify, cgroup->watch);
	cgroup->watch = -1;
}

void cgroup_unwatch_runs(struct cgroup_tree *tree, struct runs_directory *runs)
{
	if (runs->watch >= 0)
		(void)inotify_rm_watch(tree->inotify, runs->watch);
	runs->watch = -1;
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

	LIST_FOREACH (cgroup, &tree->made_here, made)
		cgroup->is_touched |= watch < 0 || cgroup->watch == watch;
}

/* Those that hookd has removed are not in the list any more. */
static void mark_removed(struct cgroup_tree *tree, const char *name)
{
	struct cgroup *cgroup;

	LIST_FOREACH (cgroup, &tree->made_here, made)
		cgroup->is_touched |= strcmp(cgroup->name, name) == 0;
}

static void handle_event(struct cgroup_tree *tree, const struct inotify_event *event)
{
	if (event->mask & (IN_MODIFY | IN_Q_OVERFLOW))
		cgroup_watch_directories(tree);
	if (event->mask & IN_Q_OVERFLOW)
		mark_touched(tree, -1);
	else if (event->mask & IN_DELETE)
		mark_removed(tree, event->len > 0 ? event->name : "");
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
