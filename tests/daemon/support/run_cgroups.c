/* SPDX-License-Identifier: Apache-2.0 */
/* A tree of run cgroups in a directory of the test's own, and processes in them. */
#include "tests/daemon/support/run_cgroups.h"

#include <dirent.h>
#include <poll.h>
#include <signal.h>
#include <sys/wait.h>

#include "tests/daemon/support/own_cgroup.h"
#include "tests/daemon/support/support.h"

char run_cgroups_root[256];
struct event_base *run_cgroups_base;
struct cgroup_tree *run_cgroups_tree;
static struct spawner *spawner;

int run_cgroups_set_up(void **state)
{
	const char *reason = "";

	(void)state;
	run_cgroups_base = loop_new();
	if (spawner_new(&spawner) < 0 ||
	    !own_cgroup_make(run_cgroups_root, sizeof(run_cgroups_root)))
		return -1;
	return cgroup_tree_new(run_cgroups_base, run_cgroups_root, &run_cgroups_tree, &reason);
}

int run_cgroups_tear_down(void **state)
{
	(void)state;
	run_cgroups_tree = cgroup_tree_free(run_cgroups_tree);
	spawner = spawner_free(spawner);
	own_cgroup_remove(run_cgroups_root);
	event_base_free(run_cgroups_base);
	return 0;
}

struct cgroup *run_cgroup_acquire(void)
{
	struct cgroup *cgroup;

	assert_int_equal(cgroup_acquire(run_cgroups_tree, &cgroup), 0);
	return cgroup;
}

/* The path of its cgroup, as the process sees it. */
void run_cgroup_path(struct cgroup *cgroup, char path[static 256])
{
	char link[32];
	ssize_t length;

	snprintf(link, sizeof(link), "/proc/self/fd/%d", cgroup_fd(cgroup));
	length = readlink(link, path, 255);
	assert_true(length > 0);
	path[length] = '\0';
}

size_t run_cgroups_count(void)
{
	char path[300];
	struct dirent *entry;
	size_t count = 0;
	DIR *directory;

	snprintf(path, sizeof(path), "%s/runs", run_cgroups_root);
	directory = opendir(path);
	assert_non_null(directory);
	while ((entry = readdir(directory)))
		count += entry->d_type == DT_DIR && entry->d_name[0] != '.';
	closedir(directory);
	return count;
}

/* Cloned into it as hooks are; it waits for ever. */
struct spawn_child run_cgroup_spawn(struct cgroup *cgroup)
{
	static char *const argv[] = {(char *)"sleep", (char *)"1000", NULL};
	static char *const envp[] = {NULL};
	struct spawn_spec spec = {
	    .path = "/bin/sleep",
	    .program = -1,
	    .argv = argv,
	    .envp = envp,
	    .cgroup = cgroup_fd(cgroup),
	};
	struct spawn_child child;

	assert_true(spec.cgroup >= 0);
	assert_int_equal(spawner_start(spawner, &spec, &child), 0);
	cgroup_rest(cgroup);
	return child;
}

/* Waits for the end, for 5 s at most, and reaps. */
void expect_killed(struct spawn_child *child)
{
	struct pollfd exit = {.fd = child->pidfd, .events = POLLIN};
	siginfo_t info = {0};

	assert_int_equal(poll(&exit, 1, 5000), 1);
	assert_int_equal(waitid(P_PIDFD, (id_t)child->pidfd, &info, WEXITED), 0);
	assert_int_equal(info.si_code, CLD_KILLED);
	close(child->pidfd);
}

void end_child(struct spawn_child *child)
{
	kill(child->pid, SIGKILL);
	expect_killed(child);
}

bool run_cgroup_exists(const char *path)
{
	return access(path, F_OK) == 0;
}

/* Spent cgroups are removed, and the idle ones are made. */
void run_cgroups_wait(void)
{
	wait_for(run_cgroups_base,
		 event_base_get_num_events(run_cgroups_base, EVENT_BASE_COUNT_ADDED) == 0);
}

bool run_cgroups_have_controllers(void)
{
	char path[300], *text;
	bool has;

	snprintf(path, sizeof(path), "%s/runs/cgroup.subtree_control", run_cgroups_root);
	text = read_whole(path, NULL);
	has = text[0] != '\0' && text[0] != '\n';
	free(text);
	return has;
}
