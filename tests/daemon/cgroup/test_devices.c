/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Device rules. The program is run by an interpreter and compared with an independent reading of
 * the rules; and it is attached to a real cgroup, where hookd may do that.
 */

#include "tests/daemon/support/support.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>

#include "daemon/cgroup/devices.h"
#include "tests/daemon/support/own_cgroup.h"

#define RWM (HP_DEVICE_READ | HP_DEVICE_WRITE | HP_DEVICE_MKNOD)

struct question {
	char type;
	uint32_t major, minor;
	unsigned int access; /* enum hp_device_access */
};

/* ---- the program, run ---- */

static uint32_t context_word(const struct question *question, int offset)
{
	uint32_t kernel_access = (question->access & HP_DEVICE_MKNOD ? 1u : 0) |
				 (question->access & HP_DEVICE_READ ? 2u : 0) |
				 (question->access & HP_DEVICE_WRITE ? 4u : 0);

	switch (offset) {
	case 0:
		return kernel_access << 16 | (question->type == 'b' ? 1 : 2);
	case 4:
		return question->major;
	case 8:
		return question->minor;
	}
	fail_msg("reads at %d", offset);
	return 0;
}

/* The few instructions that the generator uses; any other fails the test. */
static bool run_program(const struct device_program *program, const struct question *question)
{
	uint64_t regs[11] = {0};

	for (size_t at = 0; at < program->count; at++) {
		const struct bpf_insn *insn = &program->instructions[at];
		uint32_t to = (uint32_t)regs[insn->dst_reg], imm = (uint32_t)insn->imm;

		switch (insn->code) {
		case BPF_LDX | BPF_MEM | BPF_W:
			assert_int_equal(insn->src_reg, 1);
			regs[insn->dst_reg] = context_word(question, insn->off);
			break;
		case BPF_LDX | BPF_MEM | BPF_H:
			assert_int_equal(insn->src_reg, 1);
			assert_int_equal(insn->off, __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__ ? 2 : 0);
			regs[insn->dst_reg] = context_word(question, 0) & 0xffff;
			break;
		case BPF_ALU | BPF_MOV | BPF_X:
			regs[insn->dst_reg] = (uint32_t)regs[insn->src_reg];
			break;
		case BPF_ALU | BPF_MOV | BPF_K:
			regs[insn->dst_reg] = imm;
			break;
		case BPF_ALU | BPF_AND | BPF_K:
			regs[insn->dst_reg] = to & imm;
			break;
		case BPF_ALU | BPF_RSH | BPF_K:
			regs[insn->dst_reg] = to >> imm;
			break;
		case BPF_JMP32 | BPF_JNE | BPF_K:
			at += to != imm ? (size_t)insn->off : 0;
			break;
		case BPF_JMP32 | BPF_JEQ | BPF_K:
			at += to == imm ? (size_t)insn->off : 0;
			break;
		case BPF_JMP | BPF_EXIT:
			assert_in_range(regs[0], 0, 1);
			return regs[0];
		default:
			fail_msg("instruction %zu is %#x", at, insn->code);
		}
	}
	fail_msg("runs off its end");
	return false;
}

/* ---- the rules, read ---- */

static bool is_default(const struct question *question, unsigned int access)
{
	static const uint32_t devices[][2] = {{1, 3}, {1, 5}, {1, 7}, {1, 8},	{1, 9},
					      {5, 0}, {5, 1}, {5, 2}, {10, 200}};

	if (access == HP_DEVICE_MKNOD)
		return true;
	if (question->type == 'b')
		return false;
	for (size_t i = 0; i < ELEMENTS(devices); i++)
		if (question->major == devices[i][0] && question->minor == devices[i][1])
			return true;
	return question->major == 136;
}

