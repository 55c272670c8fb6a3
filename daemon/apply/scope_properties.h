/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <sys/types.h>
#include <systemd/sd-bus.h>

#include "proto/resources.h"

/*
 * A scope and its limits as properties of systemd (systemd.resource-control(5)), appended to an
 * open array of (sv). What systemd has no property for is not here: it is written to the cgroup's
 * files, which systemd leaves alone.
 */
int scope_properties_append_unit(sd_bus_message *message, const char *slice, pid_t pid);
int scope_properties_append_limits(sd_bus_message *message, const struct hp_resources *resources);
/* Those of them that are in `properties`, a reply of GetAll (a{sv}), as they are there. */
int scope_properties_copy_limits(sd_bus_message *message, sd_bus_message *properties);
