/* SPDX-License-Identifier: Apache-2.0 */

/* What single rules of a profile are compiled to, and which profiles cannot be compiled. */

#include <linux/audit.h>
#include <seccomp.h>
#include <sys/prctl.h>
#include <sys/syscall.h>

#include "daemon/seccomp/seccomp.h"
#include "tests/daemon/seccomp/bpf.h"
#include "tests/daemon/seccomp/seccomp_profiles.h"
#include "tests/daemon/support/support.h"

#define DENIED	(SECCOMP_RET_ERRNO | EPERM)
#define NO_CALL (SECCOMP_RET_ERRNO | ENOSYS)

/* A rule for one call each, in the order of the profile. */
struct test_rule {
	const char *name;
	enum hp_seccomp_action action;
	struct hp_seccomp_arg args[3]; /* up to the first without an operator */
	uint64_t errno_ret;	       /* 0: none */
};

static struct hp_arena arena;

static char **names_of(const char *name)
{
	char **names = hp_arena_calloc(&arena, 2, sizeof(*names));

	names[0] = hp_arena_copy(&arena, name, strlen(name));
	return names;
}

/* As many rules as there are names. */
static struct hp_seccomp profile_of(const struct test_rule *rules, size_t count)
{
	struct hp_seccomp profile = {
	    .default_action = HP_SECCOMP_ERRNO,
	    .rules = hp_arena_calloc(&arena, count, sizeof(*profile.rules)),
	    .rule_count = count,
	};

	for (size_t i = 0; i < count; i++) {
		struct hp_seccomp_rule *rule = &profile.rules[i];

		rule->names = names_of(rules[i].name);
		rule->action = rules[i].action;
		rule->errno_ret = (struct hp_uint){rules[i].errno_ret, rules[i].errno_ret};
		rule->args = hp_arena_calloc(&arena, 3, sizeof(*rule->args));
		for (; rule->arg_count < 3 && rules[i].args[rule->arg_count].op; rule->arg_count++)
			rule->args[rule->arg_count] = rules[i].args[rule->arg_count];
	}
	return profile;
}

#define PROFILE(...)                                                                               \
	profile_of((const struct test_rule[]){__VA_ARGS__},                                        \
		   ELEMENTS(((const struct test_rule[]){__VA_ARGS__})))

static struct seccomp_program compile(const struct hp_seccomp *profile)
{
	struct seccomp_program program;
	struct hp_err err = {0};

	if (seccomp_program_compile(profile, &program, &err) < 0)
		fail_msg("cannot compile: %s", err.reason);
	assert_null(bpf_check(program.instructions, program.count));
	return program;
}

static void expect_error(const struct hp_seccomp *profile, int expected, const char *part)
{
	struct seccomp_program program;
	struct hp_err err = {0};

	assert_int_equal(seccomp_program_compile(profile, &program, &err), expected);
	assert_int_equal(err.code, expected == -EOPNOTSUPP ? HP_ERR_NOT_SUPPORTED : HP_ERR_INVALID);
	assert_non_null(strstr(err.reason, part));
}

static uint32_t ask_arch(const struct seccomp_program *program, uint32_t arch, int number,
			 uint64_t first, uint64_t second)
{
	const struct seccomp_data data = {.arch = arch, .nr = number, .args = {first, second}};

	return bpf_run(program->instructions, &data, NULL);
}

static uint32_t ask(const struct seccomp_program *program, int number, uint64_t first,
		    uint64_t second)
{
	return ask_arch(program, AUDIT_ARCH_X86_64, number, first, second);
}

static int tear_down(void **state)
{
	(void)state;
	hp_arena_free(&arena);
	return 0;
}

/* ---- tests of arguments ---- */

static bool holds(enum hp_seccomp_operator op, uint64_t argument, uint64_t value)
{
	switch (op) {
	case HP_SECCOMP_EQ:
		return argument == value;
	case HP_SECCOMP_NE:
		return argument != value;
	case HP_SECCOMP_GT:
		return argument > value;
	case HP_SECCOMP_GE:
		return argument >= value;
	case HP_SECCOMP_LT:
		return argument < value;
	default:
		return argument <= value;
	}
}

static const uint64_t edges[] = {
    0,
    1,
    2,
    0x7fffffff,
    0x80000000,
    0xfffffffe,
    0xffffffff,
    0x100000000,
    0x100000001,
    0x1ffffffff,
    0x200000000,
    0x7fffffffffffffff,
    1ull << 63,
    0xffffffff00000000,
    0xffffffff00000001,
    0xfffffffeffffffff,
    UINT64_MAX,
};

