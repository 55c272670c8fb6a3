/* SPDX-License-Identifier: Apache-2.0 */

/*
 * A daemon is killed between any two steps of Apply, Release or an undo. The daemon that is started
 * after it has records of exactly the objects that exist.
 *
 * The daemon is a child process with an applier and a file of holdings; the test traces it. It is
 * killed at its n-th system call that changes something, before the kernel executes the call; for
 * every n, until the operation is complete. Then another process opens the same file.
 */

#include "tests/daemon/support/support.h"

#include <fcntl.h>
#include <ftw.h>
#include <signal.h>
#include <sys/ptrace.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "daemon/apply/apply.h"
#include "daemon/base/file.h"
#include "daemon/cgroup/path.h"
#include "tests/guest/tracer.h"

#define CGROUPS	     "/sys/fs/cgroup"
#define RESCTRL	     "/sys/fs/resctrl"
#define SCOPE	     "hookd-crash.scope"
#define SCOPE_PATH   "/system.slice/" SCOPE
#define STEPS_MAX    2000
#define TEST_SECONDS 900

/* ---- objects that are created, and those of others ---- */

/* In the order of their creation. */
static const struct {
	enum created_kind kind;
	const char *name, *path;
} things[] = {
    {CREATED_CGROUP, "/crash/below", CGROUPS "/crash/below"},
    {CREATED_CGROUP, "/crash/below/box", CGROUPS "/crash/below/box"},
    {CREATED_CGROUP, "/crash/below/heir", CGROUPS "/crash/below/heir"},
    {CREATED_UNIT, SCOPE, CGROUPS SCOPE_PATH},
    {CREATED_RDT_GROUP, "box", RESCTRL "/box"},
};

static bool exists(const char *path)
{
	return access(path, F_OK) == 0;
}

static void write_file(const char *path, const char *text)
{
	if (file_write_at(AT_FDCWD, path, text) < 0)
		fail_msg("%s: cannot write %s", path, text);
}

static bool says(const char *path, const char *expected)
{
	char text[256];

	return file_read_at(AT_FDCWD, path, text, sizeof(text)) >= 0 && strcmp(text, expected) == 0;
}

static int set_up(void **state)
{
	(void)state;
	if (mkdir(CGROUPS "/crash", 0755) < 0 || mkdir(CGROUPS "/crash/theirs", 0755) < 0 ||
	    mkdir(RESCTRL "/theirs", 0755) < 0)
		return -1;
	write_file(CGROUPS "/cgroup.subtree_control", "+pids");
	write_file(CGROUPS "/crash/cgroup.subtree_control", "+pids");
	write_file(CGROUPS "/crash/theirs/pids.max", "7");
	write_file(RESCTRL "/theirs/schemata", "L3:0=3f\n");
	return 0;
}

/* Removes what a failed test has left, so that the next one does not fail. */
static int tear_down(void **state)
{
	(void)state;
	for (size_t i = ELEMENTS(things); i-- > 0;)
		if (things[i].kind != CREATED_UNIT)
			(void)rmdir(things[i].path);
	(void)rmdir(RESCTRL "/theirs");
	(void)rmdir(CGROUPS "/crash/theirs");
	return rmdir(CGROUPS "/crash");
}

/* The schemata of their group are not compared: their width depends on the kernel. */
static int check_others(void)
{
	CHECK(says(CGROUPS "/crash/theirs/pids.max", "7\n"));
	CHECK(exists(RESCTRL "/theirs"));
	return 0;
}

/* ---- the victim ---- */

static pid_t victim;
static int victim_fd;

static void start_victim(void)
{
	victim = fork();
	if (victim == 0)
		for (;;)
			pause();
	assert_true(victim > 0);
	victim_fd = (int)syscall(SYS_pidfd_open, victim, 0);
	assert_true(victim_fd >= 0);
}

static void write_victim(const char *path)
{
	char text[16];

	snprintf(text, sizeof(text), "%d", victim);
	write_file(path, text);
}

static bool is_victim_in_group(const char *group)
{
	char path[64], text[256], expected[64];

	snprintf(path, sizeof(path), "/proc/%d/cpu_resctrl_groups", victim);
	snprintf(expected, sizeof(expected), "res:%s\n", group);
	return file_read_at(AT_FDCWD, path, text, sizeof(text)) > 0 && strstr(text, expected);
}

static void end_victim(void)
{
	close(victim_fd);
	kill(victim, SIGKILL);
	waitpid(victim, NULL, 0);
}

static bool is_victim_in(const char *cgroup)
{
	char path[64], text[256], expected[300];

	snprintf(path, sizeof(path), "/proc/%d/cgroup", victim);
	snprintf(expected, sizeof(expected), "0::%s\n", cgroup);
	return file_read_at(AT_FDCWD, path, text, sizeof(text)) > 0 && strcmp(text, expected) == 0;
}

