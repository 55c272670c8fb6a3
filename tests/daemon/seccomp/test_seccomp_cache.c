/* SPDX-License-Identifier: Apache-2.0 */

/*
 * The cache of filters with real compilers: like hookd, this program is its own compiler. A profile
 * that names one of the calls below makes the compiler misbehave.
 */

#include <fcntl.h>
#include <linux/audit.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "daemon/seccomp/answer.h"
#include "daemon/seccomp/cache.h"
#include "daemon/seccomp/process.h"
#include "proto/settings/settings_json.h"
#include "tests/daemon/seccomp/bpf.h"
#include "tests/daemon/seccomp/seccomp_profiles.h"
#include "tests/daemon/support/runs.h"

#define HANGS	 "test_hangs"
#define TOO_LONG "test_takes_too_long"
#define CRASHES	 "test_crashes"
#define BABBLES	 "test_babbles"
#define LIES	 "test_lies" /* and the errno that it reports, as -1 */

/* ---- the compiler's side ---- */

/* Reads the profile as the compiler will, and puts it back. */
static void look_at_stdin(char *text, size_t size)
{
	int memory = memfd_create("stdin", 0);

	text[read_all(STDIN_FILENO, text, size - 1)] = '\0';
	(void)!write(memory, text, strlen(text));
	lseek(memory, 0, SEEK_SET);
	dup2(memory, STDIN_FILENO);
	close(memory);
}

static int compiler(void)
{
	static char text[1 << 20];

	look_at_stdin(text, sizeof(text));
	if (strstr(text, HANGS))
		for (;;)
			pause();
	if (strstr(text, TOO_LONG))
		raise(SIGXCPU); /* as the kernel does at the limit: see test_seccomp_confine.c */
	if (strstr(text, CRASHES))
		raise(SIGABRT); /* a sanitizer would catch SIGSEGV */
	if (strstr(text, BABBLES)) {
		struct compiled compiled = {.count = 1000};

		return write(STDOUT_FILENO, &compiled, sizeof(compiled)) < 0;
	}
	if (strstr(text, LIES)) {
		struct compiled compiled = {.error = atoi(strstr(text, LIES) + strlen(LIES))};

		return write(STDOUT_FILENO, &compiled, sizeof(compiled)) < 0;
	}
	return compiler_main();
}

/* ---- asking ---- */

static struct filter_cache *filters;
static struct hp_arena arena;

struct asker {
	struct filter_wait wait;
	struct filter *filter;
	char reason[256];
	int told;
	struct asker *forgets;	       /* when ready() is called */
	const struct hp_seccomp *asks; /* when ready() is called */
	int again;
};

static void on_ready(struct filter_wait *wait, struct filter *filter, const char *reason)
{
	struct asker *asker = (struct asker *)((char *)wait - offsetof(struct asker, wait));

	asker->told++;
	asker->filter = filter;
	if (!filter)
		snprintf(asker->reason, sizeof(asker->reason), "%s", reason);
	if (asker->forgets)
		filter_cache_forget(&asker->forgets->wait);
	if (asker->asks)
		asker->again =
		    filter_cache_get(filters, take_ptr(asker->asks), wait, &asker->filter, &reason);
}

static int ask(struct asker *asker, const struct hp_seccomp *profile)
{
	const char *reason;
	int r;

	asker->wait.ready = on_ready;
	r = filter_cache_get(filters, profile, &asker->wait, &asker->filter, &reason);
	if (r < 0)
		snprintf(asker->reason, sizeof(asker->reason), "%s", reason);
	return r;
}

/* Denies all calls except reading, and the one that the test is about. */
static struct hp_seccomp *profile_with(const char *name, uint64_t errno_ret)
{
	struct hp_seccomp *profile = hp_arena_calloc(&arena, 1, sizeof(*profile));
	struct hp_seccomp_rule *rule = hp_arena_calloc(&arena, 1, sizeof(*rule));

	rule->names = hp_arena_calloc(&arena, 3, sizeof(*rule->names));
	rule->names[0] = (char *)"read";
	rule->names[1] = hp_arena_copy(&arena, name, strlen(name));
	rule->action = HP_SECCOMP_ALLOW;
	*profile = (struct hp_seccomp){
	    .default_action = HP_SECCOMP_ERRNO,
	    .default_errno_ret = {true, errno_ret},
	    .rules = rule,
	    .rule_count = 1,
	};
	return profile;
}

