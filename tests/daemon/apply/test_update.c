/* SPDX-License-Identifier: Apache-2.0 */

/*
 * apply/update: what it changes, refuses and undoes; and that the event loop goes on while Apply or
 * Update change the threads of a process.
 */

#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <sys/stat.h>

#include "daemon/base/file.h"
#include "daemon/base/pidfd.h"
#include "tests/daemon/apply/apply_world.h"
#include "tests/daemon/apply/fake_scopes.h"
#include "tests/daemon/support/resctrl_files.h"
#include "tests/daemon/support/support.h"

/* ---- an update that fails ---- */

static void systemds_properties_are_restored(void **state)
{
	struct answer answer;

	(void)state;
	apply_and_wait();
	remove_file("pids.max");
	update(&answer);
	fake_scopes_answer(0, "");
	fake_scopes_answer(0, "");
	assert_false(answer.is_there);
	assert_int_equal(fake_scopes_waiting(), FAKE_PUT_BACK);
	fake_scopes_answer(0, "");
	assert_true(answer.is_there && answer.r < 0);
	assert_null(strstr(answer.err.reason, "not restored"));
	assert_int_equal(fake_scopes_waiting(), FAKE_NONE);
	assert_true(is_held());
}

static void a_failed_restore_in_systemd_is_reported(void **state)
{
	struct answer answer;

	(void)state;
	apply_and_wait();
	remove_file("pids.max");
	update(&answer);
	fake_scopes_answer(0, "");
	fake_scopes_answer(0, "");
	fake_scopes_answer(-ECONNRESET, "the connection to systemd was lost");
	assert_true(answer.is_there && answer.r < 0);
	assert_non_null(strstr(answer.err.reason,
			       "not restored in systemd: the connection to systemd was lost"));
	assert_true(is_held() && is_update_interrupted());
}

/* ---- an update that was interrupted ---- */

static void have_an_uncertain_limit(void)
{
	struct answer answer;

	apply_and_wait();
	remove_file("pids.max");
	update(&answer);
	fake_scopes_answer(0, "");
	fake_scopes_answer(0, "");
	fake_scopes_answer(-ECONNRESET, "the connection to systemd was lost");
	write_to_file("pids.max", "50\n");
	assert_true(is_update_interrupted());
}

static void update_whole(const struct hp_settings *with)
{
	struct answer answer;

	update_with(with, &answer);
	while (fake_scopes_waiting())
		fake_scopes_answer(0, "");
	expect(&answer, 0, HP_ERR_NONE);
}

static void an_update_of_the_same_limits_resets_it(void **state)
{
	struct hp_resources memory = {.memory.limit = {true, 1 << 30}};
	const struct hp_settings nothing = {0}, score = {.oom_score_adj = {true, 321}},
				 other = {.resources = &memory};
	struct answer answer;

	(void)state;
	write_to_file("memory.max", "max\n");
	write_to_file("memory.current", "0\n");
	have_an_uncertain_limit();
	update_whole(&nothing);
	update_whole(&score);
	update_whole(&other);
	assert_true(is_update_interrupted());
	world_restart();
	assert_true(is_update_interrupted());
	/* One that fails and is undone changes nothing. */
	remove_file("pids.max");
	update(&answer);
	while (fake_scopes_waiting())
		fake_scopes_answer(0, "");
	assert_true(answer.r < 0 && is_update_interrupted());
	write_to_file("pids.max", "50\n");
	update(&answer);
	while (fake_scopes_waiting())
		fake_scopes_answer(0, "");
	expect(&answer, 0, HP_ERR_NONE);
	assert_false(is_update_interrupted());
}

static void hookd_exits_after_the_call_to_systemd(void **state)
{
	static struct answer answer;

	(void)state;
	apply_and_wait();
	update(&answer);
	fake_scopes_answer(0, "");
	assert_int_equal(fake_scopes_waiting(), FAKE_SET);
	world_restart();
	expect(&answer, -ECANCELED, HP_ERR_SETTING_FAILED);
	assert_non_null(strstr(reports, "an Update was interrupted"));
	assert_true(is_held() && is_update_interrupted());
}

static void hookd_exits_before_the_call_to_systemd(void **state)
{
	static struct answer answer;

	(void)state;
	apply_and_wait();
	update(&answer);
	assert_int_equal(fake_scopes_waiting(), FAKE_READ);
	world_restart();
	expect(&answer, -ECANCELED, HP_ERR_SETTING_FAILED);
	assert_string_equal(reports, "");
	assert_true(is_held() && !is_update_interrupted());
}