static void every_operator_is_exact(void **state)
{
	(void)state;
	for (enum hp_seccomp_operator op = HP_SECCOMP_EQ; op <= HP_SECCOMP_LE; op++) {
		for (size_t v = 0; v < ELEMENTS(edges); v++) {
			struct hp_seccomp profile =
			    PROFILE({"ioctl", HP_SECCOMP_ALLOW, {{1, op, edges[v], 0}}, 0});
			struct seccomp_program program = compile(&profile);

			for (size_t a = 0; a < ELEMENTS(edges); a++)
				assert_int_equal(ask(&program, SYS_ioctl, 7, edges[a]),
						 holds(op, edges[a], edges[v]) ? SECCOMP_RET_ALLOW
									       : DENIED);
			seccomp_program_clear(&program);
		}
	}
}

static void masks_are_exact(void **state)
{
	(void)state;
	for (size_t m = 1; m < ELEMENTS(edges); m++) {
		for (size_t v = 0; v < ELEMENTS(edges); v++) {
			struct hp_seccomp profile =
			    PROFILE({"ioctl",
				     HP_SECCOMP_ALLOW,
				     {{1, HP_SECCOMP_MASKED_EQ, edges[m], edges[v]}},
				     0});
			struct seccomp_program program = compile(&profile);

			for (size_t a = 0; a < ELEMENTS(edges); a++) {
				bool is_met = (edges[a] & edges[m]) == (edges[v] & edges[m]);

				assert_int_equal(ask(&program, SYS_ioctl, 7, edges[a]),
						 is_met ? SECCOMP_RET_ALLOW : DENIED);
			}
			seccomp_program_clear(&program);
		}
	}
}

/* GHSA-4q85-33p6-j5g6: in libseccomp 2.5.4 these two let 0x1ffffffff through. */
static void ranges_do_not_widen_each_other(void **state)
{
	struct hp_seccomp profile =
	    PROFILE({"ioctl", HP_SECCOMP_ALLOW, {{0, HP_SECCOMP_GE, UINT64_MAX, 0}}, 0},
		    {"ioctl", HP_SECCOMP_ALLOW, {{0, HP_SECCOMP_LE, 0x100000001, 0}}, 0});
	struct seccomp_program program = compile(&profile);

	(void)state;
	assert_int_equal(ask(&program, SYS_ioctl, 0x100000001, 0), SECCOMP_RET_ALLOW);
	assert_int_equal(ask(&program, SYS_ioctl, 0x100000002, 0), DENIED);
	assert_int_equal(ask(&program, SYS_ioctl, 0x1ffffffff, 0), DENIED);
	assert_int_equal(ask(&program, SYS_ioctl, UINT64_MAX - 1, 0), DENIED);
	assert_int_equal(ask(&program, SYS_ioctl, UINT64_MAX, 0), SECCOMP_RET_ALLOW);
	seccomp_program_clear(&program);
}

/* libseccomp 2.5.4 does not terminate with these. */
static void ranges_of_two_arguments_end(void **state)
{
	struct hp_seccomp profile = PROFILE(
	    {"ioctl", HP_SECCOMP_ALLOW, {{0, HP_SECCOMP_NE, 5, 0}, {1, HP_SECCOMP_LT, 3, 0}}, 0},
	    {"ioctl", HP_SECCOMP_ALLOW, {{0, HP_SECCOMP_NE, 5, 0}, {1, HP_SECCOMP_NE, 7, 0}}, 0});
	struct seccomp_program program = compile(&profile);

	(void)state;
	assert_int_equal(ask(&program, SYS_ioctl, 4, 2), SECCOMP_RET_ALLOW);
	assert_int_equal(ask(&program, SYS_ioctl, 4, 6), SECCOMP_RET_ALLOW);
	assert_int_equal(ask(&program, SYS_ioctl, 4, 7), DENIED);
	assert_int_equal(ask(&program, SYS_ioctl, 5, 2), DENIED);
	seccomp_program_clear(&program);
}

