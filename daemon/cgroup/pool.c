/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Owns the pool of the cgroups of runs. States of a cgroup: idle (ready for a run); in use (of a
 * run, on no list); busy (the run has ended, but processes that a hook has left are in it); spent
 * (to be removed).
 *
 *	(made) --> idle --cgroup_acquire()--> in use
 *	in use --cgroup_release()--> idle, where it is the same as a new one
 *	in use --cgroup_release()--> busy, where it has processes
 *	in use --cgroup_release()--> spent, else
 *	busy   --its processes have exited--> spent
 *	spent  --removed--> (freed)
 *	spent  --cannot be removed--> busy
 *
 * Busy ones are checked once a second. An event makes cgroups ahead and removes spent ones, a few
 * at a time, so that a hook waits for neither unless many runs begin at the same time.
 */
#include "daemon/cgroup/tree.h"

#include <assert.h>
#include <dirent.h>
#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <sys/stat.h>

#include "daemon/base/loop.h"
#include "daemon/cgroup/limits.h"
#include "daemon/cgroup/path.h"

#define IDLE_MAX     1024
#define IDLE_AT_REST 64 /* more are kept for UNUSED_S after they were needed */
#define UNUSED_S     10
#define PREPARED     8
#define AT_A_TIME    4 /* made or removed by one event: blocks the loop for some 10 us */
#define CATCH_UP     8 /* 1/8 of the spent ones is removed too, so that they do not pile up */
#define LAST_WAIT_NS 1000000000ll

static void on_look_again(evutil_socket_t fd, short what, void *userdata);
static int replace_lost_directory(struct cgroup_tree *tree);

/*
 * A cgroup that was killed is not reused: since the kernel closed a race of cgroup.kill with fork
 * (kill_seq, Linux 6.14 and stable kernels), a process cloned into it may be killed at once, since
 * fork compares kill_seq of the parent's cgroup with that of the child's.
 */
static bool is_as_new(const struct cgroup *cgroup)
{
	return !cgroup->is_killed && !cgroup->is_limited && cgroup->watch >= 0 &&
	       cgroup->runs == cgroup->tree->runs && !cgroup->is_touched &&
	       !cgroup->tree->has_controllers && cgroup->generation == cgroup->tree->generation;
}

static void schedule_upkeep(struct cgroup_tree *tree)
{
	if (!event_pending(tree->upkeep, EV_TIMEOUT, NULL))
		timer_set(tree->upkeep, &(struct timeval){0});
}

static void discard(struct cgroup *cgroup)
{
	cgroup_rest(cgroup);
	TAILQ_INSERT_TAIL(&cgroup->tree->spent, cgroup, link);
	cgroup->tree->spent_count++;
	schedule_upkeep(cgroup->tree);
}

static void put_idle(struct cgroup *cgroup)
{
	TAILQ_INSERT_HEAD(&cgroup->tree->idle, cgroup, link);
	cgroup->tree->idle_count++;
}

static void remove_idle(struct cgroup *cgroup)
{
	struct cgroup_tree *tree = cgroup->tree;

	assert(tree->idle_count > 0);
	TAILQ_REMOVE(&tree->idle, cgroup, link);
	tree->idle_count--;
	if (tree->idle_least > tree->idle_count)
		tree->idle_least = tree->idle_count;
}

/*
 * Making and removing a cgroup costs more than running a hook, so as many are kept as were in use
 * at once. Those that nobody has needed for UNUSED_S, which are the last ones in the list, are
 * removed.
 */
static void keep_idle(struct cgroup *cgroup)
{
	struct cgroup_tree *tree = cgroup->tree;

	put_idle(cgroup);
	if (tree->idle_count <= IDLE_AT_REST || event_pending(tree->trim, EV_TIMEOUT, NULL))
		return;
	tree->idle_least = 0; /* all of them were needed a moment ago */
	(void)event_add(tree->trim, &(struct timeval){.tv_sec = UNUSED_S});
}

