/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdint.h>
#include <sys/types.h>
#include <systemd/sd-bus.h>

#include "proto/settings/resources.h"

/*
 * Converts a scope and its limits to properties of systemd (systemd.resource-control(5)), and
 * appends them to an open array of (sv). Limits that systemd has no property for are left out: they
 * are written to the cgroup's files, which systemd does not change. All return < 0 on failure, as
 * sd-bus.
 */
int scope_properties_append_unit(sd_bus_message *message, const char *description,
				 const char *slice, pid_t pid);
/* CPUQuotaPerSecUSec (UINT64_MAX: no limit) and CPUQuotaPeriodUSec. */
struct scope_quota {
	uint64_t per_second_us, period_us;
};
#define SCOPE_QUOTA_NONE                                                                           \
	{                                                                                          \
		UINT64_MAX, 100000                                                                 \
	}
/* `former`: used where the resources have a quota without a period, or a period alone. */
int scope_properties_append_limits(sd_bus_message *message, const struct hp_resources *resources,
				   const struct scope_quota *former);
/* Reads the quota from `properties`, a reply of GetAll (a{sv}). */
int scope_properties_read_quota(sd_bus_message *properties, struct scope_quota *ret_quota);
/* Copies the limits of such a reply. */
int scope_properties_copy_limits(sd_bus_message *message, sd_bus_message *properties);