static void hookd_exits_while_properties_are_restored(void **state)
{
	static struct answer answer;

	(void)state;
	apply_and_wait();
	remove_file("pids.max");
	update(&answer);
	fake_scopes_answer(0, "");
	fake_scopes_answer(0, "");
	assert_int_equal(fake_scopes_waiting(), FAKE_PUT_BACK);
	world_restart();
	assert_true(answer.is_there && answer.r < 0);
	assert_non_null(strstr(answer.err.reason, "not restored in systemd: hookd is exiting"));
	assert_int_equal(fake_scopes_waiting(), FAKE_NONE);
	assert_true(is_held() && is_update_interrupted());
}

static void an_update_sets_attributes_of_the_process(void **state)
{
	const struct hp_settings score = {.oom_score_adj = {true, 321}};
	struct answer answer;
	char path[64], text[16];

	(void)state;
	apply_and_wait();
	update_with(&score, &answer);
	expect(&answer, 0, HP_ERR_NONE);
	snprintf(path, sizeof(path), "/proc/%d/oom_score_adj", victim);
	assert_true(file_read_at(AT_FDCWD, path, text, sizeof(text)) > 0);
	assert_string_equal(text, "321\n");
}

/* hookd has not seen the exit yet, or the container's cgroup still has other processes. */
static void an_update_of_an_ended_process_finds_none(void **state)
{
	const struct hp_settings score = {.oom_score_adj = {true, 321}};
	struct pollfd ended = {.events = POLLIN};
	const pid_t pid = victim;
	struct answer answer;
	char text[16];

	(void)state;
	apply_and_wait();
	ended.fd = pidfd_of(pid);
	end_victim();
	assert_int_equal(poll(&ended, 1, 5000), 1);
	close(ended.fd);
	update_with(&score, &answer);
	expect(&answer, -ESRCH, HP_ERR_NO_SUCH_PROCESS);
	snprintf(text, sizeof(text), "%d", pid);
	assert_string_equal(answer.err.path, text);
}

static void an_update_refuses_what_it_cannot_change(void **state)
{
	char other_path[] = ":hookd:other", other_group[] = "gold";
	struct hp_intel_rdt other_rdt = {.clos_id = other_group};
	const struct hp_settings other_cgroup = {.cgroups_path = other_path};
	const struct hp_settings group = {.intel_rdt = &other_rdt};
	struct answer answer;

	(void)state;
	apply_and_wait();
	update_with(&other_cgroup, &answer);
	expect(&answer, -EINVAL, HP_ERR_SETTING_FAILED);
	assert_string_equal(answer.err.path, "linux.cgroupsPath");
	update_with(&group, &answer);
	expect(&answer, -EINVAL, HP_ERR_SETTING_FAILED);
	assert_string_equal(answer.err.path, "linux.intelRdt");
	assert_int_equal(fake_scopes_waiting(), FAKE_NONE);
}

/* Once systemd has such a limit, the kernel kills. */
static void a_limit_below_the_usage_does_not_reach_systemd(void **state)
{
	struct hp_resources memory = {
	    .memory = {.limit = {true, 4096}, .check_before_update = {true, true}}};
	const struct hp_settings below = {.resources = &memory};
	struct answer answer;

	(void)state;
	apply_and_wait();
	write_to_file("memory.max", "max\n");
	write_to_file("memory.current", "8192\n");
	update_with(&below, &answer);
	assert_int_equal(fake_scopes_waiting(), FAKE_READ);
	fake_scopes_answer(0, "");
	expect(&answer, -EBUSY, HP_ERR_SETTING_FAILED);
	assert_string_equal(answer.err.path, "linux.resources.memory.limit");
	assert_int_equal(fake_scopes_waiting(), FAKE_NONE);
	expect_file("memory.max", "max\n");
	assert_true(is_held() && !is_update_interrupted());
}

/* As an annotation and in the resources: the unit and the cgroup's file would differ. */
static void a_property_is_not_given_twice(void **state)
{
	static const struct {
		const char *name, *value, *reason;
	} rows[] = {
	    {"TasksMax", "uint64 11", "is set by linux.resources.pids.limit too"},
	    {"TasksMaxScale", "uint32 11", "is set by linux.resources.pids.limit too"},
	    {"CPUQuotaPerSecSec", "5", "is set by linux.resources.cpu.quota too"},
	    {"CPUWeight", "uint64 20", "is set by linux.resources.unified.cpu.weight.nice too"},
	};
	char path[] = ":hookd:box", file[] = "cpu.weight.nice", nice[] = "5";
	struct hp_unified unified = {file, nice};
	struct hp_resources resources = {.pids_limit = {true, 20},
					 .cpu.quota = {true, 50000},
					 .unified = &unified,
					 .unified_count = 1};
	char expected[128];

	(void)state;
	for (size_t i = 0; i < ELEMENTS(rows); i++) {
		struct hp_systemd_property property = {(char *)rows[i].name, (char *)rows[i].value};
		const struct hp_settings settings = {.cgroups_path = path,
						     .resources = &resources,
						     .systemd_properties = &property,
						     .systemd_property_count = 1};
		struct answer answer;

		apply_with(&settings, &answer);
		expect(&answer, -EINVAL, HP_ERR_INVALID);
		snprintf(expected, sizeof(expected), "annotations.org.systemd.property.%s",
			 rows[i].name);
		assert_string_equal(answer.err.path, expected);
		assert_string_equal(answer.err.reason, rows[i].reason);
		assert_false(is_held());
	}
}