/* From the first rule to the last, for each access: the last rule that matches decides. */
static bool is_allowed(const struct hp_device_rule *rules, size_t count,
		       const struct question *question)
{
	for (unsigned int access = 1; access <= HP_DEVICE_MKNOD; access <<= 1) {
		bool allowed = is_default(question, access), is_final = allowed;

		if (!(question->access & access))
			continue;
		for (size_t i = 0; i < count; i++)
			if ((!is_final || rules[i].is_over_defaults) &&
			    ((rules[i].type == 'a' || rules[i].type == question->type) &&
			     (rules[i].major == -1 || rules[i].major == question->major) &&
			     (rules[i].minor == -1 || rules[i].minor == question->minor) &&
			     rules[i].access & access))
				allowed = rules[i].allow;
		if (!allowed)
			return false;
	}
	return true;
}

static void expect_same(const struct hp_device_rule *rules, size_t count,
			const struct device_program *program, const struct question *question)
{
	bool expected = is_allowed(rules, count, question);

	if (run_program(program, question) != expected)
		fail_msg("%c %u:%u access %u: expected %d of %zu rules", question->type,
			 question->major, question->minor, question->access, expected, count);
	if (program->allows_all)
		assert_true(expected);
}

/* ---- tests of the program ---- */

static struct device_program make(const struct hp_device_rule *rules, size_t count)
{
	struct device_program program;
	struct hp_err err;

	assert_int_equal(device_program_make(rules, count, &program, &err), 0);
	return program;
}

static void expect_answer(const struct hp_device_rule *rules, size_t count,
			  struct question question, bool expected)
{
	struct device_program program = make(rules, count);

	assert_int_equal(run_program(&program, &question), expected);
	device_program_clear(&program);
}

static void default_devices_are_always_allowed(void **state)
{
	static const struct hp_device_rule deny[] = {{false, 'a', -1, -1, RWM}};

	(void)state;
	expect_answer(deny, 1, (struct question){'c', 1, 3, RWM}, true);
	expect_answer(deny, 1, (struct question){'c', 136, 77, HP_DEVICE_READ}, true);
	expect_answer(deny, 1, (struct question){'b', 8, 0, HP_DEVICE_MKNOD}, true);
	expect_answer(deny, 1, (struct question){'b', 1, 3, HP_DEVICE_READ}, false);
	expect_answer(deny, 1, (struct question){'c', 1, 11, HP_DEVICE_READ}, false);
	expect_answer(deny, 1, (struct question){'c', 1, 11, HP_DEVICE_READ | HP_DEVICE_MKNOD},
		      false);
}

static void a_rule_over_the_defaults_denies_them(void **state)
{
	static const struct hp_device_rule zero[] = {
	    {true, 'a', -1, -1, RWM},
	    {false, 'c', 1, 5, HP_DEVICE_WRITE, .is_over_defaults = true}};
	static const struct hp_device_rule all[] = {
	    {true, 'c', 1, 11, RWM}, {false, 'a', -1, -1, RWM, .is_over_defaults = true}};

	(void)state;
	expect_answer(zero, 2, (struct question){'c', 1, 5, HP_DEVICE_WRITE}, false);
	expect_answer(zero, 2, (struct question){'c', 1, 5, HP_DEVICE_READ}, true);
	expect_answer(zero, 2, (struct question){'c', 1, 5, RWM}, false);
	expect_answer(zero, 2, (struct question){'c', 1, 3, RWM}, true);
	expect_answer(all, 2, (struct question){'c', 1, 3, HP_DEVICE_READ}, false);
	expect_answer(all, 2, (struct question){'c', 1, 11, HP_DEVICE_READ}, false);
	expect_answer(all, 2, (struct question){'b', 8, 0, HP_DEVICE_MKNOD}, false);
}

