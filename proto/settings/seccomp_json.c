/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Seccomp profiles and their JSON: runtime-spec's and libcontainer's are read, libcontainer's is
 * written. A profile is a part of settings, or the parameter of CompileSeccomp.
 *
 * Profiles of docker and podman look like runtime-spec's, with `archMap` for the architectures
 * (seccomp_archs_json.c) and with conditions in the rules (seccomp_conditions.c).
 */

#include <assert.h>
#include <errno.h>
#include <string.h>

#include "proto/base/limits.h"
#include "proto/settings/seccomp_tables.h"
#include "proto/settings/settings_json.h"
#include "proto/settings/settings_tables.h"

/* The largest value that SECCOMP_RET_DATA holds. */
#define RET_DATA_MAX 0xffff
/* Of SCMP_ACT_ERRNO: the kernel's MAX_ERRNO is 4095, which libseccomp, and so runc, refuses. */
#define ERRNO_RET_MAX 4094

/* ---- names in runtime-spec, numbers in libcontainer ---- */

/* names[0] is not a value. */
static int read_index(struct hp_json_value value, const char *const names[], size_t count,
		      void *ret_enum, struct hp_err *err)
{
	unsigned int number;
	int index;
	int r = hp_json_get_enum(value, names + 1, count - 1, &index, err);

	if (r < 0)
		return r;
	number = (unsigned int)index + 1;
	memcpy(ret_enum, &number, sizeof(number));
	return 0;
}

static int read_action(const struct hp_field *field, struct hp_json_value value,
		       struct hp_arena *arena, void *object, struct hp_err *err)
{
	(void)arena;
	return read_index(value, hp_seccomp_action_names, HP_SECCOMP_ACTION_END,
			  hp_field_at(field, object), err);
}

static int read_operator(const struct hp_field *field, struct hp_json_value value,
			 struct hp_arena *arena, void *object, struct hp_err *err)
{
	(void)arena;
	return read_index(value, hp_seccomp_operator_names, HP_SECCOMP_OPERATOR_END,
			  hp_field_at(field, object), err);
}

static const struct hp_field_type field_action = {.read = read_action};
static const struct hp_field_type field_operator = {.read = read_operator};

/* ---- arguments ---- */

static const struct hp_field oci_arg_fields[] = {
    HP_UINT32("index", struct hp_seccomp_arg, index, 0, 5, .is_required = true),
    HP_UINT64("value", struct hp_seccomp_arg, value, .is_required = true),
    HP_UINT64("valueTwo", struct hp_seccomp_arg, value_two),
    HP_FIELD("op", field_operator, struct hp_seccomp_arg, op, enum hp_seccomp_operator,
	     .is_required = true),
};
static const struct hp_table oci_arg = HP_TABLE(struct hp_seccomp_arg, oci_arg_fields);

static const struct hp_field libcontainer_arg_fields[] = {
    HP_UINT32("index", struct hp_seccomp_arg, index, 0, 5, .is_always_written = true),
    HP_UINT64("value", struct hp_seccomp_arg, value, .is_always_written = true),
    HP_UINT64("value_two", struct hp_seccomp_arg, value_two, .is_always_written = true),
    HP_INT32("op", struct hp_seccomp_arg, op, enum hp_seccomp_operator, 1,
	     HP_SECCOMP_OPERATOR_END - 1, .is_required = true),
};
static const struct hp_table libcontainer_arg =
    HP_TABLE(struct hp_seccomp_arg, libcontainer_arg_fields);

/* ---- rules ---- */

static bool takes_errno(enum hp_seccomp_action action)
{
	return action == HP_SECCOMP_ERRNO || action == HP_SECCOMP_TRACE;
}

/* `key`: the name of the number for the error. */
static int check_errno(enum hp_seccomp_action action, const struct hp_uint *number, const char *key,
		       struct hp_err *err)
{
	if (!number->is_set)
		return 0;
	if (!takes_errno(action))
		return hp_err_invalid(err, key, "must not be given with %s",
				      hp_seccomp_action_names[action]);
	if (action == HP_SECCOMP_ERRNO && number->value > ERRNO_RET_MAX)
		return hp_err_invalid(err, key, "must be from 0 to %d with SCMP_ACT_ERRNO",
				      ERRNO_RET_MAX);
	return 0;
}