static void an_argument_tested_twice_makes_two_rules(void **state)
{
	struct hp_seccomp profile =
	    PROFILE({"ioctl",
		     HP_SECCOMP_ALLOW,
		     {{0, HP_SECCOMP_EQ, 1, 0}, {1, HP_SECCOMP_EQ, 9, 0}, {0, HP_SECCOMP_EQ, 2, 0}},
		     0});
	struct seccomp_program program = compile(&profile);

	(void)state;
	assert_int_equal(ask(&program, SYS_ioctl, 1, 0), SECCOMP_RET_ALLOW);
	assert_int_equal(ask(&program, SYS_ioctl, 2, 0), SECCOMP_RET_ALLOW);
	assert_int_equal(ask(&program, SYS_ioctl, 3, 9), SECCOMP_RET_ALLOW);
	assert_int_equal(ask(&program, SYS_ioctl, 3, 0), DENIED);
	seccomp_program_clear(&program);
}

/* ---- several rules of one call ---- */

static void what_says_more_comes_first(void **state)
{
	static const struct {
		struct hp_seccomp_arg denies[2], traps[2]; /* in the order of the profile */
		uint64_t first, second;
		bool is_trapped;
	} overlaps[] = {
	    {{{0, HP_SECCOMP_GE, 10, 0}}, {{0, HP_SECCOMP_GE, 20, 0}}, 25, 0, true},
	    {{{0, HP_SECCOMP_GE, 20, 0}}, {{0, HP_SECCOMP_GE, 10, 0}}, 25, 0, false},
	    {{{0, HP_SECCOMP_LT, 10, 0}}, {{0, HP_SECCOMP_LT, 20, 0}}, 5, 0, false},
	    {{{0, HP_SECCOMP_LT, 20, 0}}, {{0, HP_SECCOMP_LT, 10, 0}}, 5, 0, true},
	    {{{0, HP_SECCOMP_LE, 9, 0}}, {{0, HP_SECCOMP_EQ, 5, 0}}, 5, 0, true},
	    {{{0, HP_SECCOMP_EQ, 5, 0}}, {{0, HP_SECCOMP_LE, 9, 0}}, 5, 0, false},
	    {{{0, HP_SECCOMP_EQ, 5, 0}}, {{1, HP_SECCOMP_EQ, 5, 0}}, 5, 5, true},
	    {{{0, HP_SECCOMP_EQ, 5, 0}},
	     {{0, HP_SECCOMP_EQ, 5, 0}, {1, HP_SECCOMP_EQ, 6, 0}},
	     5,
	     6,
	     true},
	    {{{0, HP_SECCOMP_EQ, 5, 0}}, {{0, HP_SECCOMP_EQ, 5, 0}}, 5, 0, false},
	};

	(void)state;
	for (size_t i = 0; i < ELEMENTS(overlaps); i++) {
		struct test_rule rules[] = {
		    {.name = "ioctl", .action = HP_SECCOMP_ERRNO, .errno_ret = EBADF},
		    {.name = "ioctl", .action = HP_SECCOMP_TRAP},
		};
		struct seccomp_program program;
		struct hp_seccomp profile;

		memcpy(rules[0].args, overlaps[i].denies, sizeof(overlaps[i].denies));
		memcpy(rules[1].args, overlaps[i].traps, sizeof(overlaps[i].traps));
		profile = profile_of(rules, 2);
		program = compile(&profile);
		assert_int_equal(ask(&program, SYS_ioctl, overlaps[i].first, overlaps[i].second),
				 overlaps[i].is_trapped ? SECCOMP_RET_TRAP
							: (SECCOMP_RET_ERRNO | EBADF));
		seccomp_program_clear(&program);
	}
}

static void a_rule_without_tests_decides(void **state)
{
	struct hp_seccomp profile =
	    PROFILE({"ioctl", HP_SECCOMP_TRAP, {{0, HP_SECCOMP_EQ, 1, 0}}, 0},
		    {"ioctl", HP_SECCOMP_ALLOW, {{0}}, 0}, {"ioctl", HP_SECCOMP_LOG, {{0}}, 0},
		    {"ioctl", HP_SECCOMP_TRAP, {{0, HP_SECCOMP_EQ, 2, 0}}, 0},
		    {"prctl", HP_SECCOMP_ALLOW, {{0, HP_SECCOMP_MASKED_EQ, 0, 5}}, 0});
	struct seccomp_program program = compile(&profile);

	(void)state;
	for (uint64_t first = 0; first < 4; first++)
		assert_int_equal(ask(&program, SYS_ioctl, first, 0), SECCOMP_RET_ALLOW);
	/* A mask of 0 is always true. */
	assert_int_equal(ask(&program, SYS_prctl, 1, 0), SECCOMP_RET_ALLOW);
	seccomp_program_clear(&program);
}

