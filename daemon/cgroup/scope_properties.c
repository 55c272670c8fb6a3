/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Converts limits to systemd's units: bytes, microseconds of CPU time per second, bit masks as
 * arrays of bytes. No limit is 2^64-1. No state.
 */
#include "daemon/cgroup/scope_properties.h"

#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/cgroup/file_number.h"
#include "daemon/cgroup/limit_list.h"
#include "daemon/cgroup/scope_io.h"
#include "proto/base/limits.h"
#include "proto/settings/mask.h"

#define INFINITE UINT64_MAX
#define CPUS_MAX 8192 /* that a kernel can be built for */

int scope_properties_append_unit(sd_bus_message *message, const char *description,
				 const char *slice, pid_t pid)
{
	static const char *const switches[] = {"Delegate", "MemoryAccounting", "CPUAccounting",
					       "IOAccounting", "TasksAccounting"};
	int r = sd_bus_message_append(message, "(sv)(sv)(sv)(sv)(sv)", "Description", "s",
				      description, "Slice", "s", slice, "PIDs", "au", 1,
				      (uint32_t)pid, "DefaultDependencies", "b", 0, "CollectMode",
				      "s", "inactive-or-failed");

	for (size_t i = 0; r >= 0 && i < sizeof(switches) / sizeof(switches[0]); i++)
		r = sd_bus_message_append(message, "(sv)", switches[i], "b", 1);
	return r;
}

static int append_number(sd_bus_message *message, const char *property, uint64_t value)
{
	return sd_bus_message_append(message, "(sv)", property, "t", value);
}

static uint64_t limit_of(int64_t value)
{
	return value < 0 ? INFINITE : (uint64_t)value;
}

/*
 * memory.swap is the sum of memory and swap; MemorySwapMax, like memory.swap.max, is swap alone. An
 * unlimited memory.limit without memory.swap makes both unlimited.
 */
static int append_swap(sd_bus_message *message, const struct hp_memory *memory)
{
	bool has_swap = memory->swap.is_set && memory->swap.value != 0;

	if (!has_swap && memory->limit.is_set && memory->limit.value < 0)
		return append_number(message, "MemorySwapMax", INFINITE);
	if (!has_swap)
		return 0;
	if (memory->swap.value < 0 || memory->limit.value < 0)
		return append_number(message, "MemorySwapMax", limit_of(memory->swap.value));
	assert(memory->swap.value >= memory->limit.value);
	return append_number(message, "MemorySwapMax",
			     (uint64_t)(memory->swap.value - memory->limit.value));
}

static int append_memory(sd_bus_message *message, const struct hp_memory *memory)
{
	int r = 0;

	if (memory->limit.is_set && memory->limit.value != 0)
		r = append_number(message, "MemoryMax", limit_of(memory->limit.value));
	if (r >= 0 && memory->reservation.is_set && memory->reservation.value != 0)
		r = append_number(message, "MemoryLow", limit_of(memory->reservation.value));
	return r < 0 ? r : append_swap(message, memory);
}

/* When cpu.idle ends, the kernel sets the default weight; for systemd that is none. */
static int append_weight(sd_bus_message *message, const struct hp_cpu *cpu,
			 const struct scope_cpu *former)
{
	if (cpu->weight.is_set && cpu->weight.value)
		return append_number(message, "CPUWeight", cpu->weight.value);
	if (cpu->shares.is_set && cpu->shares.value)
		return append_number(message, "CPUWeight",
				     limit_weight_of_shares(cpu->shares.value));
	if (cpu->idle.is_set && former->weight == 0)
		return append_number(message, "CPUWeight", INFINITE);
	return 0;
}

/*
 * systemd stores the CPU time per second, not the quota. So, to have the semantics of cpu.max, a
 * quota alone is converted by the present period, and for a new period alone the present quota is
 * converted again.
 */
static int append_quota(sd_bus_message *message, const struct hp_cpu *cpu,
			const struct scope_cpu *former)
{
	bool has_quota = cpu->quota.is_set && cpu->quota.value != 0;
	bool has_period = cpu->period.is_set && cpu->period.value;
	uint64_t period_us = has_period ? cpu->period.value : former->period_us;
	uint64_t quota_us = INFINITE;
	int r = 0;

	if (has_quota)
		quota_us = limit_of(cpu->quota.value);
	else if (former->per_second_us != INFINITE)
		quota_us = limit_cpu_quota_us(former->per_second_us, former->period_us);
	if (has_period)
		r = append_number(message, "CPUQuotaPeriodUSec", period_us);
	if (r < 0 || (!has_quota && (!has_period || quota_us == INFINITE)))
		return r;
	return append_number(message, "CPUQuotaPerSecUSec",
			     quota_us == INFINITE ? INFINITE
						  : limit_cpu_per_second_us(quota_us, period_us));
}

