/* SPDX-License-Identifier: Apache-2.0 */

/* apply/release: when resctrl groups are removed, or handed over to another container. */

#include <sys/stat.h>

#include "tests/daemon/apply/apply_world.h"
#include "tests/daemon/apply/fake_scopes.h"
#include "tests/daemon/support/resctrl_files.h"
#include "tests/daemon/support/support.h"

static int begin(void **state)
{
	int r = rdt_set_up(state);

	world_rdt = rdt;
	if (r == 0)
		rdt_remove_classes(rdt, true);
	return r < 0 ? r : world_begin(state);
}

static int end(void **state)
{
	int r = world_end(state);

	world_rdt = NULL;
	return rdt_tear_down(state) != 0 ? -1 : r;
}

/* As if Apply had created the group and moved the process to it. */
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

/* Without the kernel's files, so that rmdir(2) works as in resctrl. */
static void hold_box_in_class(void)
{
	make_directory("class");
	apply_and_wait();
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

static void a_shared_group_is_handed_over(void **state)
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

static void the_last_container_removes_a_shared_group(void **state)
{
	struct answer answer;

	(void)state;
	hold_box_in_class();
	release(&answer);
	fake_scopes_answer(0, "");
	expect(&answer, 0, HP_ERR_NONE);
	assert_false(exists("class"));
}

/* By default a class stays, and its name is free for the next user. */
static void a_class_stays_after_its_last_container(void **state)
{
	static struct answer answer;

	(void)state;
	rdt_remove_classes(rdt, false);
	hold_box_in_class();
	release_noting("box", &answer);
	fake_scopes_answer(0, "");
	expect(&answer, 0, HP_ERR_NONE);
	assert_string_equal(removed, "hookd-box.scope ");
	assert_true(exists("class"));
	assert_false(is_held());
}

/* Others' processes in the class hold up neither a Release nor the end of the process. */
static void a_class_with_other_processes_is_left_to_them(void **state)
{
	static struct answer answer;

	(void)state;
	hold_box_in_class();
	make_file("class/tasks", "4711\n");
	release_noting("box", &answer);
	fake_scopes_answer(0, "");
	expect(&answer, 0, HP_ERR_NONE);
	assert_string_equal(removed, "hookd-box.scope ");
	assert_true(exists("class"));
	assert_false(is_held());
}

static void an_end_leaves_a_class_with_other_processes(void **state)
{
	char path[64];

	(void)state;
	hold_box_in_class();
	make_file("class/tasks", "4711\n");
	await_exit_seen();
	fake_scopes_answer(0, "");
	wait_for(base, !is_held());
	assert_true(exists("class"));
	assert_int_equal(fake_scopes_stops(), 1);
	/* Tried again by whoever uses it later, and by the next hookd. */
	snprintf(path, sizeof(path), "%s/class/tasks", rdt_root);
	assert_int_equal(unlink(path), 0);
	rdt_remove_unused(rdt);
	assert_false(exists("class"));
}

/*
 * The process came from a group of another program, whose name no request could have. Plain files
 * do not tell which threads are in a group, so none is moved here.
 */
static void a_process_may_go_back_to_a_foreign_group(void **state)
{
	static const char *const names[] = {"my group", "a=b", "gr\303\274n", "gone", "../x", ""};

	(void)state;
	make_group("my group", "L3:0=f\n");
	make_group("a=b", "L3:0=f\n");
	make_group("gr\303\274n", "L3:0=f\n");
	for (size_t i = 0; i < ELEMENTS(names); i++) {
		struct answer answer;

		hold_box_in_class();
		holdings_find(applier_holdings(applier), "box")->former_group = strdup(names[i]);
		release(&answer);
		fake_scopes_answer(0, "");
		expect(&answer, 0, HP_ERR_NONE);
		assert_false(exists("class"));
	}
}

/* ---- an heir that is being removed itself ---- */

/* It is waiting for systemd, and would not check a group that it takes over now. */
static void no_group_is_handed_to_a_holding_in_removal(void **state)
{
	static struct answer answer, other;

	(void)state;
	make_directory("class");
	apply_and_wait();
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

/* What is handed over to it nevertheless is removed after its unit. */
static void an_object_handed_over_in_removal_is_removed(void **state)
{
	static struct answer answer;
	struct holding *box;

	(void)state;
	make_directory("class");
	apply_and_wait();
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

static void a_group_is_handed_to_an_apply_in_progress(void **state)
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

/* ---- a holding that stays after a failed removal ---- */

static void a_holding_does_not_name_removed_objects(void **state)
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

static void objects_that_vanished_meanwhile_are_not_named(void **state)
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

int main(void)
{
#define TEST(function) cmocka_unit_test_setup_teardown(function, begin, end)
	const struct CMUnitTest tests[] = {
	    TEST(a_shared_group_is_handed_over),
	    TEST(the_last_container_removes_a_shared_group),
	    TEST(a_class_stays_after_its_last_container),
	    TEST(a_class_with_other_processes_is_left_to_them),
	    TEST(an_end_leaves_a_class_with_other_processes),
	    TEST(a_process_may_go_back_to_a_foreign_group),
	    TEST(no_group_is_handed_to_a_holding_in_removal),
	    TEST(an_object_handed_over_in_removal_is_removed),
	    TEST(a_group_is_handed_to_an_apply_in_progress),
	    TEST(a_holding_does_not_name_removed_objects),
	    TEST(objects_that_vanished_meanwhile_are_not_named),
	};

	bound_time();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