/* ---- a call within done(), as for a client whose next message was received ---- */

static struct answer next;

static void ignore_removed(const char *name, void *userdata)
{
	(void)name, (void)userdata;
}

static void on_next(int r, const struct hp_err *err, void *userdata)
{
	(void)userdata;
	next = (struct answer){true, r, *err};
}

static void release_at_once(int r, struct holding *holding, const struct hp_err *err,
			    void *userdata)
{
	(void)holding, (void)userdata;
	assert_int_equal(r, 0);
	assert_int_equal(err->code, HP_ERR_NONE);
	applier_release(applier, "box", ignore_removed, on_next, NULL);
}

static void a_release_may_be_called_within_done(void **state)
{
	const struct hp_settings nothing = {0};
	struct answer answer;

	(void)state;
	next = (struct answer){0};
	apply_with(&nothing, &answer);
	expect(&answer, 0, HP_ERR_NONE);
	applier_update(applier, "box", &nothing, release_at_once, NULL);
	expect(&next, 0, HP_ERR_NONE);
	assert_false(is_held());
	(void)loop_turn(base, clock_ns(CLOCK_MONOTONIC) + 10000000);
}

/* ---- a resctrl group ---- */

int __real_mkdirat(int directory, const char *path, mode_t mode);
int __wrap_mkdirat(int directory, const char *path, mode_t mode);

/* As in resctrl, a new group has schemata. All texts have this length: writes do not truncate. */
int __wrap_mkdirat(int directory, const char *path, mode_t mode)
{
	int r = __real_mkdirat(directory, path, mode);

	if (r == 0 && strcmp(path, "box") == 0) {
		make_file("box/schemata", "L3:0=1\n");
		make_file("box/tasks", "");
	}
	return r;
}

static int world_with_groups_begin(void **state)
{
	int r = rdt_set_up(state);

	world_rdt = rdt;
	return r < 0 ? r : world_begin(state);
}

static int world_with_groups_end(void **state)
{
	int r = world_end(state);

	world_rdt = NULL;
	return rdt_tear_down(state) != 0 ? -1 : r;
}

static void expect_schemata(const char *group, const char *expected)
{
	char path[128], *text;

	snprintf(path, sizeof(path), "%s/%s/schemata", rdt_root, group);
	text = read_whole(path, NULL);
	assert_non_null(text);
	assert_string_equal(text, expected);
	free(text);
}

/* Waits until the threads are moved. */
static void apply_group(struct hp_intel_rdt *wanted)
{
	const struct hp_settings settings = {.intel_rdt = wanted};
	struct answer answer;

	apply_with(&settings, &answer);
	wait_for(base, answer.is_there);
	expect(&answer, 0, HP_ERR_NONE);
}

static void an_update_writes_a_group_that_apply_created(void **state)
{
	char before[] = "L3:0=f", after[] = "L3:0=3";
	const struct hp_settings more = {.intel_rdt =
					     &(struct hp_intel_rdt){.l3_cache_schema = after}};
	struct answer answer;

	(void)state;
	apply_group(&(struct hp_intel_rdt){.l3_cache_schema = before});
	expect_schemata("box", "L3:0=f\n");
	update_with(&more, &answer);
	expect(&answer, 0, HP_ERR_NONE);
	expect_schemata("box", "L3:0=3\n");
}

static void a_group_is_restored_if_a_later_step_fails(void **state)
{
	char before[] = "L3:0=f", after[] = "L3:0=3";
	const struct hp_settings more = {
	    .intel_rdt = &(struct hp_intel_rdt){.l3_cache_schema = after},
	    .scheduler = {.is_set = true, .policy = SCHED_DEADLINE, .runtime_ns = 2}};
	struct answer answer;

	(void)state;
	apply_group(&(struct hp_intel_rdt){.l3_cache_schema = before});
	update_with(&more, &answer);
	wait_for(base, answer.is_there);
	expect(&answer, -EINVAL, HP_ERR_SETTING_FAILED);
	assert_string_equal(answer.err.path, "process.scheduler");
	assert_null(strstr(answer.err.reason, "not restored"));
	expect_schemata("box", "L3:0=f\n");
}