static void a_rule_with_the_defaults_action_does_not_count(void **state)
{
	struct hp_seccomp profile =
	    PROFILE({"ioctl", HP_SECCOMP_ERRNO, {{0}}, EPERM},
		    {"ioctl", HP_SECCOMP_ALLOW, {{0, HP_SECCOMP_EQ, 1, 0}}, 0},
		    {"prctl", HP_SECCOMP_ERRNO, {{0}}, EBADF});
	struct seccomp_program program = compile(&profile);

	(void)state;
	assert_int_equal(ask(&program, SYS_ioctl, 1, 0), SECCOMP_RET_ALLOW);
	assert_int_equal(ask(&program, SYS_ioctl, 2, 0), DENIED);
	assert_int_equal(ask(&program, SYS_prctl, 0, 0), SECCOMP_RET_ERRNO | EBADF);
	seccomp_program_clear(&program);
}

/* SECCOMP_RET_TRACE with data is the placeholder for tests during compilation. */
static void a_tracers_data_stay_its_own(void **state)
{
	struct hp_seccomp profile =
	    PROFILE({"read", HP_SECCOMP_TRACE, {{0}}, 1}, {"write", HP_SECCOMP_TRACE, {{0}}, 2},
		    {"open", HP_SECCOMP_TRACE, {{0}}, 3},
		    {"ioctl", HP_SECCOMP_ALLOW, {{0, HP_SECCOMP_EQ, 1, 0}}, 0},
		    {"prctl", HP_SECCOMP_TRACE, {{0, HP_SECCOMP_EQ, 1, 0}}, 4});
	struct seccomp_program program = compile(&profile);

	(void)state;
	assert_int_equal(ask(&program, SYS_read, 0, 0), SECCOMP_RET_TRACE | 1);
	assert_int_equal(ask(&program, SYS_write, 0, 0), SECCOMP_RET_TRACE | 2);
	assert_int_equal(ask(&program, SYS_open, 0, 0), SECCOMP_RET_TRACE | 3);
	assert_int_equal(ask(&program, SYS_ioctl, 1, 0), SECCOMP_RET_ALLOW);
	assert_int_equal(ask(&program, SYS_ioctl, 2, 0), DENIED);
	assert_int_equal(ask(&program, SYS_prctl, 1, 0), SECCOMP_RET_TRACE | 4);
	seccomp_program_clear(&program);
}

/* ---- names, numbers, architectures ---- */

static void unknown_names_are_told_and_the_rest_applies(void **state)
{
	struct hp_seccomp profile = PROFILE(
	    {"no_such_call", HP_SECCOMP_ALLOW, {{0}}, 0}, {"read", HP_SECCOMP_ALLOW, {{0}}, 0},
	    {"nor_this", HP_SECCOMP_TRAP, {{0}}, 0}, {"no_such_call", HP_SECCOMP_TRAP, {{0}}, 0});
	struct seccomp_program program = compile(&profile);

	(void)state;
	assert_string_equal(program.unknown_syscalls[0], "no_such_call");
	assert_string_equal(program.unknown_syscalls[1], "nor_this");
	assert_null(program.unknown_syscalls[2]);
	assert_int_equal(ask(&program, SYS_read, 0, 0), SECCOMP_RET_ALLOW);
	seccomp_program_clear(&program);
}

static void newer_calls_get_enosys(void **state)
{
	static const enum hp_seccomp_action lenient[] = {HP_SECCOMP_ALLOW, HP_SECCOMP_LOG,
							 HP_SECCOMP_TRACE};
	struct hp_seccomp profile =
	    PROFILE({"read", HP_SECCOMP_KILL, {{0}}, 0}, {"prctl", HP_SECCOMP_TRAP, {{0}}, 0});
	struct seccomp_program program = compile(&profile);

	(void)state;
	assert_int_equal(ask(&program, SYS_prctl, 0, 0), SECCOMP_RET_TRAP);
	assert_int_equal(ask(&program, SYS_prctl - 1, 0, 0), DENIED);
	assert_int_equal(ask(&program, SYS_prctl + 1, 0, 0), NO_CALL);
	assert_int_equal(ask(&program, 100000, 0, 0), NO_CALL);
	assert_int_equal(ask(&program, -1, 0, 0), DENIED);
	seccomp_program_clear(&program);
	for (size_t i = 0; i < ELEMENTS(lenient); i++) {
		profile.default_action = lenient[i];
		program = compile(&profile);
		assert_int_not_equal(ask(&program, SYS_prctl + 1, 0, 0), NO_CALL);
		seccomp_program_clear(&program);
	}
	/* No call is named, so none is known to be newer. */
	profile = (struct hp_seccomp){.default_action = HP_SECCOMP_ERRNO};
	program = compile(&profile);
	assert_int_equal(ask(&program, 1, 0, 0), DENIED);
	seccomp_program_clear(&program);
}