static void on_trim(evutil_socket_t fd, short what, void *userdata)
{
	struct cgroup_tree *tree = userdata;
	struct cgroup *cgroup;

	(void)fd, (void)what;
	for (size_t unused = tree->idle_least; unused > 0 && tree->idle_count > IDLE_AT_REST;
	     unused--) {
		cgroup = TAILQ_LAST(&tree->idle, cgroup_list);
		remove_idle(cgroup);
		discard(cgroup);
	}
	tree->idle_least = tree->idle_count;
	if (tree->idle_count > IDLE_AT_REST)
		(void)event_add(tree->trim, &(struct timeval){.tv_sec = UNUSED_S});
}

static struct cgroup *take_idle(struct cgroup_tree *tree)
{
	struct cgroup *cgroup;

	cgroup_watch_read(tree);
	while ((cgroup = TAILQ_FIRST(&tree->idle))) {
		remove_idle(cgroup);
		if (!cgroup->is_touched)
			return cgroup;
		discard(cgroup);
	}
	return NULL;
}

int cgroup_acquire(struct cgroup_tree *tree, struct cgroup **ret_cgroup)
{
	struct cgroup *cgroup = take_idle(tree);
	int r = cgroup ? 0 : cgroup_make(tree, &cgroup);

	/* EAGAIN: of a limit of cgroups, which another program may have set in the directory. */
	if ((r == -ENOENT || r == -ENODEV || r == -EAGAIN) && replace_lost_directory(tree) == 0)
		r = cgroup_make(tree, &cgroup);
	if (r < 0)
		return cgroup_is_gone(r) ? -ESTALE : r;
	if (tree->idle_count < PREPARED)
		schedule_upkeep(tree);
	cgroup->is_just_taken = true;
	*ret_cgroup = cgroup;
	return 0;
}

static void look_again_soon(struct cgroup_tree *tree)
{
	timer_set(tree->look_again, &(struct timeval){.tv_sec = 1});
}

static void make_busy(struct cgroup *cgroup)
{
	cgroup_rest(cgroup);
	TAILQ_INSERT_TAIL(&cgroup->tree->busy, cgroup, link);
	look_again_soon(cgroup->tree);
}

void cgroup_release(struct cgroup *cgroup)
{
	struct cgroup_tree *tree;

	if (!cgroup)
		return;
	tree = cgroup->tree;
	if (cgroup_is_populated(cgroup)) {
		if (!cgroup->is_killed)
			cgroup_mark_lingering(cgroup);
		make_busy(cgroup);
	} else if (is_as_new(cgroup) && tree->idle_count < IDLE_MAX) {
		keep_idle(cgroup);
	} else {
		discard(cgroup);
	}
}

/* Removes all of a list at once, so that the directory of runs can be removed. */
static void remove_list(struct cgroup_list *list, size_t *count)
{
	struct cgroup *cgroup;

	while ((cgroup = TAILQ_FIRST(list))) {
		assert(*count > 0);
		TAILQ_REMOVE(list, cgroup, link);
		--*count;
		if (cgroup_remove(cgroup) < 0)
			make_busy(cgroup);
	}
}

static int replace_lost_directory(struct cgroup_tree *tree)
{
	remove_list(&tree->idle, &tree->idle_count);
	remove_list(&tree->spent, &tree->spent_count);
	schedule_upkeep(tree);
	return cgroup_tree_renew(tree);
}

int cgroup_tree_repair(struct cgroup_tree *tree)
{
	return replace_lost_directory(tree);
}

bool cgroup_release_lost(struct cgroup *cgroup, int clone_errno)
{
	struct cgroup_tree *tree = cgroup->tree;

	if (cgroup->is_foreign || (!cgroup_is_gone(-clone_errno) && cgroup_is_in_order(cgroup)))
		return false;
	cgroup->is_touched = true;
	cgroup_release(cgroup);
	/* On failure the next cgroup_acquire() reports the error. */
	(void)replace_lost_directory(tree);
	return true;
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
		discard(cgroup);
	}
	if (!TAILQ_EMPTY(&tree->busy))
		look_again_soon(tree);
}

