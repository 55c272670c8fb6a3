/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdint.h>
#include <sys/types.h>
#include <systemd/sd-bus.h>

#include "proto/resources.h"

/*
 * A scope and its limits as properties of systemd (systemd.resource-control(5)), appended to an
 * open array of (sv). What systemd has no property for is not here: it is written to the cgroup's
 * files, which systemd leaves alone.
 */
int scope_properties_append_unit(sd_bus_message *message, const char *description,
				 const char *slice, pid_t pid);
/* CPU time as systemd has it; UINT64_MAX: no limit. */
struct scope_quota {
	uint64_t per_second_us, period_us;
};
#define SCOPE_QUOTA_NONE                                                                           \
	{                                                                                          \
		UINT64_MAX, 100000                                                                 \
	}
/* `former`: what counts where the resources have a quota without a period, or a period alone. */
int scope_properties_append_limits(sd_bus_message *message, const struct hp_resources *resources,
				   const struct scope_quota *former);
/* The quota in `properties`, a reply of GetAll (a{sv}). */
int scope_properties_read_quota(sd_bus_message *properties, struct scope_quota *ret_quota);
/* The limits that are in such a reply, as they are there. */
int scope_properties_copy_limits(sd_bus_message *message, sd_bus_message *properties);