/* A bit for each CPU or node, the lowest byte first, without zero bytes at the end. */
static int append_mask(sd_bus_message *message, const char *property, const char *list)
{
	uint64_t words[CPUS_MAX / 64] = {0};
	uint8_t bytes[CPUS_MAX / 8];
	size_t length = 0;
	int r;

	if (!list || !*list)
		return 0;
	if (!hp_mask_parse_bits(list, words, CPUS_MAX))
		return 0; /* scope_properties_check() */
	for (size_t i = 0; i < sizeof(bytes); i++) {
		bytes[i] = (uint8_t)(words[i / 8] >> (i % 8 * 8));
		if (bytes[i])
			length = i + 1;
	}
	r = sd_bus_message_open_container(message, 'r', "sv");
	if (r >= 0)
		r = sd_bus_message_append(message, "s", property);
	if (r >= 0)
		r = sd_bus_message_open_container(message, 'v', "ay");
	if (r >= 0)
		r = sd_bus_message_append_array(message, 'y', bytes, length);
	if (r >= 0)
		r = sd_bus_message_close_container(message);
	return r < 0 ? r : sd_bus_message_close_container(message);
}

/* 0 becomes 1, as in limit_list.c; systemd does not accept 0. */
static int append_tasks(sd_bus_message *message, const struct hp_int *limit)
{
	if (!limit->is_set)
		return 0;
	return append_number(message, "TasksMax", limit->value ? limit_of(limit->value) : 1);
}

/* ---- unified: files by their names ---- */

/* "25000 50000", "max 50000", "25000" */
static int append_cpu_max(sd_bus_message *message, const char *text, const struct scope_cpu *former)
{
	struct hp_cpu cpu = {.quota.is_set = true};
	char quota[24];

	cpu.period.is_set = sscanf(text, "%23s %" SCNu64, quota, &cpu.period.value) == 2;
	cpu.quota.value = strcmp(quota, "max") == 0 ? -1 : strtoll(quota, NULL, 10);
	return append_quota(message, &cpu, former);
}

/* A number below the least that systemd accepts: it and that one have the same effect. */
static uint64_t at_least(uint64_t amount, uint64_t min)
{
	return amount < min ? min : amount;
}

/* The properties that a file has, but those of devices (scope_io.h). */
static const struct file_property {
	const char *file, *property;
	uint64_t min; /* the least value that systemd accepts */
} file_properties[] = {
    {"memory.min", "MemoryMin", 0},
    {"memory.low", "MemoryLow", 0},
    {"memory.high", "MemoryHigh", 1},
    {"memory.max", "MemoryMax", 1},
    {"memory.swap.max", "MemorySwapMax", 0},
    {"pids.max", "TasksMax", 1},
    {"cpu.weight", "CPUWeight", 1},
    {"cpu.weight.nice", "CPUWeight", 1},
    {"cpu.idle", "CPUWeight", 0},
    {"cpu.max", "CPUQuotaPerSecUSec", 0},
    {"cpu.max", "CPUQuotaPeriodUSec", 0},
    {"cpuset.cpus", "AllowedCPUs", 0},
    {"cpuset.mems", "AllowedMemoryNodes", 0},
};

bool scope_properties_is_of_file(const char *property, const char *file)
{
	for (size_t i = 0; i < ELEMENTS(file_properties); i++)
		if (strcmp(file, file_properties[i].file) == 0 &&
		    strcmp(property, file_properties[i].property) == 0)
			return true;
	return scope_io_is_file(file) && strcmp(property, "IOWeight") == 0;
}

static int append_of_file(sd_bus_message *message, const char *file, uint64_t value)
{
	for (size_t i = 0; i < ELEMENTS(file_properties); i++)
		if (strcmp(file, file_properties[i].file) == 0)
			return append_number(message, file_properties[i].property,
					     at_least(value, file_properties[i].min));
	return 0;
}

