/* SPDX-License-Identifier: Apache-2.0 */
/*
 * client/hookctl/plot: pictures of runs: when the hooks of a container, or of one run, waited, ran
 * and were drained. All but the verb needs no daemon.
 *
 * May use: client/hookctl, client/hookctl/runs, client/hookctl/table, client/libhookd, proto/base,
 * proto/json.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "client/libhookd/hookd.h"
#include "proto/base/buf.h"

/* When a hook did what, in microseconds since the epoch, in order: queued <= ... <= end. */
struct plot_hook {
	const struct hookd_hook_result *result; /* NULL: the run has no hook yet, and waits */
	int64_t queued_us, begun_us, exited_us, end_us;
};

struct plot_run {
	const struct hookd_run_info *info;
	struct plot_hook *hooks;
	size_t count;
	int64_t begin_us, end_us;
};

/* What is to be drawn. Texts and results belong to the caller. */
struct plot {
	const char *title;   /* the container */
	const char *version; /* of hookd */
	int64_t now_us;	     /* since the epoch: the end of what still runs */
	struct plot_run *runs;
	size_t count;
};

/*
 * Adds a run with its hooks, from the reply of hookd_get(), which has to outlive the plot. -ENOMEM.
 */
int plot_add(struct plot *plot, const struct hookd_reply *reply);
/* The same, from its parts. */
int plot_add_run(struct plot *plot, const struct hookd_run_info *info,
		 const struct hookd_hook_result *const *hooks, size_t count);
/* Sorts the runs by the time of their submission; before a picture is made. */
void plot_sort(struct plot *plot);
void plot_clear(struct plot *plot);

/* How it looks: "succeeded", "failed", "timed_out", "cancelled", "skipped", "running", "queued" or
 * "lost". */
const char *plot_hook_class(const struct plot_run *run, const struct plot_hook *hook);

#define PLOT_STATUS_SIZE 96
/* "failed (3)", "timed out"; "" for success. */
const char *plot_hook_status(const struct plot_run *run, const struct plot_hook *hook,
			     char buffer[static PLOT_STATUS_SIZE]);

/* Append the picture. -ENOMEM. */
int plot_write_svg(const struct plot *plot, struct hp_buf *buf);
/* As Trace Event Format, for ui.perfetto.dev. */
int plot_write_trace(const struct plot *plot, struct hp_buf *buf);