/* config-linux.md: "If the action does not support an errno, the runtime MUST ... fail." */
static int check_rule(void *object, const void *first, struct hp_err *err)
{
	const struct hp_seccomp_rule *rule = object;

	(void)first;
	return check_errno(rule->action, &rule->errno_ret, "errnoRet", err);
}

/*
 * Names that libseccomp does not know are left out, since a profile may be for newer machines too.
 * "MKDIR", "mkdir " and "83" are no such names: the rule could never apply.
 */
static int check_syscall_name(const char *text, struct hp_err *err)
{
	size_t length = strlen(text);

	if (strspn(text, "abcdefghijklmnopqrstuvwxyz0123456789_") != length ||
	    strspn(text, "0123456789") == length)
		return hp_err_invalid(err, NULL,
				      "must be the name of a system call, such as mkdir");
	return 0;
}

/* One name: libcontainer has a rule for each, and docker had in its old profiles. */
static int read_name(const struct hp_field *field, struct hp_json_value value,
		     struct hp_arena *arena, void *object, struct hp_err *err)
{
	char **names;
	int r;

	if (!field->is_required && hp_json_equals(value, ""))
		return 0;
	names = hp_arena_calloc(arena, 2, sizeof(*names));
	if (!names)
		return hp_err_no_memory(err);
	r = hp_json_get_name(value, arena, HP_PATH_BYTES_MAX, &names[0], err);
	if (r == 0)
		r = check_syscall_name(names[0], err);
	if (r == 0)
		memcpy(hp_field_at(field, object), &names, sizeof(names));
	return r;
}

static const struct hp_field_type field_name = {.read = read_name};

static char **take_names(char ***names)
{
	char **taken = *names;

	*names = NULL;
	return taken;
}

/* containers/common: the name counts in place of the number. */
static void take_errno(struct hp_uint *named, struct hp_uint *number)
{
	if (named->is_set)
		*number = *named;
	*named = (struct hp_uint){0};
}

/* Of docker's and podman's members there is one name for the calls, and one number. */
static int check_oci_rule(void *object, const void *first, struct hp_err *err)
{
	struct hp_seccomp_rule *rule = object;

	if (rule->names && rule->old_names)
		return hp_err_invalid(err, "name", "must not be given with names");
	if (rule->old_names)
		rule->names = take_names(&rule->old_names);
	if (!rule->names)
		return hp_err_invalid(err, "names", "is required, with at least one name");
	take_errno(&rule->errno_named, &rule->errno_ret);
	return check_rule(rule, first, err);
}

static const struct hp_field oci_rule_fields[] = {
    HP_FIELD("names", hp_field_texts, struct hp_seccomp_rule, names, char **,
	     .max = HP_SECCOMP_NAMES_MAX, .check_text = check_syscall_name),
    HP_FIELD("action", field_action, struct hp_seccomp_rule, action, enum hp_seccomp_action,
	     .is_required = true),
    HP_UINT("errnoRet", struct hp_seccomp_rule, errno_ret, 0, RET_DATA_MAX),
    HP_LIST("args", struct hp_seccomp_rule, args, arg_count, struct hp_seccomp_arg, oci_arg,
	    HP_SECCOMP_TESTS_MAX),
    /* docker's old types have it besides names, with the value "". */
    HP_FIELD("name", field_name, struct hp_seccomp_rule, old_names, char **),
    HP_FIELD("errno", hp_field_errno_name, struct hp_seccomp_rule, errno_named, struct hp_uint),
    HP_GROUP("includes", hp_seccomp_includes_table),
    HP_GROUP("excludes", hp_seccomp_excludes_table),
};
static const char *const oci_rule_passed_over[] = {"comment", NULL};
static const struct hp_table oci_rule =
    HP_TABLE(struct hp_seccomp_rule, oci_rule_fields, .check = check_oci_rule,
	     .passed_over = oci_rule_passed_over);

static const struct hp_field libcontainer_rule_fields[] = {
    HP_FIELD("name", field_name, struct hp_seccomp_rule, names, char **, .is_required = true),
    HP_INT32("action", struct hp_seccomp_rule, action, enum hp_seccomp_action, 1,
	     HP_SECCOMP_ACTION_END - 1, .is_required = true),
    HP_UINT("errnoRet", struct hp_seccomp_rule, errno_ret, 0, RET_DATA_MAX),
    HP_LIST("args", struct hp_seccomp_rule, args, arg_count, struct hp_seccomp_arg,
	    libcontainer_arg, HP_SECCOMP_TESTS_MAX),
};
static const struct hp_table libcontainer_rule =
    HP_TABLE(struct hp_seccomp_rule, libcontainer_rule_fields, .check = check_rule);

