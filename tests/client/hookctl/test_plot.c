/* SPDX-License-Identifier: Apache-2.0 */

/* The pictures of runs: where time is cut, what is said of a hook, and texts from outside. */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "client/hookctl/plot/plot.h"
#include "client/hookctl/plot/segment.h"
#include "client/hookctl/table/escape.h"
#include "proto/json/json.h"
#include "tests/group/group.h"

#define SECOND 1000000ll
#define START  (1700000000 * SECOND)

static struct hookd_hook_result exited(size_t index, int64_t started_us, int64_t duration_us)
{
	return (struct hookd_hook_result){.index = index,
					  .path = "/bin/a",
					  .outcome = "exited",
					  .success = true,
					  .oom_killed = -1,
					  .pid = 1,
					  .started_us = started_us,
					  .duration_us = duration_us};
}

static struct hookd_run_info done(const char *id, int64_t submitted_us)
{
	return (struct hookd_run_info){.run = id,
				       .container = "web",
				       .stage = "poststart",
				       .state = "done",
				       .outcome = "succeeded",
				       .hook_count = 1,
				       .submitted_us = submitted_us};
}

static void add(struct plot *plot, const struct hookd_run_info *info,
		const struct hookd_hook_result *hooks, size_t count)
{
	const struct hookd_hook_result *pointers[8];

	assert_true(count <= 8);
	for (size_t i = 0; i < count; i++)
		pointers[i] = &hooks[i];
	assert_int_equal(plot_add_run(plot, info, pointers, count), 0);
}

static char *svg_of(struct plot *plot)
{
	struct hp_buf buf = HP_BUF_INIT;

	plot_sort(plot);
	assert_int_equal(plot_write_svg(plot, &buf), 0);
	hp_buf_append(&buf, "", 1);
	return buf.data;
}

static void assert_in(const char *text, const char *part)
{
	if (strstr(text, part) == NULL)
		fail_msg("no '%s' in: %s", part, text);
}

/* ---- the axis ---- */

static void test_idle_time_is_cut_out(void **state)
{
	const struct hookd_run_info infos[] = {done("1", START), done("2", START + 50),
					       done("3", START + 3600 * SECOND)};
	const struct hookd_hook_result hooks[] = {exited(0, START, 100),
						  exited(0, START + 110, 100),
						  exited(0, START + 3600 * SECOND, 9 * SECOND)};
	struct plot plot = {.title = "web"};
	struct axis axis;

	(void)state;
	for (size_t i = 0; i < 3; i++)
		add(&plot, &infos[i], &hooks[i], 1);
	assert_int_equal(axis_make(&plot, &axis), 0);
	assert_int_equal(axis.count, 2);
	assert_int_equal(axis.segments[0].begin_us, START);
	assert_int_equal(axis.segments[0].end_us, START + 210);
	/* 210 us have room beside 9 s. */
	assert_true(axis_x(&axis, START + 210) - axis_x(&axis, START) >= 79);
	assert_true(axis_x(&axis, START + 105) - axis_x(&axis, START) >= 39);
	assert_true(axis_x(&axis, START + 60 * SECOND) == axis_x(&axis, START + 210));
	assert_true(axis_x(&axis, START + 3600 * SECOND) == axis.segments[1].x);
	axis_free(&axis);
	plot_clear(&plot);
}

