/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The two formats differ in the name of a counter's and an info's family, which in Prometheus'
 * format is that of its samples, and in the last line. The buffer is the caller's.
 */
#include "daemon/metrics/exposition.h"

#include <assert.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "daemon/base/base.h"

#define LINE_SIZE 320

static void append(struct exposition *exposition, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

static void append(struct exposition *exposition, const char *format, ...)
{
	char line[LINE_SIZE];
	va_list args;
	int length;

	va_start(args, format);
	length = vsnprintf(line, sizeof(line), format, args);
	va_end(args);
	assert(length > 0 && length < LINE_SIZE);
	hp_buf_append(exposition->buf, line, (size_t)length);
}

void exposition_family(struct exposition *exposition, enum family_type type, const char *name,
		       const char *help)
{
	static const struct {
		const char *openmetrics, *prometheus, *suffix;
	} types[] = {
	    [FAMILY_COUNTER] = {"counter", "counter", "_total"},
	    [FAMILY_GAUGE] = {"gauge", "gauge", ""},
	    [FAMILY_HISTOGRAM] = {"histogram", "histogram", ""},
	    [FAMILY_INFO] = {"info", "gauge", "_info"},
	};
	bool is_openmetrics = exposition->is_openmetrics;
	const char *family;

	snprintf(exposition->sample, sizeof(exposition->sample), "%s%s", name, types[type].suffix);
	family = is_openmetrics ? name : exposition->sample;
	append(exposition, "# HELP %s %s\n", family, help);
	append(exposition, "# TYPE %s %s\n", family,
	       is_openmetrics ? types[type].openmetrics : types[type].prometheus);
}

/* The name with its labels. */
static void append_name(struct exposition *exposition, const char *suffix, const char *labels)
{
	append(exposition, "%s%s%s%s%s ", exposition->sample, suffix, labels ? "{" : "",
	       labels ? labels : "", labels ? "}" : "");
}

void exposition_count(struct exposition *exposition, const char *labels, uint64_t value)
{
	append_name(exposition, "", labels);
	append(exposition, "%" PRIu64 "\n", value);
}

static void append_seconds(struct exposition *exposition, int64_t value_us)
{
	append(exposition, "%" PRId64 ".%06" PRId64 "\n", value_us / 1000000, value_us % 1000000);
}

void exposition_seconds(struct exposition *exposition, const char *labels, int64_t value_us)
{
	assert(value_us >= 0);
	append_name(exposition, "", labels);
	append_seconds(exposition, value_us);
}

void exposition_histogram(struct exposition *exposition, const char *labels,
			  const struct histogram *histogram)
{
	uint64_t count = 0;
	char all[128];

	for (size_t i = 0; i <= HISTOGRAM_BOUNDS; i++) {
		snprintf(all, sizeof(all), "%s,le=\"%s\"", labels,
			 i < HISTOGRAM_BOUNDS ? histogram_bounds[i].seconds : "+Inf");
		count += histogram->counts[i];
		append_name(exposition, "_bucket", all);
		append(exposition, "%" PRIu64 "\n", count);
	}
	append_name(exposition, "_count", labels);
	append(exposition, "%" PRIu64 "\n", count);
	append_name(exposition, "_sum", labels);
	append_seconds(exposition, histogram->sum_us);
}

void exposition_end(struct exposition *exposition)
{
	if (exposition->is_openmetrics)
		append(exposition, "# EOF\n");
}
