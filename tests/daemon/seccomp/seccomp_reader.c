/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The rules as docs/PROTOCOL.md tells them:
 *
 *	1. an architecture that is neither the machine's own nor listed: the thread is killed
 *	2. a number beyond all that the profile names: ENOSYS, unless the default lets calls through
 *	3. rules with the default's action do not count
 *	4. the first rule without tests decides
 *	5. else any rule whose tests hold; else the default
 */
#include "tests/daemon/seccomp/seccomp_reader.h"

#include <errno.h>
#include <linux/audit.h>
#include <seccomp.h>
#include <stdlib.h>
#include <string.h>

#define NUMBERS_END 8192 /* the numbers of MIPS begin at 4000, and libseccomp uses 1 for 4001 */
#define X32_BIT	    0x40000000u

const struct seccomp_machine seccomp_machines[] = {
    {"SCMP_ARCH_X86_64", SCMP_ARCH_X86_64, AUDIT_ARCH_X86_64, true},
    {"SCMP_ARCH_X86", SCMP_ARCH_X86, AUDIT_ARCH_I386, false},
    {"SCMP_ARCH_X32", SCMP_ARCH_X32, AUDIT_ARCH_X86_64, false},
    {"SCMP_ARCH_ARM", SCMP_ARCH_ARM, AUDIT_ARCH_ARM, false},
    {"SCMP_ARCH_AARCH64", SCMP_ARCH_AARCH64, AUDIT_ARCH_AARCH64, true},
    {"SCMP_ARCH_MIPSEL", SCMP_ARCH_MIPSEL, AUDIT_ARCH_MIPSEL, false},
    {"SCMP_ARCH_MIPSEL64", SCMP_ARCH_MIPSEL64, AUDIT_ARCH_MIPSEL64, true},
    {"SCMP_ARCH_MIPSEL64N32", SCMP_ARCH_MIPSEL64N32, AUDIT_ARCH_MIPSEL64N32, false},
    {"SCMP_ARCH_PPC64LE", SCMP_ARCH_PPC64LE, AUDIT_ARCH_PPC64LE, true},
    {"SCMP_ARCH_RISCV64", SCMP_ARCH_RISCV64, AUDIT_ARCH_RISCV64, true},
};
const size_t seccomp_machine_count = sizeof(seccomp_machines) / sizeof(seccomp_machines[0]);
#define X86_64 (&seccomp_machines[0])
#define X32    (&seccomp_machines[2])

/* What the name of a rule means on one machine. */
struct number {
	int number;	 /* < 0: no such call, or */
	int multiplexer; /* the call is (also) multiplexed by this one, with the number... */
	uint32_t selector;
};

struct seccomp_reader {
	const struct hp_seccomp *profile;
	struct number *numbers[16]; /* by machine: of all names of all rules; NULL: not active */
	int highest[16];
	size_t name_count;
};

/* ---- making ---- */

static int search_number(const struct seccomp_machine *machine, const char *name)
{
	for (int number = NUMBERS_END - 1; number > 0; number--) {
		char *found = seccomp_syscall_resolve_num_arch(machine->token, number);
		bool is_same = found && strcmp(found, name) == 0;

		free(found);
		if (is_same)
			return number;
	}
	return -1;
}

/* True for a multiplexed call that also has a number of its own. */
static int direct_number(const struct seccomp_machine *machine, const char *name, int number)
{
	static int known[sizeof(seccomp_machines) / sizeof(seccomp_machines[0])][256];
	int *slot = &known[machine - seccomp_machines][-number];

	if (*slot == 0)
		*slot = search_number(machine, name);
	return *slot;
}

static struct number resolve(const struct seccomp_machine *machine, const char *name)
{
	int number = seccomp_syscall_resolve_name_arch(machine->token, name);
	struct number result = {.number = number, .multiplexer = -1};

	if (number <= -101 && number >= -120) {
		result.multiplexer =
		    seccomp_syscall_resolve_name_arch(machine->token, "socketcall");
		result.selector = (uint32_t)(-number - 100);
	} else if (number <= -201 && number >= -224) {
		result.multiplexer = seccomp_syscall_resolve_name_arch(machine->token, "ipc");
		result.selector = (uint32_t)(-number - 200);
	}
	if (result.multiplexer >= 0)
		result.number = direct_number(machine, name, number);
	return result;
}

