/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "daemon/ipc/ipc.h"

/* Appends all metrics as OpenMetrics 1.0, or in Prometheus' text format 0.0.4. */
void metrics_text_write(const struct hookd *hookd, bool is_openmetrics, struct hp_buf *buf);
