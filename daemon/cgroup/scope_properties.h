/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>
#include <systemd/sd-bus.h>

#include "daemon/base/base.h"
#include "proto/base/err.h"
#include "proto/settings/resources.h"

/*
 * Converts a scope and its limits to properties of systemd (systemd.resource-control(5)), and
 * appends them to an open array of (sv). Limits that systemd has no property for are left out: they
 * are written to the cgroup's files, which systemd does not change. All return < 0 on failure, as
 * sd-bus.
 */
int scope_properties_append_unit(sd_bus_message *message, const char *description,
				 const char *slice, pid_t pid);
/* The limits of a unit that new ones depend on: a quota without a period, an end of cpu.idle. */
struct scope_cpu {
	uint64_t per_second_us; /* CPUQuotaPerSecUSec; UINT64_MAX: no limit */
	uint64_t period_us;	/* CPUQuotaPeriodUSec */
	uint64_t weight;	/* CPUWeight; 0: idle; UINT64_MAX: not set */
};
#define SCOPE_CPU_NONE                                                                             \
	{                                                                                          \
		UINT64_MAX, 100000, UINT64_MAX                                                     \
	}
/* `has_bfq`: see scope_io.h. */
int scope_properties_append_limits(sd_bus_message *message, const struct hp_resources *resources,
				   const struct scope_cpu *former, bool has_bfq);
/*
 * Whether each value of `resources` has an equal one for systemd. Otherwise it would only be in the
 * cgroup's file, which systemd overwrites when it realizes the unit: -EINVAL, with the path of the
 * value, relative to resources, and the reason.
 */
int scope_properties_check(const struct hp_resources *resources, struct hp_err *err) must_check;
/* Whether systemd sets the file by that property, "memory.max" by "MemoryMax". */
bool scope_properties_is_of_file(const char *property, const char *file);
/* Reads them from `properties`, a reply of GetAll (a{sv}). */
int scope_properties_read_cpu(sd_bus_message *properties, struct scope_cpu *ret_cpu);
/* Copies the limits of such a reply; devices that it does not name get no limit. */
int scope_properties_copy_limits(sd_bus_message *message, sd_bus_message *properties);