static void other_architectures_only_where_listed(void **state)
{
	uint32_t archs[] = {arch_index("SCMP_ARCH_X86"), arch_index("SCMP_ARCH_X32")};
	struct hp_seccomp profile =
	    PROFILE({"ioctl", HP_SECCOMP_ALLOW, {{0, HP_SECCOMP_EQ, 0x100000001, 0}}, 0});
	struct seccomp_program program = compile(&profile);
	const int x86_ioctl = 54, x32_ioctl = 0x40000000 + 514;

	(void)state;
	assert_int_equal(ask_arch(&program, AUDIT_ARCH_I386, x86_ioctl, 1, 0),
			 SECCOMP_RET_KILL_THREAD);
	assert_int_equal(ask(&program, x32_ioctl, 1, 0), SECCOMP_RET_KILL_THREAD);
	seccomp_program_clear(&program);
	profile.archs = archs;
	profile.arch_count = ELEMENTS(archs);
	program = compile(&profile);
	/* Their registers have 32 bits; the upper half is not an argument's. */
	assert_int_equal(ask_arch(&program, AUDIT_ARCH_I386, x86_ioctl, 1, 0), SECCOMP_RET_ALLOW);
	assert_int_equal(ask_arch(&program, AUDIT_ARCH_I386, x86_ioctl, 0x500000001, 0),
			 SECCOMP_RET_ALLOW);
	assert_int_equal(ask_arch(&program, AUDIT_ARCH_I386, x86_ioctl, 2, 0), DENIED);
	assert_int_equal(ask(&program, x32_ioctl, 1, 0), SECCOMP_RET_ALLOW);
	/* The machine's own architecture need not be listed. */
	assert_int_equal(ask(&program, SYS_ioctl, 1, 0), DENIED);
	assert_int_equal(ask(&program, SYS_ioctl, 0x100000001, 0), SECCOMP_RET_ALLOW);
	seccomp_program_clear(&program);
}

static void calls_behind_a_multiplexer(void **state)
{
	const int socketcall = 102, x86_socket = 359;
	uint32_t archs[] = {arch_index("SCMP_ARCH_X86")};
	struct hp_seccomp profile =
	    PROFILE({"socket", HP_SECCOMP_ALLOW, {{0, HP_SECCOMP_EQ, 16, 0}}, 0},
		    {"bind", HP_SECCOMP_TRAP, {{0}}, 0});
	struct seccomp_program program;

	(void)state;
	profile.archs = archs;
	profile.arch_count = 1;
	program = compile(&profile);
	assert_int_equal(ask_arch(&program, AUDIT_ARCH_I386, x86_socket, 16, 0), SECCOMP_RET_ALLOW);
	assert_int_equal(ask_arch(&program, AUDIT_ARCH_I386, x86_socket, 1, 0), DENIED);
	assert_int_equal(ask_arch(&program, AUDIT_ARCH_I386, socketcall, 1, 0), SECCOMP_RET_ALLOW);
	assert_int_equal(ask_arch(&program, AUDIT_ARCH_I386, socketcall, 2, 0), SECCOMP_RET_TRAP);
	assert_int_equal(ask_arch(&program, AUDIT_ARCH_I386, socketcall, 16, 0), DENIED);
	seccomp_program_clear(&program);
}