/* ---- flags ---- */

static int read_flags(const struct hp_field *field, struct hp_json_value value,
		      struct hp_arena *arena, void *object, struct hp_err *err)
{
	struct hp_seccomp *seccomp = object;
	struct hp_json_value key, element;
	size_t i = 0;

	(void)field;
	(void)arena;
	if (hp_json_type(value) != HP_JSON_ARRAY)
		return hp_err_invalid(err, NULL, "must be a list of strings");
	HP_JSON_FOREACH (key, element, value) {
		int flag = 0;
		int r = hp_json_get_enum(element, hp_seccomp_flag_names, HP_SECCOMP_FLAG_COUNT,
					 &flag, err);

		r = hp_json_go_on(value, hp_err_prefix_index(err, r, i++), err);
		if (r < 0)
			return r;
		seccomp->flags |= 1u << flag;
	}
	seccomp->has_flags = true;
	return 0;
}

static const struct hp_field_type field_flags = {.read = read_flags};

/* ---- profiles ---- */

static size_t count_names(const struct hp_seccomp_rule *rule)
{
	size_t count = 0;

	while (rule->names[count])
		count++;
	return count;
}

static int check_sizes(const struct hp_seccomp *seccomp, struct hp_err *err)
{
	size_t names = 0, tests = 0;

	for (size_t i = 0; i < seccomp->rule_count; i++) {
		size_t count = count_names(&seccomp->rules[i]);

		names += count;
		tests += count * seccomp->rules[i].arg_count;
	}
	if (names > HP_SECCOMP_NAMES_MAX)
		return hp_err_invalid(err, "syscalls", "must not have more than %d names",
				      HP_SECCOMP_NAMES_MAX);
	if (tests > HP_SECCOMP_TESTS_MAX)
		return hp_err_invalid(err, "syscalls", "must not test more than %d arguments",
				      HP_SECCOMP_TESTS_MAX);
	return 0;
}

/*
 * The process that installs such a filter has to report the listener's number with write(2), which
 * would wait for an agent that does not have the listener yet.
 */
static int check_notify(const struct hp_seccomp *seccomp, struct hp_err *err)
{
	for (size_t i = 0; i < seccomp->rule_count; i++) {
		const struct hp_seccomp_rule *rule = &seccomp->rules[i];

		for (size_t k = 0; rule->names[k]; k++) {
			if (rule->action != HP_SECCOMP_NOTIFY || strcmp(rule->names[k], "write"))
				continue;
			hp_err_invalid(err, "action",
				       "SCMP_ACT_NOTIFY cannot be used for the write syscall");
			return hp_err_prefix(err, hp_err_prefix_index(err, -EINVAL, i), "syscalls");
		}
	}
	return 0;
}

struct profile_keys {
	const char *default_action, *default_errno, *listener_metadata;
};
static const struct profile_keys profile_keys[HP_DIALECT_COUNT] = {
    [HP_DIALECT_OCI] = {"defaultAction", "defaultErrnoRet", "listenerMetadata"},
    [HP_DIALECT_LIBCONTAINER] = {"default_action", "default_errno_ret", "listener_metadata"},
};

static int check_profile(const struct hp_seccomp *seccomp, const struct profile_keys *keys,
			 struct hp_err *err)
{
	int r;

	if (seccomp->default_action == HP_SECCOMP_NOTIFY)
		return hp_err_invalid(err, keys->default_action,
				      "SCMP_ACT_NOTIFY cannot be used as default action");
	r = check_errno(seccomp->default_action, &seccomp->default_errno_ret, keys->default_errno,
			err);
	if (r < 0)
		return r;
	if (seccomp->listener_metadata && !seccomp->listener_path)
		return hp_err_invalid(err, keys->listener_metadata,
				      "must not be given without a listener");
	r = check_notify(seccomp, err);
	return r < 0 ? r : check_sizes(seccomp, err);
}

