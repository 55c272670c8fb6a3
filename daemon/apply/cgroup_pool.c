/* SPDX-License-Identifier: Apache-2.0 */
/*
 * hookd's own cgroup subtree and the pool of run cgroups in it.
 *
 * A cgroup is idle (in the pool), in use (a run's), or busy: its run is over, but processes that a
 * hook left behind live in it. Busy ones are looked at once a second and go back to the pool when
 * they are empty.
 */
#include "daemon/apply/cgroup_tree.h"

#include <dirent.h>
#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <sys/stat.h>

#include "daemon/apply/limits.h"

#define IDLE_MAX     64
#define PREPARED     4
#define LAST_WAIT_NS 1000000000ll

static void on_look_again(evutil_socket_t fd, short what, void *userdata);

/*
 * Since the kernel closed a race of cgroup.kill with fork (kill_seq, 6.14 and stable kernels), a
 * process that is cloned into a cgroup that was killed before can be killed at once: it compares
 * the count of kills of the parent's cgroup with that of the new one. So such a cgroup is spent.
 */
static bool is_as_new(const struct cgroup *cgroup)
{
	return !cgroup->is_killed && !cgroup->is_limited &&
	       cgroup->generation == cgroup->tree->generation;
}

static void put_idle(struct cgroup *cgroup)
{
	struct cgroup_tree *tree = cgroup->tree;

	if (!is_as_new(cgroup) || tree->idle_count >= IDLE_MAX) {
		cgroup_remove(cgroup);
		return;
	}
	TAILQ_INSERT_HEAD(&tree->idle, cgroup, link);
	tree->idle_count++;
}

int cgroup_acquire(struct cgroup_tree *tree, struct cgroup **ret_cgroup)
{
	struct cgroup *cgroup = TAILQ_FIRST(&tree->idle);
	int r;

	if (cgroup) {
		TAILQ_REMOVE(&tree->idle, cgroup, link);
		tree->idle_count--;
	} else {
		r = cgroup_make(tree, &cgroup);
		if (r < 0)
			return r;
	}
	tree->in_use_count++;
	*ret_cgroup = cgroup;
	return 0;
}

static void look_again_soon(struct cgroup_tree *tree)
{
	(void)event_add(tree->look_again, &(struct timeval){.tv_sec = 1});
}

void cgroup_release(struct cgroup *cgroup)
{
	struct cgroup_tree *tree;

	if (!cgroup)
		return;
	tree = cgroup->tree;
	tree->in_use_count--;
	if (!cgroup_is_populated(cgroup)) {
		put_idle(cgroup);
		return;
	}
	cgroup_rest(cgroup);
	TAILQ_INSERT_TAIL(&tree->busy, cgroup, link);
	look_again_soon(tree);
}

static void on_look_again(evutil_socket_t fd, short what, void *userdata)
{
	struct cgroup_tree *tree = userdata;
	struct cgroup *cgroup = TAILQ_FIRST(&tree->busy), *next;

	(void)fd, (void)what;
	for (; cgroup; cgroup = next) {
		next = TAILQ_NEXT(cgroup, link);
		if (cgroup_is_populated(cgroup)) {
			cgroup_rest(cgroup);
			continue;
		}
		TAILQ_REMOVE(&tree->busy, cgroup, link);
		put_idle(cgroup);
	}
	if (!TAILQ_EMPTY(&tree->busy))
		look_again_soon(tree);
}

/* ---- the tree ---- */

/* The others cost something with every fork and exit, and are enabled for the first who asks. */
static void enable_controllers(struct cgroup_tree *tree)
{
	static const char *const controllers[] = {"memory", "pids", "cpu", "io"};

	for (size_t i = 0; i < ELEMENTS(controllers); i++)
		cgroup_tree_enable(tree, controllers[i], strlen(controllers[i]));
}

static void prepare(struct cgroup_tree *tree)
{
	struct cgroup *cgroup;

	while (tree->idle_count < PREPARED && cgroup_make(tree, &cgroup) == 0)
		put_idle(cgroup);
}