/* One that cannot be read was refused (scope_properties_check()). */
static int append_file(sd_bus_message *message, const char *file, const char *value,
		       const struct scope_cpu *former)
{
	uint64_t number;

	if (strcmp(file, "cpu.max") == 0)
		return append_cpu_max(message, value, former);
	if (scope_io_is_file(file))
		return scope_io_append_line(message, file, value);
	if (strcmp(file, "cpuset.cpus") == 0)
		return append_mask(message, "AllowedCPUs", value);
	if (strcmp(file, "cpuset.mems") == 0)
		return append_mask(message, "AllowedMemoryNodes", value);
	if (!file_number_read(file, value, &number))
		return 0;
	if (strcmp(file, "cpu.idle") != 0)
		return append_of_file(message, file, number);
	/* For 1 see scope_properties_append_limits(). */
	return number == 0 && former->weight == 0 ? append_number(message, "CPUWeight", INFINITE)
						  : 0;
}

/* The next line of a file's text that is not empty; *text is moved behind it. False: none. */
static bool next_line(const char **text, char ret_line[static HP_PATH_BYTES_MAX + 1])
{
	size_t length;

	*text += strspn(*text, "\n");
	length = strcspn(*text, "\n");
	assert(length <= HP_PATH_BYTES_MAX);
	memcpy(ret_line, *text, length);
	ret_line[length] = '\0';
	*text += length;
	return length > 0;
}

/* A line for each device, or the one of another file; they are written one by one. */
static int append_lines(sd_bus_message *message, const struct hp_unified *unified,
			const struct scope_cpu *former)
{
	const char *text = unified->value;
	char line[HP_PATH_BYTES_MAX + 1];
	int r = 0;

	while (r >= 0 && next_line(&text, line))
		r = append_file(message, unified->file, line, former);
	return r;
}

/* Appended last, as unified files are written after the other limits. */
static int append_unified(sd_bus_message *message, const struct hp_resources *resources,
			  const struct scope_cpu *former)
{
	int r = 0;

	for (size_t i = 0; r >= 0 && i < resources->unified_count; i++)
		r = append_lines(message, &resources->unified[i], former);
	return r;
}

int scope_properties_append_limits(sd_bus_message *message, const struct hp_resources *resources,
				   const struct scope_cpu *former, bool has_bfq)
{
	int r = append_memory(message, &resources->memory);

	if (r >= 0)
		r = scope_io_append(message, &resources->block_io, has_bfq);
	if (r >= 0)
		r = append_weight(message, &resources->cpu, former);
	if (r >= 0)
		r = append_quota(message, &resources->cpu, former);
	if (r >= 0)
		r = append_mask(message, "AllowedCPUs", resources->cpu.cpus);
	if (r >= 0)
		r = append_mask(message, "AllowedMemoryNodes", resources->cpu.mems);
	if (r >= 0)
		r = append_tasks(message, &resources->pids_limit);
	if (r >= 0)
		r = append_unified(message, resources, former);
	/* Last, since the weight of an idle unit is 0 for systemd (252), whatever else is given. */
	return r >= 0 && limit_is_idle(resources) ? append_number(message, "CPUWeight", 0) : r;
}

/* ---- values that can be appended ---- */

static bool is_cpu_list(const char *list)
{
	uint64_t words[CPUS_MAX / 64] = {0};

	return hp_mask_parse_bits(list, words, CPUS_MAX);
}

/* As append_cpu_max() reads it. The kernel, with sscanf(), accepts more behind the numbers. */
static bool is_cpu_max(const char *text)
{
	char quota[24];

	return sscanf(text, "%23s", quota) == 1 &&
	       (strcmp(quota, "max") == 0 || strspn(quota, "0123456789") == strlen(quota));
}

/* NULL: the value has an equal one for systemd, or the file has no property. */
static const char *what_is_wrong(const char *file, const char *line)
{
	static const char list[] = "must be a list of numbers, such as 0-3,7";
	uint64_t number;

	if (strcmp(file, "cpu.max") == 0)
		return is_cpu_max(line) ? NULL : "must be QUOTA, or QUOTA PERIOD";
	if (strcmp(file, "cpuset.cpus") == 0 || strcmp(file, "cpuset.mems") == 0)
		return is_cpu_list(line) ? NULL : list;
	if (scope_io_is_file(file))
		return scope_io_can_read(file, line) ? NULL : "must be a line of this file";
	return file_number_read(file, line, &number) ? NULL : file_number_form(file);
}

static int check_line(const char *path, const char *file, const char *line, struct hp_err *err)
{
	const char *wrong = what_is_wrong(file, line);

	return wrong
		   ? hp_err_setting(err, -EINVAL, path,
				    "%s, for the property of systemd; it is \"%.64s\"", wrong, line)
		   : 0;
}

