/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "proto/settings/settings.h"

/* Compares all that settings can hold; returns what differs first, or NULL. */
const char *settings_difference(const struct hp_settings *a, const struct hp_settings *b);
const char *seccomp_difference(const struct hp_seccomp *a, const struct hp_seccomp *b);
