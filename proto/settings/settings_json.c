/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Settings and their JSON: reads both dialects, writes libcontainer's, and has the tables and
 * checks of a process that both share. settings_oci.c and settings_libcontainer.c have the rest;
 * seccomp_json.c, resources_*.c and intel_rdt_json.c the larger parts.
 */

#include "proto/settings/settings_json.h"

#include <errno.h>
#include <sched.h>
#include <string.h>

#include "proto/base/limits.h"
#include "proto/settings/kernel_names.h"
#include "proto/settings/settings_tables.h"

/* ---- resource limits ---- */

static int read_rlimit_value(const struct hp_field *field, struct hp_json_value value,
			     struct hp_arena *arena, void *object, struct hp_err *err)
{
	uint64_t *ret = hp_field_at(field, object);
	int64_t number;
	struct hp_err ignored;

	(void)arena;
	if (hp_json_get_int64(value, -1, -1, &number, &ignored) == 0) {
		*ret = UINT64_MAX;
		return 0;
	}
	return hp_json_get_uint64(value, 0, UINT64_MAX, ret, err);
}

static int write_rlimit_value(const struct hp_field *field, struct hp_json_writer *writer,
			      const void *object, struct hp_err *err)
{
	(void)err;
	hp_field_put_uint(writer, *(const uint64_t *)hp_field_const_at(field, object));
	return 0;
}

const struct hp_field_type hp_field_rlimit_value = {read_rlimit_value, NULL, write_rlimit_value};

int hp_rlimit_check(void *object, const void *first, struct hp_err *err)
{
	const struct hp_rlimit *rlimit = object;

	for (const struct hp_rlimit *other = first; other < rlimit; other++) {
		if (other->resource == rlimit->resource)
			return hp_err_invalid(err, "type", "must not be there twice");
	}
	if (rlimit->soft > rlimit->hard)
		return hp_err_invalid(err, "soft", "must not be more than hard");
	return 0;
}

/* ---- namespaces ---- */

int hp_namespace_check(void *object, const void *first, struct hp_err *err)
{
	const struct hp_namespace *namespace = object;

	for (const struct hp_namespace *other = first; other < namespace; other++) {
		if (other->type == namespace->type)
			return hp_err_invalid(err, "type", "must not be there twice");
	}
	return 0;
}

/* ---- scheduling ---- */

static bool is_real_time(int policy)
{
	return policy == SCHED_FIFO || policy == SCHED_RR;
}

/* sched_setattr(2) fails with EINVAL for all of these, or ignores them. */
static int check_scheduler(void *object, const void *first, struct hp_err *err)
{
	const struct hp_scheduler *scheduler = object;
	bool has_deadline = scheduler->runtime_ns || scheduler->deadline_ns || scheduler->period_ns;

	(void)first;
	if (scheduler->priority != 0 && !is_real_time(scheduler->policy))
		return hp_err_invalid(err, "priority",
				      "must not be given without SCHED_FIFO or SCHED_RR");
	if (scheduler->priority == 0 && is_real_time(scheduler->policy))
		return hp_err_invalid(err, "priority",
				      "must be from 1 to 99 with SCHED_FIFO and SCHED_RR");
	if (scheduler->nice != 0 && scheduler->policy != SCHED_OTHER &&
	    scheduler->policy != SCHED_BATCH)
		return hp_err_invalid(err, "nice",
				      "must not be given without SCHED_OTHER or SCHED_BATCH");
	if (has_deadline && scheduler->policy != SCHED_DEADLINE)
		return hp_err_invalid(err, "policy",
				      "must be SCHED_DEADLINE with runtime, deadline or period");
	if (!has_deadline && scheduler->policy == SCHED_DEADLINE)
		return hp_err_invalid(err, "runtime", "is required with SCHED_DEADLINE");
	return 0;
}

static const struct hp_field scheduler_fields[] = {
    HP_ENUM("policy", struct hp_scheduler, policy, int, hp_scheduler_policy_names,
	    .is_required = true),
    HP_INT32("nice", struct hp_scheduler, nice, int32_t, -20, 19),
    HP_INT32("priority", struct hp_scheduler, priority, int32_t, 0, 99),
    HP_FIELD("flags", hp_field_flags, struct hp_scheduler, flags, uint64_t,
	     .names = &hp_scheduler_flag_names),
    HP_UINT64("runtime", struct hp_scheduler, runtime_ns),
    HP_UINT64("deadline", struct hp_scheduler, deadline_ns),
    HP_UINT64("period", struct hp_scheduler, period_ns),
};
const struct hp_table hp_scheduler_table =
    HP_TABLE(struct hp_scheduler, scheduler_fields, .check = check_scheduler, .is_section = true);