static void make_numbers(struct seccomp_reader *reader, size_t machine)
{
	const struct hp_seccomp *profile = reader->profile;
	struct number *numbers = calloc(reader->name_count + 1, sizeof(*numbers));
	size_t count = 0;

	for (size_t i = 0; i < profile->rule_count; i++) {
		for (char **name = profile->rules[i].names; *name; name++) {
			int number = seccomp_syscall_resolve_name_arch(
			    seccomp_machines[machine].token, *name);

			numbers[count++] = resolve(&seccomp_machines[machine], *name);
			if (number > reader->highest[machine])
				reader->highest[machine] = number;
		}
	}
	reader->numbers[machine] = numbers;
}

static bool is_active(const struct hp_seccomp *profile, const struct seccomp_machine *machine)
{
	if (machine == X86_64)
		return true;
	for (size_t i = 0; i < profile->arch_count; i++)
		if (strcmp(hp_seccomp_archs[profile->archs[i]].oci, machine->oci) == 0)
			return true;
	return false;
}

struct seccomp_reader *seccomp_reader_new(const struct hp_seccomp *profile)
{
	struct seccomp_reader *reader = calloc(1, sizeof(*reader));

	reader->profile = profile;
	for (size_t i = 0; i < profile->rule_count; i++)
		for (char **name = profile->rules[i].names; *name; name++)
			reader->name_count++;
	for (size_t i = 0; i < seccomp_machine_count; i++)
		if (is_active(profile, &seccomp_machines[i]))
			make_numbers(reader, i);
	return reader;
}

void seccomp_reader_free(struct seccomp_reader *reader)
{
	for (size_t i = 0; i < seccomp_machine_count; i++)
		free(reader->numbers[i]);
	free(reader);
}

bool seccomp_reader_has(const struct seccomp_reader *reader, const struct seccomp_machine *machine)
{
	return reader->numbers[machine - seccomp_machines];
}

size_t seccomp_reader_numbers(const struct seccomp_reader *reader,
			      const struct seccomp_machine *machine, int numbers[], size_t size)
{
	const struct number *all = reader->numbers[machine - seccomp_machines];
	size_t count = 0;

	for (size_t i = 0; all && i < reader->name_count && count + 1 < size; i++) {
		if (all[i].number >= 0)
			numbers[count++] = all[i].number;
		if (all[i].multiplexer >= 0)
			numbers[count++] = all[i].multiplexer;
	}
	return count;
}

/* ---- asking ---- */

static uint32_t action_of(enum hp_seccomp_action action, const struct hp_uint *errno_ret)
{
	uint32_t data = errno_ret->is_set ? (uint32_t)errno_ret->value : EPERM;

	switch (action) {
	case HP_SECCOMP_ERRNO:
		return SECCOMP_RET_ERRNO + data;
	case HP_SECCOMP_TRAP:
		return SECCOMP_RET_TRAP;
	case HP_SECCOMP_ALLOW:
		return SECCOMP_RET_ALLOW;
	case HP_SECCOMP_TRACE:
		return SECCOMP_RET_TRACE + data;
	case HP_SECCOMP_LOG:
		return SECCOMP_RET_LOG;
	case HP_SECCOMP_NOTIFY:
		return SECCOMP_RET_USER_NOTIF;
	case HP_SECCOMP_KILL_PROCESS:
		return SECCOMP_RET_KILL_PROCESS;
	default:
		return SECCOMP_RET_KILL_THREAD;
	}
}

static bool holds(const struct hp_seccomp_arg *test, const struct seccomp_data *data, bool is_64bit)
{
	uint64_t width = is_64bit ? UINT64_MAX : UINT32_MAX;
	uint64_t argument = data->args[test->index] & width;
	uint64_t value = test->value & width;

	switch (test->op) {
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
	case HP_SECCOMP_LE:
		return argument <= value;
	case HP_SECCOMP_MASKED_EQ:
		return (argument & value) == (test->value_two & value);
	default:
		abort();
	}
}

static bool is_test(const struct hp_seccomp_arg *test, bool is_64bit)
{
	return test->op != HP_SECCOMP_MASKED_EQ ||
	       (test->value & (is_64bit ? UINT64_MAX : UINT32_MAX)) != 0;
}

static bool is_split(const struct hp_seccomp_rule *rule)
{
	for (size_t i = 0; i < rule->arg_count; i++)
		for (size_t k = 0; k < i; k++)
			if (rule->args[i].index == rule->args[k].index)
				return true;
	return false;
}

enum match { NO, WITH_TESTS, WITHOUT_TESTS };

/* `count` tests that must all be true; the first argument of a multiplexer is not tested. */
static enum match match_tests(const struct hp_seccomp_arg *tests, size_t count,
			      const struct seccomp_data *data, bool is_64bit, bool is_behind)
{
	enum match match = is_behind ? WITH_TESTS : WITHOUT_TESTS;

	for (size_t i = 0; i < count; i++) {
		if (!is_test(&tests[i], is_64bit) || (is_behind && tests[i].index == 0))
			continue;
		if (!holds(&tests[i], data, is_64bit))
			return NO;
		match = WITH_TESTS;
	}
	return match;
}