/* Other users rely on its schemata. */
static void an_update_only_compares_a_group_that_existed(void **state)
{
	static const char had[] = "    MB:0= 40;1=100\n    L3:0=0000f;1=fffff\n";
	char gold[] = "gold", same[] = "L3:0=f", other[] = "L3:0=3";
	const struct hp_settings agrees = {
	    .intel_rdt = &(struct hp_intel_rdt){.clos_id = gold, .l3_cache_schema = same}};
	const struct hp_settings differs = {
	    .intel_rdt = &(struct hp_intel_rdt){.clos_id = gold, .l3_cache_schema = other}};
	struct answer answer;

	(void)state;
	apply_group(&(struct hp_intel_rdt){.clos_id = gold});
	update_with(&agrees, &answer);
	expect(&answer, 0, HP_ERR_NONE);
	update_with(&differs, &answer);
	assert_true(answer.is_there && answer.r < 0);
	assert_string_equal(answer.err.path, "linux.intelRdt.l3CacheSchema");
	expect_schemata("gold", had);
}

/* ---- a process with many threads ---- */

#define MANY 1500

static void *stay(void *userdata)
{
	pause();
	return userdata;
}

static void *end_at_once(void *userdata)
{
	return userdata;
}

/* Threads that stay, and threads that start and exit one after the other. */
static void have_threads(int ready)
{
	pthread_attr_t attr;
	pthread_t thread;

	pthread_attr_init(&attr);
	pthread_attr_setstacksize(&attr, 16384);
	for (int i = 0; i < MANY; i++)
		if (pthread_create(&thread, &attr, stay, NULL) != 0)
			_exit(1);
	if (write(ready, "", 1) != 1)
		_exit(1);
	for (;;)
		if (pthread_create(&thread, &attr, end_at_once, NULL) == 0)
			pthread_join(thread, NULL);
}

/* A pipe that is always readable. epoll(7) does not support /dev/zero. */
static int always_readable(void)
{
	static int ends[2] = {-1, -1};

	if (ends[0] < 0) {
		assert_int_equal(pipe(ends), 0);
		assert_int_equal(write(ends[1], "x", 1), 1);
	}
	return ends[0];
}

static void on_other(evutil_socket_t fd, short what, void *userdata)
{
	(void)fd, (void)what;
	++*(int *)userdata;
}

static void the_loop_goes_on_while_threads_are_changed(void **state)
{
	const struct hp_settings batch = {
	    .scheduler = {.is_set = true, .policy = SCHED_BATCH, .nice = 3}};
	struct answer answer;
	struct event *other;
	int heard = 0, turns = 0;

	(void)state;
	end_victim();
	victim = start_stranger(have_threads);
	apply_with(&batch, &answer);
	assert_false(answer.is_there);
	other = event_new(base, always_readable(), EV_READ | EV_PERSIST, on_other, &heard);
	assert_int_equal(event_add(other, NULL), 0);
	while (!answer.is_there) {
		assert_int_equal(event_base_loop(base, EVLOOP_ONCE), 0);
		turns++;
	}
	event_free(other);
	expect(&answer, 0, HP_ERR_NONE);
	/* 256 threads in each iteration, and a second pass. */
	assert_true(turns >= 2 * MANY / 256);
	assert_true(heard >= turns - 2);
	assert_int_equal(sched_getscheduler(victim), SCHED_BATCH);
}

int main(void)
{
#define TEST(function) cmocka_unit_test_setup_teardown(function, world_begin, world_end)
#define TEST_WITH_GROUPS(function)                                                                 \
	cmocka_unit_test_setup_teardown(function, world_with_groups_begin, world_with_groups_end)
	const struct CMUnitTest tests[] = {
	    TEST(systemds_properties_are_restored),
	    TEST(a_failed_restore_in_systemd_is_reported),
	    TEST(an_update_of_the_same_limits_resets_it),
	    TEST(hookd_exits_after_the_call_to_systemd),
	    TEST(hookd_exits_before_the_call_to_systemd),
	    TEST(hookd_exits_while_properties_are_restored),
	    TEST(an_update_sets_attributes_of_the_process),
	    TEST(an_update_of_an_ended_process_finds_none),
	    TEST(an_update_refuses_what_it_cannot_change),
	    TEST(a_limit_below_the_usage_does_not_reach_systemd),
	    TEST(a_property_is_not_given_twice),
	    TEST(a_release_may_be_called_within_done),
	    TEST_WITH_GROUPS(an_update_writes_a_group_that_apply_created),
	    TEST_WITH_GROUPS(a_group_is_restored_if_a_later_step_fails),
	    TEST_WITH_GROUPS(an_update_only_compares_a_group_that_existed),
	    TEST(the_loop_goes_on_while_threads_are_changed),
	};

	bound_time();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
