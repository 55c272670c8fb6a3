/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Conditions of docker's and podman's profiles: a rule counts only if the machine and the
 * container's capabilities are as its `includes` and `excludes` say. Reads them, and takes out the
 * rules that do not count, as moby/profiles and containers/common do.
 */

#include <assert.h>
#include <stdio.h>
#include <string.h>
#include <sys/utsname.h>

#include "proto/base/limits.h"
#include "proto/settings/kernel_names.h"
#include "proto/settings/seccomp_tables.h"
#include "proto/settings/settings_json.h"

/* ---- the machine ---- */

/*
 * Names of the machine's architecture: first libcontainer's (which is Go's and libseccomp's), then
 * others that docker has for it.
 */
static const char *const machine_names[] = {
#if defined(__x86_64__)
    "amd64",
#elif defined(__aarch64__)
    "arm64",
#elif defined(__i386__)
    "x86",
#elif defined(__arm__)
    "arm",
#elif defined(__riscv) && __riscv_xlen == 64
    "riscv64",
#elif defined(__s390x__)
    "s390x",
#elif defined(__powerpc64__) && __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
    "ppc64le",
#elif defined(__powerpc64__)
    "ppc64",
#elif defined(__loongarch64)
    "loong64",
    "loongarch64",
#elif defined(__mips__) && defined(__mips64) && __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
    "mipsel64",
#elif defined(__mips__) && __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
    "mipsel",
    "mipsle",
#else
#error "which name have docker and libcontainer for this architecture?"
#endif
};

bool hp_seccomp_is_machine(uint32_t arch)
{
	assert(arch < hp_seccomp_arch_count);
	return strcmp(hp_seccomp_archs[arch].libcontainer, machine_names[0]) == 0;
}

static bool has_machine(char *const *names)
{
	for (; *names; names++) {
		for (size_t i = 0; i < sizeof(machine_names) / sizeof(machine_names[0]); i++) {
			if (strcmp(*names, machine_names[i]) == 0)
				return true;
		}
	}
	return false;
}

/* ---- versions of the kernel: 4.8, 5.10.0 ---- */

struct version {
	unsigned int numbers[3];
};

/* False: no version. What follows the numbers ("-amd64") does not count. */
static bool read_version(const char *text, struct version *ret)
{
	int count;

	ret->numbers[2] = 0;
	count = sscanf(text, "%5u.%5u.%5u", &ret->numbers[0], &ret->numbers[1], &ret->numbers[2]);
	return count >= 2;
}

static int check_version(const char *text, struct hp_err *err)
{
	struct version version;

	if (strspn(text, "0123456789.") == strlen(text) && read_version(text, &version))
		return 0;
	return hp_err_invalid(err, NULL, "must be a version of the kernel, such as 4.8");
}

static bool is_kernel_at_least(const char *text)
{
	struct version wanted, own;
	struct utsname names;

	/* check_version() has read it; a kernel without a number is not known to be new enough. */
	if (!read_version(text, &wanted) || uname(&names) < 0 || !read_version(names.release, &own))
		return false;
	for (size_t i = 0; i < 3; i++) {
		if (own.numbers[i] != wanted.numbers[i])
			return own.numbers[i] > wanted.numbers[i];
	}
	return true;
}

/* ---- reading ---- */

/*
 * An unknown condition would make a rule count that should not. The names of architectures are not
 * checked: a profile has those of all machines.
 */
#define CONDITION_FIELDS(member)                                                                   \
	{                                                                                          \
		HP_FIELD("caps", hp_field_flags, struct hp_seccomp_rule, member.capabilities,      \
			 uint64_t, .names = &hp_capability_names),                                 \
		    HP_FIELD("arches", hp_field_texts, struct hp_seccomp_rule, member.archs,       \
			     char **, .max = HP_SECCOMP_NAMES_MAX, .check_text = hp_check_line),   \
		    HP_TEXT("minKernel", struct hp_seccomp_rule, member.min_kernel,                \
			    HP_ID_BYTES_MAX, check_version),                                       \
	}

static const struct hp_field includes_fields[] = CONDITION_FIELDS(includes);
static const struct hp_field excludes_fields[] = CONDITION_FIELDS(excludes);
const struct hp_table hp_seccomp_includes_table =
    HP_TABLE(struct hp_seccomp_rule, includes_fields, .is_complete = true);
const struct hp_table hp_seccomp_excludes_table =
    HP_TABLE(struct hp_seccomp_rule, excludes_fields, .is_complete = true);

static int read_errno_name(const struct hp_field *field, struct hp_json_value value,
			   struct hp_arena *arena, void *object, struct hp_err *err)
{
	struct hp_uint *number = hp_field_at(field, object);
	char *name;
	int r;

	if (hp_json_equals(value, ""))
		return 0;
	r = hp_json_get_string(value, arena, &name, err);
	if (r < 0)
		return r;
	number->value = (uint64_t)hp_errno_from_name(name);
	if (number->value == 0)
		return hp_err_invalid(err, NULL, "must be the name of an errno, such as EPERM");
	number->is_set = true;
	return 0;
}

const struct hp_field_type hp_field_errno_name = {.read = read_errno_name};

/* ---- resolving ---- */

/* Everything that `includes` names must be there. */
static bool is_included(const struct hp_seccomp_condition *condition, uint64_t bounding)
{
	return (condition->capabilities & ~bounding) == 0 &&
	       (!condition->archs || has_machine(condition->archs)) &&
	       (!condition->min_kernel || is_kernel_at_least(condition->min_kernel));
}

/* Nothing that `excludes` names may be there. */
static bool is_excluded(const struct hp_seccomp_condition *condition, uint64_t bounding)
{
	return (condition->capabilities & bounding) != 0 ||
	       (condition->archs && has_machine(condition->archs)) ||
	       (condition->min_kernel && is_kernel_at_least(condition->min_kernel));
}

static int refuse_capabilities(const struct hp_seccomp_rule *rule, size_t index, const char *needed,
			       struct hp_err *err)
{
	const char *path = rule->includes.capabilities ? "includes.caps" : "excludes.caps";
	int r = hp_err_invalid(err, path, "depends on %s, which is not given", needed);

	return hp_err_prefix(err, hp_err_prefix_index(err, r, index), "syscalls");
}

int hp_seccomp_resolve(struct hp_seccomp *seccomp, const uint64_t *bounding, const char *needed,
		       struct hp_err *err)
{
	uint64_t capabilities = bounding ? *bounding : 0;
	size_t kept = 0;

	for (size_t i = 0; !bounding && i < seccomp->rule_count; i++) {
		const struct hp_seccomp_rule *rule = &seccomp->rules[i];

		if (rule->includes.capabilities || rule->excludes.capabilities)
			return refuse_capabilities(rule, i, needed, err);
	}
	for (size_t i = 0; i < seccomp->rule_count; i++) {
		struct hp_seccomp_rule *rule = &seccomp->rules[i];

		if (!is_included(&rule->includes, capabilities) ||
		    is_excluded(&rule->excludes, capabilities))
			continue;
		seccomp->rules[kept] = *rule;
		seccomp->rules[kept].includes = (struct hp_seccomp_condition){0};
		seccomp->rules[kept].excludes = (struct hp_seccomp_condition){0};
		kept++;
	}
	seccomp->rule_count = kept;
	return 0;
}
