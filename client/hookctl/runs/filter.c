/* SPDX-License-Identifier: Apache-2.0 */

/* Reads the options that choose runs, for all verbs that show several. */

#include "client/hookctl/runs/filter.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>

#include "client/hookctl/runs/resolve.h"
#include "client/hookctl/table/span.h"

int filter_read_time(const struct ctl *ctl, enum option_id id, int64_t *ret_us)
{
	const char *text = ctl_option(ctl, id);

	assert(id == OPTION_SINCE || id == OPTION_UNTIL);
	*ret_us = 0;
	if (text == NULL || span_parse_time(text, span_now_us(), ret_us) == 0)
		return 0;
	return ctl_usage("--%s=%s: not a time (10m, yesterday, 09:30, 2026-01-31)",
			 id == OPTION_SINCE ? "since" : "until", text);
}

int filter_read_count(const struct ctl *ctl, enum option_id id, uint64_t otherwise, uint64_t *ret)
{
	const char *text = ctl_option(ctl, id);
	char *end;

	*ret = otherwise;
	if (text == NULL)
		return 0;
	errno = 0;
	*ret = strtoull(text, &end, 10);
	if (errno == 0 && *text >= '0' && *text <= '9' && *end == '\0')
		return 0;
	return ctl_usage("-n %s: not a number", text);
}

int filter_read(struct ctl *ctl, struct filter *ret)
{
	struct hookd_run_filter *of = &ret->of;
	int r;

	*ret = (struct filter){.of = {.size = sizeof(ret->of)}};
	of->stage = ctl_option(ctl, OPTION_STAGE);
	of->state = ctl_option(ctl, OPTION_RUN_STATE);
	of->outcome = ctl_option(ctl, OPTION_OUTCOME);
	of->failed = ctl_has(ctl, OPTION_FAILED);
	of->path = ctl_option(ctl, OPTION_PATH);
	r = filter_read_time(ctl, OPTION_SINCE, &of->since_us);
	if (r == 0)
		r = filter_read_time(ctl, OPTION_UNTIL, &of->until_us);
	if (r == 0)
		r = resolve_container_option(ctl, &ret->container);
	of->container = ret->container;
	return r;
}

void filter_free(struct filter *filter)
{
	free(filter->container);
}