int cgroup_tree_new(struct event_base *base, const char *root, struct cgroup_tree **ret_tree,
		    const char **ret_reason)
{
	struct cgroup_tree *tree = calloc(1, sizeof(*tree));
	int r;

	*ret_reason = "out of memory";
	if (!tree)
		return -ENOMEM;
	tree->base_fd = tree->runs_fd = -1;
	TAILQ_INIT(&tree->idle);
	TAILQ_INIT(&tree->busy);
	tree->look_again = event_new(base, -1, 0, on_look_again, tree);
	r = tree->look_again ? cgroup_tree_place(tree, root, ret_reason) : -ENOMEM;
	if (r < 0) {
		cgroup_tree_free(tree);
		return r;
	}
	enable_controllers(tree);
	remove_cgroups_in(openat(tree->runs_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
	prepare(tree);
	*ret_tree = tree;
	return 0;
}

/* Those in it were killed: they are gone in a moment, and the kernel tells of it (POLLPRI). */
static void wait_until_empty(struct cgroup *cgroup, int64_t give_up_ns)
{
	int64_t left_ns;

	while (cgroup_is_populated(cgroup) &&
	       (left_ns = give_up_ns - clock_ns(CLOCK_MONOTONIC)) > 0)
		(void)poll(&(struct pollfd){.fd = cgroup->events_fd, .events = POLLPRI}, 1,
			   (int)(left_ns / 1000000) + 1);
}

/* The wait is for all of them together: each may hold a process that the kernel does not let go. */
static void free_list(struct cgroup_list *list)
{
	int64_t give_up_ns = clock_ns(CLOCK_MONOTONIC) + LAST_WAIT_NS;
	struct cgroup *cgroup;

	while ((cgroup = TAILQ_FIRST(list))) {
		TAILQ_REMOVE(list, cgroup, link);
		if (cgroup->is_killed)
			wait_until_empty(cgroup, give_up_ns);
		cgroup_remove(cgroup);
	}
}

struct cgroup_tree *cgroup_tree_free(struct cgroup_tree *tree)
{
	if (!tree)
		return NULL;
	free_list(&tree->idle);
	free_list(&tree->busy);
	if (tree->look_again)
		event_free(tree->look_again);
	cgroup_tree_unplace(tree);
	limit_list_clear(&tree->defaults);
	free(tree);
	return NULL;
}

/* ---- defaults ---- */

/* In a cgroup of its own; what fails there is taken out. The first error is told. */
static int keep_what_works(struct cgroup_tree *tree, struct limit_list *list, struct hp_err *err)
{
	struct cgroup *cgroup;
	size_t kept = 0;
	struct hp_err more;
	int first = 0;
	int r = cgroup_make(tree, &cgroup);

	if (r < 0) {
		list->count = 0;
		return hp_err_setting(err, r, NULL, "a run's cgroup: %s", strerror(-r));
	}
	for (size_t i = 0; i < list->count; i++) {
		struct limit_list one = {.limits = &list->limits[i], .count = 1};

		r = limits_apply(cgroup_fd(cgroup), &one, NULL, first ? &more : err);
		if (r == 0)
			list->limits[kept++] = list->limits[i];
		first = first ? first : r;
	}
	list->count = kept;
	cgroup_remove(cgroup);
	return first;
}

int cgroup_tree_set_defaults(struct cgroup_tree *tree, const struct hp_resources *defaults,
			     struct hp_err *err)
{
	struct limit_list list;
	int r = limit_list_make(defaults, &list, err);

	if (r < 0 || (list.count == 0 && tree->defaults.count == 0))
		return r;
	limit_list_clear(&tree->defaults);
	r = keep_what_works(tree, &list, err);
	tree->defaults = list;
	tree->generation++;
	free_list(&tree->idle);
	tree->idle_count = 0;
	prepare(tree);
	return r;
}