static void move_victim_out(void)
{
	write_victim(CGROUPS "/cgroup.procs");
}

/* ---- the daemon ---- */

static char state_directory[32];

struct daemon {
	struct event_base *base;
	struct rdt *rdt;
	struct bus *bus;
	struct scopes *scopes;
	struct applier *applier;
	bool is_set_aside;
};

static void show_report(const char *container, const char *what, void *userdata)
{
	(void)userdata;
	fprintf(stderr, "# %s: %s\n", container, what);
}

static int daemon_start(struct daemon *daemon)
{
	struct holdings *holdings;

	CHECK((daemon->base = event_base_new()));
	CHECK(rdt_new(NULL, &daemon->rdt) == 0);
	CHECK(bus_new(daemon->base, &daemon->bus) == 0);
	CHECK(scopes_new(daemon->bus, &daemon->scopes) == 0);
	CHECK(holdings_open(state_directory, &holdings, &daemon->is_set_aside) == 0);
	CHECK(!daemon->is_set_aside);
	CHECK(applier_new(daemon->base, holdings, daemon->rdt, daemon->scopes, NULL,
			  cgroup_path_open_mount(), show_report, NULL, &daemon->applier) == 0);
	return 0;
}

static void daemon_end(struct daemon *daemon)
{
	applier_free(daemon->applier);
	scopes_free(daemon->scopes);
	bus_free(daemon->bus);
	rdt_free(daemon->rdt);
	event_base_free(daemon->base);
}

static void on_applied(int r, struct holding *holding, const struct hp_err *err, void *userdata)
{
	(void)holding;
	if (r < 0)
		fprintf(stderr, "# %s: %s\n", err->path, err->reason);
	*(int *)userdata = r;
}

static int apply(struct daemon *daemon, const char *container, const struct hp_settings *settings,
		 enum cgroup_driver driver)
{
	const struct apply_request request = {
	    .container = container,
	    .pid = victim,
	    .pidfd = victim_fd,
	    .settings = settings,
	    .driver = driver,
	};
	int64_t deadline_ns = clock_ns(CLOCK_MONOTONIC) + WAIT_NS;
	int r = 1;

	applier_apply(daemon->applier, &request, on_applied, &r);
	while (r == 1 && loop_turn(daemon->base, deadline_ns))
		continue;
	return r;
}

static struct hp_resources resources = {
    .pids_limit = {true, 50},
    .memory.limit = {true, 64 << 20},
    .cpu.shares = {true, 512},
};
static char l3[] = "L3:0=f", path[] = "/crash/below/box", scope_path[] = ":hookd:crash",
	    heir_path[] = "/crash/below/heir";
static struct hp_intel_rdt rdt = {.l3_cache_schema = l3};

/* ---- scenarios: operations during which the daemon is killed ---- */

static int apply_cgroupfs(struct daemon *daemon)
{
	const struct hp_settings settings = {
	    .cgroups_path = path,
	    .resources = &resources,
	    .intel_rdt = &rdt,
	    .oom_score_adj = {true, 300},
	};

	return apply(daemon, "box", &settings, CGROUP_DRIVER_CGROUPFS);
}

static int apply_systemd(struct daemon *daemon)
{
	const struct hp_settings settings = {
	    .cgroups_path = scope_path,
	    .resources = &resources,
	    .intel_rdt = &rdt,
	};

	return apply(daemon, "box", &settings, CGROUP_DRIVER_SYSTEMD);
}

/* The last step fails, when all others are done. */
static int fail_to_apply(struct daemon *daemon)
{
	const struct hp_settings settings = {
	    .cgroups_path = path,
	    .resources = &resources,
	    .intel_rdt = &rdt,
	    .oom_score_adj = {true, 30000},
	};

	return apply(daemon, "box", &settings, CGROUP_DRIVER_CGROUPFS) < 0 ? 0 : 1;
}

static void ignore_removed(const char *name, void *userdata)
{
	(void)name, (void)userdata;
}

static void on_released(int r, const struct hp_err *err, void *userdata)
{
	if (r < 0)
		fprintf(stderr, "# release: %s: %s\n", err->path, err->reason);
	*(int *)userdata = r;
}

static int release_one(struct daemon *daemon, const char *container)
{
	int64_t deadline_ns = clock_ns(CLOCK_MONOTONIC) + WAIT_NS;
	int r = 1;

	applier_release(daemon->applier, container, ignore_removed, on_released, &r);
	while (r == 1 && loop_turn(daemon->base, deadline_ns))
		continue;
	return r;
}