static void test_a_clock_that_is_set_back_draws_nothing_twice(void **state)
{
	struct hookd_run_info info = done("1", START);
	struct hookd_hook_result hooks[] = {exited(0, START + 5, 100), exited(1, START - SECOND, 7),
					    exited(2, INT64_MAX - 1, INT64_MAX)};
	struct plot plot = {.title = "web"};
	const struct plot_run *run;

	(void)state;
	info.queued_us = 5;
	hooks[0].drain_us = 20;
	hooks[2].drain_us = INT64_MAX;
	add(&plot, &info, hooks, 3);
	run = &plot.runs[0];
	assert_int_equal(run->hooks[0].queued_us, START);
	assert_int_equal(run->hooks[0].begun_us, START + 5);
	assert_int_equal(run->hooks[0].end_us, START + 125);
	assert_int_equal(run->hooks[1].begun_us, START + 125);
	assert_int_equal(run->hooks[1].queued_us, run->hooks[1].begun_us);
	assert_int_equal(run->hooks[1].end_us, START + 132);
	assert_int_equal(run->hooks[2].end_us, INT64_MAX);
	free(svg_of(&plot));
	plot_clear(&plot);
}

/* ---- what is said ---- */

static void expect_hook(struct hookd_hook_result hook, const char *class, const char *status)
{
	struct hookd_run_info info = done("1", START);
	char text[PLOT_STATUS_SIZE], group[64];
	struct plot plot = {.title = "web", .version = "9"};
	char *svg;

	add(&plot, &info, &hook, 1);
	assert_string_equal(plot_hook_class(&plot.runs[0], &plot.runs[0].hooks[0]), class);
	assert_string_equal(plot_hook_status(&plot.runs[0], &plot.runs[0].hooks[0], text), status);
	svg = svg_of(&plot);
	snprintf(group, sizeof(group), "<g class=\"hook %s\">", class);
	assert_in(svg, group);
	assert_in(svg, status);
	free(svg);
	plot_clear(&plot);
}

static void test_the_end_of_a_hook_is_its_class_and_its_words(void **state)
{
	struct hookd_hook_result hook = exited(0, START, 1);

	(void)state;
	expect_hook(hook, "succeeded", "");
	hook.success = false;
	hook.exit_status = 3;
	expect_hook(hook, "failed", "failed (3)");
	hook.outcome = "signaled";
	hook.signal = "SIGSEGV";
	expect_hook(hook, "failed", "failed (SIGSEGV)");
	hook.oom_killed = 1;
	expect_hook(hook, "failed", "failed (OOM)");
	hook.oom_killed = -1;
	hook.outcome = "timed_out";
	expect_hook(hook, "timed_out", "timed out");
	hook.outcome = "spawn_failed";
	hook.errno_name = "ENOENT";
	expect_hook(hook, "failed", "failed (ENOENT: not started)");
	hook.outcome = "cancelled";
	expect_hook(hook, "cancelled", "cancelled");
	hook.outcome = "skipped";
	hook.started_us = 0;
	expect_hook(hook, "skipped", "skipped");
	hook.outcome = "running";
	hook.started_us = START;
	expect_hook(hook, "running", "running");
}

static void test_runs_without_hooks(void **state)
{
	struct hookd_run_info queued = done("1", START), lost = done("2", START + 1);
	struct plot plot = {.title = "web", .now_us = START + 7 * SECOND};
	char *svg;

	(void)state;
	queued.state = "queued";
	queued.outcome = NULL;
	lost.outcome = "lost";
	svg = svg_of(&plot);
	assert_in(svg, "web: 0 runs");
	free(svg);
	add(&plot, &queued, NULL, 0);
	add(&plot, &lost, NULL, 0);
	svg = svg_of(&plot);
	assert_in(svg, "<g class=\"hook queued\"><title>poststart: queued, queued 7s");
	assert_in(svg, "<g class=\"hook lost\"><title>poststart: lost");
	free(svg);
	plot_clear(&plot);
}

/* ---- texts from outside ---- */

/* Neither control characters nor bytes that are not UTF-8, and no markup but that of a clean one.
 */
static void assert_harmless(const char *svg, const char *clean)
{
	size_t brackets = 0, expected = 0;
	uint32_t point;
	size_t used;

	for (const char *c = clean; *c != '\0'; c++)
		expected += *c == '<' || *c == '>' || *c == '"';
	for (const char *at = svg; *at != '\0'; at += used) {
		used = escape_decode(at, strlen(at), &point);
		assert_true(used > 0);
		assert_true(point >= 0x20 || point == '\n');
		assert_true(point != 0xfffe && point != 0xffff && point != 0x202e);
		brackets += point == '<' || point == '>' || point == '"';
	}
	assert_int_equal(brackets, expected);
}