static const struct hp_field oci_fields[] = {
    HP_FIELD("defaultAction", field_action, struct hp_seccomp, default_action,
	     enum hp_seccomp_action, .is_required = true),
    HP_UINT("defaultErrnoRet", struct hp_seccomp, default_errno_ret, 0, RET_DATA_MAX),
    {.key = "architectures", .type = &hp_field_oci_archs},
    {.key = "flags", .type = &field_flags},
    HP_TEXT("listenerPath", struct hp_seccomp, listener_path, HP_PATH_BYTES_MAX,
	    hp_check_absolute_path),
    HP_TEXT("listenerMetadata", struct hp_seccomp, listener_metadata, HP_METADATA_BYTES_MAX, NULL),
    HP_LIST("syscalls", struct hp_seccomp, rules, rule_count, struct hp_seccomp_rule, oci_rule,
	    HP_SECCOMP_NAMES_MAX),
    {.key = "archMap", .type = &hp_field_arch_map},
    HP_FIELD("defaultErrno", hp_field_errno_name, struct hp_seccomp, default_errno_named,
	     struct hp_uint),
};

static const struct hp_field libcontainer_fields[] = {
    HP_INT32("default_action", struct hp_seccomp, default_action, enum hp_seccomp_action, 1,
	     HP_SECCOMP_ACTION_END - 1, .is_required = true),
    {.key = "architectures", .type = &hp_field_libcontainer_archs},
    {.key = "flags", .type = &field_flags},
    HP_LIST("syscalls", struct hp_seccomp, rules, rule_count, struct hp_seccomp_rule,
	    libcontainer_rule, HP_SECCOMP_NAMES_MAX),
    HP_UINT("default_errno_ret", struct hp_seccomp, default_errno_ret, 0, RET_DATA_MAX),
    HP_TEXT("listener_path", struct hp_seccomp, listener_path, HP_PATH_BYTES_MAX,
	    hp_check_absolute_path),
    HP_TEXT("listener_metadata", struct hp_seccomp, listener_metadata, HP_METADATA_BYTES_MAX, NULL),
};

const struct hp_table hp_seccomp_tables[HP_DIALECT_COUNT] = {
    [HP_DIALECT_OCI] =
	HP_TABLE(struct hp_seccomp, oci_fields, .is_section = true, .root = &hp_oci_settings_table),
    [HP_DIALECT_LIBCONTAINER] = HP_TABLE(struct hp_seccomp, libcontainer_fields, .is_section = true,
					 .root = &hp_libcontainer_settings_table),
};

static bool is_zero(struct hp_json_value value)
{
	int64_t number;
	struct hp_err ignored;

	return hp_json_is_absent(value) || hp_json_equals(value, "") ||
	       hp_json_get_int64(value, 0, 0, &number, &ignored) == 0;
}

/* runc treats a profile without a default and without rules as no seccomp. */
static bool says_nothing(struct hp_json_value value, enum hp_dialect dialect)
{
	return hp_json_type(value) == HP_JSON_OBJECT &&
	       is_zero(hp_json_member(value, profile_keys[dialect].default_action)) &&
	       hp_json_count(hp_json_member(value, "syscalls")) == 0;
}

/* moby: "use either 'architectures' or 'archMap'" */
static int check_arch_lists(struct hp_json_value value, enum hp_dialect dialect, struct hp_err *err)
{
	if (dialect != HP_DIALECT_OCI || hp_json_count(hp_json_member(value, "archMap")) == 0 ||
	    hp_json_count(hp_json_member(value, "architectures")) == 0)
		return 0;
	return hp_err_invalid(err, "archMap", "must not be given with architectures");
}

int hp_seccomp_read(struct hp_json_value value, enum hp_dialect dialect, struct hp_arena *arena,
		    struct hp_seccomp **ret_seccomp, struct hp_err *err)
{
	size_t mistakes = hp_json_mistake_count(value);
	struct hp_seccomp *seccomp;
	int r;

