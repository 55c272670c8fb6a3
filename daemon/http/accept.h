/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>

/*
 * True if a client that sends this Accept: wants OpenMetrics 1.0.0 at least as much as the text
 * format 0.0.4. NULL, or nothing that hookd has: false, the text format.
 */
bool accept_prefers_openmetrics(const char *accept);
