/* SPDX-License-Identifier: Apache-2.0 */

/* Which children without an owner are reaped, and when. */

#include <sched.h>
#include <sys/mount.h>
#include <sys/wait.h>

#include "daemon/proc/strays.h"
#include "tests/daemon/support/support.h"

static struct event_base *base;
static struct strays strays;

static int set_up(void **state)
{
	(void)state;
	base = loop_new();
	return strays_init(&strays, base);
}

static int tear_down(void **state)
{
	(void)state;
	strays_clear(&strays);
	event_base_free(base);
	return waitpid(-1, NULL, WNOHANG) == -1 && errno == ECHILD ? 0 : -1;
}

static pid_t ended_child(void)
{
	siginfo_t info;
	pid_t pid = fork();

	if (pid == 0)
		_exit(0);
	assert_int_equal(waitid(P_PID, (id_t)pid, &info, WEXITED | WNOWAIT), 0);
	return pid;
}

/* Runs the due ticks at once. integration/strays tests that they come by themselves. */
static void ticks(int count)
{
	for (int i = 0; i < count && event_pending(strays.tick, EV_TIMEOUT, NULL); i++) {
		event_active(strays.tick, EV_TIMEOUT, 0);
		event_base_loop(base, EVLOOP_NONBLOCK);
	}
}

static void a_stray_is_waited_for_at_the_second_tick(void **state)
{
	struct known_child known = {0};
	pid_t pid = 0, stray = ended_child();

	(void)state;
	strays_know(&strays, &known, &pid);
	ticks(1);
	assert_int_equal(process_state(stray), 'Z');
	ticks(1);
	assert_int_equal(process_state(stray), 0);
	strays_forget(&known);
}

static void many_at_once(void **state)
{
	struct known_child known = {0};
	static pid_t pids[5000];
	pid_t pid = 0;

	(void)state;
	for (size_t i = 0; i < ELEMENTS(pids); i++)
		pids[i] = ended_child();
	strays_know(&strays, &known, &pid);
	ticks(2);
	for (size_t i = 0; i < ELEMENTS(pids); i++)
		assert_int_equal(process_state(pids[i]), 0);
	strays_forget(&known);
}

/* Also if it gets its owner late, as a successor whose report was not read yet. */
static void what_has_an_owner_is_left_alone(void **state)
{
	struct known_child first = {0}, second = {0};
	pid_t early = ended_child(), late = 0, successor = ended_child();

	(void)state;
	strays_know(&strays, &first, &early);
	strays_know(&strays, &second, &late);
	ticks(1);
	late = successor;
	ticks(3);
	assert_int_equal(process_state(early), 'Z');
	assert_int_equal(process_state(successor), 'Z');
	strays_forget(&first);
	strays_forget(&second);
	ticks(1);
	assert_int_equal(process_state(early), 0);
	assert_int_equal(process_state(successor), 0);
}

static void without_children_nothing_ticks(void **state)
{
	struct known_child known = {0};
	pid_t pid = 0;

	(void)state;
	assert_false(event_pending(strays.tick, EV_TIMEOUT, NULL));
	strays_know(&strays, &known, &pid);
	assert_true(event_pending(strays.tick, EV_TIMEOUT, NULL));
	ticks(1);
	assert_false(event_pending(strays.tick, EV_TIMEOUT, NULL));
	strays_forget(&known);
	strays_forget(&known);
	ended_child();
	strays_know(&strays, &known, &pid);
	ticks(2);
	assert_int_equal(waitpid(-1, NULL, WNOHANG), -1);
	ticks(1);
	assert_false(event_pending(strays.tick, EV_TIMEOUT, NULL));
	strays_forget(&known);
}

/* A kernel without /proc/PID/task/TID/children, for which a /proc without anything stands in. */
static int wait_without_the_list(void *userdata)
{
	struct known_child known = {0};
	pid_t pid = 0;

	(void)userdata;
	CHECK(own_mounts() && mount("tmpfs", "/proc", "tmpfs", 0, NULL) == 0);
	CHECK(event_reinit(base) == 0);
	ended_child();
	ended_child();
	strays_know(&strays, &known, &pid);
	ticks(4);
	CHECK(waitpid(-1, NULL, WNOHANG) == -1 && errno == ECHILD);
	return 0;
}

static void a_kernel_without_a_list_of_children(void **state)
{
	(void)state;
	if (geteuid() != 0)
		skip("needs root");
	assert_int_equal(in_child(wait_without_the_list, NULL), 0);
}

#define STRAYS_TEST(function) cmocka_unit_test_setup_teardown(function, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    STRAYS_TEST(a_stray_is_waited_for_at_the_second_tick),
	    STRAYS_TEST(many_at_once),
	    STRAYS_TEST(what_has_an_owner_is_left_alone),
	    STRAYS_TEST(without_children_nothing_ticks),
	    STRAYS_TEST(a_kernel_without_a_list_of_children),
	};

	bound_time();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
