/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The code generator for device rules. No state.
 *
 * The kernel calls the program with the device's type and numbers, and a bit set of the accesses
 * wanted (read, write, mknod). The program tries the rules from the last to the first. An allow
 * rule for the device clears its accesses from the set, and access is granted once the set is
 * empty; a deny rule refuses if one of its accesses is still in the set. At the end access is
 * refused. The rules for default devices are tried first, after those with is_over_defaults.
 */
#include "daemon/cgroup/device_program.h"

#include <assert.h>
#include <string.h>

#define ALL_ACCESS (HP_DEVICE_READ | HP_DEVICE_WRITE | HP_DEVICE_MKNOD)

/* Maximum of instructions for one rule, and for the code before and after the rules. */
#define RULE_SIZE   11
#define AROUND_SIZE 4

/* The type is the lower half of access_type. */
#define TYPE_OFFSET                                                                                \
	(offsetof(struct bpf_cgroup_dev_ctx, access_type) +                                        \
	 (__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__ ? 0 : 2))

/*
 * The use of registers. Every rule loads the device's numbers again: if they stayed in a register,
 * each comparison would be a new state for the verifier, and its time would grow with the square of
 * the number of rules, up to the kernel's limit.
 */
enum {
	RESULT = BPF_REG_0,
	CONTEXT = BPF_REG_1,
	NUMBER = BPF_REG_2,
	ACCESS_LEFT = BPF_REG_3,
};

static const struct hp_device_rule default_rules[] = {
    {true, 'c', -1, -1, HP_DEVICE_MKNOD}, {true, 'b', -1, -1, HP_DEVICE_MKNOD},
    {true, 'c', 1, 3, ALL_ACCESS},    /* null */
    {true, 'c', 1, 5, ALL_ACCESS},    /* zero */
    {true, 'c', 1, 7, ALL_ACCESS},    /* full */
    {true, 'c', 1, 8, ALL_ACCESS},    /* random */
    {true, 'c', 1, 9, ALL_ACCESS},    /* urandom */
    {true, 'c', 5, 0, ALL_ACCESS},    /* tty */
    {true, 'c', 5, 1, ALL_ACCESS},    /* console */
    {true, 'c', 5, 2, ALL_ACCESS},    /* ptmx */
    {true, 'c', 136, -1, ALL_ACCESS}, /* pts/N */
    {true, 'c', 10, 200, ALL_ACCESS}, /* net/tun */
};

/* ---- instructions ---- */

static void emit(struct device_program *program, struct bpf_insn instruction)
{
	program->instructions[program->count++] = instruction;
}

/* `size` is BPF_W or BPF_H. */
static void emit_load(struct device_program *program, int size, int to, size_t offset)
{
	emit(program, (struct bpf_insn){
			  .code = (uint8_t)(BPF_LDX | BPF_MEM | size),
			  .dst_reg = (unsigned int)to & 0xf,
			  .src_reg = CONTEXT,
			  .off = (int16_t)offset,
		      });
}

static void emit_move(struct device_program *program, int to, int from)
{
	emit(program, (struct bpf_insn){
			  .code = BPF_ALU | BPF_MOV | BPF_X,
			  .dst_reg = (unsigned int)to & 0xf,
			  .src_reg = (unsigned int)from & 0xf,
		      });
}

/* `operation` is BPF_AND, BPF_RSH or BPF_MOV. */
static void emit_constant(struct device_program *program, int operation, int to, uint32_t constant)
{
	emit(program, (struct bpf_insn){
			  .code = (uint8_t)(BPF_ALU | operation | BPF_K),
			  .dst_reg = (unsigned int)to & 0xf,
			  .imm = (int32_t)constant,
		      });
}

/* Compares 32 bits, since constants are sign-extended to 64. */
static size_t emit_jump(struct device_program *program, int condition, int reg, uint32_t constant)
{
	emit(program, (struct bpf_insn){
			  .code = (uint8_t)(BPF_JMP32 | condition | BPF_K),
			  .dst_reg = (unsigned int)reg & 0xf,
			  .imm = (int32_t)constant,
		      });
	return program->count - 1;
}

static void jump_here(struct device_program *program, size_t jump)
{
	program->instructions[jump].off = (int16_t)(program->count - jump - 1);
}

static void emit_return(struct device_program *program, bool is_allowed)
{
	emit_constant(program, BPF_MOV, RESULT, is_allowed);
	emit(program, (struct bpf_insn){.code = BPF_JMP | BPF_EXIT});
}

/* ---- rules ---- */

static bool is_for_every_device(const struct hp_device_rule *rule)
{
	return rule->type == 'a' && rule->major == -1 && rule->minor == -1;
}

/* The kernel's bits are in another order. */
static uint32_t access_bits(unsigned int access)
{
	return (access & HP_DEVICE_READ ? BPF_DEVCG_ACC_READ : 0) |
	       (access & HP_DEVICE_WRITE ? BPF_DEVCG_ACC_WRITE : 0) |
	       (access & HP_DEVICE_MKNOD ? BPF_DEVCG_ACC_MKNOD : 0);
}

