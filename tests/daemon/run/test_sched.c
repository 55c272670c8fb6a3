/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Which run is started next. The linker replaces run_start() by __wrap_run_start(): a run with
 * hooks only counts as started, and the test ends it; one without hooks really runs.
 */

#include "tests/daemon/support/support.h"

#include "daemon/run/sched.h"
#include "tests/daemon/support/requests.h"

void __real_run_start(struct run *run);
void __wrap_run_start(struct run *run);

static struct sched *sched;
static const struct config config;
static struct run *runs[64];
static size_t run_count;
static char started[256]; /* ids in the order of their starts */
static char ended[256];
static int idle_count;

void __wrap_run_start(struct run *run)
{
	strcat(started, run->id);
	if (run->request.hooks.count == 0)
		__real_run_start(run);
	else
		run->state = RUN_RUNNING;
}

/* A run begins: nothing is recorded. */
static int begin_run(struct run *run, void *userdata)
{
	(void)run, (void)userdata;
	return 0;
}

static void ignore(struct run *run, void *userdata)
{
	(void)run, (void)userdata;
}

static void on_done(struct run *run, void *userdata)
{
	(void)userdata;
	strcat(ended, run->id);
	sched_finished(sched, run);
}

static const struct run_context context = {
    .config = &config, .starting = begin_run, .ending = ignore, .done = on_done};

static void on_idle(void *userdata)
{
	assert_ptr_equal(userdata, &idle_count);
	assert_int_equal(sched_running(sched) + sched_queued(sched), 0);
	idle_count++;
}

static int set_up(void **state)
{
	(void)state;
	started[0] = ended[0] = '\0';
	run_count = 0;
	idle_count = 0;
	if (sched_new(100, &sched) < 0)
		return -1;
	sched_on_idle(sched, on_idle, &idle_count);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	for (size_t i = 0; i < run_count; i++)
		run_free(runs[i]);
	sched = sched_free(sched);
	return 0;
}

static struct run *make(const char *id, const char *container, size_t hook_count)
{
	static const struct hp_hook hook = {.path = (char *)"/bin/true"};
	struct run *run =
	    run_make(&context, id, request_make(container, HP_STAGE_POSTSTART, &hook, hook_count));

	assert_true(run_count < ELEMENTS(runs));
	runs[run_count++] = run;
	return run;
}

/* Ids are one letter here, so that an order is a word. */
static struct run *submit(const char *id, const char *container)
{
	struct run *run = make(id, container, 1);

	assert_int_equal(sched_submit(sched, run), 0);
	return run;
}

/* Ends it as if its last hook had ended. */
static void finish(struct run *run)
{
	assert_int_equal(run->state, RUN_RUNNING);
	run->state = RUN_DONE;
	on_done(run, NULL);
}

static void expect(const char *order, size_t running, size_t queued)
{
	assert_string_equal(started, order);
	assert_int_equal(sched_running(sched), running);
	assert_int_equal(sched_queued(sched), queued);
}

static void one_container_goes_in_order(void **state)
{
	struct run *a = submit("a", "1"), *b = submit("b", "1"), *c = submit("c", "1");

	(void)state;
	expect("a", 1, 2);
	finish(a);
	expect("ab", 1, 1);
	finish(b);
	expect("abc", 1, 0);
	assert_int_equal(idle_count, 0);
	finish(c);
	expect("abc", 0, 0);
	assert_int_equal(idle_count, 1);
}

static void containers_go_side_by_side(void **state)
{
	struct run *a = submit("a", "1"), *b = submit("b", "2"), *c = submit("c", "1");

	(void)state;
	expect("ab", 2, 1);
	finish(b);
	expect("ab", 1, 1);
	finish(a);
	expect("abc", 1, 0);
	finish(c);
	assert_int_equal(idle_count, 1);
}

