/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>

/*
 * True if this process is not root of the machine; also for uid 0 of a user namespace that an
 * ordinary user has made, as rootless engines do.
 */
bool own_user_is_ordinary(void);
