/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Sorts the rules of a profile by the system calls of an architecture. No state.
 *
 * Where several rules are for one call, the same one decides as with libseccomp, and so with runc:
 * libseccomp sorts them so that more specific rules come first. docs/PROTOCOL.md lists the
 * differences.
 *
 * Multiplexed calls (behind socketcall and ipc, on 32-bit x86 and some others): a filter sees the
 * number of the call as the first argument of the multiplexer, and a pointer as the second. A rule
 * for such a call therefore makes a second case, for the multiplexer, which tests that number in
 * place of the rule's own first argument.
 */
#include "daemon/seccomp/calls.h"

#include <assert.h>
#include <linux/audit.h>
#include <seccomp.h>
#include <string.h>

/* libseccomp has negative pseudo numbers for multiplexed calls, the same on each architecture. */
struct multiplexer {
	const char *name;
	int first, last;
	int base; /* -base - number: the multiplexer's first argument for the call */
};
static const struct multiplexer multiplexers[] = {
    {"socketcall", -101, -120, 100},
    {"ipc", -201, -224, 200},
};

/* ---- the calls ---- */

static struct seccomp_call *find_call(struct seccomp_calls *calls, int number, const char *name)
{
	struct seccomp_call *call;

	for (size_t i = 0; i < calls->count; i++)
		if (calls->calls[i].number == number)
			return &calls->calls[i];
	if (calls->count == calls->capacity) {
		size_t capacity = calls->capacity ? calls->capacity * 2 : 256;

		call = reallocarray(calls->calls, capacity, sizeof(*call));
		if (!call)
			return NULL;
		calls->calls = call;
		calls->capacity = capacity;
	}
	call = &calls->calls[calls->count++];
	*call = (struct seccomp_call){
	    .number = number,
	    .native = seccomp_syscall_resolve_name(name),
	};
	return call;
}

static void decide(struct seccomp_call *call, uint32_t action)
{
	call->is_unconditional = true;
	call->action = action;
	free(take_ptr(call->cases));
	call->case_count = call->case_capacity = 0;
}

static int append_case(struct seccomp_call *call, const struct seccomp_case *new_case)
{
	if (call->case_count == call->case_capacity) {
		size_t capacity = call->case_capacity ? call->case_capacity * 2 : 4;
		struct seccomp_case *cases = reallocarray(call->cases, capacity, sizeof(*cases));

		if (!cases)
			return -ENOMEM;
		call->cases = cases;
		call->case_capacity = capacity;
	}
	call->cases[call->case_count] = *new_case;
	call->cases[call->case_count].position = call->case_count;
	call->case_count++;
	return 0;
}

/* ---- from a rule to cases ---- */

/* Drops the upper half of the values where the registers have 32 bits. */
static struct hp_seccomp_arg narrow(struct hp_seccomp_arg arg, bool is_64bit)
{
	uint64_t width = is_64bit ? UINT64_MAX : UINT32_MAX;

	arg.value &= width;
	arg.value_two &= width;
	if (arg.op == HP_SECCOMP_MASKED_EQ)
		arg.value_two &= arg.value;
	return arg;
}

static bool always_holds(const struct hp_seccomp_arg *arg)
{
	return arg->op == HP_SECCOMP_MASKED_EQ && arg->value == 0;
}

/* Adds one case; no index is twice in `args`. `selector`: see add_rule(). */
static int add_case(struct seccomp_calls *calls, struct seccomp_call *call,
		    const struct hp_seccomp_arg *args, size_t arg_count, uint32_t action,
		    int selector)
{
	struct seccomp_case new_case = {.action = action};

	if (call->is_unconditional)
		return 0;
	if (selector >= 0)
		new_case.args[new_case.arg_count++] =
		    (struct hp_seccomp_arg){.op = HP_SECCOMP_EQ, .value = (uint64_t)selector};
	for (uint32_t index = selector >= 0 ? 1 : 0; index < SECCOMP_ARGS; index++) {
		for (size_t i = 0; i < arg_count; i++) {
			struct hp_seccomp_arg arg = narrow(args[i], calls->is_64bit);

			if (arg.index != index || always_holds(&arg))
				continue;
			assert(new_case.arg_count < SECCOMP_ARGS);
			new_case.args[new_case.arg_count++] = arg;
		}
	}
	if (new_case.arg_count > 0)
		return append_case(call, &new_case);
	decide(call, action);
	return 0;
}

static bool tests_an_argument_twice(const struct hp_seccomp_rule *rule)
{
	unsigned int seen = 0;

	for (size_t i = 0; i < rule->arg_count; i++) {
		assert(rule->args[i].index < SECCOMP_ARGS);
		if (seen & 1u << rule->args[i].index)
			return true;
		seen |= 1u << rule->args[i].index;
	}
	return false;
}

/*
 * Adds the cases of a rule. Where it tests one argument twice, each of its tests becomes a case of
 * its own, as in libseccomp and runc. `selector` >= 0: the call is a multiplexer, and this is its
 * first argument for the rule's call.
 */
