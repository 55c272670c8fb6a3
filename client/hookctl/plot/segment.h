/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdint.h>

#include "client/hookctl/plot/plot.h"

/*
 * The time axis: pieces of time in which hooks wait or run, side by side, with what is idle between
 * them cut out. Each piece has a scale of its own, so that milliseconds can be seen beside hours.
 */
struct segment {
	int64_t begin_us, end_us;
	double x, width; /* in pixels */
};

struct axis {
	struct segment *segments; /* in order of time; never empty if the plot is not */
	size_t count;
	double end_x;
};

/* -ENOMEM. The plot is sorted. */
int axis_make(const struct plot *plot, struct axis *ret);
void axis_free(struct axis *axis);

/* A time in a gap counts as the end of the segment before it. */
double axis_x(const struct axis *axis, int64_t at_us);
