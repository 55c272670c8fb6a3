/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Divides time into segments. A gap is cut where it is longer than what it divides: the segment
 * before it, or the run after it. So no more than half of a segment is idle.
 */

#include "client/hookctl/plot/segment.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>

#define LEFT_X	    20.0
#define GAP_WIDTH   40.0
#define LEAST_WIDTH 80.0  /* of a segment */
#define SHARED	    480.0 /* divided among the segments in proportion to their time */

static double length_of(int64_t begin_us, int64_t end_us)
{
	return (double)end_us - (double)begin_us;
}

static bool is_cut(const struct segment *before, const struct plot_run *run)
{
	double gap = length_of(before->end_us, run->begin_us);

	return gap > length_of(before->begin_us, before->end_us) ||
	       gap > length_of(run->begin_us, run->end_us);
}

static void add_run(struct axis *axis, const struct plot_run *run)
{
	struct segment *last = axis->count > 0 ? &axis->segments[axis->count - 1] : NULL;

	if (last == NULL || (run->begin_us > last->end_us && is_cut(last, run)))
		axis->segments[axis->count++] = (struct segment){run->begin_us, run->end_us, 0, 0};
	else if (run->end_us > last->end_us)
		last->end_us = run->end_us;
}

static void place_segments(struct axis *axis)
{
	double total = 0, x = LEFT_X;

	for (size_t i = 0; i < axis->count; i++)
		total += length_of(axis->segments[i].begin_us, axis->segments[i].end_us);
	for (size_t i = 0; i < axis->count; i++) {
		struct segment *segment = &axis->segments[i];
		double length = length_of(segment->begin_us, segment->end_us);

		segment->x = x;
		segment->width = LEAST_WIDTH + (total > 0 ? SHARED * (length / total) : 0);
		x += segment->width + GAP_WIDTH;
	}
	axis->end_x = x - GAP_WIDTH;
}

int axis_make(const struct plot *plot, struct axis *ret)
{
	*ret = (struct axis){.end_x = LEFT_X};
	if (plot->count == 0)
		return 0;
	ret->segments = calloc(plot->count, sizeof(*ret->segments));
	if (ret->segments == NULL)
		return -ENOMEM;
	for (size_t i = 0; i < plot->count; i++)
		add_run(ret, &plot->runs[i]);
	place_segments(ret);
	return 0;
}

void axis_free(struct axis *axis)
{
	free(axis->segments);
	*axis = (struct axis){0};
}

double axis_x(const struct axis *axis, int64_t at_us)
{
	const struct segment *segment = &axis->segments[0];
	double length, into;

	assert(axis->count > 0);
	for (size_t i = 1; i < axis->count && axis->segments[i].begin_us <= at_us; i++)
		segment = &axis->segments[i];
	length = length_of(segment->begin_us, segment->end_us);
	into = length_of(segment->begin_us, at_us < segment->end_us ? at_us : segment->end_us);
	return segment->x + (length > 0 && into > 0 ? segment->width * (into / length) : 0);
}
