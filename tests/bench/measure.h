/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stddef.h>
#include <stdint.h>
#include <time.h>

/* Samples, and the rows of the table that are made of them. */

static inline int64_t now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * 1000000000ll + now.tv_nsec;
}

struct samples {
	int64_t *ns;
	size_t count, capacity;
};

/* -ENOMEM. */
int samples_add(struct samples *samples, int64_t ns);
/* The quantile `part` (0..1) of the samples; 0 if there are none. Sorts them. */
double samples_quantile_ns(struct samples *samples, double part);
double samples_median_ns(struct samples *samples);
void samples_forget(struct samples *samples);
void samples_free(struct samples *samples);

enum bound { BOUND_NONE, BOUND_RATIO_AT_MOST, BOUND_RATIO_AT_LEAST, BOUND_A_AT_MOST };

struct row {
	const char *what;
	double a; /* hookd's */
	double b; /* the value that it is compared with; 0: none */
	const char *unit;
	enum bound bound;
	double target;
};

/* Prints a line to stdout: what, both values, A / B, the target and whether it was met. */
void row_print(const struct row *row);