static void each_kind_of_access_is_decided_alone(void **state)
{
	static const struct hp_device_rule denied[] = {{true, 'c', 1, 11, RWM},
						       {false, 'c', 1, 11, HP_DEVICE_WRITE}};
	static const struct hp_device_rule added[] = {{false, 'a', -1, -1, RWM},
						      {true, 'c', 1, 11, HP_DEVICE_READ},
						      {true, 'c', 1, -1, HP_DEVICE_WRITE}};
	struct question both = {'c', 1, 11, HP_DEVICE_READ | HP_DEVICE_WRITE};

	(void)state;
	expect_answer(denied, 2, both, false);
	expect_answer(denied, 2, (struct question){'c', 1, 11, HP_DEVICE_READ}, true);
	expect_answer(added, 3, both, true);
	expect_answer(added, 3, (struct question){'c', 1, 12, HP_DEVICE_READ}, false);
}

static void the_last_rule_wins(void **state)
{
	static const struct hp_device_rule rules[] = {
	    {true, 'a', -1, -1, RWM}, {false, 'b', 8, -1, RWM}, {true, 'b', 8, 1, RWM}};

	(void)state;
	expect_answer(rules, 3, (struct question){'b', 8, 1, HP_DEVICE_READ}, true);
	expect_answer(rules, 3, (struct question){'b', 8, 2, HP_DEVICE_READ}, false);
	expect_answer(rules, 3, (struct question){'c', 8, 2, HP_DEVICE_READ}, true);
	expect_answer(rules, 2, (struct question){'b', 8, 1, HP_DEVICE_READ}, false);
}

static void large_numbers_are_compared_whole(void **state)
{
	static const struct hp_device_rule rules[] = {{true, 'b', UINT32_MAX, 0x80000000, RWM}};

	(void)state;
	expect_answer(rules, 1, (struct question){'b', UINT32_MAX, 0x80000000, RWM}, true);
	expect_answer(rules, 1, (struct question){'b', UINT32_MAX, 0, HP_DEVICE_READ}, false);
}

static void what_allows_everything_is_known(void **state)
{
	static const struct {
		bool expected;
		size_t count;
		struct hp_device_rule rules[3];
	} rows[] = {
	    {true, 1, {{true, 'a', -1, -1, RWM}}},
	    {true, 2, {{false, 'a', -1, -1, RWM}, {true, 'a', -1, -1, RWM}}},
	    {true, 2, {{true, 'a', -1, -1, RWM}, {true, 'c', 1, 11, HP_DEVICE_READ}}},
	    {true, 2, {{true, 'a', -1, -1, 3}, {true, 'a', -1, -1, HP_DEVICE_MKNOD}}},
	    {true, 2, {{false, 'c', 1, 11, 1}, {true, 'a', -1, -1, RWM}}},
	    {true, 3, {{true, 'a', -1, -1, 6}, {false, 'c', 1, 11, 1}, {true, 'a', -1, -1, 1}}},
	    {false, 1, {{true, 'a', -1, -1, 3}}},
	    {false, 1, {{true, 'a', 0, -1, RWM}}},
	    {false, 2, {{true, 'c', -1, -1, RWM}, {true, 'b', -1, -1, RWM}}},
	    {false, 2, {{true, 'a', -1, -1, RWM}, {false, 'c', 1, 11, HP_DEVICE_READ}}},
	};

	(void)state;
	for (size_t i = 0; i < ELEMENTS(rows); i++) {
		struct device_program program = make(rows[i].rules, rows[i].count);

		assert_int_equal(program.allows_all, rows[i].expected);
		device_program_clear(&program);
	}
}

/* Few different numbers, so that rules often match. */
static struct hp_device_rule random_rule(void)
{
	return (struct hp_device_rule){
	    .allow = rand() % 2,
	    .type = "abc"[rand() % 3],
	    .major = rand() % 4 - 1,
	    .minor = rand() % 4 - 1,
	    .access = (unsigned int)rand() % 8,
	};
}

