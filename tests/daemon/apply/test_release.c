/* SPDX-License-Identifier: Apache-2.0 */

/* apply/release: what becomes of a resctrl group with a closID that containers share. */

#include <sys/stat.h>

#include "tests/daemon/apply/apply_world.h"
#include "tests/daemon/apply/fake_scopes.h"
#include "tests/daemon/support/resctrl_files.h"
#include "tests/daemon/support/support.h"

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
		assert_int_equal(
		    holdings_add_created(holdings, holding, CREATED_RDT_GROUP, "class"), 0);
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
	fake_scopes_answer(0, "");
	assert_true(is_held() && exists("class"));
	snprintf(path, sizeof(path), "%s/class/tasks", rdt_root);
	assert_int_equal(unlink(path), 0);
	wait_for(base, !is_held());
	assert_false(exists("class"));
	assert_int_equal(fake_scopes_stops(), 1);
}

/* ---- an heir that is going itself ---- */

static char removed[256];

static void note_removed(const char *name, void *userdata)
{
	(void)userdata;
	strncat(removed, name, sizeof(removed) - strlen(removed) - 1);
	strncat(removed, " ", sizeof(removed) - strlen(removed) - 1);
}

static void note_release(int r, const struct hp_err *err, void *userdata)
{
	struct answer *answer = userdata;

	*answer = (struct answer){true, r, *err};
}

static void release_noting(const char *container, struct answer *answer)
{
	*answer = (struct answer){0};
	removed[0] = '\0';
	applier_release(applier, container, note_removed, note_release, answer);
}

/* The first waits for systemd: what it is given then it would not look at any more. */
static void a_class_is_not_handed_to_who_is_going(void **state)
{
	static struct answer answer, other;

	(void)state;
	make_directory("class");
	apply_whole();
	join_class("box", false);
	hold_other_in_class();
	assert_int_equal(holdings_add_created(applier_holdings(applier),
					      holdings_find(applier_holdings(applier), "other"),
					      CREATED_RDT_GROUP, "class"),
			 0);
	release(&answer);
	assert_int_equal(fake_scopes_waiting(), FAKE_STOP);
	release_noting("other", &other);
	expect(&other, 0, HP_ERR_NONE);
	assert_string_equal(removed, "class ");
	assert_false(exists("class"));
	fake_scopes_answer(0, "");
	expect(&answer, 0, HP_ERR_NONE);
	assert_false(is_held());
	assert_int_equal(fake_scopes_stops(), 1);
}

/* A cgroup above its own it does get, and removes it after its unit. */
static void what_is_handed_to_who_is_going_goes_too(void **state)
{
	static struct answer answer;
	struct holding *box;

	(void)state;
	make_directory("class");
	apply_whole();
	release_noting("box", &answer);
	assert_int_equal(fake_scopes_waiting(), FAKE_STOP);
	box = holdings_find(applier_holdings(applier), "box");
	assert_int_equal(
	    holdings_add_created(applier_holdings(applier), box, CREATED_RDT_GROUP, "class"), 0);
	fake_scopes_answer(0, "");
	expect(&answer, 0, HP_ERR_NONE);
	assert_string_equal(removed, "hookd-box.scope class ");
	assert_false(exists("class"));
	assert_int_equal(fake_scopes_stops(), 1);
}

static void a_class_is_handed_to_who_is_just_entering(void **state)
{
	static char class[] = "class", path[] = ":hookd:box";
	static struct hp_intel_rdt wanted = {.clos_id = class};
	static const struct hp_settings settings = {.cgroups_path = path, .intel_rdt = &wanted};
	static struct answer answer, other;

	(void)state;
	make_directory("class");
	make_file("class/tasks", "");
	hold_other_in_class();
	assert_int_equal(holdings_add_created(applier_holdings(applier),
					      holdings_find(applier_holdings(applier), "other"),
					      CREATED_RDT_GROUP, "class"),
			 0);
	apply_with(&settings, &answer);
	assert_int_equal(fake_scopes_waiting(), FAKE_START);
	make_file("class/tasks", "4711\n");
	release_of("other", &other);
	expect(&other, 0, HP_ERR_NONE);
	fake_scopes_answer(0, "");
	wait_for(base, answer.is_there);
	expect(&answer, 0, HP_ERR_NONE);
	assert_true(holding_has_created(holdings_find(applier_holdings(applier), "box"),
					CREATED_RDT_GROUP));
}

/* ---- what is held on after a removal that failed ---- */

static void a_holding_does_not_name_what_is_gone(void **state)
{
	static struct answer answer;

	(void)state;
	hold_box_in_class();
	release(&answer);
	assert_false(exists("class"));
	fake_scopes_answer(-ECONNRESET, "the connection to systemd was lost");
	expect(&answer, -ECONNRESET, HP_ERR_SETTING_FAILED);
	assert_null(holdings_find(applier_holdings(applier), "box")->rdt_group);
	world_restart();
	assert_null(holdings_find(applier_holdings(applier), "box")->rdt_group);
}

static void what_vanished_while_hookd_was_away_is_not_named(void **state)
{
	struct holding *box;
	char path[64];

	(void)state;
	hold_box_in_class();
	box = holdings_find(applier_holdings(applier), "box");
	free(box->cgroup_path);
	box->cgroup_path = strdup("/gone");
	assert_int_equal(holdings_write(applier_holdings(applier), box), 0);
	snprintf(path, sizeof(path), "%s/class", rdt_root);
	assert_int_equal(rmdir(path), 0);
	world_restart();
	box = holdings_find(applier_holdings(applier), "box");
	assert_null(box->rdt_group);
	assert_null(box->cgroup_path);
	assert_null(box->unit);
	assert_true(TAILQ_EMPTY(&box->created));
	assert_non_null(strstr(reports, "/gone no longer exists"));
}

static void a_group_that_has_to_stay_does_not_keep_the_scope(void **state)
{
	(void)state;
	hold_box_in_class();
	make_file("class/tasks", "4711\n");
	let_the_end_be_seen();
	assert_true(is_held() && exists("class"));
	assert_int_equal(fake_scopes_waiting(), FAKE_STOP);
	fake_scopes_answer(0, "");
	assert_true(is_held() && exists("class"));
	assert_false(
	    holding_has_created(holdings_find(applier_holdings(applier), "box"), CREATED_UNIT));
}

int main(void)
{
#define TEST(function) cmocka_unit_test_setup_teardown(function, begin, end)
	const struct CMUnitTest tests[] = {
	    TEST(a_class_that_others_are_in_is_handed_on),
	    TEST(the_last_of_a_class_takes_it_along),
	    TEST(a_class_with_strangers_leaves_all_as_it_is),
	    TEST(a_class_is_removed_when_strangers_have_left),
	    TEST(a_class_is_not_handed_to_who_is_going),
	    TEST(what_is_handed_to_who_is_going_goes_too),
	    TEST(a_class_is_handed_to_who_is_just_entering),
	    TEST(a_holding_does_not_name_what_is_gone),
	    TEST(what_vanished_while_hookd_was_away_is_not_named),
	    TEST(a_group_that_has_to_stay_does_not_keep_the_scope),
	};

	bound_time();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