static int read_priority(const struct hp_field *field, struct hp_json_value value,
			 struct hp_arena *arena, void *object, struct hp_err *err)
{
	((struct hp_io_priority *)object)->has_priority = true;
	return hp_field_int32.read(field, value, arena, object, err);
}

static int write_priority(const struct hp_field *field, struct hp_json_writer *writer,
			  const void *object, struct hp_err *err)
{
	return hp_field_int32.write(field, writer, object, err);
}

static const struct hp_field_type field_priority = {.read = read_priority, .write = write_priority};

/* ioprio_set(2): the idle class has no priorities. */
static int check_io_priority(void *object, const void *first, struct hp_err *err)
{
	const struct hp_io_priority *priority = object;
	const int idle = 3; /* IOPRIO_CLASS_IDLE */

	(void)first;
	if (!priority->has_priority && priority->io_class != idle)
		return hp_err_invalid(err, "priority", "is required");
	return 0;
}

static const struct hp_field io_priority_fields[] = {
    HP_ENUM("class", struct hp_io_priority, io_class, int, hp_io_class_names, .is_required = true),
    HP_FIELD("priority", field_priority, struct hp_io_priority, priority, int, .max = 7,
	     .is_always_written = true),
};
const struct hp_table hp_io_priority_table = HP_TABLE(
    struct hp_io_priority, io_priority_fields, .is_section = true, .check = check_io_priority);

/* ---- memory policy ---- */

/* set_mempolicy(2): these two take no nodes; MPOL_PREFERRED without nodes is MPOL_LOCAL. */
int hp_memory_policy_check(void *object, const void *first, struct hp_err *err)
{
	enum { MODE_DEFAULT = 0, MODE_PREFERRED = 1, MODE_LOCAL = 4 };
	const struct hp_memory_policy *policy = object;
	bool takes_none = policy->mode == MODE_DEFAULT || policy->mode == MODE_LOCAL;

	(void)first;
	if (takes_none && policy->nodes.is_set)
		return hp_err_invalid(err, "nodes",
				      "must not be given with MPOL_DEFAULT and MPOL_LOCAL");
	if (!takes_none && policy->mode != MODE_PREFERRED && !policy->nodes.is_set)
		return hp_err_invalid(err, "nodes", "is required with this mode");
	return 0;
}

/* ---- capabilities ---- */

int hp_capabilities_read(struct hp_json_value value, uint64_t *ret, struct hp_err *err)
{
	static const struct hp_field list = {.names = &hp_capability_names};

	return hp_field_flags.read(&list, value, NULL, ret, err);
}

/* ---- all of it ---- */

static const struct hp_table *const tables[HP_DIALECT_COUNT] = {
    [HP_DIALECT_OCI] = &hp_oci_settings_table,
    [HP_DIALECT_LIBCONTAINER] = &hp_libcontainer_settings_table,
};

/* True where the document has one of the members. */
static bool has_member(struct hp_json_value root, const char *const *names)
{
	for (; *names; names++) {
		if (!hp_json_is_absent(hp_json_member(root, *names)))
			return true;
	}
	return false;
}

/* True where it has a member of Config; state.json has the whole Config as `config`. */
static bool has_row_of_config(struct hp_json_value root)
{
	const struct hp_table *table = &hp_libcontainer_settings_table;

	for (size_t i = 0; i < table->count; i++) {
		if (!hp_json_is_absent(hp_json_member(root, table->fields[i].key)))
			return true;
	}
	return false;
}

enum hp_dialect hp_settings_find_dialect(struct hp_json_value root)
{
	static const char *const of_oci[] = {"process", "linux",	 "ociVersion",
					     "hooks",	"defaultAction", NULL};
	static const char *const of_config[] = {"Hooks", "rootfs", "default_action", NULL};

	if (hp_json_type(root) != HP_JSON_OBJECT)
		return HP_DIALECT_COUNT;
	if (has_member(root, of_oci))
		return HP_DIALECT_OCI;
	if (has_member(root, of_config) || has_row_of_config(root))
		return HP_DIALECT_LIBCONTAINER;
	return HP_DIALECT_COUNT;
}

/* ---- annotations ---- */