static void never_more_than_the_limit(void **state)
{
	struct run *a, *b;

	(void)state;
	sched_set_limit(sched, 2);
	a = submit("a", "1");
	b = submit("b", "2");
	submit("c", "3");
	submit("d", "4");
	submit("e", "1");
	expect("ab", 2, 3);
	finish(b);
	expect("abc", 2, 2);
	/* Container 1 is queued again behind container 4, which has waited longer. */
	finish(a);
	expect("abcd", 2, 1);
}

static void a_busy_container_does_not_starve_others(void **state)
{
	struct run *a;

	(void)state;
	sched_set_limit(sched, 1);
	a = submit("a", "1");
	submit("b", "1");
	submit("c", "1");
	submit("d", "2");
	finish(a);
	expect("ad", 1, 2);
}

static void a_higher_limit_counts_at_once(void **state)
{
	(void)state;
	sched_set_limit(sched, 1);
	submit("a", "1");
	submit("b", "2");
	submit("c", "3");
	expect("a", 1, 2);
	sched_set_limit(sched, 2);
	expect("ab", 2, 1);
}

static void a_lower_limit_counts_for_those_to_come(void **state)
{
	struct run *a = submit("a", "1"), *b = submit("b", "2");

	(void)state;
	sched_set_limit(sched, 1);
	submit("c", "3");
	expect("ab", 2, 1);
	finish(a);
	expect("ab", 1, 1);
	finish(b);
	expect("abc", 1, 0);
}

/* ---- cancelled while queued ---- */

static void a_queued_first_one_is_cancelled(void **state)
{
	struct run *a, *b;

	(void)state;
	sched_set_limit(sched, 1);
	a = submit("a", "1");
	b = submit("b", "2");
	submit("c", "2");
	run_cancel(b);
	assert_string_equal(ended, "b");
	expect("a", 1, 1);
	finish(a);
	expect("ac", 1, 0);
}

static struct run *other;

static void finish_other(struct run_waiter *waiter, const struct run_event *event)
{
	(void)waiter;
	if (event->type == RUN_EVENT_DONE)
		finish(other);
}

/* As a connection does that dispatches its next message when it has sent the result. */
static void a_cancelled_one_is_not_started_while_its_waiters_hear_of_it(void **state)
{
	struct run_waiter waiter = {.notify = finish_other};
	struct run *b;

	(void)state;
	sched_set_limit(sched, 1);
	other = submit("a", "1");
	b = submit("b", "2");
	submit("c", "3");
	submit("d", "2");
	run_add_waiter(b, &waiter);
	run_cancel(b);
	assert_string_equal(ended, "ab");
	expect("ac", 1, 1);
	run_remove_waiter(b, &waiter);
}

static void the_only_one_of_a_ready_container_is_cancelled(void **state)
{
	struct run *a, *b;

	(void)state;
	sched_set_limit(sched, 1);
	a = submit("a", "1");
	b = submit("b", "2");
	submit("c", "3");
	run_cancel(b);
	expect("a", 1, 1);
	submit("d", "2");
	finish(a);
	expect("ac", 1, 1);
}

static void middle_and_last_ones_are_cancelled(void **state)
{
	struct run *a = submit("a", "1"), *b = submit("b", "1"), *c = submit("c", "1");
	struct run *d = submit("d", "1"), *e = submit("e", "1");

	(void)state;
	run_cancel(c);
	expect("a", 1, 3);
	run_cancel(e);
	expect("a", 1, 2);
	run_cancel(b);
	expect("a", 1, 1);
	finish(a);
	expect("ad", 1, 0);
	finish(d);
	expect("ad", 0, 0);
	assert_string_equal(ended, "cebad");
	assert_int_equal(idle_count, 1);
}

static void the_last_queued_one_is_cancelled_while_the_first_runs(void **state)
{
	struct run *a = submit("a", "1"), *b = submit("b", "1");

	(void)state;
	run_cancel(b);
	expect("a", 1, 0);
	assert_int_equal(idle_count, 0);
	submit("c", "1");
	expect("a", 1, 1);
	finish(a);
	expect("ac", 1, 0);
}

