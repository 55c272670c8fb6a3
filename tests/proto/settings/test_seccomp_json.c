/* SPDX-License-Identifier: Apache-2.0 */

/* Seccomp profiles in both dialects, and the profile that docker's containers run under. */

#include "tests/proto/settings/settings_unit.h"

#include "tests/proto/settings/docker_profile.h"

struct profile {
	struct document document;
	struct hp_arena arena;
	struct hp_seccomp *seccomp;
	int r;
};

static struct profile profile_try(const char *text, enum hp_dialect dialect)
{
	struct profile profile = {.arena = HP_ARENA_INIT};
	struct hp_json_value root = document_open(&profile.document, text);

	root.json = &profile.document.json;
	profile.r =
	    hp_seccomp_read(root, dialect, &profile.arena, &profile.seccomp, &profile.document.err);
	return profile;
}

static struct profile profile_open(const char *text, enum hp_dialect dialect)
{
	struct profile profile = profile_try(text, dialect);

	if (profile.r < 0)
		fail_msg("%s: %s", profile.document.err.path, profile.document.err.reason);
	return profile;
}

static void profile_close(struct profile *profile)
{
	hp_arena_free(&profile->arena);
	document_close(&profile->document);
}

static char *profile_written(const struct hp_seccomp *seccomp)
{
	struct hp_buf buf = HP_BUF_INIT;
	struct hp_json_writer writer = HP_JSON_WRITER_INIT(&buf);

	hp_seccomp_write(&writer, seccomp);
	hp_buf_append(&buf, "", 1);
	assert_false(buf.failed);
	return buf.data;
}

/* ---- names ---- */

static void actions_and_operators_have_all_their_names(void **state)
{
	(void)state;
	for (int action = 1; action < HP_SECCOMP_ACTION_END; action++) {
		bool is_notify = action == HP_SECCOMP_NOTIFY;
		struct profile profile;
		char text[256];

		snprintf(text, sizeof(text), "{\"defaultAction\":\"%s\"}",
			 hp_seccomp_action_names[action]);
		profile = profile_try(text, HP_DIALECT_OCI);
		assert_int_equal(profile.r, is_notify ? -EINVAL : 0);
		if (!is_notify)
			assert_int_equal(profile.seccomp->default_action, action);
		profile_close(&profile);
	}
	for (int op = 1; op < HP_SECCOMP_OPERATOR_END; op++) {
		struct profile profile;
		char text[256];

		snprintf(text, sizeof(text),
			 "{\"defaultAction\":\"SCMP_ACT_LOG\",\"syscalls\":[{\"names\":[\"a\"],"
			 "\"action\":\"SCMP_ACT_TRAP\",\"args\":[{\"index\":5,\"value\":1,"
			 "\"op\":\"%s\"}]}]}",
			 hp_seccomp_operator_names[op]);
		profile = profile_open(text, HP_DIALECT_OCI);
		assert_int_equal(profile.seccomp->rules[0].args[0].op, op);
		profile_close(&profile);
	}
}

static void architectures_have_a_name_in_each_dialect(void **state)
{
	(void)state;
	for (size_t i = 0; i < hp_seccomp_arch_count; i++) {
		const char *names[] = {hp_seccomp_archs[i].oci, hp_seccomp_archs[i].libcontainer};
		static const char *const forms[] = {
		    "{\"defaultAction\":\"SCMP_ACT_LOG\",\"architectures\":[\"%s\",\"%s\"]}",
		    "{\"default_action\":6,\"architectures\":[\"%s\",\"%s\"]}",
		};

		for (int dialect = 0; dialect < HP_DIALECT_COUNT; dialect++) {
			struct profile profile;
			char text[256];

			snprintf(text, sizeof(text), forms[dialect], names[dialect],
				 names[dialect]);
			profile = profile_open(text, (enum hp_dialect)dialect);
			assert_int_equal(profile.seccomp->arch_count, 1);
			assert_int_equal(profile.seccomp->archs[0], i);
			profile_close(&profile);
		}
	}
}

/* ---- both dialects ---- */