static void random_rules_are_read_as_they_stand(void **state)
{
	struct hp_device_rule rules[12];

	(void)state;
	srand(4711);
	for (int round = 0; round < 3000; round++) {
		size_t count = (size_t)rand() % (ELEMENTS(rules) + 1);
		struct device_program program;

		for (size_t i = 0; i < count; i++)
			rules[i] = random_rule();
		for (size_t i = count; i > 0 && !rules[i - 1].allow && rand() % 2; i--)
			rules[i - 1].is_over_defaults = true;
		program = make(rules, count);
		for (unsigned int i = 0; i < 2 * 4 * 4 * 7; i++)
			expect_same(
			    rules, count, &program,
			    &(struct question){"bc"[i % 2], i / 2 % 4, i / 8 % 4, i / 32 + 1});
		device_program_clear(&program);
	}
}

/* ---- on a real cgroup ---- */

static char cgroup_path[256];
static int cgroup_fd = -1;

static int set_up(void **state)
{
	(void)state;
	if (!own_cgroup_make(cgroup_path, sizeof(cgroup_path)))
		return 0;
	cgroup_fd = open(cgroup_path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	return cgroup_fd < 0 ? -1 : 0;
}

static int tear_down(void **state)
{
	(void)state;
	if (cgroup_fd < 0)
		return 0;
	close_fd(&cgroup_fd);
	own_cgroup_remove(cgroup_path);
	return 0;
}

static void expect_applied(const struct hp_device_rule *rules, size_t count,
			   struct devices_journal *journal)
{
	struct hp_err err = {0};

	if (cgroup_fd < 0)
		skip("no cgroup2 to write to");
	if (devices_apply(cgroup_fd, rules, count, journal, &err) == 0)
		return;
	if (err.code == HP_ERR_SETTING_FAILED && geteuid() != 0)
		skip("needs the right to attach device programs");
	fail_msg("%s: %s", err.path, err.reason);
}

struct attempt {
	dev_t device;
	int flags;
};

/* In the cgroup: the errno of opening a node, 0 on success. */
static int try_to_open(void *userdata)
{
	const struct attempt *attempt = userdata;
	char procs[300], node[64];
	int fd, error;

	snprintf(procs, sizeof(procs), "%s/cgroup.procs", cgroup_path);
	fd = open(procs, O_WRONLY | O_CLOEXEC);
	CHECK(fd >= 0 && write(fd, "0", 1) == 1);
	close(fd);
	snprintf(node, sizeof(node), "/tmp/hookd-test-node-%d", getpid());
	CHECK(mknod(node, S_IFCHR | 0600, attempt->device) == 0);
	fd = open(node, attempt->flags | O_CLOEXEC | O_NONBLOCK);
	error = fd < 0 ? errno : 0;
	unlink(node);
	return error;
}

static void expect_open(unsigned int major, unsigned int minor, int flags, int error)
{
	struct attempt attempt = {makedev(major, minor), flags};

	assert_int_equal(in_child(try_to_open, &attempt), error);
}

static const struct hp_device_rule deny_all[] = {{false, 'a', -1, -1, RWM}};

static void a_denied_device_does_not_open(void **state)
{
	static const struct hp_device_rule read_kmsg[] = {{false, 'a', -1, -1, RWM},
							  {true, 'c', 1, 11, HP_DEVICE_READ}};

	(void)state;
	expect_applied(deny_all, 1, NULL);
	expect_open(1, 3, O_RDWR, 0);
	expect_open(1, 11, O_RDONLY, EPERM);
	expect_applied(read_kmsg, 2, NULL);
	expect_open(1, 11, O_RDONLY, 0);
	expect_open(1, 11, O_WRONLY, EPERM);
	expect_open(1, 11, O_RDWR, EPERM);
}

static void a_denied_default_device_does_not_open(void **state)
{
	static const struct hp_device_rule deny_zero[] = {
	    {true, 'a', -1, -1, RWM}, {false, 'c', 1, 5, RWM, .is_over_defaults = true}};
	static const struct hp_device_rule none[] = {
	    {true, 'a', -1, -1, RWM}, {false, 'a', -1, -1, 3, .is_over_defaults = true}};

	(void)state;
	expect_applied(deny_zero, 2, NULL);
	expect_open(1, 3, O_RDWR, 0);
	expect_applied(none, 2, NULL);
	expect_open(1, 3, O_RDONLY, EPERM);
}

static void rules_that_allow_everything_lift_others(void **state)
{
	static const struct hp_device_rule allow[] = {{true, 'a', -1, -1, RWM}};
	struct devices_journal journal = DEVICES_JOURNAL_INIT;

	(void)state;
	expect_applied(allow, 1, &journal);
	assert_int_equal(journal.made, -1);
	expect_applied(deny_all, 1, NULL);
	expect_open(1, 11, O_RDONLY, EPERM);
	expect_applied(allow, 1, NULL);
	expect_open(1, 11, O_RDONLY, 0);
}

static void no_rules_change_nothing(void **state)
{
	(void)state;
	expect_applied(deny_all, 1, NULL);
	expect_applied(NULL, 0, NULL);
	expect_open(1, 11, O_RDONLY, EPERM);
}

static void what_was_attached_is_put_back(void **state)
{
	static const struct hp_device_rule read_kmsg[] = {{true, 'c', 1, 11, HP_DEVICE_READ}};
	struct devices_journal first = DEVICES_JOURNAL_INIT, second = DEVICES_JOURNAL_INIT;

	(void)state;
	expect_applied(deny_all, 1, &first);
	assert_int_equal(first.found_count, 0);
	expect_applied(read_kmsg, 1, &second);
	assert_int_equal(second.found_count, 1);
	expect_open(1, 11, O_RDONLY, 0);
	assert_int_equal(devices_undo(cgroup_fd, &second), 0);
	expect_open(1, 11, O_RDONLY, EPERM);
	assert_int_equal(devices_undo(cgroup_fd, &first), 0);
	expect_open(1, 11, O_RDONLY, 0);
	devices_journal_clear(&first);
	devices_journal_clear(&second);
}

static void many_rules_pass_the_verifier(void **state)
{
	static struct hp_device_rule rules[2000];

	(void)state;
	srand(4712);
	for (size_t i = 0; i < ELEMENTS(rules); i++) {
		rules[i] = random_rule();
		rules[i].minor = rand() % 1000;
	}
	expect_applied(rules, ELEMENTS(rules), NULL);
}

static void what_is_no_cgroup_is_an_error(void **state)
{
	int fd = open("/tmp", O_PATH | O_DIRECTORY | O_CLOEXEC);
	struct hp_err err = {0};
	int r = devices_apply(fd, deny_all, 1, NULL, &err);

	(void)state;
	close(fd);
	assert_true(r < 0);
	assert_string_equal(err.path, "devices");
	assert_memory_equal(err.reason, "cannot ", strlen("cannot "));
	assert_non_null(strstr(err.reason, strerror(-r)));
}

#define CGROUP_TEST(function) cmocka_unit_test_setup_teardown(function, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(default_devices_are_always_allowed),
	    cmocka_unit_test(a_rule_over_the_defaults_denies_them),
	    cmocka_unit_test(each_kind_of_access_is_decided_alone),
	    cmocka_unit_test(the_last_rule_wins),
	    cmocka_unit_test(large_numbers_are_compared_whole),
	    cmocka_unit_test(what_allows_everything_is_known),
	    cmocka_unit_test(random_rules_are_read_as_they_stand),
	    CGROUP_TEST(a_denied_device_does_not_open),
	    CGROUP_TEST(a_denied_default_device_does_not_open),
	    CGROUP_TEST(rules_that_allow_everything_lift_others),
	    CGROUP_TEST(no_rules_change_nothing),
	    CGROUP_TEST(what_was_attached_is_put_back),
	    CGROUP_TEST(many_rules_pass_the_verifier),
	    cmocka_unit_test(what_is_no_cgroup_is_an_error),
	};

	bound_time();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