	if (says_nothing(value, dialect)) {
		r = hp_table_check_names(&hp_seccomp_tables[dialect], value, err);
		if (r == 0 && !hp_table_recognizes(&hp_seccomp_tables[dialect], value))
			r = hp_err_invalid(err, NULL, "is not a seccomp profile: %s is missing",
					   profile_keys[dialect].default_action);
		if (r == 0)
			*ret_seccomp = NULL;
		return r;
	}
	seccomp = hp_arena_calloc(arena, 1, sizeof(*seccomp));
	if (!seccomp)
		return hp_err_no_memory(err);
	/* libcontainer's list has the resolved flags: null means none. */
	seccomp->has_flags = dialect == HP_DIALECT_LIBCONTAINER;
	r = hp_table_read(&hp_seccomp_tables[dialect], value, arena, seccomp, err);
	take_errno(&seccomp->default_errno_named, &seccomp->default_errno_ret);
	if (r == 0)
		r = hp_json_go_on(value, check_arch_lists(value, dialect, err), err);
	if (r == 0 && hp_json_mistake_count(value) == mistakes)
		r = check_profile(seccomp, &profile_keys[dialect], err);
	if (r == 0)
		*ret_seccomp = seccomp;
	return r;
}

/* ---- writing ---- */

static void write_archs(struct hp_json_writer *writer, const struct hp_seccomp *seccomp)
{
	hp_json_key(writer, "architectures");
	hp_json_begin(writer, '[');
	for (size_t i = 0; i < seccomp->arch_count; i++)
		hp_json_put_string(writer, hp_seccomp_archs[seccomp->archs[i]].libcontainer);
	hp_json_end(writer, ']');
}

static void write_flags(struct hp_json_writer *writer, const struct hp_seccomp *seccomp)
{
	/* The flags that runc uses if they are absent. */
	uint32_t flags = seccomp->has_flags ? seccomp->flags : 1u << HP_SECCOMP_FLAG_SPEC_ALLOW;

	hp_json_key(writer, "flags");
	hp_json_begin(writer, '[');
	for (size_t i = 0; i < HP_SECCOMP_FLAG_COUNT; i++) {
		if (flags & 1u << i)
			hp_json_put_string(writer, hp_seccomp_flag_names[i]);
	}
	hp_json_end(writer, ']');
}

static void write_uint(struct hp_json_writer *writer, const char *key, const struct hp_uint *number)
{
	if (!number->is_set)
		return;
	hp_json_key(writer, key);
	hp_field_put_uint(writer, number->value);
}

static void write_text(struct hp_json_writer *writer, const char *key, const char *text)
{
	if (!text)
		return;
	hp_json_key(writer, key);
	hp_json_put_string(writer, text);
}

static void write_rule(struct hp_json_writer *writer, const struct hp_seccomp_rule *rule,
		       const char *name)
{
	struct hp_err err; /* unused: this table can write everything */

	/* hp_seccomp_resolve() was called: else the rule would count where it must not. */
	assert(!rule->includes.capabilities && !rule->includes.archs && !rule->includes.min_kernel);
	assert(!rule->excludes.capabilities && !rule->excludes.archs && !rule->excludes.min_kernel);

	hp_json_begin(writer, '{');
	write_text(writer, "name", name);
	hp_json_key(writer, "action");
	hp_json_put_int(writer, rule->action);
	write_uint(writer, "errnoRet", &rule->errno_ret);
	hp_json_key(writer, "args");
	hp_json_begin(writer, '[');
	for (size_t i = 0; i < rule->arg_count; i++)
		hp_table_write(&libcontainer_arg, writer, &rule->args[i], &err);
	hp_json_end(writer, ']');
	hp_json_end(writer, '}');
}

void hp_seccomp_write(struct hp_json_writer *writer, const struct hp_seccomp *seccomp)
{
	hp_json_begin(writer, '{');
	hp_json_key(writer, "default_action");
	hp_json_put_int(writer, seccomp->default_action);
	write_archs(writer, seccomp);
	write_flags(writer, seccomp);
	hp_json_key(writer, "syscalls");
	hp_json_begin(writer, '[');
	for (size_t i = 0; i < seccomp->rule_count; i++) {
		const struct hp_seccomp_rule *rule = &seccomp->rules[i];

		for (size_t k = 0; rule->names[k]; k++)
			write_rule(writer, rule, rule->names[k]);
	}
	hp_json_end(writer, ']');
	write_uint(writer, "default_errno_ret", &seccomp->default_errno_ret);
	write_text(writer, "listener_path", seccomp->listener_path);
	write_text(writer, "listener_metadata", seccomp->listener_metadata);
	hp_json_end(writer, '}');
}