static enum match match_rule(const struct hp_seccomp_rule *rule, const struct seccomp_data *data,
			     bool is_64bit, bool is_behind)
{
	enum match best = NO;

	if (!is_split(rule))
		return match_tests(rule->args, rule->arg_count, data, is_64bit, is_behind);
	for (size_t i = 0; i < rule->arg_count; i++) {
		enum match match = match_tests(&rule->args[i], 1, data, is_64bit, is_behind);

		best = match > best ? match : best;
	}
	return best;
}

static enum match match_name(const struct hp_seccomp_rule *rule, const struct number *number,
			     const struct seccomp_data *data, bool is_64bit)
{
	uint64_t first = data->args[0] & (is_64bit ? UINT64_MAX : UINT32_MAX);

	if (number->number >= 0 && number->number == data->nr)
		return match_rule(rule, data, is_64bit, false);
	if (number->multiplexer >= 0 && number->multiplexer == data->nr &&
	    first == number->selector)
		return match_rule(rule, data, is_64bit, true);
	return NO;
}

static void ask_rules(const struct seccomp_reader *reader, size_t machine,
		      const struct seccomp_data *data, uint32_t default_action,
		      struct seccomp_answers *ret_answers)
{
	const struct number *number = reader->numbers[machine];

	for (size_t i = 0; i < reader->profile->rule_count; i++) {
		const struct hp_seccomp_rule *rule = &reader->profile->rules[i];
		uint32_t action = action_of(rule->action, &rule->errno_ret);

		for (char **name = rule->names; *name; name++, number++) {
			enum match match =
			    match_name(rule, number, data, seccomp_machines[machine].is_64bit);

			if (match == NO || action == default_action ||
			    ret_answers->count == SECCOMP_ANSWERS_MAX)
				continue;
			if (match == WITHOUT_TESTS) {
				*ret_answers = (struct seccomp_answers){{action}, 1};
				return;
			}
			ret_answers->actions[ret_answers->count++] = action;
		}
	}
}

/* x32 has a bit of its own in the number; a tracer that skips a call leaves -1. */
static const struct seccomp_machine *find_machine(const struct seccomp_reader *reader,
						  const struct seccomp_data *data)
{
	bool is_x32 = (uint32_t)data->nr & X32_BIT;

	if (data->arch == AUDIT_ARCH_X86_64 && data->nr == -1)
		is_x32 = seccomp_reader_has(reader, X32);
	for (size_t i = 0; i < seccomp_machine_count; i++)
		if (seccomp_machines[i].audit == data->arch &&
		    (data->arch != AUDIT_ARCH_X86_64 || is_x32 == (&seccomp_machines[i] == X32)))
			return &seccomp_machines[i];
	return NULL;
}

static bool is_newer(const struct seccomp_reader *reader, const struct seccomp_machine *machine,
		     const struct seccomp_data *data)
{
	int highest = reader->highest[machine - seccomp_machines];

	if (machine == X86_64 && data->nr == -1)
		return false;
	return highest > 0 && (uint32_t)data->nr > (uint32_t)highest;
}

void seccomp_reader_ask(const struct seccomp_reader *reader, const struct seccomp_data *data,
			struct seccomp_answers *ret_answers)
{
	const struct hp_seccomp *profile = reader->profile;
	const struct seccomp_machine *machine = find_machine(reader, data);
	uint32_t default_action = action_of(profile->default_action, &profile->default_errno_ret);
	bool lets_through = profile->default_action == HP_SECCOMP_ALLOW ||
			    profile->default_action == HP_SECCOMP_LOG ||
			    profile->default_action == HP_SECCOMP_TRACE;

	*ret_answers = (struct seccomp_answers){{SECCOMP_RET_KILL_THREAD}, 1};
	if (!machine || !seccomp_reader_has(reader, machine))
		return;
	ret_answers->actions[0] = SECCOMP_RET_ERRNO + ENOSYS;
	if (!lets_through && is_newer(reader, machine, data))
		return;
	ret_answers->count = 0;
	ask_rules(reader, (size_t)(machine - seccomp_machines), data, default_action, ret_answers);
	if (ret_answers->count == 0)
		*ret_answers = (struct seccomp_answers){{default_action}, 1};
}

bool seccomp_answers_have(const struct seccomp_answers *answers, uint32_t action)
{
	for (size_t i = 0; i < answers->count; i++)
		if (answers->actions[i] == action)
			return true;
	return false;
}
