/* SPDX-License-Identifier: Apache-2.0 */

/*
 * The picture as SVG: a band for each run, in it a row for each hook. Texts come from containers:
 * what harms a terminal is escaped as there, then XML's own characters are; the two characters that
 * XML 1.0 allows in no form are escaped, too.
 */

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "client/hookctl/plot/plot.h"
#include "client/hookctl/plot/segment.h"
#include "client/hookctl/runs/words.h"
#include "client/hookctl/table/escape.h"
#include "client/hookctl/table/span.h"

#define ROW_HEIGHT   18
#define TITLE_HEIGHT 22 /* of a band */
#define BAND_GAP     8
#define TOP	     74 /* title and axis */
#define LEGEND	     34
#define LABEL_WIDTH  460 /* right of the last bar */
#define BAR_HEIGHT   12
#define LEAST_RUN    2.0
#define LEAST_REST   1.0

#define NAME_MAX_COLUMNS  24 /* of a hook in a label */
#define TITLE_MAX_COLUMNS 80

static const char style[] =
    "text{font:12px sans-serif;fill:#222;paint-order:stroke;stroke:#fff;stroke-width:3px;"
    "stroke-linejoin:round}\n"
    ".plot-title{font-size:15px;font-weight:bold}.run-title{font-weight:bold}\n"
    ".paper{fill:#fff}.back{fill:none;stroke:#ddd}.axis{stroke:#888;fill:none}\n"
    ".gap{stroke:#888;stroke-dasharray:3 3}.scale,.note{fill:#666}\n"
    ".queue{fill:#bbb}.run{fill:#4878a8}.drain{fill:#a8c4e0}\n"
    ".failed .run,.lost .run{fill:#c0392b}.timed_out .run{fill:#d68910}\n"
    ".failed .drain,.lost .drain{fill:#e8b4ae}.timed_out .drain{fill:#f0d0a0}\n"
    ".failed text,.lost text{fill:#a02010}.timed_out text{fill:#8a5200}\n"
    ".skipped text,.cancelled text{fill:#666}\n";

static void put(struct hp_buf *buf, const char *text)
{
	hp_buf_append(buf, text, strlen(text));
}

/* ---- text from outside ---- */

static void put_character(struct hp_buf *buf, const char *text, size_t length)
{
	static const struct {
		char character;
		const char *name;
	} entities[] = {
	    {'&', "&amp;"}, {'<', "&lt;"}, {'>', "&gt;"}, {'"', "&quot;"}, {'\'', "&#39;"}};

	for (size_t i = 0; length == 1 && i < sizeof(entities) / sizeof(entities[0]); i++)
		if (*text == entities[i].character) {
			put(buf, entities[i].name);
			return;
		}
	if (length == 3 && memcmp(text, "\xef\xbf\xbe", 3) == 0)
		put(buf, "\\ufffe");
	else if (length == 3 && memcmp(text, "\xef\xbf\xbf", 3) == 0)
		put(buf, "\\uffff");
	else
		hp_buf_append(buf, text, length);
}

/* What is longer than max_columns characters is cut, and ends with "…". 0: nothing is cut. */
static void put_text(struct hp_buf *buf, const char *text, size_t max_columns)
{
	struct hp_buf safe = HP_BUF_INIT;
	uint32_t point;
	size_t used;

	escape_append(&safe, text, strlen(text), ESCAPE_LINE);
	buf->failed |= safe.failed;
	for (size_t at = 0, columns = 1; at < safe.length; at += used, columns++) {
		used = escape_decode(safe.data + at, safe.length - at, &point);
		if (used == 0)
			break;
		if (columns == max_columns && at + used < safe.length) {
			put(buf, "…");
			break;
		}
		put_character(buf, safe.data + at, used);
	}
	hp_buf_free(&safe);
}

static const char *or_none(const char *text)
{
	return text != NULL ? text : "-";
}

/* ---- a hook ---- */

static int64_t between(int64_t from_us, int64_t to_us)
{
	return (int64_t)((uint64_t)to_us - (uint64_t)from_us);
}

static void put_span(struct hp_buf *buf, const char *before, int64_t us)
{
	char text[SPAN_SIZE];

	hp_buf_format(buf, "%s%s", before, span_format((uint64_t)us, text));
}

static void put_bar(struct hp_buf *buf, const char *class, double x, double end_x, int y)
{
	hp_buf_format(buf, "<rect class=\"%s\" x=\"%.1f\" y=\"%d\" width=\"%.1f\" height=\"%d\"/>",
		      class, x, y, end_x - x, BAR_HEIGHT);
}

