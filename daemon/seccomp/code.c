/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Generates the code that libseccomp does not generate, or generates wrongly: tests of arguments,
 * and ENOSYS for calls that are newer than the profile. No state but the caller's buffer.
 *
 * libseccomp 2.5.4 merges the tests of a call into a tree. With ranges of 64-bit arguments the
 * tree allows calls that no rule allows (GHSA-4q85-33p6-j5g6), and with ranges of two arguments the
 * merging may not terminate, for example with "a0 != 5 && a1 < 3" and "a0 != 5 && a1 != 7". So the
 * cases are written one after the other here, which is longer but easy to verify.
 *
 * Classic BPF compares 32 bits, so a 64-bit argument takes two comparisons: the upper halves
 * decide, unless they are equal; then the lower halves do.
 */
#include "daemon/seccomp/code.h"

#include <assert.h>
#include <endian.h>
#include <linux/audit.h>
#include <linux/seccomp.h>
#include <seccomp.h>
#include <string.h>

#define X32_BIT 0x40000000u

/* Placeholders for distances that are not known yet. */
#define TO_NEXT_CASE UINT8_MAX
#define TO_FILTER    UINT32_MAX

#define LOAD(offset)	  ((struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS, (offset)))
#define AND(mask)	  ((struct sock_filter)BPF_STMT(BPF_ALU | BPF_AND | BPF_K, (mask)))
#define RETURN(action)	  ((struct sock_filter)BPF_STMT(BPF_RET | BPF_K, (action)))
#define GO(distance)	  ((struct sock_filter)BPF_STMT(BPF_JMP | BPF_JA, (distance)))
#define JUMP(op, k, t, f) ((struct sock_filter)BPF_JUMP(BPF_JMP | (op) | BPF_K, (k), (t), (f)))
#define NUMBER		  offsetof(struct seccomp_data, nr)
#define ARCH		  offsetof(struct seccomp_data, arch)

int seccomp_code_init(struct seccomp_code *code)
{
	*code = (struct seccomp_code){
	    .instructions = calloc(BPF_MAXINSNS, sizeof(*code->instructions)),
	};
	return code->instructions ? 0 : -ENOMEM;
}

void seccomp_code_clear(struct seccomp_code *code)
{
	free(code->instructions);
	*code = (struct seccomp_code){0};
}

static void put(struct seccomp_code *code, struct sock_filter instruction)
{
	if (code->count == BPF_MAXINSNS)
		code->is_too_long = true;
	else
		code->instructions[code->count++] = instruction;
}

void seccomp_code_append(struct seccomp_code *code, const struct sock_filter *instructions,
			 size_t count)
{
	for (size_t i = 0; i < count; i++)
		put(code, instructions[i]);
}

/* ---- tests of arguments ---- */

/* How the lower halves are compared; is_negated: the test is true where the jump is not taken. */
struct comparison {
	uint16_t jump;
	bool is_negated, is_range;
};
static const struct comparison comparisons[HP_SECCOMP_OPERATOR_END] = {
    [HP_SECCOMP_EQ] = {BPF_JEQ, false, false},	      [HP_SECCOMP_NE] = {BPF_JEQ, true, false},
    [HP_SECCOMP_GT] = {BPF_JGT, false, true},	      [HP_SECCOMP_GE] = {BPF_JGE, false, true},
    [HP_SECCOMP_LT] = {BPF_JGE, true, true},	      [HP_SECCOMP_LE] = {BPF_JGT, true, true},
    [HP_SECCOMP_MASKED_EQ] = {BPF_JEQ, false, false},
};

/* The offset of a half of an argument in struct seccomp_data, which has native byte order. */
static uint32_t word_offset(uint32_t index, bool is_upper)
{
	bool is_second = is_upper == (BYTE_ORDER == LITTLE_ENDIAN);

	return (uint32_t)offsetof(struct seccomp_data, args) + 8 * index + (is_second ? 4 : 0);
}

static void put_load(struct seccomp_code *code, uint32_t offset, uint32_t mask)
{
	put(code, LOAD(offset));
	if (mask != UINT32_MAX)
		put(code, AND(mask));
}

/*
 * Compares the upper half. Where that decides the test, the code jumps to the next case, or skips
 * the two instructions that compare the lower half; else it goes on to those. They are two because
 * a masked comparison, whose lower half takes three, is never negated and never skips.
 */
static void put_upper(struct seccomp_code *code, const struct hp_seccomp_arg *arg, uint32_t datum,
		      uint32_t mask)
{
	const struct comparison *comparison = &comparisons[arg->op];

	if (mask == 0)
		return;
	put_load(code, word_offset(arg->index, true), mask);
	if (comparison->is_range)
		put(code, JUMP(BPF_JGT, datum, comparison->is_negated ? TO_NEXT_CASE : 3, 0));
	put(code, JUMP(BPF_JEQ, datum, 0, comparison->is_negated ? 2 : TO_NEXT_CASE));
}

static void put_lower(struct seccomp_code *code, const struct hp_seccomp_arg *arg, uint32_t datum,
		      uint32_t mask)
{
	const struct comparison *comparison = &comparisons[arg->op];
	bool is_negated = comparison->is_negated;

	if (mask == 0)
		return;
	put_load(code, word_offset(arg->index, false), mask);
	put(code, JUMP(comparison->jump, datum, is_negated ? TO_NEXT_CASE : 0,
		       is_negated ? 0 : TO_NEXT_CASE));
}