static void oci_profile_has_all_its_fields(void **state)
{
	struct reading reading = settings_open_data("settings-every-oci-field", HP_DIALECT_OCI);
	const struct hp_seccomp *seccomp = reading.settings->seccomp;

	(void)state;
	assert_int_equal(seccomp->default_action, HP_SECCOMP_ERRNO);
	assert_int_equal(seccomp->default_errno_ret.value, 38);
	assert_int_equal(seccomp->arch_count, 3);
	assert_string_equal(hp_seccomp_archs[seccomp->archs[2]].libcontainer, "x32");
	assert_true(seccomp->has_flags);
	assert_int_equal(seccomp->flags, 0xf);
	assert_string_equal(seccomp->listener_path, "/run/agent.sock");
	assert_string_equal(seccomp->listener_metadata, "{\"a\": 1}");
	assert_int_equal(seccomp->rule_count, 10);
	assert_string_equal(seccomp->rules[0].names[3], "no_such_call");
	assert_null(seccomp->rules[0].names[4]);
	assert_true(seccomp->rules[1].args[0].value == UINT64_MAX);
	assert_int_equal(seccomp->rules[2].action, HP_SECCOMP_TRACE);
	assert_int_equal(seccomp->rules[2].errno_ret.value, 65535);
	assert_int_equal(seccomp->rules[2].arg_count, 2);
	assert_int_equal(seccomp->rules[2].args[0].op, HP_SECCOMP_MASKED_EQ);
	assert_int_equal(seccomp->rules[2].args[1].index, 5);
	assert_int_equal(seccomp->rules[3].action, HP_SECCOMP_NOTIFY);
	assert_true(seccomp->rules[9].errno_ret.is_set);
	assert_int_equal(seccomp->rules[9].errno_ret.value, 0);
	settings_close(&reading);
}

static void libcontainer_profile_has_all_its_fields(void **state)
{
	struct reading reading =
	    settings_open_data("settings-libcontainer-of-today", HP_DIALECT_LIBCONTAINER);
	const struct hp_seccomp *seccomp = reading.settings->seccomp;

	(void)state;
	assert_int_equal(seccomp->default_action, HP_SECCOMP_ERRNO);
	assert_int_equal(seccomp->default_errno_ret.value, 38);
	assert_int_equal(seccomp->arch_count, 2);
	assert_int_equal(seccomp->flags, 1u << HP_SECCOMP_FLAG_LOG);
	assert_string_equal(seccomp->listener_path, "/run/agent.sock");
	assert_string_equal(seccomp->listener_metadata, "x");
	assert_int_equal(seccomp->rule_count, 2);
	assert_string_equal(seccomp->rules[0].names[0], "read");
	assert_null(seccomp->rules[0].names[1]);
	assert_false(seccomp->rules[0].errno_ret.is_set);
	assert_true(seccomp->rules[0].args[0].value == UINT64_MAX &&
		    seccomp->rules[0].args[0].value_two == UINT64_MAX);
	assert_int_equal(seccomp->rules[0].args[0].op, HP_SECCOMP_MASKED_EQ);
	assert_int_equal(seccomp->rules[1].errno_ret.value, 1);
	settings_close(&reading);
}

/* Absent stands for the default flags; libcontainer's list has the resolved ones. */
static void absent_flags_and_no_flags_differ(void **state)
{
	static const struct {
		enum hp_dialect dialect;
		const char *text;
		bool has_flags;
	} cases[] = {
	    {HP_DIALECT_OCI, "{\"defaultAction\":\"SCMP_ACT_LOG\"}", false},
	    {HP_DIALECT_OCI, "{\"defaultAction\":\"SCMP_ACT_LOG\",\"flags\":null}", false},
	    {HP_DIALECT_OCI, "{\"defaultAction\":\"SCMP_ACT_LOG\",\"flags\":[]}", true},
	    {HP_DIALECT_LIBCONTAINER, "{\"default_action\":6}", true},
	    {HP_DIALECT_LIBCONTAINER, "{\"default_action\":6,\"flags\":null}", true},
	    {HP_DIALECT_LIBCONTAINER, "{\"default_action\":6,\"flags\":[]}", true},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct profile profile = profile_open(cases[i].text, cases[i].dialect);

		assert_int_equal(profile.seccomp->has_flags, cases[i].has_flags);
		assert_int_equal(profile.seccomp->flags, 0);
		profile_close(&profile);
	}
}

static void profile_that_says_nothing_is_none(void **state)
{
	static const struct {
		enum hp_dialect dialect;
		const char *text;
	} cases[] = {
	    {HP_DIALECT_OCI, "{}"},
	    {HP_DIALECT_OCI, "{\"defaultAction\":\"\",\"syscalls\":[]}"},
	    {HP_DIALECT_OCI, "{\"architectures\":[\"SCMP_ARCH_X86\"],\"syscalls\":null}"},
	    {HP_DIALECT_LIBCONTAINER, "{}"},
	    {HP_DIALECT_LIBCONTAINER, "{\"default_action\":0,\"syscalls\":[]}"},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct profile profile = profile_open(cases[i].text, cases[i].dialect);

		assert_null(profile.seccomp);
		profile_close(&profile);
	}
}

