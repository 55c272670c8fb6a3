/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Compiled profiles are run by an interpreter of BPF, call by call, and compared with the result of
 * seccomp_reader.c: docker's default profile, and random ones.
 */

#include <linux/audit.h>
#include <linux/netlink.h>
#include <seccomp.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>

#include "daemon/seccomp/calls.h"
#include "daemon/seccomp/seccomp.h"
#include "proto/settings/settings_json.h"
#include "tests/daemon/seccomp/bpf.h"
#include "tests/daemon/seccomp/seccomp_profiles.h"
#include "tests/daemon/seccomp/seccomp_reader.h"
#include "tests/daemon/support/support.h"
#include "tests/proto/settings/docker_profile.h"

#define RANDOM_PROFILES 1500

static size_t probes;

/* ---- one call, asked both ways ---- */

static void describe_rules(const struct hp_seccomp *profile, const struct seccomp_data *data)
{
	char *called = seccomp_syscall_resolve_num_arch(data->arch, data->nr);

	fprintf(stderr, "arch %x nr %d (%s)", data->arch, data->nr, called ? called : "");
	free(called);
	for (size_t i = 0; i < SECCOMP_ARGS; i++)
		fprintf(stderr, " %llx", (unsigned long long)data->args[i]);
	fprintf(stderr, "\ndefault %s\n", hp_seccomp_action_names[profile->default_action]);
	for (size_t i = 0; i < profile->rule_count; i++) {
		const struct hp_seccomp_rule *rule = &profile->rules[i];

		fprintf(stderr, "%s:", hp_seccomp_action_names[rule->action]);
		for (char **name = rule->names; *name; name++)
			fprintf(stderr, " %s", *name);
		for (size_t k = 0; k < rule->arg_count; k++)
			fprintf(stderr, " [%u] %s %llx %llx", rule->args[k].index,
				hp_seccomp_operator_names[rule->args[k].op],
				(unsigned long long)rule->args[k].value,
				(unsigned long long)rule->args[k].value_two);
		fprintf(stderr, "\n");
	}
}

static void probe(const struct seccomp_reader *reader, const struct hp_seccomp *profile,
		  const struct seccomp_program *program, const struct seccomp_data *data)
{
	uint32_t action = bpf_run(program->instructions, data, NULL);
	struct seccomp_answers answers;

	probes++;
	seccomp_reader_ask(reader, data, &answers);
	if (seccomp_answers_have(&answers, action))
		return;
	describe_rules(profile, data);
	fail_msg("the program answers %x, the profile says %x", action, answers.actions[0]);
}

static struct seccomp_data random_call(struct random *random, const struct hp_seccomp *profile,
				       uint32_t arch, int number)
{
	struct seccomp_data data = {.arch = arch, .nr = number};

	for (size_t i = 0; i < SECCOMP_ARGS; i++)
		data.args[i] = random_argument(random, profile);
	/* The numbers of multiplexed calls. */
	if (random_below(random, 4) == 0)
		data.args[0] = random_below(random, 25);
	data.instruction_pointer = random_next(random);
	return data;
}

static void probe_number(struct random *random, const struct seccomp_reader *reader,
			 const struct hp_seccomp *profile, const struct seccomp_program *program,
			 uint32_t arch, int number, size_t times)
{
	for (size_t i = 0; i < times; i++) {
		struct seccomp_data data = random_call(random, profile, arch, number);

		probe(reader, profile, program, &data);
	}
}

/* Calls that the profile names, `times` each, and some that it does not. */
static void probe_machine(struct random *random, const struct seccomp_reader *reader,
			  const struct hp_seccomp *profile, const struct seccomp_program *program,
			  const struct seccomp_machine *machine, size_t times)
{
	static const int others[] = {-1, 0, 1, 102, 117, 400, 600, 0x40000000, 0x40000029, 1 << 20};
	int numbers[2048];
	size_t count =
	    seccomp_reader_numbers(reader, machine, numbers, sizeof(numbers) / sizeof(numbers[0]));
	int highest = 0;

	for (size_t i = 0; i < count; i++) {
		probe_number(random, reader, profile, program, machine->audit, numbers[i], times);
		highest = numbers[i] > highest ? numbers[i] : highest;
	}
	for (int next = 1; next < 4; next++)
		probe_number(random, reader, profile, program, machine->audit, highest + next, 1);
	for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++)
		probe_number(random, reader, profile, program, machine->audit, others[i], 1);
}

static void compare(struct random *random, const struct hp_seccomp *profile, size_t times)
{
	struct seccomp_reader *reader = seccomp_reader_new(profile);
	struct seccomp_program program;
	struct hp_err err = {0};

	if (seccomp_program_compile(profile, &program, &err) < 0)
		fail_msg("cannot compile: %s", err.reason);
	assert_null(bpf_check(program.instructions, program.count));
	for (size_t i = 0; i < seccomp_machine_count; i++) {
		const struct seccomp_machine *machine = &seccomp_machines[i];

		probe_machine(random, reader, profile, &program, machine,
			      seccomp_reader_has(reader, machine) ? times : 1);
	}
	seccomp_program_clear(&program);
	seccomp_reader_free(reader);
}

/* ---- random profiles ---- */

static void random_profiles_are_what_they_say(void **state)
{
	struct random random = {.state = 0x9e3779b97f4a7c15};

	(void)state;
	probes = 0;
	for (int i = 0; i < RANDOM_PROFILES; i++) {
		struct hp_arena arena = HP_ARENA_INIT;

		compare(&random, random_profile(&random, &arena), 4);
		hp_arena_free(&arena);
	}
	assert_true(probes > 100000);
}

