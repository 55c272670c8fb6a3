/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <systemd/sd-bus.h>

#include "daemon/base/base.h"
#include "proto/base/err.h"
#include "proto/settings/settings.h"

/*
 * Annotations org.systemd.property.NAME, whose values are texts of GVariant: true, 5, uint64 7,
 * 'text', ['a', 'b']. As with runc, NAMESec is a number of seconds for NAMEUSec.
 */

/*
 * -EINVAL with a reason and no path: a value that cannot be read (of maps and tuples there is none
 * that hookd could send), or a property that is for hookd to set.
 */
int scope_annotation_check(const struct hp_systemd_property *property,
			   struct hp_err *err) must_check;
/* The name of the property that it sets: NAMEUSec for NAMESec. */
void scope_annotation_name(const struct hp_systemd_property *property, char *ret_name, size_t size);
/* Appends a checked one to an open array of (sv). < 0 on failure, as sd-bus. */
int scope_annotation_append(sd_bus_message *message, const struct hp_systemd_property *property);