/* ---- writing ---- */

static void names_are_written_one_by_one(void **state)
{
	struct profile profile = profile_open(
	    "{\"defaultAction\":\"SCMP_ACT_ERRNO\",\"defaultErrnoRet\":38,\"architectures\":"
	    "[\"SCMP_ARCH_X86_64\"],\"syscalls\":[{\"names\":[\"read\",\"write\"],\"action\":"
	    "\"SCMP_ACT_ALLOW\"},{\"names\":[\"clone\"],\"action\":\"SCMP_ACT_TRACE\","
	    "\"errnoRet\":1,\"args\":[{\"index\":1,\"value\":18446744073709551615,\"op\":"
	    "\"SCMP_CMP_NE\"}]}]}",
	    HP_DIALECT_OCI);
	char *text = profile_written(profile.seccomp);

	(void)state;
	assert_string_equal(
	    text, "{\"default_action\":2,\"architectures\":[\"amd64\"],\"flags\":"
		  "[\"SECCOMP_FILTER_FLAG_SPEC_ALLOW\"],\"syscalls\":[{\"name\":\"read\","
		  "\"action\":4,\"args\":[]},{\"name\":\"write\",\"action\":4,\"args\":[]},"
		  "{\"name\":\"clone\",\"action\":5,\"errnoRet\":1,\"args\":[{\"index\":1,"
		  "\"value\":18446744073709551615,\"value_two\":0,\"op\":2}]}],"
		  "\"default_errno_ret\":38}");
	free(text);
	profile_close(&profile);
}

/* Writes, reads and writes again; the profiles are equal, except for rules of several names. */
static void assert_profile_comes_back(const struct hp_seccomp *seccomp, size_t names)
{
	char *first = profile_written(seccomp);
	struct profile again = profile_open(first, HP_DIALECT_LIBCONTAINER);
	char *second = profile_written(again.seccomp);

	assert_string_equal(first, second);
	assert_int_equal(again.seccomp->rule_count, names);
	free(second);
	profile_close(&again);
	free(first);
}

/* ---- docker's ---- */

static const struct hp_seccomp_rule *find_rule(const struct hp_seccomp *seccomp, const char *name)
{
	for (size_t i = 0; i < seccomp->rule_count; i++) {
		for (size_t k = 0; seccomp->rules[i].names[k]; k++) {
			if (strcmp(seccomp->rules[i].names[k], name) == 0)
				return &seccomp->rules[i];
		}
	}
	return NULL;
}

static size_t count_names(const struct hp_seccomp *seccomp)
{
	size_t count = 0;

	for (size_t i = 0; i < seccomp->rule_count; i++) {
		for (size_t k = 0; seccomp->rules[i].names[k]; k++)
			count++;
	}
	return count;
}

#define READ_IF(conditions)                                                                        \
	"{\"defaultAction\":\"SCMP_ACT_ERRNO\",\"syscalls\":[{\"names\":[\"read\"],"               \
	"\"action\":\"SCMP_ACT_ALLOW\"," conditions "}]}"

#define CAP_BIT(number) (1ull << (number))
#define SYS_ADMIN	CAP_BIT(21)
#define SYS_PTRACE	CAP_BIT(19)

static size_t rules_left(const char *text, uint64_t bounding)
{
	struct profile profile = profile_open(text, HP_DIALECT_OCI);
	struct hp_err *err = &profile.document.err;
	size_t left;

	assert_int_equal(hp_seccomp_resolve(profile.seccomp, &bounding, "", err), 0);
	left = profile.seccomp->rule_count;
	profile_close(&profile);
	return left;
}

