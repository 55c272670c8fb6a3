/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <systemd/sd-bus.h>

#include "proto/settings/resources.h"

/*
 * Limits of block I/O as properties of systemd: IOWeight, IODeviceWeight and, for each device,
 * IOReadBandwidthMax and the like. Appended to an open array of (sv); < 0 on failure, as sd-bus.
 *
 * `has_bfq`: the cgroups have io.bfq.weight, to which systemd writes what it computes from a weight
 * of 1 to 10000. A weight of BFQ's range is then sent so that systemd computes this weight again;
 * else as it is written to io.weight (limit_list.h).
 */
int scope_io_append(sd_bus_message *message, const struct hp_block_io *io, bool has_bfq);
/* True for io.weight, io.bfq.weight, io.max and io.latency. */
bool scope_io_is_file(const char *file);
/*
 * One line of such a file: "8:0 rbps=1024 wiops=max", "default 200". What
 * cannot be read is left out.
 */
int scope_io_append_line(sd_bus_message *message, const char *file, const char *line);
/* Whether the whole line can be read as a line of that file. */
bool scope_io_can_read(const char *file, const char *line);
/* True for the properties above; those with a list of devices have the type a(st). */
bool scope_io_is_property(const char *property, bool *ret_has_devices);