static int make_one(struct cgroup_tree *tree)
{
	struct cgroup *cgroup;
	int r = cgroup_make(tree, &cgroup);

	if (r == 0)
		put_idle(cgroup);
	return r;
}

/* The kernel may return EBUSY for a moment after the last process was reaped. */
static void remove_one(struct cgroup_tree *tree)
{
	struct cgroup *cgroup = TAILQ_FIRST(&tree->spent);
	int r;

	if (!cgroup)
		return;
	assert(tree->spent_count > 0);
	TAILQ_REMOVE(&tree->spent, cgroup, link);
	tree->spent_count--;
	r = cgroup_remove(cgroup);
	if (r == -EAGAIN)
		discard(cgroup);
	else if (r < 0)
		make_busy(cgroup);
}

static void on_upkeep(evutil_socket_t fd, short what, void *userdata)
{
	struct cgroup_tree *tree = userdata;
	size_t to_remove = AT_A_TIME + tree->spent_count / CATCH_UP;
	int r = 0;

	(void)fd, (void)what;
	for (int i = 0; i < AT_A_TIME && r == 0 && tree->idle_count < PREPARED; i++)
		r = make_one(tree);
	for (size_t i = 0; i < to_remove; i++)
		remove_one(tree);
	/* After a failure to make one, the next try is at the next cgroup_acquire(). */
	if ((r == 0 && tree->idle_count < PREPARED) || !TAILQ_EMPTY(&tree->spent))
		schedule_upkeep(tree);
}

/* ---- the tree ---- */

static void prepare(struct cgroup_tree *tree)
{
	while (tree->idle_count < PREPARED && make_one(tree) == 0)
		;
}

static struct cgroup_tree *make_tree(struct event_base *base)
{
	struct cgroup_tree *tree = calloc(1, sizeof(*tree));

	if (!tree)
		return NULL;
	tree->base_fd = tree->own_lock = tree->root_lock = tree->inotify = -1;
	TAILQ_INIT(&tree->idle);
	TAILQ_INIT(&tree->busy);
	TAILQ_INIT(&tree->spent);
	LIST_INIT(&tree->made_here);
	tree->look_again = event_new(base, -1, 0, on_look_again, tree);
	tree->upkeep = event_new(base, -1, 0, on_upkeep, tree);
	tree->trim = event_new(base, -1, 0, on_trim, tree);
	if (!tree->look_again || !tree->upkeep || !tree->trim)
		return cgroup_tree_free(tree);
	return tree;
}