static int check_unified(const struct hp_unified *unified, struct hp_err *err)
{
	const char *text = unified->value;
	char path[HP_ERR_PATH_SIZE], line[HP_PATH_BYTES_MAX + 1];
	int r = 0;

	snprintf(path, sizeof(path), "unified.%.100s", unified->file);
	while (r == 0 && next_line(&text, line))
		r = check_line(path, unified->file, line, err);
	return r;
}

int scope_properties_check(const struct hp_resources *resources, struct hp_err *err)
{
	const struct hp_cpu *cpu = &resources->cpu;
	int r = 0;

	if (cpu->cpus && *cpu->cpus)
		r = check_line("cpu.cpus", "cpuset.cpus", cpu->cpus, err);
	if (r == 0 && cpu->mems && *cpu->mems)
		r = check_line("cpu.mems", "cpuset.mems", cpu->mems, err);
	for (size_t i = 0; r == 0 && i < resources->unified_count; i++)
		r = check_unified(&resources->unified[i], err);
	return r;
}

/* True for each property that is appended above; `ret_has_devices`: it has a list of devices. */
static bool is_limit(const char *property, bool *ret_has_devices)
{
	static const char *const names[] = {"MemoryMin",
					    "MemoryHigh",
					    "MemoryMax",
					    "MemoryLow",
					    "MemorySwapMax",
					    "CPUWeight",
					    "CPUQuotaPeriodUSec",
					    "CPUQuotaPerSecUSec",
					    "AllowedCPUs",
					    "AllowedMemoryNodes",
					    "TasksMax"};

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (strcmp(property, names[i]) == 0)
			return true;
	return scope_io_is_property(property, ret_has_devices);
}

/* ---- properties that were read from systemd ---- */

/* Reads one value, or skips it. */
typedef int (*property_fn)(const char *property, sd_bus_message *value, void *userdata);

static int walk(sd_bus_message *properties, property_fn function, void *userdata)
{
	const char *property;
	int r = sd_bus_message_rewind(properties, 1);

	if (r >= 0)
		r = sd_bus_message_enter_container(properties, 'a', "{sv}");
	while (r >= 0 && (r = sd_bus_message_enter_container(properties, 'e', "sv")) > 0) {
		r = sd_bus_message_read(properties, "s", &property);
		if (r >= 0)
			r = function(property, properties, userdata);
		if (r >= 0)
			r = sd_bus_message_exit_container(properties);
	}
	return r < 0 ? r : sd_bus_message_exit_container(properties);
}

/*
 * An empty list takes the limits of all devices away, and a list changes those of its devices only.
 */
static int copy_limit(const char *property, sd_bus_message *value, void *userdata)
{
	sd_bus_message *message = userdata;
	bool has_devices = false;
	int r = 0;

	if (!is_limit(property, &has_devices))
		return sd_bus_message_skip(value, "v");
	if (has_devices)
		r = sd_bus_message_append(message, "(sv)", property, "a(st)", 0);
	if (r >= 0)
		r = sd_bus_message_open_container(message, 'r', "sv");
	if (r >= 0)
		r = sd_bus_message_append(message, "s", property);
	if (r >= 0)
		r = sd_bus_message_copy(message, value, 0);
	return r < 0 ? r : sd_bus_message_close_container(message);
}

int scope_properties_copy_limits(sd_bus_message *message, sd_bus_message *properties)
{
	return walk(properties, copy_limit, message);
}

static int read_cpu(const char *property, sd_bus_message *value, void *userdata)
{
	struct scope_cpu *cpu = userdata;

	if (strcmp(property, "CPUQuotaPerSecUSec") == 0)
		return sd_bus_message_read(value, "v", "t", &cpu->per_second_us);
	if (strcmp(property, "CPUQuotaPeriodUSec") == 0)
		return sd_bus_message_read(value, "v", "t", &cpu->period_us);
	if (strcmp(property, "CPUWeight") == 0)
		return sd_bus_message_read(value, "v", "t", &cpu->weight);
	return sd_bus_message_skip(value, "v");
}

int scope_properties_read_cpu(sd_bus_message *properties, struct scope_cpu *ret_cpu)
{
	const struct scope_cpu none = SCOPE_CPU_NONE;
	int r;

	*ret_cpu = none;
	r = walk(properties, read_cpu, ret_cpu);
	if (ret_cpu->period_us == INFINITE) /* not set */
		ret_cpu->period_us = none.period_us;
	return r;
}
