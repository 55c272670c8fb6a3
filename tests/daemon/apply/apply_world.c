/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/daemon/apply/apply_world.h"

#include <fcntl.h>
#include <ftw.h>
#include <signal.h>
#include <sqlite3.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "daemon/base/file.h"
#include "daemon/cgroup/path.h"
#include "tests/daemon/apply/fake_scopes.h"
#include "tests/daemon/support/support.h"

static char mount_directory[32], state_directory[32], cgroup_directory[600];
char reports[1024];
pid_t victim;
struct event_base *base;
struct applier *applier;
struct rdt *world_rdt;
static bool has_reported_end;
const char *scope_cgroup;
static char process_cgroup[512];

bool refuses_events;

int __real_event_add(struct event *event, const struct timeval *timeout);
int __wrap_event_add(struct event *event, const struct timeval *timeout);
int __wrap_event_add(struct event *event, const struct timeval *timeout)
{
	/* Not the timers by which the test itself waits. */
	bool is_hookds = !timeout || (timeout->tv_sec == 1 && timeout->tv_usec == 0);

	return refuses_events && is_hookds ? -1 : __real_event_add(event, timeout);
}

int __wrap_scope_cgroup_path(const struct scope_name *name, char *ret_path, size_t size);
int __wrap_scope_cgroup_path(const struct scope_name *name, char *ret_path, size_t size)
{
	(void)name;
	snprintf(ret_path, size, "%s", scope_cgroup ? scope_cgroup : process_cgroup);
	return 0;
}

static void on_report(const char *container, const char *what, void *userdata)
{
	(void)container, (void)userdata;
	strncat(reports, what, sizeof(reports) - strlen(reports) - 1);
	has_reported_end |= strcmp(what, "its process has exited") == 0;
}

/* ---- directories in place of cgroups ---- */

static void make_file(const char *directory, const char *name, const char *text)
{
	char path[700];
	FILE *file;

	snprintf(path, sizeof(path), "%s/%s", directory, name);
	file = fopen(path, "we");
	assert_non_null(file);
	assert_true(fputs(text, file) >= 0);
	fclose(file);
}

void make_cgroup(const char *name)
{
	char path[700];

	snprintf(path, sizeof(path), "%s/%s", cgroup_directory, name);
	assert_int_equal(mkdir(path, 0755), 0);
}

const char *cgroup_path_below(const char *name)
{
	static char path[700];

	snprintf(path, sizeof(path), "%s/%s", cgroup_directory + strlen(mount_directory), name);
	for (char *at = path; (at = strstr(at, "//"));)
		memmove(at, at + 1, strlen(at));
	return path;
}

void remove_file(const char *name)
{
	char path[700];

	snprintf(path, sizeof(path), "%s/%s", cgroup_directory, name);
	assert_int_equal(unlink(path), 0);
}

void write_to_file(const char *name, const char *text)
{
	make_file(cgroup_directory, name, text);
}

void expect_file(const char *name, const char *text)
{
	char path[700], *content;

	snprintf(path, sizeof(path), "%s/%s", cgroup_directory, name);
	content = read_whole(path, NULL);
	assert_non_null(content);
	assert_string_equal(content, text);
	free(content);
}

const char *holdings_file(void)
{
	static char path[64];

	snprintf(path, sizeof(path), "%s/holdings.db", state_directory);
	return path;
}

void change_holdings_file(const char *sql)
{
	sqlite3 *database;

	applier = applier_free(applier);
	assert_int_equal(sqlite3_open(holdings_file(), &database), SQLITE_OK);
	assert_int_equal(sqlite3_exec(database, sql, NULL, NULL, NULL), SQLITE_OK);
	sqlite3_close(database);
	world_restart();
}

/*
 * A real scope is not started. Its path is that of the victim's cgroup, where hookd looks for it.
 */
static void make_cgroups(void)
{
	char text[512], *path = cgroup_directory, *at;
	size_t length;
	const char *own;
	ssize_t r;

	snprintf(path, sizeof(cgroup_directory), "/proc/%d/cgroup", victim);
	r = file_read_at(AT_FDCWD, path, text, sizeof(text));
	assert_true(r > 0);
	own = cgroup_path_find(text, &length);
	assert_non_null(own);
	snprintf(process_cgroup, sizeof(process_cgroup), "%.*s", (int)length, own);
	snprintf(path, sizeof(cgroup_directory), "%s%.*s", mount_directory, (int)length, own);
	for (at = path + strlen(mount_directory) + 1; (at = strchr(at, '/')); *at++ = '/') {
		*at = '\0';
		(void)mkdir(path, 0755);
	}
	(void)mkdir(path, 0755);
	make_file(path, "pids.max", "max\n");
	make_file(path, "cgroup.procs", "");
	make_file(path, "cgroup.events", "populated 0\nfrozen 0\n");
}