/* A span that the scale makes too short to be seen gets a pixel or two. Returns where they end. */
static double put_bars(struct hp_buf *buf, const struct axis *axis, const struct plot_hook *hook,
		       int y)
{
	const struct {
		const char *class;
		int64_t begin_us, end_us;
		double least;
	} spans[] = {{"queue", hook->queued_us, hook->begun_us, LEAST_REST},
		     {"run", hook->begun_us, hook->exited_us, LEAST_RUN},
		     {"drain", hook->exited_us, hook->end_us, LEAST_REST}};
	double x = axis_x(axis, hook->queued_us);

	for (size_t i = 0; i < sizeof(spans) / sizeof(spans[0]); i++) {
		double end_x = axis_x(axis, spans[i].end_us);

		if (spans[i].end_us <= spans[i].begin_us)
			continue;
		if (end_x < x + spans[i].least)
			end_x = x + spans[i].least;
		put_bar(buf, spans[i].class, x, end_x, y);
		x = end_x;
	}
	return x;
}

static void put_hook_title(struct hp_buf *buf, const struct plot_run *run,
			   const struct plot_hook *hook, const char *status)
{
	put(buf, "<title>");
	put_text(buf, or_none(run->info->stage), 0);
	if (hook->result != NULL) {
		hp_buf_format(buf, " #%zu ", hook->result->index);
		put_text(buf, or_none(hook->result->path), 0);
	}
	put(buf, ": ");
	put_text(buf, *status != '\0' ? status : "succeeded", 0);
	put_span(buf, ", queued ", between(hook->queued_us, hook->begun_us));
	put_span(buf, ", ran ", between(hook->begun_us, hook->exited_us));
	put_span(buf, ", drained ", between(hook->exited_us, hook->end_us));
	put(buf, "</title>");
}

static void put_hook_label(struct hp_buf *buf, const struct plot_run *run,
			   const struct plot_hook *hook, const char *status, double x, int y)
{
	const struct hookd_hook_result *result = hook->result;

	hp_buf_format(buf, "<text x=\"%.1f\" y=\"%d\">", x + 7, y + BAR_HEIGHT - 2);
	if (result != NULL) {
		hp_buf_format(buf, "#%zu ", result->index);
		put_text(buf, words_file_name(or_none(result->path)), NAME_MAX_COLUMNS);
	} else {
		hp_buf_format(buf, "%" PRIu64 " hooks", run->info->hook_count);
	}
	if (hook->end_us > hook->begun_us)
		put_span(buf, " ", between(hook->begun_us, hook->exited_us));
	put(buf, *status != '\0' ? " " : "");
	put_text(buf, status, 0);
	put(buf, "</text>");
}

static void put_hook(struct hp_buf *buf, const struct axis *axis, const struct plot_run *run,
		     const struct plot_hook *hook, int y)
{
	char status_text[PLOT_STATUS_SIZE];
	const char *status = plot_hook_status(run, hook, status_text);
	double x;

	hp_buf_format(buf, "<g class=\"hook %s\">", plot_hook_class(run, hook));
	put_hook_title(buf, run, hook, status);
	x = put_bars(buf, axis, hook, y);
	put_hook_label(buf, run, hook, status, x, y);
	put(buf, "</g>\n");
}

/* ---- a run ---- */

static int band_height(const struct plot_run *run)
{
	return TITLE_HEIGHT + (int)run->count * ROW_HEIGHT;
}

static void put_run_title(struct hp_buf *buf, const struct plot_run *run, int y)
{
	char time[SPAN_SIZE];

	hp_buf_format(buf, "<text class=\"run-title\" x=\"10\" y=\"%d\">", y + 15);
	put_text(buf, or_none(run->info->stage), TITLE_MAX_COLUMNS);
	put(buf, " <tspan class=\"note\">");
	put_text(buf, run->info->run, TITLE_MAX_COLUMNS);
	hp_buf_format(buf, " %s</tspan></text>\n",
		      span_format_time((uint64_t)run->info->submitted_us, time));
}

static void put_band(struct hp_buf *buf, const struct axis *axis, const struct plot_run *run, int y,
		     double width)
{
	put(buf, "<g class=\"band\" data-stage=\"");
	put_text(buf, or_none(run->info->stage), 0);
	put(buf, "\" data-run=\"");
	put_text(buf, run->info->run, 0);
	hp_buf_format(buf,
		      "\"><rect class=\"back\" x=\"4\" y=\"%d\" width=\"%.1f\" height=\"%d\"/>\n",
		      y, width - 8, band_height(run));
	put_run_title(buf, run, y);
	for (size_t i = 0; i < run->count; i++)
		put_hook(buf, axis, run, &run->hooks[i], y + TITLE_HEIGHT + (int)i * ROW_HEIGHT);
	put(buf, "</g>\n");
}