/* moby/profiles: all that `includes` names, and nothing that `excludes` names. */
static void rule_counts_if_its_conditions_hold(void **state)
{
	static const struct {
		const char *text;
		uint64_t bounding;
		bool counts;
	} rows[] = {
	    {READ_IF("\"includes\":{},\"excludes\":{}"), 0, true},
	    {READ_IF("\"includes\":null,\"excludes\":{\"caps\":[]}"), 0, true},
	    {READ_IF("\"includes\":{\"caps\":[\"CAP_SYS_ADMIN\"]}"), SYS_ADMIN, true},
	    {READ_IF("\"includes\":{\"caps\":[\"CAP_SYS_ADMIN\"]}"), SYS_PTRACE, false},
	    {READ_IF("\"includes\":{\"caps\":[\"CAP_SYS_ADMIN\",\"CAP_SYS_PTRACE\"]}"), SYS_ADMIN,
	     false},
	    {READ_IF("\"includes\":{\"caps\":[\"CAP_SYS_ADMIN\",\"CAP_SYS_PTRACE\"]}"),
	     SYS_ADMIN | SYS_PTRACE, true},
	    {READ_IF("\"excludes\":{\"caps\":[\"CAP_SYS_ADMIN\",\"CAP_SYS_PTRACE\"]}"), SYS_PTRACE,
	     false},
	    {READ_IF("\"excludes\":{\"caps\":[\"CAP_SYS_ADMIN\"]}"), 0, true},
	    {READ_IF("\"includes\":{\"arches\":[\"no_such\"]}"), 0, false},
	    {READ_IF("\"excludes\":{\"arches\":[\"no_such\"]}"), 0, true},
	    {READ_IF("\"includes\":{\"minKernel\":\"4.8\"}"), 0, true},
	    {READ_IF("\"includes\":{\"minKernel\":\"3.20.99\"}"), 0, true},
	    {READ_IF("\"includes\":{\"minKernel\":\"999.0\"}"), 0, false},
	    {READ_IF("\"excludes\":{\"minKernel\":\"4.8\"}"), 0, false},
	    {READ_IF("\"excludes\":{\"minKernel\":\"999.0\"}"), 0, true},
	    {READ_IF("\"includes\":{\"minKernel\":\"4.8\",\"caps\":[\"CAP_SYS_ADMIN\"]}"), 0,
	     false},
#ifdef __x86_64__
	    {READ_IF("\"includes\":{\"arches\":[\"x32\",\"amd64\"]}"), 0, true},
	    {READ_IF("\"excludes\":{\"arches\":[\"amd64\"]}"), 0, false},
	    {READ_IF("\"includes\":{\"arches\":[\"arm64\",\"x86\"]}"), 0, false},
#endif
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		if (rules_left(rows[i].text, rows[i].bounding) != rows[i].counts)
			fail_msg("%s", rows[i].text);
}

static void condition_of_capabilities_needs_them(void **state)
{
	struct profile profile =
	    profile_open(READ_IF("\"excludes\":{\"caps\":[\"CAP_SYS_ADMIN\"]}"), HP_DIALECT_OCI);
	struct hp_err *err = &profile.document.err;

	(void)state;
	assert_int_equal(hp_seccomp_resolve(profile.seccomp, NULL, "the moon", err), -EINVAL);
	assert_string_equal(err->path, "syscalls[0].excludes.caps");
	assert_string_equal(err->reason, "depends on the moon, which is not given");
	profile_close(&profile);
}

/* docker's first profiles, and podman's names of errnos. */
static void old_and_named_members_are_read(void **state)
{
	struct profile profile = profile_open(
	    "{\"defaultAction\":\"SCMP_ACT_ERRNO\",\"defaultErrnoRet\":1,\"defaultErrno\":"
	    "\"ENOSYS\","
	    "\"syscalls\":[{\"name\":\"read\",\"names\":null,\"action\":\"SCMP_ACT_ALLOW\"},"
	    "{\"name\":\"\",\"names\":[\"write\"],\"action\":\"SCMP_ACT_ERRNO\",\"errno\":"
	    "\"ENOENT\"}]}",
	    HP_DIALECT_OCI);
	const struct hp_seccomp *seccomp = profile.seccomp;

	(void)state;
	assert_string_equal(seccomp->rules[0].names[0], "read");
	assert_null(seccomp->rules[0].names[1]);
	assert_string_equal(seccomp->rules[1].names[0], "write");
	assert_int_equal(seccomp->rules[1].errno_ret.value, ENOENT);
	assert_int_equal(seccomp->default_errno_ret.value, ENOSYS);
	profile_close(&profile);
}

static void map_gives_the_architectures_of_this_machine(void **state)
{
	struct profile profile = profile_open(
	    "{\"defaultAction\":\"SCMP_ACT_ERRNO\",\"archMap\":["
	    "{\"architecture\":\"SCMP_ARCH_S390X\",\"subArchitectures\":[\"SCMP_ARCH_S390\"]},"
	    "{\"architecture\":\"SCMP_ARCH_AARCH64\",\"subArchitectures\":[\"SCMP_ARCH_ARM\"]},"
	    "{\"architecture\":\"SCMP_ARCH_X86_64\",\"subArchitectures\":[\"SCMP_ARCH_X86\"]},"
	    "{\"architecture\":\"SCMP_ARCH_RISCV64\",\"subArchitectures\":null}]}",
	    HP_DIALECT_OCI);
	size_t machines = 0;

	(void)state;
	for (size_t i = 0; i < profile.seccomp->arch_count; i++)
		machines += hp_seccomp_is_machine(profile.seccomp->archs[i]);
	assert_int_equal(machines, 1);
#ifdef __x86_64__
	assert_int_equal(profile.seccomp->arch_count, 2);
#endif
	profile_close(&profile);
}

/* The same as what the profile becomes in another program that resolves it. */
static void assert_resolved(const char *text, const char *const names[], uint64_t bounding)
{
	char *other = docker_profile_resolve(text, "amd64", names);
	struct profile expected = profile_open(other, HP_DIALECT_OCI);
	struct profile profile = profile_open(text, HP_DIALECT_OCI);
	char *first, *second;

	assert_int_equal(hp_seccomp_resolve(profile.seccomp, &bounding, "", &profile.document.err),
			 0);
	assert_int_equal(profile.seccomp->arch_count, expected.seccomp->arch_count);
	profile.seccomp->arch_count = expected.seccomp->arch_count = 0; /* in another order */
	first = profile_written(expected.seccomp);
	second = profile_written(profile.seccomp);
	assert_string_equal(first, second);
	free(first);
	free(second);
	profile_close(&profile);
	profile_close(&expected);
	free(other);
}

static void installed_profile_is_resolved(void **state)
{
	static const char *const none[] = {NULL}, *const all[] = {"CAP_SYS_ADMIN", "CAP_BPF", NULL};
	char *text = file_read(DOCKER_DEFAULT_PROFILE);
	/* docker's default: chown to setpcap, net_bind_service, net_raw, sys_chroot, ... */
	uint64_t usual = 0x1ffull & ~CAP_BIT(2);

	(void)state;
	usual |= CAP_BIT(10) | CAP_BIT(13) | CAP_BIT(18) | CAP_BIT(27) | CAP_BIT(29) | CAP_BIT(31);
	assert_resolved(text, none, 0);
	assert_resolved(text, all, SYS_ADMIN | CAP_BIT(39));
	assert_resolved(text, docker_default_capabilities, usual);
	free(text);
}

static void dockers_profile_is_read(void **state)
{
	char *text = file_read(DOCKER_DEFAULT_PROFILE);
	char *resolved = docker_profile_resolve(text, "amd64", docker_default_capabilities);
	struct profile profile = profile_open(resolved, HP_DIALECT_OCI);
	const struct hp_seccomp *seccomp = profile.seccomp;
	const struct hp_seccomp_rule *personality = find_rule(seccomp, "personality");

	(void)state;
	assert_int_equal(seccomp->default_action, HP_SECCOMP_ERRNO);
	assert_int_equal(seccomp->default_errno_ret.value, ENOSYS);
	assert_int_equal(seccomp->arch_count, 3);
	assert_true(count_names(seccomp) > 350);
	assert_int_equal(find_rule(seccomp, "read")->action, HP_SECCOMP_ALLOW);
	assert_int_equal(find_rule(seccomp, "chroot")->action, HP_SECCOMP_ALLOW);
	assert_int_equal(find_rule(seccomp, "bpf")->action, HP_SECCOMP_ERRNO);
	assert_int_equal(find_rule(seccomp, "bpf")->errno_ret.value, EPERM);
	assert_non_null(find_rule(seccomp, "arch_prctl"));
	assert_null(find_rule(seccomp, "s390_pci_mmio_read"));
	assert_int_equal(personality->arg_count, 1);
	assert_int_equal(personality->args[0].op, HP_SECCOMP_EQ);
	assert_profile_comes_back(seccomp, count_names(seccomp));
	profile_close(&profile);
	free(resolved);
	free(text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(actions_and_operators_have_all_their_names),
	    cmocka_unit_test(architectures_have_a_name_in_each_dialect),
	    cmocka_unit_test(oci_profile_has_all_its_fields),
	    cmocka_unit_test(libcontainer_profile_has_all_its_fields),
	    cmocka_unit_test(absent_flags_and_no_flags_differ),
	    cmocka_unit_test(profile_that_says_nothing_is_none),
	    cmocka_unit_test(names_are_written_one_by_one),
	    cmocka_unit_test(rule_counts_if_its_conditions_hold),
	    cmocka_unit_test(condition_of_capabilities_needs_them),
	    cmocka_unit_test(old_and_named_members_are_read),
	    cmocka_unit_test(map_gives_the_architectures_of_this_machine),
	    cmocka_unit_test(installed_profile_is_resolved),
	    cmocka_unit_test(dockers_profile_is_read),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