/* Only rules with tests, all of one call, so that many of them overlap. */
static void many_tests_of_one_call(void **state)
{
	struct random random = {.state = 88172645463325252};

	(void)state;
	for (int i = 0; i < 300; i++) {
		struct hp_arena arena = HP_ARENA_INIT;
		struct hp_seccomp *profile = random_profile(&random, &arena);

		for (size_t k = 0; k < profile->rule_count; k++) {
			profile->rules[k].names[0] = (char *)(i % 3 ? "ioctl" : "socket");
			profile->rules[k].names[1] = NULL;
			if (profile->rules[k].arg_count == 0)
				profile->rules[k].action = profile->default_action;
		}
		compare(&random, profile, 12);
		hp_arena_free(&arena);
	}
}

/* ---- docker's ---- */

static const char *const no_capabilities[] = {NULL};

static const struct hp_seccomp *docker_profile(const char *const capabilities[],
					       struct hp_arena *arena)
{
	char *text = read_whole(DOCKER_DEFAULT_PROFILE, NULL);
	struct hp_seccomp *profile;
	struct hp_json json = {0};
	struct hp_err err = {0};
	char *resolved;

	if (!text)
		skip("docker's profile is not installed");
	resolved = docker_profile_resolve(text, "amd64", capabilities);
	assert_non_null(resolved);
	assert_int_equal(hp_json_parse(&json, resolved, strlen(resolved), &err), 0);
	assert_int_equal(
	    hp_seccomp_read(hp_json_root(&json), HP_DIALECT_OCI, arena, &profile, &err), 0);
	hp_json_free(&json);
	free(resolved);
	free(text);
	return profile;
}

static void dockers_profile_is_what_it_says(void **state)
{
	const char *const *const containers[] = {docker_default_capabilities, no_capabilities};
	struct random random = {.state = 1};

	(void)state;
	for (size_t i = 0; i < ELEMENTS(containers); i++) {
		struct hp_arena arena = HP_ARENA_INIT;
		const struct hp_seccomp *profile = docker_profile(containers[i], &arena);

		assert_true(profile->rule_count > 10);
		assert_int_equal(profile->arch_count, 3);
		probes = 0;
		compare(&random, profile, 6);
		assert_true(probes > 5000);
		hp_arena_free(&arena);
	}
}

/* Every number, and both sides of each of its tests. */
static void dockers_profile_number_by_number(void **state)
{
	static const uint64_t edges[] = {
	    0,		1,	    8,		 16,	     40,
	    39,		0x20000,    0x20008,	 0xffffffff, 0x7e020000,
	    0x7c020000, 0x10000000, 0x100000000, UINT64_MAX, 0x100000028,
	};
	struct hp_arena arena = HP_ARENA_INIT;
	const struct hp_seccomp *profile = docker_profile(no_capabilities, &arena);
	struct seccomp_reader *reader = seccomp_reader_new(profile);
	struct seccomp_program program;
	struct hp_err err = {0};

	(void)state;
	assert_int_equal(seccomp_program_compile(profile, &program, &err), 0);
	for (size_t m = 0; m < 3; m++)
		for (int number = 0; number < 500; number++)
			for (size_t i = 0; i < sizeof(edges) / sizeof(edges[0]); i++) {
				bool is_x32 = seccomp_machines[m].token == SCMP_ARCH_X32;
				struct seccomp_data data = {
				    .arch = seccomp_machines[m].audit,
				    .nr = number | (is_x32 ? 0x40000000 : 0),
				    .args = {edges[i], edges[i], edges[i]},
				};

				probe(reader, profile, &program, &data);
			}
	seccomp_program_clear(&program);
	seccomp_reader_free(reader);
	hp_arena_free(&arena);
}

/* The kernel's result, for a process without capabilities. */
static int under_dockers_profile(void *userdata)
{
	const struct seccomp_program *program = userdata;
	struct sock_fprog bpf = {(unsigned short)program->count, program->instructions};

	CHECK(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0);
	CHECK(syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, program->flags, &bpf) == 0);
	CHECK(socket(AF_NETLINK, SOCK_RAW, NETLINK_AUDIT) == -1 && errno == EINVAL);
	CHECK(socket(AF_NETLINK, SOCK_RAW, NETLINK_ROUTE) >= 0);
	CHECK(socket(AF_UNIX, SOCK_STREAM, 0) >= 0);
	CHECK(chroot("/") == -1 && errno == EPERM);
	CHECK(syscall(SYS_kexec_load, 0, 0, NULL, 0) == -1 && errno == EPERM);
	CHECK(syscall(SYS_personality, 0xffffffff) >= 0);
	CHECK(syscall(SYS_personality, 0x5) == -1 && errno == ENOSYS);
	CHECK(syscall(100000) == -1 && errno == ENOSYS);
	return 0;
}

static void the_kernel_takes_dockers_profile(void **state)
{
	struct hp_arena arena = HP_ARENA_INIT;
	const struct hp_seccomp *profile = docker_profile(no_capabilities, &arena);
	struct seccomp_program program;
	struct hp_err err = {0};

	(void)state;
	assert_int_equal(seccomp_program_compile(profile, &program, &err), 0);
	assert_int_equal(program.flags, SECCOMP_FILTER_FLAG_SPEC_ALLOW);
	assert_false(program.needs_listener);
	assert_int_equal(in_child(under_dockers_profile, &program), 0);
	seccomp_program_clear(&program);
	hp_arena_free(&arena);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(random_profiles_are_what_they_say),
	    cmocka_unit_test(many_tests_of_one_call),
	    cmocka_unit_test(dockers_profile_is_what_it_says),
	    cmocka_unit_test(dockers_profile_number_by_number),
	    cmocka_unit_test(the_kernel_takes_dockers_profile),
	};

	bound_time();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
