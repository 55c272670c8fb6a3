/* SPDX-License-Identifier: Apache-2.0 */

/*
 * `hookctl plot`: fetches the runs of a container, or one run, and writes their picture. The
 * replies are kept until it is written, since it borrows their texts; so there is a limit to them,
 * and the newest runs are drawn.
 *
 * Runs are fetched one after the other, which takes about 0.1 ms each. hookd reads the next call of
 * a connection when it has answered the one before, so sending several at once would gain little.
 */

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "client/hookctl/hookctl.h"
#include "client/hookctl/output_file.h"
#include "client/hookctl/plot/plot.h"
#include "client/hookctl/runs/resolve.h"
#include "client/hookctl/table/span.h"

/* A picture of more is of no use. The bytes are of the replies, which have the hooks' output. */
#define RUNS_MAX  1000
#define BYTES_MAX (64u << 20)

struct fetched {
	struct ctl *ctl;
	struct plot plot;
	struct hookd_reply **replies;
	size_t reply_count;
	size_t bytes;
	bool has_more; /* older runs are left out */
};

static void fetched_free(struct fetched *fetched)
{
	plot_clear(&fetched->plot);
	for (size_t i = 0; i < fetched->reply_count; i++)
		hookd_reply_free(fetched->replies[i]);
	free(fetched->replies);
}

static int fetched_keep(struct fetched *fetched, struct hookd_reply *reply)
{
	struct hookd_reply **replies =
	    reallocarray(fetched->replies, fetched->reply_count + 1, sizeof(struct hookd_reply *));

	if (replies == NULL) {
		hookd_reply_free(reply);
		return -ENOMEM;
	}
	fetched->bytes += strlen(hookd_reply_json(reply));
	fetched->replies = replies;
	replies[fetched->reply_count++] = reply;
	return 0;
}

/* ---- what to draw ---- */

static int fetch_run(struct fetched *fetched, const char *run)
{
	struct hookd_reply *reply;
	int r = hookd_get(fetched->ctl->client, run, &reply);

	if (r == 0)
		r = fetched_keep(fetched, reply);
	return r < 0 ? r : plot_add(&fetched->plot, reply);
}

/* hookd may forget a run between the list and this. */
static int fetch_listed(struct fetched *fetched, const struct hookd_run_list *list)
{
	int r = 0;

	for (size_t i = 0; i < list->count && r == 0; i++) {
		fetched->has_more = fetched->plot.count >= RUNS_MAX || fetched->bytes >= BYTES_MAX;
		if (fetched->has_more)
			break;
		r = fetch_run(fetched, list->runs[i].run);
		if (r == -ESRCH)
			r = 0;
	}
	return r;
}

static int list(struct fetched *fetched, const struct hookd_run_filter *filter,
		const struct hookd_run_list **ret)
{
	struct hookd_reply *reply;
	int r = hookd_list(fetched->ctl->client, filter, &reply);

	if (r == 0)
		r = fetched_keep(fetched, reply);
	if (r == 0)
		*ret = hookd_reply_list(reply);
	return r;
}

/* All runs of the container, page by page. */
static int fetch_container(struct fetched *fetched, const char *container)
{
	struct hookd_run_filter filter = {
	    .size = sizeof(filter), .container = container, .limit = RUNS_MAX};
	const struct hookd_run_list *page;
	int r;

	do {
		r = list(fetched, &filter, &page);
		if (r == 0)
			r = fetch_listed(fetched, page);
		if (r == 0 && page->count > 0)
			filter.before = page->runs[page->count - 1].run;
	} while (r == 0 && page->has_more && page->count > 0 && !fetched->has_more);
	return r == -ESRCH && filter.before != NULL ? 0 : r;
}

static int fetch(struct fetched *fetched, const char *run, const char *container)
{
	return run != NULL ? fetch_run(fetched, run) : fetch_container(fetched, container);
}

static int fetch_version(struct fetched *fetched)
{
	struct hookd_reply *reply;
	int r = hookd_status(fetched->ctl->client, &reply);

	if (r == 0)
		r = fetched_keep(fetched, reply);
	if (r == 0)
		fetched->plot.version = hookd_reply_status(reply)->version;
	return r;
}

static int fetch_all(struct fetched *fetched, const char *run, const char *container)
{
	int r = fetch(fetched, run, container);

	if (r == 0)
		r = fetch_version(fetched);
	if (r < 0)
		return r;
	fetched->plot.now_us = span_now_us();
	fetched->plot.title = container != NULL ? container : fetched->plot.runs[0].info->container;
	plot_sort(&fetched->plot);
	return 0;
}

/* ---- the picture ---- */

static int draw(const struct fetched *fetched)
{
	const struct ctl *ctl = fetched->ctl;
	const char *format = ctl_option(ctl, OPTION_PLOT_FORMAT);
	struct hp_buf buf = HP_BUF_INIT;
	int r = format != NULL && strcmp(format, "trace") == 0
		    ? plot_write_trace(&fetched->plot, &buf)
		    : plot_write_svg(&fetched->plot, &buf);

	if (r == 0)
		r = ctl_has(ctl, OPTION_OUTPUT) ? output_file_write(ctl, buf.data, buf.length)
						: ctl_put(&buf);
	hp_buf_free(&buf);
	return r < 0 ? ctl_call_failed(ctl, r) : r;
}

static int plot(struct ctl *ctl, const char *run, const char *container)
{
	struct fetched fetched = {.ctl = ctl};
	int r = fetch_all(&fetched, run, container);

	r = r < 0 ? ctl_call_failed(ctl, r) : draw(&fetched);
	if (r == CTL_EXIT_OK && fetched.has_more)
		ctl_note(ctl, "The newest %zu runs of more", fetched.plot.count);
	fetched_free(&fetched);
	return r;
}

static int fail_terminal(const struct ctl *ctl)
{
	ctl_error("plot: stdout is a terminal");
	ctl_hint(ctl, "hookctl plot %s -o plot.svg", ctl->options.operands[0]);
	return CTL_EXIT_USAGE;
}

int verb_plot(struct ctl *ctl)
{
	char *run, *container;
	int r;

	if (ctl->is_terminal && (!ctl_has(ctl, OPTION_OUTPUT) || output_file_is_stdout(ctl)))
		return fail_terminal(ctl);
	r = resolve_run_or_container(ctl, ctl->options.operands[0], &run, &container);
	if (r == 0)
		r = plot(ctl, run, container);
	free(run);
	free(container);
	return r;
}