static void expect_filter(const struct filter *filter, uint64_t errno_ret)
{
	struct seccomp_data data = {.arch = AUDIT_ARCH_X86_64, .nr = SYS_read};

	assert_non_null(filter);
	assert_null(bpf_check(filter->instructions, filter->count));
	assert_int_equal(bpf_run(filter->instructions, &data, NULL), SECCOMP_RET_ALLOW);
	data.nr = SYS_fstat;
	assert_int_equal(bpf_run(filter->instructions, &data, NULL), SECCOMP_RET_ERRNO | errno_ret);
	assert_int_equal(filter->flags, SECCOMP_FILTER_FLAG_SPEC_ALLOW);
}

static int set_up(void **state)
{
	int r = run_set_up(state);

	return r < 0 ? r : filter_cache_new(&procs, &filters);
}

static int tear_down(void **state)
{
	filters = filter_cache_free(filters);
	hp_arena_free(&arena);
	return proc_tear_down(state);
}

/* ---- tests ---- */

static void a_profile_is_compiled_once(void **state)
{
	const struct hp_seccomp *profile = profile_with("mprotect", 7);
	struct asker first = {0}, second = {0};

	(void)state;
	assert_int_equal(ask(&first, profile), 0);
	assert_int_equal(first.told, 0);
	wait_for(base, first.told);
	expect_filter(first.filter, 7);
	assert_null(first.filter->unknown_syscalls[0]);
	assert_int_equal(ask(&second, profile_with("mprotect", 7)), 1);
	assert_ptr_equal(second.filter, first.filter);
	assert_int_equal(second.told, 0);
	filter_unref(first.filter);
	filter_unref(second.filter);
	assert_int_equal(first.told, 1);
}

static void filters_outlive_the_cache(void **state)
{
	struct asker asker = {0};

	(void)state;
	assert_int_equal(ask(&asker, profile_with("mprotect", 7)), 0);
	wait_for(base, asker.told);
	filters = filter_cache_free(filters);
	expect_filter(asker.filter, 7);
	filter_unref(asker.filter);
}

static void the_cache_goes_while_some_wait(void **state)
{
	struct asker askers[8] = {0};

	(void)state;
	for (uint64_t i = 0; i < ELEMENTS(askers); i++)
		assert_int_equal(ask(&askers[i], profile_with(HANGS, 1 + i / 2)), 0);
	filters = filter_cache_free(filters);
	for (size_t i = 0; i < ELEMENTS(askers); i++) {
		assert_int_equal(askers[i].told, 0);
		filter_cache_forget(&askers[i].wait);
	}
}

static void unknown_calls_come_along(void **state)
{
	struct asker asker = {0};

	(void)state;
	assert_int_equal(ask(&asker, profile_with("no_such_call", 7)), 0);
	wait_for(base, asker.told);
	expect_filter(asker.filter, 7);
	assert_string_equal(asker.filter->unknown_syscalls[0], "no_such_call");
	assert_null(asker.filter->unknown_syscalls[1]);
	filter_unref(asker.filter);
}

static void those_who_ask_for_the_same_share(void **state)
{
	struct asker askers[3] = {0};

	(void)state;
	for (int i = 0; i < 3; i++)
		assert_int_equal(ask(&askers[i], profile_with("mprotect", 7)), 0);
	for (int i = 0; i < 3; i++) {
		wait_for(base, askers[i].told);
		assert_ptr_equal(askers[i].filter, askers[0].filter);
		assert_int_equal(askers[i].told, 1);
	}
	assert_int_equal(askers[0].filter->refs, 4); /* the waits' and the cache's */
	for (int i = 0; i < 3; i++)
		filter_unref(askers[i].filter);
}

static void different_profiles_have_their_own(void **state)
{
	enum { COUNT = 20 }; /* more than the number of compilers */
	struct asker askers[COUNT] = {0};

	(void)state;
	for (uint64_t i = 0; i < COUNT; i++)
		assert_int_equal(ask(&askers[i], profile_with("mprotect", i + 1)), 0);
	for (uint64_t i = 0; i < COUNT; i++) {
		wait_for(base, askers[i].told);
		expect_filter(askers[i].filter, i + 1);
		filter_unref(askers[i].filter);
	}
}

