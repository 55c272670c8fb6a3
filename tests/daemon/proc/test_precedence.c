/* SPDX-License-Identifier: Apache-2.0 */

/* proc/precedence: a process has it, what it starts has not. Each case is a process of its own. */

#include <fcntl.h>
#include <limits.h>
#include <sched.h>
#include <stdlib.h>
#include <sys/resource.h>

#include "daemon/base/file.h"
#include "daemon/proc/precedence.h"
#include "tests/daemon/support/support.h"

static int own_nice(void)
{
	return getpriority(PRIO_PROCESS, 0);
}

/* True too on a kernel without autogroups. */
static bool autogroup_has_nice(int wanted)
{
	char text[64];
	const char *nice;

	if (file_read_at(AT_FDCWD, "/proc/self/autogroup", text, sizeof(text)) < 0)
		return true;
	nice = strstr(text, "nice ");
	return nice && atoi(nice + strlen("nice ")) == wanted;
}

/* As hooks do, it begins a session. */
static int is_usual(void *userdata)
{
	(void)userdata;
	CHECK(setsid() > 0);
	CHECK(own_nice() == 0);
	CHECK(sched_getscheduler(0) == SCHED_OTHER);
	CHECK(autogroup_has_nice(0));
	return 0;
}

static int take_and_start(void *userdata)
{
	CHECK(setsid() > 0);
	precedence_take();
	CHECK(own_nice() == -10);
	CHECK(autogroup_has_nice(-10));
	return in_child(is_usual, userdata);
}

static void it_is_not_inherited(void **state)
{
	(void)state;
	if (geteuid() != 0)
		skip("needs root");
	assert_int_equal(in_child(take_and_start, NULL), 0);
}

/* In a session of others these would get precedence too. */
static int take_in_a_session_of_others(void *userdata)
{
	(void)userdata;
	precedence_take();
	CHECK(autogroup_has_nice(0));
	return 0;
}

static int begin_a_session(void *userdata)
{
	CHECK(setsid() > 0);
	return in_child(take_in_a_session_of_others, userdata);
}

static void a_session_of_others_gets_none(void **state)
{
	(void)state;
	assert_int_equal(in_child(begin_a_session, NULL), 0);
}

static int take_with_a_nice(void *userdata)
{
	(void)userdata;
	CHECK(setpriority(PRIO_PROCESS, 0, 5) == 0);
	precedence_take();
	CHECK(own_nice() == 5);
	return 0;
}

static int take_with_a_policy(void *userdata)
{
	const struct sched_param none = {0};

	(void)userdata;
	CHECK(sched_setscheduler(0, SCHED_BATCH, &none) == 0);
	precedence_take();
	CHECK(sched_getscheduler(0) == SCHED_BATCH);
	CHECK(own_nice() == 0);
	return 0;
}

static void what_somebody_has_set_stays(void **state)
{
	(void)state;
	assert_int_equal(in_child(take_with_a_nice, NULL), 0);
	assert_int_equal(in_child(take_with_a_policy, NULL), 0);
}

static int take_as_a_user(void *userdata)
{
	CHECK(setrlimit(RLIMIT_NICE, &(struct rlimit){0, 0}) == 0);
	CHECK(geteuid() != 0 || setuid(65534) == 0);
	precedence_take();
	return is_usual(userdata);
}

static void a_user_without_the_right_goes_on(void **state)
{
	(void)state;
	assert_int_equal(in_child(take_as_a_user, NULL), 0);
}

/* The tests may have been started with another nice. */
static int set_up(void **state)
{
	(void)state;
	return own_nice() == 0 ? 0 : setpriority(PRIO_PROCESS, 0, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(it_is_not_inherited),
	    cmocka_unit_test(a_session_of_others_gets_none),
	    cmocka_unit_test(what_somebody_has_set_stays),
	    cmocka_unit_test(a_user_without_the_right_goes_on),
	};

	return cmocka_run_group_tests(tests, set_up, NULL);
}