static int release(struct daemon *daemon)
{
	return release_one(daemon, "box");
}

static int prepare_release(struct daemon *daemon)
{
	int r = apply_cgroupfs(daemon);

	move_victim_out();
	return r;
}

/* A cgroup that was created for the first container contains that of the second one. */
static int prepare_release_beside(struct daemon *daemon)
{
	const struct hp_settings settings = {.cgroups_path = heir_path};
	int r = apply_cgroupfs(daemon);

	r = r ? r : apply(daemon, "heir", &settings, CGROUP_DRIVER_CGROUPFS);
	move_victim_out();
	return r;
}

struct scenario {
	const char *name;
	int (*prepare)(struct daemon *daemon); /* not traced; may be NULL */
	int (*run)(struct daemon *daemon);
	const char *cgroup; /* of the victim once the holding is HELD */
	bool is_apply;	    /* the victim's changes are undone */
};

/* ---- the daemon that is killed ---- */

static int be_the_daemon(const struct scenario *scenario)
{
	struct daemon daemon = {0};

	if (daemon_start(&daemon) != 0)
		return 2;
	if (scenario->prepare && scenario->prepare(&daemon) != 0)
		return 3;
	if (ptrace(PTRACE_TRACEME, 0, NULL, NULL) < 0 || raise(SIGSTOP) != 0)
		return 4;
	return scenario->run(&daemon) == 0 ? 0 : 1;
}

static bool crash_before(const struct scenario *scenario, unsigned int n)
{
	pid_t daemon = fork();

	if (daemon == 0)
		_exit(be_the_daemon(scenario));
	assert_true(daemon > 0);
	return tracer_kill_before(daemon, n);
}

/* ---- the daemon that is started afterwards ---- */

static bool is_held(const struct daemon *daemon, size_t thing)
{
	struct holding *holding = holdings_first(applier_holdings(daemon->applier));
	const struct created *created;

	for (; holding; holding = holdings_next(holding))
		TAILQ_FOREACH (created, &holding->created, link)
			if (created->kind == things[thing].kind &&
			    strcmp(created->name, things[thing].name) == 0)
				return true;
	return false;
}

/* All objects that exist are recorded, and the reverse; but systemd may have removed a scope. */
static int check_truth(const struct daemon *daemon, const struct scenario *scenario)
{
	const struct holding *holding = holdings_find(applier_holdings(daemon->applier), "box");

	for (size_t i = 0; i < ELEMENTS(things); i++) {
		if (exists(things[i].path) && !is_held(daemon, i)) {
			fprintf(stderr, "# %s exists and is not recorded\n", things[i].path);
			return 1;
		}
		if (!exists(things[i].path) && is_held(daemon, i) &&
		    things[i].kind != CREATED_UNIT) {
			fprintf(stderr, "# %s is recorded and does not exist\n", things[i].path);
			return 1;
		}
	}
	if (holding && holding->state == HOLDING_HELD && scenario->cgroup) {
		CHECK(is_victim_in(scenario->cgroup));
		CHECK(strcmp(holding->cgroup_path, scenario->cgroup) == 0);
		CHECK(strcmp(holding->rdt_group, "box") == 0);
	}
	/* That was its group before, to which the undo of an unfinished Apply moves it back. */
	if (scenario->is_apply)
		CHECK(is_victim_in_group(holding && holding->state == HOLDING_HELD ? "box"
										   : "theirs"));
	return check_others();
}

static int check_nothing_is_left(const struct daemon *daemon)
{
	int64_t deadline_ns = clock_ns(CLOCK_MONOTONIC) + WAIT_NS;

	/* Calls to systemd take time. */
	while (holdings_first(applier_holdings(daemon->applier)) &&
	       loop_turn(daemon->base, deadline_ns))
		continue;
	for (size_t i = 0; i < ELEMENTS(things); i++) {
		/* systemd removes an empty scope later. */
		while (things[i].kind == CREATED_UNIT && exists(things[i].path) &&
		       clock_ns(CLOCK_MONOTONIC) < deadline_ns)
			(void)loop_turn(daemon->base, clock_ns(CLOCK_MONOTONIC) + 10000000);
		if (exists(things[i].path)) {
			fprintf(stderr, "# %s is left\n", things[i].path);
			return 1;
		}
	}
	CHECK(!holdings_first(applier_holdings(daemon->applier)));
	return check_others();
}