static void who_withdraws_is_not_told(void **state)
{
	struct asker leaver = {0}, stayer = {0}, alone = {0}, never = {0};

	(void)state;
	filter_cache_forget(&never.wait);
	assert_int_equal(ask(&leaver, profile_with("mprotect", 7)), 0);
	assert_int_equal(ask(&stayer, profile_with("mprotect", 7)), 0);
	assert_int_equal(ask(&alone, profile_with(HANGS, 7)), 0);
	filter_cache_forget(&leaver.wait);
	filter_cache_forget(&leaver.wait);
	filter_cache_forget(
	    &alone.wait); /* nothing waits for that compiler any more: it is killed */
	wait_for(base, stayer.told);
	expect_filter(stayer.filter, 7);
	filter_unref(stayer.filter);
	assert_int_equal(leaver.told, 0);
	assert_int_equal(alone.told, 0);
}

/*
 * `first` stays. Its timeout is before that of the others, so it is still waiting when the others
 * have left and their compilers were replaced.
 */
static void who_withdraws_leaves_the_place(void **state)
{
	struct asker first = {0}, slow[8] = {0}, next = {0};

	(void)state;
	assert_int_equal(ask(&first, profile_with(HANGS, ELEMENTS(slow) + 1)), 0);
	for (uint64_t i = 0; i < ELEMENTS(slow); i++)
		assert_int_equal(ask(&slow[i], profile_with(HANGS, i + 1)), 0);
	assert_int_equal(ask(&next, profile_with("mprotect", 7)), 0);
	for (size_t i = 0; i < ELEMENTS(slow); i++)
		filter_cache_forget(&slow[i].wait);
	wait_for(base, next.told);
	assert_int_equal(first.told, 0);
	filter_cache_forget(&first.wait);
	expect_filter(next.filter, 7);
	filter_unref(next.filter);
}

/* Also from within ready(), while others wait for the same. */
static void withdrawing_while_being_told(void **state)
{
	struct asker second = {0}, first = {.forgets = &second}, third = {0};

	(void)state;
	assert_int_equal(ask(&first, profile_with("mprotect", 7)), 0);
	assert_int_equal(ask(&second, profile_with("mprotect", 7)), 0);
	assert_int_equal(ask(&third, profile_with("mprotect", 7)), 0);
	wait_for(base, third.told);
	assert_int_equal(second.told, 0);
	filter_unref(first.filter);
	filter_unref(third.filter);
	/* And where it has failed. */
	first = (struct asker){.forgets = &second};
	second = third = (struct asker){0};
	assert_int_equal(ask(&first, profile_with(CRASHES, 7)), 0);
	assert_int_equal(ask(&second, profile_with(CRASHES, 7)), 0);
	wait_for(base, first.told);
	assert_int_equal(second.told, 0);
}

static void a_slow_profile_is_given_up(void **state)
{
	struct asker hangs = {0}, too_long = {0}, other = {0};

	(void)state;
	assert_int_equal(ask(&hangs, profile_with(HANGS, 7)), 0);
	assert_int_equal(ask(&too_long, profile_with(TOO_LONG, 7)), 0);
	assert_int_equal(ask(&other, profile_with("mprotect", 7)), 0);
	wait_for(base, other.told); /* is not delayed */
	expect_filter(other.filter, 7);
	filter_unref(other.filter);
	assert_int_equal(hangs.told, 0);
	wait_for(base, too_long.told);
	assert_null(too_long.filter);
	assert_string_equal(too_long.reason, "the profile takes longer than 1 s to compile");
	assert_int_equal(too_long.wait.error, -ETIME);
	wait_for(base, hangs.told);
	assert_null(hangs.filter);
	assert_string_equal(hangs.reason, "the profile was not compiled within 5 s");
	assert_int_equal(hangs.wait.error, -ETIME);
}

/* Fault 28. */
static void a_crash_is_told(void **state)
{
	struct asker crashes = {0}, babbles = {0}, again = {0};

	(void)state;
	assert_int_equal(ask(&crashes, profile_with(CRASHES, 7)), 0);
	assert_int_equal(ask(&babbles, profile_with(BABBLES, 7)), 0);
	wait_for(base, crashes.told && babbles.told);
	assert_null(crashes.filter);
	assert_non_null(strstr(crashes.reason, "SIGABRT"));
	assert_int_equal(crashes.wait.error, -EIO);
	assert_null(babbles.filter);
	assert_string_equal(babbles.reason, "the compiler of the profile has failed");
	/* Such a failure is not cached: it is tried again. */
	assert_int_equal(ask(&again, profile_with(CRASHES, 7)), 0);
	filter_cache_forget(&again.wait);
}

