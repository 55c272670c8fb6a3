/* SPDX-License-Identifier: Apache-2.0 */
/* Checks and runs classic BPF, as net/core/filter.c and kernel/seccomp.c do. */
#include "tests/daemon/seccomp/bpf.h"

#include <stdlib.h>
#include <string.h>

static bool is_jump(const struct sock_filter *instruction)
{
	return BPF_CLASS(instruction->code) == BPF_JMP && BPF_OP(instruction->code) != BPF_JA;
}

static const char *check_instruction(const struct sock_filter *instruction, size_t left)
{
	switch (instruction->code) {
	case BPF_LD | BPF_W | BPF_ABS:
		if (instruction->k % 4 || instruction->k >= sizeof(struct seccomp_data))
			return "a load beyond the data";
		break;
	case BPF_ALU | BPF_AND | BPF_K:
	case BPF_RET | BPF_K:
		break;
	case BPF_JMP | BPF_JA:
		if (instruction->k >= left)
			return "a jump beyond the end";
		break;
	case BPF_JMP | BPF_JEQ | BPF_K:
	case BPF_JMP | BPF_JGT | BPF_K:
	case BPF_JMP | BPF_JGE | BPF_K:
	case BPF_JMP | BPF_JSET | BPF_K:
		if (instruction->jt >= left || instruction->jf >= left)
			return "a branch beyond the end";
		break;
	default:
		return "an instruction that no filter has";
	}
	return !is_jump(instruction) && (instruction->jt || instruction->jf)
		   ? "a branch in what is no jump"
		   : NULL;
}

const char *bpf_check(const struct sock_filter *program, size_t count)
{
	if (count == 0 || count > BPF_MAXINSNS)
		return "not 1 to 4096 instructions";
	for (size_t i = 0; i < count; i++) {
		const char *wrong = check_instruction(&program[i], count - i - 1);

		if (wrong)
			return wrong;
	}
	return program[count - 1].code == (BPF_RET | BPF_K) ? NULL : "no return at the end";
}

static bool is_taken(const struct sock_filter *jump, uint32_t accumulator)
{
	switch (BPF_OP(jump->code)) {
	case BPF_JEQ:
		return accumulator == jump->k;
	case BPF_JGT:
		return accumulator > jump->k;
	case BPF_JGE:
		return accumulator >= jump->k;
	case BPF_JSET:
		return accumulator & jump->k;
	default:
		abort();
	}
}

uint32_t bpf_run(const struct sock_filter *program, const struct seccomp_data *data,
		 size_t *ret_steps)
{
	uint32_t accumulator = 0;
	size_t steps = 0;

	for (const struct sock_filter *at = program;; at++) {
		steps++;
		switch (at->code) {
		case BPF_LD | BPF_W | BPF_ABS:
			memcpy(&accumulator, (const char *)data + at->k, sizeof(accumulator));
			break;
		case BPF_ALU | BPF_AND | BPF_K:
			accumulator &= at->k;
			break;
		case BPF_JMP | BPF_JA:
			at += at->k;
			break;
		case BPF_RET | BPF_K:
			if (ret_steps)
				*ret_steps = steps;
			return at->k;
		default:
			at += is_taken(at, accumulator) ? at->jt : at->jf;
		}
	}
}
