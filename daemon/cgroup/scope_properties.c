/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Converts limits to systemd's units: bytes, microseconds of CPU time per second, bit masks as
 * arrays of bytes. No limit is 2^64-1. No state.
 */
#include "daemon/cgroup/scope_properties.h"

#include <assert.h>
#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/cgroup/limit_list.h"
#include "daemon/cgroup/scope_io.h"
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
		return 0; /* the kernel says what is wrong with it, when the file is written */
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

/* As the kernel's memparse(): a number with an optional K, M, G or T; or "max". False: neither. */
static bool read_amount(const char *text, uint64_t *ret)
{
	static const char units[] = "kmgt";
	const char *unit;
	char *end;

	if (strcmp(text, "max") == 0) {
		*ret = INFINITE;
		return true;
	}
	if (*text < '0' || *text > '9')
		return false;
	*ret = strtoull(text, &end, 10);
	unit = *end ? strchr(units, tolower((unsigned char)*end)) : NULL;
	if (unit)
		*ret <<= 10 * (unit - units + 1);
	return end[unit != NULL] == '\0';
}

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

/*
 * Values without a property, or that systemd does not accept, are only written to the cgroup's
 * file, and checked by the kernel.
 */
static int append_file(sd_bus_message *message, const char *file, const char *value,
		       const struct scope_cpu *former)
{
	static const struct {
		const char *file, *property;
		uint64_t min; /* the least value that systemd accepts */
	} numbers[] = {
	    {"memory.min", "MemoryMin", 0},   {"memory.low", "MemoryLow", 0},
	    {"memory.high", "MemoryHigh", 1}, {"memory.max", "MemoryMax", 1},
	    {"pids.max", "TasksMax", 1},      {"memory.swap.max", "MemorySwapMax", 0},
	    {"cpu.weight", "CPUWeight", 1},
	};
	uint64_t amount;

	if (strcmp(file, "cpu.max") == 0)
		return append_cpu_max(message, value, former);
	if (strcmp(file, "cpu.idle") == 0 && former->weight == 0 && strcmp(value, "0") == 0)
		return append_number(message, "CPUWeight", INFINITE);
	if (scope_io_is_file(file))
		return scope_io_append_line(message, file, value);
	if (strcmp(file, "cpuset.cpus") == 0)
		return append_mask(message, "AllowedCPUs", value);
	if (strcmp(file, "cpuset.mems") == 0)
		return append_mask(message, "AllowedMemoryNodes", value);
	for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++)
		if (strcmp(file, numbers[i].file) == 0 && read_amount(value, &amount))
			return append_number(message, numbers[i].property,
					     at_least(amount, numbers[i].min));
	return 0;
}

/* A line for each device, or the one of another file; they are written one by one. */
static int append_lines(sd_bus_message *message, const struct hp_unified *unified,
			const struct scope_cpu *former)
{
	const char *line = unified->value;
	char value[256];
	int r = 0;

	while (r >= 0 && *line) {
		size_t length = strcspn(line, "\n");

		snprintf(value, sizeof(value), "%.*s", (int)length, line);
		if (length > 0 && length < sizeof(value))
			r = append_file(message, unified->file, value, former);
		line += length + (line[length] == '\n');
	}
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