/* An exploited compiler may write anything. */
static void an_errno_that_is_none_is_a_failure(void **state)
{
	static const char *const names[] = {LIES "-1", LIES "-2147483648", LIES "4096",
					    LIES "2147483647"};

	(void)state;
	for (size_t i = 0; i < ELEMENTS(names); i++) {
		struct asker asker = {0};

		assert_int_equal(ask(&asker, profile_with(names[i], 7)), 0);
		wait_for(base, asker.told);
		assert_null(asker.filter);
		assert_int_equal(asker.wait.error, -EIO);
		assert_string_equal(asker.reason, "the compiler of the profile has failed");
	}
}

static void a_failed_profile_can_be_asked_for_again_at_once(void **state)
{
	struct asker asker = {.asks = profile_with(CRASHES, 7)};

	(void)state;
	assert_int_equal(ask(&asker, asker.asks), 0);
	wait_for(base, asker.told == 2);
	assert_int_equal(asker.again, 0);
	assert_null(asker.filter);
}

/* The profile has more rules than a program can have, so the failure is cached. */
static struct hp_seccomp *profile_that_is_too_long(const char *name)
{
	static char *names[] = {(char *)"ioctl", NULL};
	struct hp_seccomp *profile = profile_with(name, 7);

	profile->rule_count = 500;
	profile->rules = hp_arena_calloc(&arena, 500, sizeof(*profile->rules));
	for (uint32_t i = 0; i < 500; i++) {
		struct hp_seccomp_rule *rule = &profile->rules[i];

		rule->names = names;
		rule->action = HP_SECCOMP_ALLOW;
		rule->args = hp_arena_calloc(&arena, 2, sizeof(*rule->args));
		rule->args[0] = (struct hp_seccomp_arg){0, HP_SECCOMP_GT, i, 0};
		rule->args[1] = (struct hp_seccomp_arg){1, HP_SECCOMP_LT, i, 0};
		rule->arg_count = 2;
	}
	return profile;
}

static void what_cannot_be_compiled_says_why(void **state)
{
	struct hp_seccomp *foreign = profile_with("mprotect", 7);
	struct hp_seccomp *large = profile_that_is_too_long("ioctl");
	uint32_t arch = arch_index("SCMP_ARCH_S390X");
	struct asker askers[2] = {0};

	(void)state;
	foreign->archs = &arch;
	foreign->arch_count = 1;
	assert_int_equal(ask(&askers[0], foreign), 0);
	assert_int_equal(ask(&askers[1], large), 0);
	wait_for(base, askers[0].told && askers[1].told);
	assert_non_null(strstr(askers[0].reason, "SCMP_ARCH_S390X"));
	assert_int_equal(askers[0].wait.error, -EOPNOTSUPP);
	assert_non_null(strstr(askers[1].reason, "4096"));
	assert_int_equal(askers[1].wait.error, -E2BIG);
}

static bool has_children(void)
{
	return waitpid(-1, NULL, WNOHANG) == 0;
}

/* Without another process. */
static void that_it_cannot_be_compiled_is_remembered(void **state)
{
	struct hp_seccomp *profile = profile_that_is_too_long("ioctl");
	struct asker first = {0}, again = {0}, other = {0};

	(void)state;
	assert_int_equal(ask(&first, profile), 0);
	wait_for(base, first.told);
	assert_int_equal(first.wait.error, -E2BIG);
	assert_int_equal(ask(&again, profile), -E2BIG);
	assert_string_equal(again.reason, first.reason);
	assert_int_equal(again.told, 0);
	assert_null(again.wait.entry);
	assert_false(has_children());
	/* The failure is of this profile alone. */
	profile->default_errno_ret.value = 8;
	assert_int_equal(ask(&other, profile), 0);
	filter_cache_forget(&other.wait);
}