static int add_rule(struct seccomp_calls *calls, int number, const char *name,
		    const struct hp_seccomp_rule *rule, uint32_t action, int selector)
{
	struct seccomp_call *call = find_call(calls, number, name);
	int r = 0;

	if (!call)
		return -ENOMEM;
	if (!tests_an_argument_twice(rule))
		return add_case(calls, call, rule->args, rule->arg_count, action, selector);
	for (size_t i = 0; i < rule->arg_count && r == 0; i++)
		r = add_case(calls, call, &rule->args[i], 1, action, selector);
	return r;
}

static int add_name(struct seccomp_calls *calls, int number, const char *name,
		    const struct hp_seccomp_rule *rule, uint32_t action)
{
	if (number >= 0)
		return add_rule(calls, number, name, rule, action, -1);
	for (size_t i = 0; i < ELEMENTS(multiplexers); i++) {
		const struct multiplexer *multiplexer = &multiplexers[i];
		int behind = seccomp_syscall_resolve_name_arch(calls->arch, multiplexer->name);
		int r;

		if (behind < 0 || number > multiplexer->first || number < multiplexer->last)
			continue;
		r = add_rule(calls, number, name, rule, action, -1);
		if (r < 0)
			return r;
		return add_rule(calls, behind, multiplexer->name, rule, action,
				-multiplexer->base - number);
	}
	return 0; /* this architecture does not have the call */
}

/* ---- order ---- */

static int rank(enum hp_seccomp_operator op)
{
	switch (op) {
	case HP_SECCOMP_LT:
	case HP_SECCOMP_LE:
		return 1;
	case HP_SECCOMP_GT:
	case HP_SECCOMP_GE:
		return 2;
	default:
		return 0;
	}
}

static int compare(uint64_t a, uint64_t b)
{
	return (a > b) - (a < b);
}

static uint64_t datum(const struct hp_seccomp_arg *arg)
{
	return arg->op == HP_SECCOMP_MASKED_EQ ? arg->value_two : arg->value;
}

/* Higher indices first, equality before ranges, and of two ranges the narrower one first. */
static int compare_args(const struct hp_seccomp_arg *a, const struct hp_seccomp_arg *b)
{
	int r = compare(b->index, a->index);

	if (r == 0)
		r = rank(a->op) - rank(b->op);
	if (r == 0 && rank(a->op) == 1)
		r = compare(datum(a), datum(b));
	if (r == 0)
		r = compare(datum(b), datum(a));
	if (r == 0)
		r = compare(a->op, b->op);
	return r ? r : compare(b->value, a->value);
}

/* More tests before fewer; with the same tests, in the order of the profile. */
static int compare_cases(const void *pa, const void *pb)
{
	const struct seccomp_case *a = pa, *b = pb;

	for (size_t i = 0; i < a->arg_count && i < b->arg_count; i++) {
		int r = compare_args(&a->args[i], &b->args[i]);

		if (r != 0)
			return r;
	}
	if (a->arg_count != b->arg_count)
		return compare(b->arg_count, a->arg_count);
	return compare(a->position, b->position);
}

/* ---- the profile ---- */

/* x32 and MIPS n32 have 32-bit registers, although AUDIT_ARCH of n32 has the 64-bit flag. */
static bool has_wide_registers(uint32_t arch)
{
	return (arch & __AUDIT_ARCH_64BIT) && !(arch & __AUDIT_ARCH_CONVENTION_MIPS64_N32);
}

int seccomp_calls_read(const struct hp_seccomp *profile, const uint32_t *actions,
		       uint32_t default_action, uint32_t arch, struct seccomp_calls *ret_calls)
{
	struct seccomp_calls calls = {.arch = arch, .is_64bit = has_wide_registers(arch)};
	int r = 0;

	for (size_t i = 0; i < profile->rule_count; i++) {
		const struct hp_seccomp_rule *rule = &profile->rules[i];

		for (char **name = rule->names; *name && r == 0; name++) {
			int number = seccomp_syscall_resolve_name_arch(arch, *name);

			if (number > calls.highest)
				calls.highest = number;
			if (number != __NR_SCMP_ERROR && actions[i] != default_action)
				r = add_name(&calls, number, *name, rule, actions[i]);
		}
	}
	if (r < 0) {
		seccomp_calls_clear(&calls);
		return r;
	}
	for (size_t i = 0; i < calls.count; i++)
		if (calls.calls[i].case_count > 1)
			qsort(calls.calls[i].cases, calls.calls[i].case_count,
			      sizeof(struct seccomp_case), compare_cases);
	*ret_calls = calls;
	return 0;
}

void seccomp_calls_clear(struct seccomp_calls *calls)
{
	for (size_t i = 0; i < calls->count; i++)
		free(calls->calls[i].cases);
	free(calls->calls);
	*calls = (struct seccomp_calls){0};
}