static void begin(struct cgroup_tree *tree)
{
	cgroup_tree_enable_usual(tree);
	cgroup_watch_tree(tree);
	remove_cgroups_in(openat(tree->runs->fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
	prepare(tree);
}

int cgroup_tree_new(struct event_base *base, const char *root, struct cgroup_tree **ret_tree,
		    const char **ret_reason)
{
	struct cgroup_tree *tree = make_tree(base);
	int r;

	*ret_reason = "out of memory";
	if (!tree)
		return -ENOMEM;
	r = cgroup_tree_place(tree, root, ret_reason);
	if (r < 0) {
		cgroup_tree_free(tree);
		return r;
	}
	begin(tree);
	*ret_tree = tree;
	return 0;
}

int cgroup_tree_new_part(struct event_base *base, int directory, struct cgroup_tree **ret_tree,
			 const char **ret_reason)
{
	struct cgroup_tree *tree = make_tree(base);
	int r;

	*ret_reason = "out of memory";
	if (!tree)
		return -ENOMEM;
	r = cgroup_tree_place_part(tree, directory, ret_reason);
	if (r < 0) {
		cgroup_tree_free(tree);
		return r;
	}
	begin(tree);
	*ret_tree = tree;
	return 0;
}

/* Its processes were killed and will exit soon; a change of cgroup.events is POLLPRI. */
static void wait_until_empty(struct cgroup *cgroup, int64_t give_up_ns)
{
	int64_t left_ns;

	while (cgroup_is_populated(cgroup) &&
	       (left_ns = give_up_ns - clock_ns(CLOCK_MONOTONIC)) > 0)
		(void)poll(&(struct pollfd){.fd = cgroup->events_fd, .events = POLLPRI}, 1,
			   (int)(left_ns / 1000000) + 1);
}

/* LAST_WAIT_NS is for all of them together, since a process may be stuck in the kernel. */
static void free_list(struct cgroup_list *list)
{
	int64_t give_up_ns = clock_ns(CLOCK_MONOTONIC) + LAST_WAIT_NS;
	struct cgroup *cgroup;
	int r;

	while ((cgroup = TAILQ_FIRST(list))) {
		TAILQ_REMOVE(list, cgroup, link);
		if (cgroup->is_killed)
			wait_until_empty(cgroup, give_up_ns);
		do
			r = cgroup_remove(cgroup);
		while (r == -EAGAIN && clock_ns(CLOCK_MONOTONIC) < give_up_ns);
		if (r < 0)
			cgroup_discard(cgroup);
	}
}

struct cgroup_tree *cgroup_tree_free(struct cgroup_tree *tree)
{
	if (!tree)
		return NULL;
	free_list(&tree->idle);
	free_list(&tree->busy);
	free_list(&tree->spent);
	if (tree->look_again)
		event_free(tree->look_again);
	if (tree->upkeep)
		event_free(tree->upkeep);
	if (tree->trim)
		event_free(tree->trim);
	close_fd(&tree->inotify);
	cgroup_tree_unplace(tree);
	limit_list_clear(&tree->defaults);
	free(tree);
	return NULL;
}

/* ---- defaults ---- */

/* Tries each limit in a new cgroup and removes those that fail. Returns the first error. */
static int keep_what_works(struct cgroup_tree *tree, struct limit_list *list,
			   cgroup_left_out *left_out, void *userdata)
{
	struct cgroup *cgroup;
	size_t kept = 0;
	int first = 0;
	int made = cgroup_make(tree, &cgroup);

	for (size_t i = 0; i < list->count; i++) {
		struct limit_list one = {.limits = &list->limits[i], .count = 1};
		struct hp_err err;
		int r;

		if (made < 0)
			r = hp_err_setting(&err, made, list->limits[i].path, "a run's cgroup: %s",
					   strerror(-made));
		else
			r = limits_apply(cgroup_fd(cgroup), &one, NULL, &err);
		if (r == 0)
			list->limits[kept++] = list->limits[i];
		else
			left_out(&err, userdata);
		first = first ? first : r;
	}
	list->count = kept;
	if (made == 0)
		cgroup_discard(cgroup);
	return first;
}

int cgroup_tree_set_defaults(struct cgroup_tree *tree, const struct hp_resources *defaults,
			     cgroup_left_out *left_out, void *userdata)
{
	struct limit_list list;
	struct hp_err err;
	int r = limit_list_make(defaults, &list, &err);

	if (r < 0)
		left_out(&err, userdata);
	if (r < 0 || (list.count == 0 && tree->defaults.count == 0))
		return r;
	limit_list_clear(&tree->defaults);
	r = keep_what_works(tree, &list, left_out, userdata);
	tree->defaults = list;
	tree->generation++;
	TAILQ_CONCAT(&tree->spent, &tree->idle, link);
	tree->spent_count += tree->idle_count;
	tree->idle_count = 0;
	schedule_upkeep(tree);
	prepare(tree);
	return r;
}

int cgroup_tree_try_limits(struct cgroup_tree *tree, const struct hp_resources *resources,
			   struct hp_err *err)
{
	struct cgroup *cgroup;
	int r = cgroup_acquire(tree, &cgroup);

	if (r < 0)
		return hp_err_setting(err, r, "", "a run's cgroup: %s", strerror(-r));
	r = cgroup_limit(cgroup, resources, err);
	cgroup_release(cgroup);
	return r;
}