/* A profile that takes too long is not compiled again at once, but after a minute. */
static void that_it_takes_too_long_is_remembered(void **state)
{
	struct hp_seccomp *profile = profile_with(TOO_LONG, 7);
	struct asker first = {0}, again = {0};

	(void)state;
	assert_int_equal(ask(&first, profile), 0);
	wait_for(base, first.told);
	assert_int_equal(ask(&again, profile), -ETIME);
	assert_string_equal(again.reason, first.reason);
}

/* ---- a run that waits ---- */

static struct run *run_under(struct run_context *context, struct hp_settings *settings,
			     const struct hp_hook *hooks, size_t count)
{
	struct hp_request request = request_make("c1", HP_STAGE_POSTSTOP, hooks, count);

	*context = test_context;
	context->filters = filters;
	request.settings = settings;
	return run_make(context, "id-1", request);
}

/* Each hook when it is its turn. */
static void the_wait_is_a_part_of_a_hooks_time(void **state)
{
	struct hp_settings settings = {.seccomp = profile_with(HANGS, 7)};
	struct hp_hook hooks[] = {SHELL_HOOK("exit 0"), SHELL_HOOK("exit 0")};
	const enum hp_hook_outcome outcomes[] = {HP_HOOK_TIMED_OUT, HP_HOOK_TIMED_OUT};
	struct run_context context;
	struct run *run;

	(void)state;
	hooks[0].timeout_ns = 200 * MS;
	hooks[1].timeout_ns = 300 * MS;
	run = run_under(&context, &settings, hooks, ELEMENTS(hooks));
	run_start(run);
	assert_int_equal(run_pid(run), 0);
	run_to_end(run);
	expect_outcomes(run, HP_RUN_FAILED, outcomes);
	assert_true(run->result.duration_us >= 500000);
	assert_string_equal(run->result.error, "error running poststop hook #0: hook ran past "
					       "specified timeout of 0.2s");
	run_free(run);
}

static void one_that_waits_is_cancelled(void **state)
{
	struct hp_settings settings = {.seccomp = profile_with(HANGS, 7)};
	const struct hp_hook hook = SHELL_HOOK("exit 0");
	const enum hp_hook_outcome cancelled = HP_HOOK_CANCELLED;
	struct run_context context;
	struct run *run = run_under(&context, &settings, &hook, 1);

	(void)state;
	run_start(run);
	run_cancel(run);
	assert_int_equal(done_count, 1);
	expect_outcomes(run, HP_RUN_CANCELLED, &cancelled);
	run_free(run);
}

static bool is_cached(uint64_t number)
{
	struct asker asker = {0};
	bool is_there = ask(&asker, profile_with("mprotect", number)) == 1;

	if (is_there)
		filter_unref(asker.filter);
	else
		filter_cache_forget(&asker.wait);
	return is_there;
}

static void the_least_recently_used_leave(void **state)
{
	(void)state;
	for (uint64_t i = 1; i <= 65; i++) {
		struct asker asker = {0};

		assert_int_equal(ask(&asker, profile_with("mprotect", i)), 0);
		wait_for(base, asker.told);
		filter_unref(asker.filter);
		assert_true(is_cached(1)); /* is used all the time */
	}
	assert_true(is_cached(1));
	assert_false(is_cached(2));
	assert_true(is_cached(3));
	assert_true(is_cached(65));
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, set_up, tear_down)

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
	    TEST(a_profile_is_compiled_once),
	    TEST(filters_outlive_the_cache),
	    TEST(the_cache_goes_while_some_wait),
	    TEST(unknown_calls_come_along),
	    TEST(those_who_ask_for_the_same_share),
	    TEST(different_profiles_have_their_own),
	    TEST(who_withdraws_is_not_told),
	    TEST(who_withdraws_leaves_the_place),
	    TEST(withdrawing_while_being_told),
	    TEST(a_slow_profile_is_given_up),
	    TEST(a_crash_is_told),
	    TEST(an_errno_that_is_none_is_a_failure),
	    TEST(a_failed_profile_can_be_asked_for_again_at_once),
	    TEST(what_cannot_be_compiled_says_why),
	    TEST(that_it_cannot_be_compiled_is_remembered),
	    TEST(that_it_takes_too_long_is_remembered),
	    TEST(the_wait_is_a_part_of_a_hooks_time),
	    TEST(one_that_waits_is_cancelled),
	    TEST(the_least_recently_used_leave),
	};

	if (compiler_is_asked_for(argc, argv))
		return compiler();
	bound_time();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
