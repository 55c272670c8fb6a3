/* SPDX-License-Identifier: Apache-2.0 */

/* Runs whose first hook cannot be started: which are refused, which have a result, which events. */

#include <ctype.h>

#include "daemon/proc/spawn_child.h"
#include "tests/daemon/support/runs.h"

static long clone_errors[4]; /* of the first starts; 0: it is tried */
static size_t clone_count;

long __real_spawn_clone(struct clone_args *args, const struct spawn_order *order);
long __wrap_spawn_clone(struct clone_args *args, const struct spawn_order *order);

long __wrap_spawn_clone(struct clone_args *args, const struct spawn_order *order)
{
	size_t i = clone_count++;

	if (i < ELEMENTS(clone_errors) && clone_errors[i])
		return clone_errors[i];
	return __real_spawn_clone(args, order);
}

static void fail_clones(long first, long second)
{
	clone_count = 0;
	memset(clone_errors, 0, sizeof(clone_errors));
	clone_errors[0] = first;
	clone_errors[1] = second;
}

struct told {
	struct run_waiter waiter;
	char events[16];
	char reason[256];
};

static void on_event(struct run_waiter *waiter, const struct run_event *event)
{
	struct told *told = (struct told *)waiter;

	told->events[strlen(told->events)] = "SOFDT"[event->type];
	if (event->reason)
		snprintf(told->reason, sizeof(told->reason), "%s", event->reason);
}

static void run_for(struct told *told, struct run *run)
{
	*told = (struct told){.waiter.notify = on_event};
	ending_count = done_count = 0;
	run_add_waiter(run, &told->waiter);
	run_start(run);
	run_to_end(run);
	run_remove_waiter(run, &told->waiter);
}

/* Fault 18. No hook was run, and the lack will pass: the run is refused. */
static void what_passes_turns_a_run_away(void **state)
{
	static const int errors[] = {EAGAIN, ENOMEM, EMFILE, ENFILE};
	const struct hp_hook hooks[] = {SHELL_HOOK("exit 0"), SHELL_HOOK("exit 0")};
	struct told told;
	struct run *run;

	(void)state;
	for (size_t i = 0; i < ELEMENTS(errors); i++) {
		char expected[256];

		fail_clones(-errors[i], 0);
		run = run_prepare(HP_STAGE_POSTSTOP, hooks, ELEMENTS(hooks));
		run_for(&told, run);
		assert_true(run->is_turned_away);
		assert_string_equal(told.events, "T");
		snprintf(expected, sizeof(expected), "fork/exec /bin/sh: %s", strerror(errors[i]));
		expected[strlen("fork/exec /bin/sh: ")] =
		    (char)tolower(expected[strlen("fork/exec /bin/sh: ")]);
		assert_non_null(strstr(told.reason, expected));
		run_free(run);
	}
}

/* Row 19 of the faults: after a crash nobody would know of it. Without hooks and in poststop too.
 */
static void what_cannot_be_recorded_is_not_begun(void **state)
{
	const struct hp_hook hooks[] = {SHELL_HOOK("exit 0")};
	struct told told;
	struct run *run;

	(void)state;
	begin_error = -ENOSPC;
	for (size_t count = 0; count <= ELEMENTS(hooks); count++) {
		fail_clones(0, 0);
		run = run_prepare(HP_STAGE_POSTSTOP, hooks, count);
		run_for(&told, run);
		assert_true(run->is_turned_away);
		assert_string_equal(told.events, "T");
		assert_string_equal(told.reason,
				    "runs cannot be recorded: No space left on device");
		assert_int_equal(clone_count, 0);
		run_free(run);
	}
}

static void what_does_not_pass_is_a_result(void **state)
{
	const struct hp_hook hook = SHELL_HOOK("exit 0");
	struct told told;
	struct run *run = run_prepare(HP_STAGE_POSTSTOP, &hook, 1);

	(void)state;
	fail_clones(-EPERM, 0);
	run_for(&told, run);
	assert_false(run->is_turned_away);
	assert_string_equal(told.events, "FD");
	assert_int_equal(run->result.hooks[0].outcome, HP_HOOK_SPAWN_FAILED);
	run_free(run);
}