/* Release, while the process is alive in another cgroup. Removals in progress end by themselves. */
static int release_afterwards(void *userdata)
{
	int64_t deadline_ns = clock_ns(CLOCK_MONOTONIC) + WAIT_NS;
	struct daemon daemon = {0};
	struct holding *holding;
	int failed = daemon_start(&daemon);

	(void)userdata;
	if (failed)
		return failed;
	move_victim_out();
	while ((holding = holdings_first(applier_holdings(daemon.applier)))) {
		if (holding->state == HOLDING_REMOVING)
			CHECK(loop_turn(daemon.base, deadline_ns));
		else
			CHECK(release_one(&daemon, holding->container) == 0);
	}
	failed = check_nothing_is_left(&daemon);
	daemon_end(&daemon);
	CHECK(kill(victim, 0) == 0);
	return failed;
}

/* While the process is in the cgroup, Release is refused and changes nothing. */
static int stay_afterwards(void *userdata)
{
	struct daemon daemon = {0};
	int failed = daemon_start(&daemon), status;

	if (failed || (failed = check_truth(&daemon, userdata)))
		return failed;
	if (is_victim_in("/crash/below/box") || is_victim_in(SCOPE_PATH))
		CHECK(release_one(&daemon, "box") == -EBUSY);
	/* Time for systemd to execute a call that hookd should not have made. */
	(void)loop_turn(daemon.base, clock_ns(CLOCK_MONOTONIC) + 20000000);
	CHECK(waitpid(victim, &status, WNOHANG) != victim);
	CHECK(kill(victim, 0) == 0);
	daemon_end(&daemon);
	return 0;
}

/* Started after the exit of the process: everything is removed without a request. */
static int start_after_the_end(void *userdata)
{
	struct daemon daemon = {0};
	int failed = daemon_start(&daemon);

	(void)userdata;
	if (failed)
		return failed;
	failed = check_nothing_is_left(&daemon);
	daemon_end(&daemon);
	return failed;
}

/* ---- every n ---- */

static int remove_one(const char *name, const struct stat *status, int kind, struct FTW *place)
{
	(void)status, (void)kind, (void)place;
	return remove(name);
}

/*
 * False: there was no n-th change. Afterwards, in turn, the process is alive and the holdings are
 * released; or it has exited before the next daemon starts.
 */
static bool check_crash(const struct scenario *scenario, unsigned int n)
{
	bool is_killed;
	int failed;

	temporary_directory(state_directory);
	start_victim();
	write_victim(RESCTRL "/theirs/tasks");
	is_killed = crash_before(scenario, n);
	failed = in_child(stay_afterwards, (void *)scenario);
	if (!failed && n % 2)
		failed = in_child(release_afterwards, NULL);
	end_victim();
	if (!failed && n % 2 == 0)
		failed = in_child(start_after_the_end, NULL);
	if (failed)
		fail_msg("%s, killed before change %u", scenario->name, n);
	(void)nftw(state_directory, remove_one, 8, FTW_DEPTH | FTW_PHYS);
	return is_killed;
}

static void check_all(const struct scenario *scenario)
{
	unsigned int n = 0;

	while (n < STEPS_MAX && check_crash(scenario, n))
		n++;
	print_message("# %s: killed before each of %u changes\n", scenario->name, n);
	assert_in_range(n, 10, STEPS_MAX - 1);
}

static void apply_with_cgroupfs(void **state)
{
	(void)state;
	check_all(&(struct scenario){
	    .name = "Apply",
	    .run = apply_cgroupfs,
	    .cgroup = "/crash/below/box",
	    .is_apply = true,
	});
}

static void apply_with_systemd(void **state)
{
	(void)state;
	check_all(&(struct scenario){
	    .name = "Apply by systemd",
	    .run = apply_systemd,
	    .cgroup = SCOPE_PATH,
	    .is_apply = true,
	});
}

static void the_way_back_from_a_failure(void **state)
{
	(void)state;
	check_all(&(struct scenario){
	    .name = "an Apply that fails", .run = fail_to_apply, .is_apply = true});
}

static void release_of_all(void **state)
{
	(void)state;
	check_all(&(struct scenario){
	    .name = "Release",
	    .prepare = prepare_release,
	    .run = release,
	});
}

static void release_beside_another(void **state)
{
	(void)state;
	check_all(&(struct scenario){
	    .name = "Release beside another",
	    .prepare = prepare_release_beside,
	    .run = release,
	});
}

#define CRASH_TEST(function) cmocka_unit_test_setup_teardown(function, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    CRASH_TEST(apply_with_cgroupfs), CRASH_TEST(the_way_back_from_a_failure),
	    CRASH_TEST(release_of_all),	     CRASH_TEST(release_beside_another),
	    CRASH_TEST(apply_with_systemd),
	};

	if (!exists(CGROUPS "/cgroup.controllers") || !exists(RESCTRL "/schemata"))
		return skip_group(tests, "needs cgroup2 and resctrl");
	alarm(TEST_SECONDS);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