/* As runc wants them: three letters at least, the first one a capital. */
static bool is_property_name(const char *name)
{
	static const char capitals[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ";
	static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
	size_t length = strlen(name);

	return length >= 3 && length <= HP_ID_BYTES_MAX && strchr(capitals, name[0]) &&
	       strspn(name, letters) == length;
}

static int read_property(struct hp_json_value value, const char *key, struct hp_arena *arena,
			 struct hp_systemd_property *ret, struct hp_err *err)
{
	const char *name = key + strlen(HP_SYSTEMD_PROPERTY);
	int r;

	if (!is_property_name(name))
		return hp_err_invalid(err, key,
				      "must end in the name of a property of systemd, such as "
				      "TimeoutStopUSec");
	r = hp_json_get_string(value, arena, &ret->value, err);
	ret->name = hp_arena_copy(arena, name, strlen(name));
	if (r == 0 && !ret->name)
		r = hp_err_no_memory(err);
	return hp_err_prefix(err, r, key);
}

static bool is_property(struct hp_json_value key)
{
	size_t length;
	const char *text = hp_json_text(key, &length); /* with its quotes */

	return length > strlen(HP_SYSTEMD_PROPERTY) + 2 && length < HP_PATH_BYTES_MAX &&
	       strncmp(text + 1, HP_SYSTEMD_PROPERTY, strlen(HP_SYSTEMD_PROPERTY)) == 0;
}

/* Of the annotations only these are settings. */
static int read_annotations(struct hp_json_value annotations, struct hp_arena *arena,
			    struct hp_settings *settings, struct hp_err *err)
{
	struct hp_json_value key, value;
	size_t count = 0;

	if (hp_json_type(annotations) != HP_JSON_OBJECT)
		return 0;
	HP_JSON_FOREACH (key, value, annotations)
		count += is_property(key);
	if (count == 0)
		return 0;
	settings->systemd_properties =
	    hp_arena_calloc(arena, count, sizeof(*settings->systemd_properties));
	if (!settings->systemd_properties)
		return hp_err_no_memory(err);
	HP_JSON_FOREACH (key, value, annotations) {
		char text[HP_PATH_BYTES_MAX + 1];
		int r;

		if (!is_property(key))
			continue;
		hp_json_decode(key, text);
		r = read_property(value, text, arena,
				  &settings->systemd_properties[settings->systemd_property_count++],
				  err);
		if (r < 0)
			return hp_err_prefix(err, r, "annotations");
	}
	return 0;
}

/* Last, since the capabilities may come after the profile. */
static int resolve_seccomp(struct hp_settings *settings, enum hp_dialect dialect,
			   struct hp_err *err)
{
	const struct hp_capabilities *capabilities = &settings->capabilities;
	int r = hp_seccomp_resolve(
	    settings->seccomp,
	    capabilities->is_set ? &capabilities->sets[HP_CAPABILITIES_BOUNDING] : NULL,
	    "process.capabilities.bounding", err);

	return hp_err_prefix(err, r, dialect == HP_DIALECT_OCI ? "linux.seccomp" : "seccomp");
}

int hp_settings_read(struct hp_json_value value, enum hp_dialect dialect, struct hp_arena *arena,
		     struct hp_settings **ret_settings, struct hp_err *err)
{
	struct hp_settings *settings = hp_arena_calloc(arena, 1, sizeof(*settings));
	int r;

	if (!settings)
		return hp_err_no_memory(err);
	r = hp_table_read(tables[dialect], value, arena, settings, err);
	if (r == 0 && !hp_table_recognizes(tables[dialect], value))
		r = hp_err_invalid(
		    err, NULL,
		    "nothing in it is settings: give process and linux of "
		    "config.json, or libcontainer's Config with dialect libcontainer");
	if (r == 0 && dialect == HP_DIALECT_OCI)
		r = read_annotations(hp_json_member(value, "annotations"), arena, settings, err);
	if (r == 0 && settings->seccomp)
		r = resolve_seccomp(settings, dialect, err);
	if (r == 0)
		*ret_settings = settings;
	return r;
}

int hp_settings_write(struct hp_json_writer *writer, const struct hp_settings *settings,
		      struct hp_err *err)
{
	if (settings->user.is_set) {
		hp_err_invalid(err, "process.user", "cannot be expressed in libcontainer's Config");
		return -ENOTSUP;
	}
	if (settings->systemd_property_count > 0) {
		hp_err_invalid(err, "annotations", "cannot be expressed in libcontainer's Config");
		return -ENOTSUP;
	}
	return hp_table_write(&hp_libcontainer_settings_table, writer, settings, err);
}