/* A hook was run, so there is a result. */
static void so_is_a_later_hook(void **state)
{
	const struct hp_hook hooks[] = {SHELL_HOOK("exit 0"), SHELL_HOOK("exit 0")};
	const enum hp_hook_outcome outcomes[] = {HP_HOOK_EXITED, HP_HOOK_SPAWN_FAILED};
	struct told told;
	struct run *run = run_prepare(HP_STAGE_POSTSTOP, hooks, ELEMENTS(hooks));

	(void)state;
	fail_clones(0, -EAGAIN);
	run_for(&told, run);
	assert_string_equal(told.events, "SFFD");
	expect_outcomes(run, HP_RUN_FAILED, outcomes);
	assert_int_equal(run->result.hooks[1].failed_errno, EAGAIN);
	run_free(run);
}

static int error_of_child; /* 0: as it is */

void __real_proc_take_result(struct proc *proc, struct hp_hook_result *ret_result);
void __wrap_proc_take_result(struct proc *proc, struct hp_hook_result *ret_result);

void __wrap_proc_take_result(struct proc *proc, struct hp_hook_result *ret_result)
{
	__real_proc_take_result(proc, ret_result);
	if (!error_of_child)
		return;
	ret_result->outcome = HP_HOOK_SPAWN_FAILED;
	ret_result->success = false;
	ret_result->failed_errno = error_of_child;
}

/* A lack that the child finds before the exec; but limits may be in effect by then. */
static void what_the_child_lacks_passes_too(void **state)
{
	struct hp_settings settings = {.no_new_privileges = true};
	const struct hp_hook hook = SHELL_HOOK("exit 0");
	struct hp_request request;
	struct told told;
	struct run *run = run_prepare(HP_STAGE_POSTSTOP, &hook, 1);

	(void)state;
	fail_clones(0, 0);
	error_of_child = ENOMEM;
	run_for(&told, run);
	assert_string_equal(told.events, "ST");
	run_free(run);
	/* An ordinary user may have 200 keys, and each running hook has a keyring. */
	error_of_child = EDQUOT;
	run = run_prepare(HP_STAGE_POSTSTOP, &hook, 1);
	run_for(&told, run);
	assert_string_equal(told.events, "ST");
	run_free(run);
	error_of_child = ENOMEM;
	request = request_make("c", HP_STAGE_POSTSTOP, &hook, 1);
	request.settings = &settings;
	run = run_make(&test_context, "id", request);
	run_for(&told, run);
	assert_string_equal(told.events, "SFD");
	run_free(run);
	error_of_child = ENOENT;
	run = run_prepare(HP_STAGE_POSTSTOP, &hook, 1);
	run_for(&told, run);
	assert_string_equal(told.events, "SFD");
	run_free(run);
	error_of_child = 0;
}

/* No caller waits or can repeat the request, so the failure must be kept as a result. */
static void so_is_one_that_nobody_hears_of(void **state)
{
	const struct hp_hook hook = SHELL_HOOK("exit 0");
	struct hp_request request;
	struct run *run;

	(void)state;
	fail_clones(-EAGAIN, -EAGAIN);
	run = run_hooks(HP_STAGE_POSTSTOP, &hook, 1);
	assert_false(run->is_turned_away);
	assert_int_equal(run->result.outcome, HP_RUN_FAILED);
	run_free(run);
	ending_count = done_count = 0;
	request = request_make("c", HP_STAGE_POSTSTOP, &hook, 1);
	request.request_id = hp_arena_copy(&request.arena, "id", 2);
	run = run_make(&test_context, "id-2", request);
	run_start(run);
	run_to_end(run);
	assert_true(run->is_turned_away);
	run_free(run);
}

/* A limit of the request itself will be the same the next time. */
static void so_is_a_limit_of_the_requests_own(void **state)
{
	struct hp_resources resources = {.pids_limit = {true, 0}};
	struct hp_settings settings = {.resources = &resources, .rootless_cgroups = true};
	const struct hp_hook hook = SHELL_HOOK("exit 0");
	struct hp_request request = request_make("c", HP_STAGE_POSTSTOP, &hook, 1);
	struct told told;
	struct run *run;

	(void)state;
	request.settings = &settings;
	run = run_make(&test_context, "id", request);
	fail_clones(-EAGAIN, 0);
	run_for(&told, run);
	assert_false(run->is_turned_away);
	assert_int_equal(run->result.hooks[0].failed_errno, EAGAIN);
	run_free(run);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    RUN_TEST(what_passes_turns_a_run_away),
	    RUN_TEST(what_cannot_be_recorded_is_not_begun),
	    RUN_TEST(what_does_not_pass_is_a_result),
	    RUN_TEST(so_is_a_later_hook),
	    RUN_TEST(what_the_child_lacks_passes_too),
	    RUN_TEST(so_is_one_that_nobody_hears_of),
	    RUN_TEST(so_is_a_limit_of_the_requests_own),
	};

	bound_time();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