static int64_t type_number(char type)
{
	return type == 'a' ? -1 : type == 'b' ? BPF_DEVCG_DEV_BLOCK : BPF_DEVCG_DEV_CHAR;
}

static void emit_decision(struct device_program *program, const struct hp_device_rule *rule)
{
	uint32_t bits = access_bits(rule->access);
	size_t go_on;

	if (rule->allow) {
		emit_constant(program, BPF_AND, ACCESS_LEFT, ~bits);
		go_on = emit_jump(program, BPF_JNE, ACCESS_LEFT, 0);
	} else {
		emit_move(program, RESULT, ACCESS_LEFT);
		emit_constant(program, BPF_AND, RESULT, bits);
		go_on = emit_jump(program, BPF_JEQ, RESULT, 0);
	}
	emit_return(program, rule->allow);
	jump_here(program, go_on);
}

static void emit_rule(struct device_program *program, const struct hp_device_rule *rule)
{
	const struct {
		int64_t wanted; /* -1: any */
		size_t offset;
		int size;
	} numbers[] = {
	    {type_number(rule->type), TYPE_OFFSET, BPF_H},
	    {rule->major, offsetof(struct bpf_cgroup_dev_ctx, major), BPF_W},
	    {rule->minor, offsetof(struct bpf_cgroup_dev_ctx, minor), BPF_W},
	};
	size_t jumps[ELEMENTS(numbers)], count = 0;

	for (size_t i = 0; i < ELEMENTS(numbers); i++) {
		if (numbers[i].wanted == -1)
			continue;
		emit_load(program, numbers[i].size, NUMBER, numbers[i].offset);
		jumps[count++] = emit_jump(program, BPF_JNE, NUMBER, (uint32_t)numbers[i].wanted);
	}
	emit_decision(program, rule);
	while (count > 0)
		jump_here(program, jumps[--count]);
}

static void emit_begin(struct device_program *program)
{
	emit_load(program, BPF_W, ACCESS_LEFT, offsetof(struct bpf_cgroup_dev_ctx, access_type));
	emit_constant(program, BPF_RSH, ACCESS_LEFT, 16);
}

/*
 * True where a rule for all devices and accesses was emitted, which ends the program: the verifier
 * refuses unreachable code after it.
 */
static bool emit_backwards(struct device_program *program, const struct hp_device_rule *rules,
			   size_t count)
{
	for (size_t i = count; i > 0; i--) {
		const struct hp_device_rule *rule = &rules[i - 1];

		if (is_for_every_device(rule) && rule->access == ALL_ACCESS) {
			emit_return(program, rule->allow);
			return true;
		}
		if (rule->access)
			emit_rule(program, rule);
	}
	return false;
}

static void emit_rules(struct device_program *program, const struct hp_device_rule *rules,
		       size_t count)
{
	size_t ordinary = count;

	while (ordinary > 0 && rules[ordinary - 1].is_over_defaults)
		ordinary--;
	if (emit_backwards(program, rules + ordinary, count - ordinary))
		return;
	for (size_t i = 0; i < ELEMENTS(default_rules); i++)
		emit_rule(program, &default_rules[i]);
	if (!emit_backwards(program, rules, ordinary))
		emit_return(program, false);
}

static bool allows_all(const struct hp_device_rule *rules, size_t count)
{
	unsigned int allowed = 0;

	for (size_t i = count; i > 0 && allowed != ALL_ACCESS; i--) {
		const struct hp_device_rule *rule = &rules[i - 1];

		if (!rule->allow && rule->access & ~allowed)
			return false;
		if (rule->allow && is_for_every_device(rule))
			allowed |= rule->access;
	}
	return allowed == ALL_ACCESS;
}

/* ---- the program ---- */

/* The readers in proto/settings have checked this. */
static bool is_sound(const struct hp_device_rule *rule)
{
	return rule->type != '\0' && strchr("abc", rule->type) && rule->major >= -1 &&
	       rule->major <= UINT32_MAX && rule->minor >= -1 && rule->minor <= UINT32_MAX &&
	       !(rule->access & ~(unsigned int)ALL_ACCESS);
}

int device_program_make(const struct hp_device_rule *rules, size_t count,
			struct device_program *ret_program, struct hp_err *err)
{
	struct device_program program = {.allows_all = allows_all(rules, count)};
	size_t room = AROUND_SIZE + (count + ELEMENTS(default_rules)) * RULE_SIZE;

	for (size_t i = 0; i < count; i++)
		assert(is_sound(&rules[i]));
	program.instructions = calloc(room, sizeof(*program.instructions));
	if (!program.instructions)
		return hp_err_no_memory(err);
	emit_begin(&program);
	emit_rules(&program, rules, count);
	assert(program.count <= room);
	*ret_program = program;
	return 0;
}

void device_program_clear(struct device_program *program)
{
	free(program->instructions);
	*program = (struct device_program){0};
}
