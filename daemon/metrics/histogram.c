/* SPDX-License-Identifier: Apache-2.0 */
/* Histograms of durations with fixed ranges. No state. */
#include "daemon/metrics/histogram.h"

const struct histogram_bound histogram_bounds[HISTOGRAM_BOUNDS] = {
    {1000, "0.001"},	{2500, "0.0025"},   {5000, "0.005"},	{10000, "0.01"},
    {25000, "0.025"},	{50000, "0.05"},    {100000, "0.1"},	{250000, "0.25"},
    {500000, "0.5"},	{1000000, "1.0"},   {2500000, "2.5"},	{5000000, "5.0"},
    {10000000, "10.0"}, {30000000, "30.0"}, {60000000, "60.0"}, {300000000, "300.0"},
};

void histogram_add(struct histogram *histogram, int64_t duration_us)
{
	size_t i = 0;

	if (duration_us < 0)
		duration_us = 0;
	while (i < HISTOGRAM_BOUNDS && duration_us > histogram_bounds[i].us)
		i++;
	histogram->counts[i]++;
	histogram->sum_us += duration_us;
}
