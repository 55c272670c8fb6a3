/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Collects samples and prints rows. Uses medians, since on a shared machine a mean mostly shows the
 * load of other processes.
 */
#include "tests/bench/measure.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>

int samples_add(struct samples *samples, int64_t ns)
{
	if (samples->count == samples->capacity) {
		size_t capacity = samples->capacity ? samples->capacity * 2 : 1024;
		int64_t *grown = realloc(samples->ns, capacity * sizeof(*grown));

		if (!grown)
			return -ENOMEM;
		samples->ns = grown;
		samples->capacity = capacity;
	}
	samples->ns[samples->count++] = ns;
	return 0;
}

static int compare(const void *a, const void *b)
{
	int64_t left = *(const int64_t *)a, right = *(const int64_t *)b;

	return (left > right) - (left < right);
}

double samples_quantile_ns(struct samples *samples, double part)
{
	if (samples->count == 0)
		return 0;
	qsort(samples->ns, samples->count, sizeof(*samples->ns), compare);
	return (double)samples->ns[(size_t)((double)(samples->count - 1) * part)];
}

double samples_median_ns(struct samples *samples)
{
	return samples_quantile_ns(samples, 0.5);
}

void samples_forget(struct samples *samples)
{
	samples->count = 0;
}

void samples_free(struct samples *samples)
{
	free(samples->ns);
	*samples = (struct samples){0};
}

static void format_value(char *text, size_t size, double value, const char *unit)
{
	int decimals = value >= 1000 ? 0 : value >= 100 ? 1 : 2;

	snprintf(text, size, "%.*f%s%s", decimals, value, *unit ? " " : "", unit);
}

static void format_target(char *text, size_t size, const struct row *row)
{
	const char *sign = row->bound == BOUND_RATIO_AT_LEAST ? ">=" : "<=";

	if (row->bound == BOUND_NONE)
		snprintf(text, size, "-");
	else if (row->bound == BOUND_A_AT_MOST)
		snprintf(text, size, "%s %.2f%s%s", sign, row->target, *row->unit ? " " : "",
			 row->unit);
	else
		snprintf(text, size, "%s %.2f x", sign, row->target);
}

static const char *verdict(const struct row *row)
{
	double ratio = row->b > 0 ? row->a / row->b : 0;
	bool is_met = row->bound == BOUND_A_AT_MOST	  ? row->a <= row->target
		      : row->bound == BOUND_RATIO_AT_MOST ? ratio <= row->target
							  : ratio >= row->target;

	if (row->bound == BOUND_NONE)
		return "-";
	return is_met ? "met" : "MISSED";
}

void row_print(const struct row *row)
{
	char a[32], b[32] = "-", ratio[32] = "-", target[32];

	format_value(a, sizeof(a), row->a, row->unit);
	if (row->b > 0) {
		format_value(b, sizeof(b), row->b, row->unit);
		snprintf(ratio, sizeof(ratio), "%.2f x", row->a / row->b);
	}
	format_target(target, sizeof(target), row);
	printf("%-52s %12s %12s %8s %11s  %s\n", row->what, a, b, ratio, target, verdict(row));
	fflush(stdout);
}