static char *svg_with(const char *text)
{
	struct hookd_run_info info = done("1", START);
	struct hookd_hook_result hook = exited(0, START, 1);
	struct plot plot = {.title = text, .version = text};
	char *svg;

	hook.path = text;
	hook.success = false;
	hook.outcome = "signaled";
	hook.signal = text;
	info.stage = info.run = info.container = text;
	add(&plot, &info, &hook, 1);
	svg = svg_of(&plot);
	plot_clear(&plot);
	return svg;
}

static void test_no_text_breaks_the_picture(void **state)
{
	static const char hostile[] =
	    "/a<&\"'>]]><!--</title></"
	    "svg>\x01\x1b[31m\n\xff\xc3\xef\xbf\xbe\xef\xbf\xbf\xe2\x80\xae";
	char *svg = svg_with(hostile), *clean = svg_with("/a"), all[256], *long_text;

	(void)state;
	assert_in(
	    svg,
	    "/a&lt;&amp;&quot;&#39;&gt;]]&gt;&lt;!--&lt;/title&gt;&lt;/svg&gt;\\x01\\x1b[31m\\n"
	    "\\xff\\xc3\\ufffe\\uffff\\u202e: failed");
	assert_harmless(svg, clean);
	free(svg);
	for (int i = 0; i < 255; i++)
		all[i] = (char)(i + 1);
	all[255] = '\0';
	svg = svg_with(all);
	assert_harmless(svg, clean);
	free(svg);
	long_text = malloc(100001);
	memset(long_text, 'x', 100000);
	long_text[100000] = '\0';
	svg = svg_with(long_text);
	assert_in(svg, "#0 xxxxxxxxxxxxxxxxxxxxxxx…");
	assert_harmless(svg, clean);
	free(svg);
	free(long_text);
	free(clean);
}

static void test_a_trace_is_json(void **state)
{
	struct hookd_run_info info = done("1", START);
	struct hookd_hook_result hooks[] = {exited(0, START + 10, 100), exited(1, 0, 0)};
	struct plot plot = {.title = "w\"\xff"
				     "eb"};
	struct hp_buf buf = HP_BUF_INIT;
	struct hp_json json = {0};
	struct hp_err err;

	(void)state;
	hooks[0].drain_us = 7;
	hooks[0].path = "/b\x01\xff";
	hooks[1].outcome = "skipped";
	add(&plot, &info, hooks, 2);
	assert_int_equal(plot_write_trace(&plot, &buf), 0);
	assert_int_equal(hp_json_parse(&json, buf.data, buf.length, &err), 0);
	hp_json_free(&json);
	hp_buf_append(&buf, "", 1);
	assert_in(buf.data, "\"cat\":\"queue\",\"ph\":\"X\",\"ts\":1700000000000000,\"dur\":10,");
	assert_in(buf.data, "\"cat\":\"hook\",\"ph\":\"X\",\"ts\":1700000000000010,\"dur\":100,");
	assert_in(buf.data, "\"cat\":\"drain\",\"ph\":\"X\",\"ts\":1700000000000110,\"dur\":7,");
	assert_null(strstr(buf.data, "skipped"));
	hp_buf_free(&buf);
	plot_clear(&plot);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_idle_time_is_cut_out),
	    cmocka_unit_test(test_a_clock_that_is_set_back_draws_nothing_twice),
	    cmocka_unit_test(test_the_end_of_a_hook_is_its_class_and_its_words),
	    cmocka_unit_test(test_runs_without_hooks),
	    cmocka_unit_test(test_no_text_breaks_the_picture),
	    cmocka_unit_test(test_a_trace_is_json),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
