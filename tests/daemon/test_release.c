/* SPDX-License-Identifier: Apache-2.0 */

/* apply/release: what becomes of a resctrl group with a closID that containers share. */

#include <sys/stat.h>

#include "tests/daemon/apply_world.h"
#include "tests/daemon/fake_scopes.h"
#include "tests/daemon/resctrl_files.h"
#include "tests/daemon/support.h"

static int begin(void **state)
{
	int r = rdt_set_up(state);

	world_rdt = rdt;
	return r < 0 ? r : world_begin(state);
}

static int end(void **state)
{
	int r = world_end(state);

	world_rdt = NULL;
	return rdt_tear_down(state) != 0 ? -1 : r;
}

/* As if Apply had put the container into the group, and made it. */
static void join_class(const char *container, bool made_it)
{
	struct holdings *holdings = applier_holdings(applier);
	struct holding *holding = holdings_find(holdings, container);

	assert_non_null(holding);
	holding->rdt_group = strdup("class");
	if (made_it)
		assert_int_equal(holdings_making(holdings, holding, MADE_RDT_GROUP, "class"), 0);
}

/* Without files of the kernel's, so that it can be removed as there. */
static void hold_box_in_class(void)
{
	make_directory("class");
	apply_whole();
	join_class("box", true);
}

static void hold_other_in_class(void)
{
	const struct hp_settings nothing = {0};
	struct answer answer;

	apply_for("other", &nothing, &answer);
	expect(&answer, 0, HP_ERR_NONE);
	join_class("other", false);
}

static void a_class_that_others_are_in_is_handed_on(void **state)
{
	struct answer answer;

	(void)state;
	hold_box_in_class();
	hold_other_in_class();
	release(&answer);
	fake_scopes_answer(0, "");
	expect(&answer, 0, HP_ERR_NONE);
	assert_true(exists("class"));
	release_of("other", &answer);
	expect(&answer, 0, HP_ERR_NONE);
	assert_false(exists("class"));
}

static void the_last_of_a_class_takes_it_along(void **state)
{
	struct answer answer;

	(void)state;
	hold_box_in_class();
	release(&answer);
	fake_scopes_answer(0, "");
	expect(&answer, 0, HP_ERR_NONE);
	assert_false(exists("class"));
}

static void a_class_with_strangers_leaves_all_as_it_is(void **state)
{
	struct answer answer;

	(void)state;
	hold_box_in_class();
	make_file("class/tasks", "4711\n");
	release(&answer);
	expect(&answer, -EBUSY, HP_ERR_SETTING_FAILED);
	assert_string_equal(answer.err.step, "rdt");
	assert_int_equal(fake_scopes_stops(), 0);
	assert_true(is_held());
}

/* One whose process has ended is tried again until they are gone. */
static void a_class_is_removed_when_strangers_have_left(void **state)
{
	char path[64];

	(void)state;
	hold_box_in_class();
	make_file("class/tasks", "4711\n");
	let_the_end_be_seen();
	assert_true(is_held() && exists("class"));
	snprintf(path, sizeof(path), "%s/class/tasks", rdt_root);
	assert_int_equal(unlink(path), 0);
	wait_for(base, fake_scopes_waiting() == FAKE_ASK);
	fake_scopes_answer(0, "");
	assert_int_equal(fake_scopes_waiting(), FAKE_STOP);
	fake_scopes_answer(0, "");
	assert_false(is_held() || exists("class"));
}

int main(void)
{
#define TEST(function) cmocka_unit_test_setup_teardown(function, begin, end)
	const struct CMUnitTest tests[] = {
	    TEST(a_class_that_others_are_in_is_handed_on),
	    TEST(the_last_of_a_class_takes_it_along),
	    TEST(a_class_with_strangers_leaves_all_as_it_is),
	    TEST(a_class_is_removed_when_strangers_have_left),
	};

	bound_time();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
