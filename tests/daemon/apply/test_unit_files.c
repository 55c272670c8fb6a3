/* SPDX-License-Identifier: Apache-2.0 */

/*
 * apply/unit_files: what Apply and Update have written to files without a property is written again
 * when systemd has reset them. The test writes to the files in systemd's place.
 */

#include "tests/daemon/apply/apply_world.h"
#include "tests/daemon/apply/fake_scopes.h"
#include "tests/daemon/support/support.h"

static int begin(void **state)
{
	world_begin(state);
	write_to_file("memory.oom.group", "0\n");
	write_to_file("memory.zswap.max", "max\n");
	return 0;
}

/* NULL: not given. */
static struct hp_settings *with(const char *oom_group, const char *zswap_max)
{
	static char file_1[] = "memory.oom.group", file_2[] = "memory.zswap.max";
	static char path[] = ":hookd:box", values[2][16];
	static struct hp_unified unified[2];
	static struct hp_resources resources;
	static struct hp_settings settings;
	size_t count = 0;

	snprintf(values[0], sizeof(values[0]), "%s", oom_group ? oom_group : "");
	snprintf(values[1], sizeof(values[1]), "%s", zswap_max ? zswap_max : "");
	if (oom_group)
		unified[count++] = (struct hp_unified){.file = file_1, .value = values[0]};
	if (zswap_max)
		unified[count++] = (struct hp_unified){.file = file_2, .value = values[1]};
	resources = (struct hp_resources){
	    .pids_limit = {true, 50}, .unified = unified, .unified_count = count};
	settings = (struct hp_settings){.cgroups_path = path, .resources = &resources};
	return &settings;
}

static void answer_all(const struct answer *answer)
{
	while (fake_scopes_waiting())
		fake_scopes_answer(0, "");
	expect(answer, 0, HP_ERR_NONE);
}

static void apply_both(void)
{
	struct answer answer;

	apply_with(with("1", "4096"), &answer);
	answer_all(&answer);
}

static void reset_by_systemd(void)
{
	write_to_file("memory.zswap.max", "max\n");
	write_to_file("memory.oom.group", "0\n");
}

/* Until no event is ready any more: inotify tells of a write at once. */
static void handle_events(void)
{
	for (int i = 0; i < 3; i++)
		assert_true(event_base_loop(base, EVLOOP_NONBLOCK) >= 0);
}

static void files_are_written_again(void **state)
{
	(void)state;
	apply_both();
	for (int i = 0; i < 2; i++) {
		reset_by_systemd();
		handle_events();
		expect_file("memory.oom.group", "1\n");
		expect_file("memory.zswap.max", "4096");
	}
	assert_string_equal(reports, "");
}

static void files_that_nobody_has_set_are_not(void **state)
{
	struct answer answer;

	(void)state;
	apply_with(with("1", NULL), &answer);
	answer_all(&answer);
	reset_by_systemd();
	handle_events();
	expect_file("memory.oom.group", "1\n");
	expect_file("memory.zswap.max", "max\n");
}

static void another_value_is_left(void **state)
{
	(void)state;
	apply_both();
	write_to_file("memory.zswap.max", "8192\n");
	handle_events();
	expect_file("memory.zswap.max", "8192\n");
}

static void an_update_changes_what_is_written_again(void **state)
{
	struct answer answer;

	(void)state;
	apply_both();
	update_with(with("0", NULL), &answer);
	answer_all(&answer);
	reset_by_systemd();
	handle_events();
	expect_file("memory.oom.group", "0\n");
	expect_file("memory.zswap.max", "4096");
	update_with(with("1", NULL), &answer);
	answer_all(&answer);
	reset_by_systemd();
	handle_events();
	expect_file("memory.oom.group", "1\n");
}

/* While the Update waits for systemd, another change of the unit resets the files. */
static void a_reset_during_an_update_is_seen_at_its_end(void **state)
{
	struct answer answer;

	(void)state;
	apply_both();
	update_with(with(NULL, "12288"), &answer);
	fake_scopes_answer(0, "");
	assert_int_equal(fake_scopes_waiting(), FAKE_SET);
	reset_by_systemd();
	handle_events();
	expect_file("memory.oom.group", "0\n");
	answer_all(&answer);
	expect_file("memory.oom.group", "1\n");
	expect_file("memory.zswap.max", "12288");
}

static void an_update_that_fails_changes_nothing_of_it(void **state)
{
	struct answer answer;

	(void)state;
	apply_both();
	remove_file("pids.max");
	update_with(with("0", "max"), &answer);
	while (fake_scopes_waiting())
		fake_scopes_answer(0, "");
	assert_true(answer.is_there && answer.r < 0);
	reset_by_systemd();
	handle_events();
	expect_file("memory.oom.group", "1\n");
	expect_file("memory.zswap.max", "4096");
}

static void a_reset_while_hookd_is_not_running_is_seen_at_its_start(void **state)
{
	(void)state;
	apply_both();
	applier = applier_free(applier);
	reset_by_systemd();
	world_restart();
	expect_file("memory.oom.group", "1\n");
	expect_file("memory.zswap.max", "4096");
	reset_by_systemd();
	handle_events();
	expect_file("memory.oom.group", "1\n");
}

/* systemd's fake keeps the cgroup. */
static void after_release_nothing_is_written(void **state)
{
	struct answer answer;

	(void)state;
	apply_both();
	release(&answer);
	answer_all(&answer);
	assert_false(is_held());
	reset_by_systemd();
	handle_events();
	expect_file("memory.oom.group", "0\n");
	expect_file("memory.zswap.max", "max\n");
}

int main(void)
{
#define TEST(function) cmocka_unit_test_setup_teardown(function, begin, world_end)
	const struct CMUnitTest tests[] = {
	    TEST(files_are_written_again),
	    TEST(files_that_nobody_has_set_are_not),
	    TEST(another_value_is_left),
	    TEST(an_update_changes_what_is_written_again),
	    TEST(a_reset_during_an_update_is_seen_at_its_end),
	    TEST(an_update_that_fails_changes_nothing_of_it),
	    TEST(a_reset_while_hookd_is_not_running_is_seen_at_its_start),
	    TEST(after_release_nothing_is_written),
	};

	bound_time();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