static void architectures_of_other_machines_are_refused(void **state)
{
	static const char *const others[] = {"SCMP_ARCH_S390X", "SCMP_ARCH_PPC64", "SCMP_ARCH_MIPS",
					     "SCMP_ARCH_PARISC"};
	struct hp_seccomp profile = PROFILE({"read", HP_SECCOMP_ALLOW, {{0}}, 0});
	uint32_t archs[2];

	(void)state;
	profile.archs = archs;
	profile.arch_count = 1;
	for (size_t i = 0; i < ELEMENTS(others); i++) {
		archs[0] = arch_index(others[i]);
		expect_error(&profile, -EOPNOTSUPP, others[i]);
	}
	/* An architecture that is listed twice, or is the machine's own, is added once. */
	archs[0] = archs[1] = arch_index("SCMP_ARCH_X86_64");
	for (profile.arch_count = 1; profile.arch_count <= 2; profile.arch_count++) {
		struct seccomp_program program = compile(&profile);

		assert_int_equal(ask(&program, SYS_read, 0, 0), SECCOMP_RET_ALLOW);
		seccomp_program_clear(&program);
	}
}

/* ---- what goes with the program ---- */

static uint32_t flags_of(bool has_flags, uint32_t flags, enum hp_seccomp_action action)
{
	struct hp_seccomp profile = PROFILE({"ioctl", action, {{0}}, 0});
	struct seccomp_program program;

	profile.has_flags = has_flags;
	profile.flags = flags;
	program = compile(&profile);
	assert_int_equal(program.needs_listener, action == HP_SECCOMP_NOTIFY);
	flags = program.flags;
	seccomp_program_clear(&program);
	return flags;
}

static void flags_are_those_of_the_kernel(void **state)
{
	const uint32_t killable = 1u << 5; /* SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV */

	(void)state;
	assert_int_equal(flags_of(false, 0, HP_SECCOMP_ALLOW), SECCOMP_FILTER_FLAG_SPEC_ALLOW);
	assert_int_equal(flags_of(true, 0, HP_SECCOMP_ALLOW), 0);
	assert_int_equal(flags_of(true, 1u << HP_SECCOMP_FLAG_TSYNC, HP_SECCOMP_ALLOW), 0);
	assert_int_equal(flags_of(true, 1u << HP_SECCOMP_FLAG_LOG, HP_SECCOMP_ALLOW),
			 SECCOMP_FILTER_FLAG_LOG);
	assert_int_equal(flags_of(true, 1u << HP_SECCOMP_FLAG_WAIT_KILLABLE_RECV, HP_SECCOMP_ALLOW),
			 0);
	assert_int_equal(
	    flags_of(true, 1u << HP_SECCOMP_FLAG_WAIT_KILLABLE_RECV, HP_SECCOMP_NOTIFY), killable);
}

/* 800 rules of two arguments are more than 4096 instructions; 200 are not. */
static void too_long_a_program(void **state)
{
	struct hp_seccomp profile = {.default_action = HP_SECCOMP_ERRNO};
	struct seccomp_program program;
	struct test_rule rules[800];

	(void)state;
	for (size_t i = 0; i < ELEMENTS(rules); i++)
		rules[i] = (struct test_rule){
		    .name = "ioctl",
		    .action = HP_SECCOMP_ALLOW,
		    .args = {{0, HP_SECCOMP_EQ, i, 0}, {1, HP_SECCOMP_EQ, i * 3, 0}},
		};
	profile = profile_of(rules, ELEMENTS(rules));
	expect_error(&profile, -E2BIG, "4096");
	profile.rule_count = 200;
	program = compile(&profile);
	assert_int_equal(ask(&program, SYS_ioctl, 199, 597), SECCOMP_RET_ALLOW);
	assert_int_equal(ask(&program, SYS_ioctl, 199, 596), DENIED);
	seccomp_program_clear(&program);
}

#define TEST(function) cmocka_unit_test_teardown(function, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(every_operator_is_exact),
	    TEST(masks_are_exact),
	    TEST(ranges_do_not_widen_each_other),
	    TEST(ranges_of_two_arguments_end),
	    TEST(an_argument_tested_twice_makes_two_rules),
	    TEST(what_says_more_comes_first),
	    TEST(a_rule_without_tests_decides),
	    TEST(a_rule_with_the_defaults_action_does_not_count),
	    TEST(a_tracers_data_stay_its_own),
	    TEST(unknown_names_are_told_and_the_rest_applies),
	    TEST(newer_calls_get_enosys),
	    TEST(other_architectures_only_where_listed),
	    TEST(calls_behind_a_multiplexer),
	    TEST(architectures_of_other_machines_are_refused),
	    TEST(flags_are_those_of_the_kernel),
	    TEST(too_long_a_program),
	};

	bound_time();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