/* ---- around them ---- */

static void put_plot_title(struct hp_buf *buf, const struct plot *plot, size_t max_columns)
{
	char time[SPAN_SIZE];

	put_text(buf, plot->title, max_columns);
	hp_buf_format(buf, ": %zu %s", plot->count, plot->count == 1 ? "run" : "runs");
	if (plot->count > 0)
		hp_buf_format(buf, " since %s",
			      span_format_time((uint64_t)plot->runs[0].begin_us, time));
	if (plot->version != NULL) {
		put(buf, ", hookd ");
		put_text(buf, plot->version, TITLE_MAX_COLUMNS);
	}
}

static void put_gap(struct hp_buf *buf, const struct segment *before, const struct segment *after,
		    int bottom)
{
	double x = (before->x + before->width + after->x) / 2;

	hp_buf_format(buf, "<line class=\"gap\" x1=\"%.1f\" x2=\"%.1f\" y1=\"68\" y2=\"%d\"/>", x,
		      x, bottom);
	hp_buf_format(
	    buf, "<text class=\"gap-length note\" x=\"%.1f\" y=\"64\" text-anchor=\"middle\">", x);
	put_span(buf, "", between(before->end_us, after->begin_us));
	put(buf, "</text>\n");
}

static void put_axis(struct hp_buf *buf, const struct axis *axis, int bottom)
{
	for (size_t i = 0; i < axis->count; i++) {
		const struct segment *segment = &axis->segments[i];
		double end_x = segment->x + segment->width;

		hp_buf_format(buf, "<path class=\"axis\" d=\"M%.1f 46v8m0-4H%.1fm0-4v8\"/>",
			      segment->x, end_x);
		hp_buf_format(buf,
			      "<text class=\"scale\" x=\"%.1f\" y=\"43\" text-anchor=\"middle\">",
			      segment->x + segment->width / 2);
		put_span(buf, "", between(segment->begin_us, segment->end_us));
		put(buf, "</text>\n");
		if (i + 1 < axis->count)
			put_gap(buf, segment, &segment[1], bottom);
	}
}

static void put_legend(struct hp_buf *buf, int y)
{
	static const struct {
		const char *group, *bar, *text;
	} entries[] = {{"", "queue", "queued"},
		       {"", "run", "ran"},
		       {"", "drain", "drained"},
		       {"failed", "run", "failed"},
		       {"timed_out", "run", "timed out"}};

	put(buf, "<g class=\"legend\">");
	for (size_t i = 0; i < sizeof(entries) / sizeof(entries[0]); i++) {
		int x = 10 + (int)i * 90;

		hp_buf_format(buf, "<g class=\"%s\">", entries[i].group);
		put_bar(buf, entries[i].bar, x, x + 14, y);
		hp_buf_format(buf, "<text x=\"%d\" y=\"%d\">%s</text></g>", x + 20,
			      y + BAR_HEIGHT - 2, entries[i].text);
	}
	put(buf, "</g>\n");
}

static void write_picture(const struct plot *plot, const struct axis *axis, struct hp_buf *buf)
{
	double width = axis->end_x + LABEL_WIDTH;
	int y = TOP, height = TOP + LEGEND;

	for (size_t i = 0; i < plot->count; i++)
		height += band_height(&plot->runs[i]) + BAND_GAP;
	hp_buf_format(
	    buf,
	    "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"%.0f\" height=\"%d\" viewBox=\"0 0 "
	    "%.0f "
	    "%d\">\n<title>",
	    width, height, width, height);
	put_plot_title(buf, plot, 0);
	put(buf, "</title>\n<style>");
	put(buf, style);
	put(buf, "</style>\n<rect class=\"paper\" width=\"100%\" height=\"100%\"/>\n"
		 "<text class=\"plot-title\" x=\"10\" y=\"21\">");
	put_plot_title(buf, plot, TITLE_MAX_COLUMNS);
	put(buf, "</text>\n");
	/* First, so that bars and words are before its lines. */
	put_axis(buf, axis, height - LEGEND - BAND_GAP);
	for (size_t i = 0; i < plot->count; i++) {
		put_band(buf, axis, &plot->runs[i], y, width);
		y += band_height(&plot->runs[i]) + BAND_GAP;
	}
	put_legend(buf, y + 8);
	put(buf, "</svg>\n");
}

int plot_write_svg(const struct plot *plot, struct hp_buf *buf)
{
	struct axis axis;
	int r = axis_make(plot, &axis);

	if (r < 0)
		return r;
	write_picture(plot, &axis, buf);
	axis_free(&axis);
	return buf->failed ? -ENOMEM : 0;
}
