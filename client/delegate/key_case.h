/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stddef.h>

#include "proto/base/err.h"
#include "proto/json/json.h"

/*
 * -EINVAL with its path if the object has a key that is one of `names` in another case: runtimes in
 * Go take it, and others do not, so what they would run cannot be told. 0 if it is no object.
 */
int key_case_check(struct hp_json_value object, const char *const names[], size_t count,
		   struct hp_err *err);