static void a_run_that_never_came_into_the_line_is_not_counted(void **state)
{
	struct run *a = submit("a", "1"), *outside = make("x", "1", 1);

	(void)state;
	run_cancel(outside);
	expect("a", 1, 0);
	finish(a);
	expect("a", 0, 0);
}

/* ---- ends within the start ---- */

static void a_run_without_hooks_ends_within_submit(void **state)
{
	struct run *run = make("x", "1", 0);

	(void)state;
	assert_int_equal(sched_submit(sched, run), 0);
	expect("x", 0, 0);
	assert_string_equal(ended, "x");
	assert_int_equal(run->state, RUN_DONE);
	assert_int_equal(idle_count, 1);
}

static void a_line_of_runs_without_hooks_ends_in_order(void **state)
{
	struct run *a = submit("a", "1");

	(void)state;
	for (char id[] = "b"; id[0] <= 'm'; id[0]++)
		assert_int_equal(sched_submit(sched, make(id, "1", 0)), 0);
	expect("a", 1, 12);
	finish(a);
	expect("abcdefghijklm", 0, 0);
	assert_string_equal(ended, "abcdefghijklm");
	assert_int_equal(idle_count, 1);
}

/* A long queue must not need a stack frame for each run: 20000 would overflow the stack. */
static void a_long_line_needs_no_deep_stack(void **state)
{
	enum { COUNT = 20000 };
	struct run **line = calloc(COUNT, sizeof(*line));
	struct run *a = submit("a", "1");

	(void)state;
	for (int i = 0; i < COUNT; i++) {
		line[i] = run_make(&context, "", request_make("1", HP_STAGE_POSTSTART, NULL, 0));
		assert_int_equal(sched_submit(sched, line[i]), 0);
	}
	finish(a);
	expect("a", 0, 0);
	for (int i = 0; i < COUNT; i++)
		run_free(line[i]);
	free(line);
}

/* ---- idle ---- */

static void idle_is_told_each_time_the_last_one_ends(void **state)
{
	(void)state;
	finish(submit("a", "1"));
	assert_int_equal(idle_count, 1);
	finish(submit("b", "1"));
	assert_int_equal(idle_count, 2);
}

/* on_idle() is called when a run has ended; a changed limit ends none. */
static void a_new_limit_is_no_end(void **state)
{
	(void)state;
	sched_set_limit(sched, 5);
	assert_int_equal(idle_count, 0);
}

#define SCHED_TEST(function) cmocka_unit_test_setup_teardown(function, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    SCHED_TEST(one_container_goes_in_order),
	    SCHED_TEST(containers_go_side_by_side),
	    SCHED_TEST(never_more_than_the_limit),
	    SCHED_TEST(a_busy_container_does_not_starve_others),
	    SCHED_TEST(a_higher_limit_counts_at_once),
	    SCHED_TEST(a_lower_limit_counts_for_those_to_come),
	    SCHED_TEST(a_queued_first_one_is_cancelled),
	    SCHED_TEST(a_cancelled_one_is_not_started_while_its_waiters_hear_of_it),
	    SCHED_TEST(the_only_one_of_a_ready_container_is_cancelled),
	    SCHED_TEST(middle_and_last_ones_are_cancelled),
	    SCHED_TEST(the_last_queued_one_is_cancelled_while_the_first_runs),
	    SCHED_TEST(a_run_that_never_came_into_the_line_is_not_counted),
	    SCHED_TEST(a_run_without_hooks_ends_within_submit),
	    SCHED_TEST(a_line_of_runs_without_hooks_ends_in_order),
	    SCHED_TEST(a_long_line_needs_no_deep_stack),
	    SCHED_TEST(idle_is_told_each_time_the_last_one_ends),
	    SCHED_TEST(a_new_limit_is_no_end),
	};

	bound_time();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
