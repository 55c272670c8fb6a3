/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "proto/json/json.h"

/*
 * True if the container of the config has a user namespace whose root is not the user that hookd
 * accepts there; NULL: it accepts none.
 */
bool has_other_user_namespace(struct hp_json_value config, const uint32_t *own_uid);