static void put_test(struct seccomp_code *code, const struct hp_seccomp_arg *arg, bool is_64bit)
{
	bool is_masked = arg->op == HP_SECCOMP_MASKED_EQ;
	uint64_t mask = is_masked ? arg->value : UINT64_MAX;
	uint64_t datum = is_masked ? arg->value_two : arg->value;

	assert(arg->op < HP_SECCOMP_OPERATOR_END && comparisons[arg->op].jump);
	if (is_64bit)
		put_upper(code, arg, (uint32_t)(datum >> 32), (uint32_t)(mask >> 32));
	put_lower(code, arg, (uint32_t)datum, (uint32_t)mask);
}

/* The longest case has six tests of six instructions, so all jumps in it fit in a byte. */
static void put_case(struct seccomp_code *code, const struct seccomp_case *new_case, bool is_64bit)
{
	size_t start = code->count;

	static_assert(SECCOMP_ARGS * 6 + 1 < TO_NEXT_CASE, "jumps to the next case fit in a byte");
	assert(new_case->arg_count <= SECCOMP_ARGS);
	for (size_t i = 0; i < new_case->arg_count; i++)
		put_test(code, &new_case->args[i], is_64bit);
	put(code, RETURN(new_case->action));
	for (size_t i = start; i < code->count; i++) {
		struct sock_filter *jump = &code->instructions[i];
		uint8_t distance = (uint8_t)(code->count - i - 1);

		if (jump->jt == TO_NEXT_CASE)
			jump->jt = distance;
		if (jump->jf == TO_NEXT_CASE)
			jump->jf = distance;
	}
}

void seccomp_code_cases(struct seccomp_code *code, const struct seccomp_call *call, bool is_64bit,
			uint32_t default_action)
{
	for (size_t i = 0; i < call->case_count && !code->is_too_long; i++)
		put_case(code, &call->cases[i], is_64bit);
	put(code, RETURN(default_action));
}

/* ---- calls newer than the profile ---- */

/* Expects the call's number to be loaded. ENOSYS above `highest`; other calls go to the filter. */
static void put_limit(struct seccomp_code *code, int highest)
{
	if (highest > 0) {
		put(code, JUMP(BPF_JGT, (uint32_t)highest, 0, 1));
		put(code, RETURN(SECCOMP_RET_ERRNO | ENOSYS));
	}
	put(code, GO(TO_FILTER));
}

static int highest_of(const struct seccomp_calls *calls, size_t count, uint32_t arch)
{
	for (size_t i = 0; i < count; i++)
		if (calls[i].arch == arch)
			return calls[i].highest;
	return 0;
}

/* x86-64 and x32 have the same AUDIT_ARCH; a bit of the call's number distinguishes them. */
static void put_limits_of_x86_64(struct seccomp_code *code, const struct seccomp_calls *calls,
				 size_t count)
{
	int highest = highest_of(calls, count, SCMP_ARCH_X86_64);

	put(code, JUMP(BPF_JSET, X32_BIT, highest > 0 ? 3 : 1, 0));
	put_limit(code, highest);
	put_limit(code, highest_of(calls, count, SCMP_ARCH_X32));
}

/* s390 passes 0 for numbers beyond its table; setup(2), which was number 0, no longer exists. */
static void put_limit_of_s390(struct seccomp_code *code, int highest)
{
	put(code, JUMP(BPF_JEQ, 0, 0, 1));
	put(code, RETURN(SECCOMP_RET_ERRNO | ENOSYS));
	put_limit(code, highest);
}

static void put_limits(struct seccomp_code *code, const struct seccomp_calls *calls, size_t count,
		       const struct seccomp_calls *of)
{
	bool is_x86_64 = of->arch == SCMP_ARCH_X86_64 || of->arch == SCMP_ARCH_X32;
	size_t start = code->count;

	put(code, JUMP(BPF_JEQ, is_x86_64 ? AUDIT_ARCH_X86_64 : of->arch, 0, TO_NEXT_CASE));
	put(code, LOAD(NUMBER));
	if (is_x86_64)
		put_limits_of_x86_64(code, calls, count);
	else if (of->arch == SCMP_ARCH_S390 || of->arch == SCMP_ARCH_S390X)
		put_limit_of_s390(code, of->highest);
	else
		put_limit(code, of->highest);
	code->instructions[start].jf = (uint8_t)(code->count - start - 1);
}

void seccomp_code_enosys(struct seccomp_code *code, const struct seccomp_calls *calls, size_t count)
{
	bool has_x86_64 = highest_of(calls, count, SCMP_ARCH_X86_64) > 0;

	assert(code->count == 0);
	put(code, LOAD(ARCH));
	for (size_t i = 0; i < count; i++)
		if (calls[i].highest > 0 && !(has_x86_64 && calls[i].arch == SCMP_ARCH_X32))
			put_limits(code, calls, count, &calls[i]);
	for (size_t i = 0; i < code->count; i++) {
		struct sock_filter *jump = &code->instructions[i];

		if (jump->code == (BPF_JMP | BPF_JA) && jump->k == TO_FILTER)
			jump->k = (uint32_t)(code->count - i - 1);
	}
}