/* Forks twice: hookd refuses its own children, and the parent of this one has exited. */
pid_t start_stranger(void (*function)(int ready))
{
	int told[2];
	pid_t parent, pid = -1;
	char byte;

	assert_int_equal(pipe(told), 0);
	parent = fork();
	if (parent == 0) {
		if (fork() != 0)
			_exit(0);
		pid = getpid();
		alarm(60);
		if (write(told[1], &pid, sizeof(pid)) == sizeof(pid))
			function(told[1]);
		_exit(1);
	}
	assert_int_equal(waitpid(parent, NULL, 0), parent);
	assert_int_equal(read(told[0], &pid, sizeof(pid)), sizeof(pid));
	assert_int_equal(read(told[0], &byte, 1), 1);
	close(told[0]);
	close(told[1]);
	return pid;
}

static void do_nothing(int ready)
{
	(void)!write(ready, "", 1);
	for (;;)
		pause();
}

int world_begin(void **state)
{
	(void)state;
	fake_scopes_begin();
	scope_cgroup = NULL;
	refuses_events = false;
	temporary_directory(mount_directory);
	temporary_directory(state_directory);
	victim = start_stranger(do_nothing);
	make_cgroups();
	base = loop_new();
	world_restart();
	return 0;
}

struct holdings *open_holdings(void)
{
	struct holdings *holdings;
	bool is_set_aside;

	assert_int_equal(holdings_open(state_directory, &holdings, &is_set_aside), 0);
	assert_false(is_set_aside);
	return holdings;
}

void world_restart(void)
{
	has_reported_end = false;
	reports[0] = '\0';
	applier_free(applier);
	assert_int_equal(applier_new(base, open_holdings(), world_rdt, NULL, NULL,
				     open(mount_directory, O_PATH | O_DIRECTORY | O_CLOEXEC),
				     on_report, NULL, &applier),
			 0);
}

void end_victim(void)
{
	if (victim <= 0)
		return;
	kill(victim, SIGKILL);
	victim = -1;
}

static int remove_one(const char *path, const struct stat *status, int kind, struct FTW *place)
{
	(void)status, (void)kind, (void)place;
	return remove(path);
}

int world_end(void **state)
{
	(void)state;
	applier = applier_free(applier);
	event_base_free(base);
	end_victim();
	return nftw(mount_directory, remove_one, 8, FTW_DEPTH | FTW_PHYS) < 0 ||
		       nftw(state_directory, remove_one, 8, FTW_DEPTH | FTW_PHYS) < 0
		   ? -1
		   : 0;
}

/* ---- calls ---- */

static struct hp_resources resources = {.pids_limit = {true, 50}};
static char scope_path[] = ":hookd:box";
static const struct hp_settings settings = {.cgroups_path = scope_path, .resources = &resources};

static void on_done(int r, struct holding *holding, const struct hp_err *err, void *userdata)
{
	struct answer *answer = userdata;

	assert_false(answer->is_there);
	assert_true(r < 0 || holding);
	*answer = (struct answer){true, r, *err};
}

static void on_released(int r, const struct hp_err *err, void *userdata)
{
	on_done(r, (struct holding *)err, err, userdata);
}

static void ignore_removed(const char *name, void *userdata)
{
	(void)name, (void)userdata;
}

void apply_for(const char *container, const struct hp_settings *with, struct answer *answer)
{
	cleanup_close int pidfd = (int)syscall(SYS_pidfd_open, victim, 0);
	const struct apply_request request = {
	    .container = container,
	    .pid = victim,
	    .pidfd = pidfd,
	    .settings = with,
	    .driver = CGROUP_DRIVER_SYSTEMD,
	};

	*answer = (struct answer){0};
	applier_apply(applier, &request, on_done, answer);
}

void apply_with(const struct hp_settings *with, struct answer *answer)
{
	apply_for("box", with, answer);
}

void apply(struct answer *answer)
{
	apply_with(&settings, answer);
}

void update(struct answer *answer)
{
	*answer = (struct answer){0};
	applier_update(applier, "box", &settings, on_done, answer);
}

void release_of(const char *container, struct answer *answer)
{
	*answer = (struct answer){0};
	applier_release(applier, container, ignore_removed, on_released, answer);
}

void release(struct answer *answer)
{
	release_of("box", answer);
}

void expect(const struct answer *answer, int r, enum hp_err_code code)
{
	assert_true(answer->is_there);
	assert_int_equal(answer->r, r);
	if (r < 0)
		assert_int_equal(answer->err.code, code);
}

void expect_busy(const struct answer *answer)
{
	expect(answer, -EBUSY, HP_ERR_CONTAINER_BUSY);
	assert_string_equal(answer->err.path, "box");
}

bool is_held(void)
{
	return holdings_find(applier_holdings(applier), "box") != NULL;
}

bool is_update_interrupted(void)
{
	return holdings_find(applier_holdings(applier), "box")->is_update_interrupted;
}

void apply_and_wait(void)
{
	struct answer answer;

	apply(&answer);
	assert_int_equal(fake_scopes_waiting(), FAKE_START);
	fake_scopes_answer(0, "");
	expect(&answer, 0, HP_ERR_NONE);
}

/* Runs the event loop until hookd has seen that the victim exited. */
void await_exit_seen(void)
{
	has_reported_end = false;
	end_victim();
	wait_for(base, has_reported_end);
}

void update_with(const struct hp_settings *with, struct answer *answer)
{
	*answer = (struct answer){0};
	applier_update(applier, "box", with, on_done, answer);
}
