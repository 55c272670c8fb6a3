/* SPDX-License-Identifier: Apache-2.0 */
/* Repeated passes over /proc/PID/task. The caller owns the struct thread_walk, the only state. */
#include "daemon/apply/threads.h"

#include <assert.h>
#include <fcntl.h>
#include <stdlib.h>

#define GIVE_UP_AFTER_NS (5 * 1000000000ll)

int thread_walk_begin(struct thread_walk *walk, const struct target *target)
{
	int fd = openat(target->proc, "task", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	*walk = (struct thread_walk){
	    .target = target,
	    .directory = fd < 0 ? NULL : fdopendir(fd),
	    .until_ns = clock_ns(CLOCK_MONOTONIC) + GIVE_UP_AFTER_NS,
	};
	if (walk->directory)
		return 0;
	close_fd(&fd);
	return -ESRCH;
}

int thread_walk_continue(struct thread_walk *walk, const struct target *target, int64_t *until_ns)
{
	int r = walk->directory ? 0 : thread_walk_begin(walk, target);

	if (r < 0)
		return r;
	if (*until_ns == 0)
		*until_ns = walk->until_ns;
	walk->until_ns = *until_ns;
	return 0;
}

/* 1: another pass is needed. */
static int end_pass(struct thread_walk *walk)
{
	bool has_changed = walk->has_changed;

	walk->passes++;
	walk->has_changed = false;
	rewinddir(walk->directory);
	if (!has_changed)
		return target_check(walk->target);
	return clock_ns(CLOCK_MONOTONIC) < walk->until_ns ? 1 : -EAGAIN;
}

int thread_walk_go_on(struct thread_walk *walk, unsigned int budget, thread_fn function,
		      void *userdata)
{
	assert(walk->directory && budget > 0);
	while (budget-- > 0) {
		struct dirent *entry = readdir(walk->directory);
		pid_t id = entry ? (pid_t)strtol(entry->d_name, NULL, 10) : 0;
		int r;

		if (!entry)
			return end_pass(walk);
		if (id <= 0)
			continue;
		r = function(id, userdata);
		if (r < 0 && r != -ESRCH)
			return r;
		walk->has_changed |= r > 0;
	}
	return 1;
}

void thread_walk_end(struct thread_walk *walk)
{
	if (walk->directory)
		closedir(walk->directory);
	walk->directory = NULL;
}

int each_thread(const struct target *target, thread_fn function, void *userdata)
{
	struct thread_walk walk;
	int r = thread_walk_begin(&walk, target);

	if (r < 0)
		return r;
	do {
		r = thread_walk_go_on(&walk, UINT32_MAX, function, userdata);
	} while (r > 0);
	thread_walk_end(&walk);
	return r;
}
