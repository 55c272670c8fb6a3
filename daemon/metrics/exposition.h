/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "daemon/metrics/histogram.h"
#include "proto/base/buf.h"

/*
 * Writes metrics as text, in Prometheus' format 0.0.4 or as OpenMetrics 1.0. A family is begun, and
 * all its samples follow.
 */
struct exposition {
	struct hp_buf *buf;
	bool is_openmetrics;
	char sample[64]; /* the name of the samples of the current family */
};

enum family_type { FAMILY_COUNTER, FAMILY_GAUGE, FAMILY_HISTOGRAM, FAMILY_INFO };

/* `name` without the suffix of its samples: "_total" of a counter, "_info" of an info. */
void exposition_family(struct exposition *exposition, enum family_type type, const char *name,
		       const char *help);
/*
 * `labels`: NULL, or `stage="poststop"` with commas between several; the values are words of hookd,
 * which need no escaping.
 */
void exposition_count(struct exposition *exposition, const char *labels, uint64_t value);
void exposition_seconds(struct exposition *exposition, const char *labels, int64_t value_us);
void exposition_histogram(struct exposition *exposition, const char *labels,
			  const struct histogram *histogram);
/* Call it last. */
void exposition_end(struct exposition *exposition);
