/* SPDX-License-Identifier: Apache-2.0 */

/* The verb policy: what hookd's policy says about a call. */

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "client/hookctl/check/check.h"
#include "client/hookctl/table/escape.h"

#define GROUPS_MAX 1024

/* A name without a dot is one of these. */
static const char *const methods[] = {
    "io.hookd.hooks.Run",
    "io.hookd.hooks.Wait",
    "io.hookd.hooks.Cancel",
    "io.hookd.hooks.Explain",
    "io.hookd.status.List",
    "io.hookd.status.Get",
    "io.hookd.status.Watch",
    "io.hookd.status.Summary",
    "io.hookd.status.GetStatus",
    "io.hookd.status.GetMetrics",
    "io.hookd.control.Ping",
    "io.hookd.control.Reload",
    "io.hookd.control.SetLogLevel",
    "io.hookd.control.Drain",
    "io.hookd.control.ExplainPolicy",
    "io.hookd.settings.Apply",
    "io.hookd.settings.Update",
    "io.hookd.settings.Release",
    "io.hookd.settings.Holdings",
    "io.hookd.settings.CompileSeccomp",
};

static const char *whole_name(const char *method)
{
	for (size_t i = 0; i < sizeof(methods) / sizeof(methods[0]); i++)
		if (strcmp(strrchr(methods[i], '.') + 1, method) == 0)
			return methods[i];
	return method;
}

/* ---- the command line ---- */

/* An id up to the end, or up to ','. */
static bool read_id(const char **text, uint32_t *ret)
{
	char *end;
	unsigned long id;

	if (**text < '0' || **text > '9')
		return false;
	errno = 0;
	id = strtoul(*text, &end, 10);
	if (errno != 0 || id >= UINT32_MAX || (*end != '\0' && *end != ','))
		return false;
	*ret = (uint32_t)id;
	*text = end;
	return true;
}

static int read_uid(const struct ctl *ctl, struct hookd_caller *caller)
{
	const char *text = ctl_option(ctl, OPTION_UID);

	caller->uid = getuid();
	if (text == NULL || (read_id(&text, &caller->uid) && *text == '\0'))
		return 0;
	return ctl_usage("--uid=%s: not a user id", ctl_option(ctl, OPTION_UID));
}

static int read_groups(const struct ctl *ctl, uint32_t gids[static GROUPS_MAX],
		       struct hookd_caller *caller)
{
	const char *text = ctl_option(ctl, OPTION_GROUPS);

	if (text == NULL)
		return 0;
	caller->gids = gids;
	while (caller->gid_count < GROUPS_MAX && read_id(&text, &gids[caller->gid_count])) {
		caller->gid_count++;
		if (*text++ == '\0')
			return 0;
	}
	return ctl_usage("--groups=%s: not group ids (10,100)", ctl_option(ctl, OPTION_GROUPS));
}

/* ---- the answer ---- */

static int show(const struct hookd_caller *caller, const char *method,
		const struct hookd_policy_decision *decision)
{
	struct hp_buf text = HP_BUF_INIT;
	char line[512];
	int length = snprintf(line, sizeof(line), "%s: %s, uid %u%s%s",
			      decision->allowed ? "allowed" : "refused", method, caller->uid,
			      decision->allowed ? "" : ": ",
			      decision->allowed || !decision->reason ? "" : decision->reason);

	escape_append(&text, line, strnlen(line, (size_t)length), ESCAPE_LINE);
	hp_buf_append(&text, "\n", 1);
	return ctl_put(&text);
}

static int explain(struct ctl *ctl, const char *method)
{
	struct hookd_reply *reply = NULL;
	struct hookd_caller caller = {0};
	uint32_t gids[GROUPS_MAX];
	bool is_allowed = false;
	int r = read_uid(ctl, &caller);

	if (r == 0)
		r = read_groups(ctl, gids, &caller);
	if (r != 0)
		return r;
	method = whole_name(method);
	r = ctl_open(ctl);
	if (r == 0)
		r = hookd_explain_policy(ctl->client, &caller, method, &reply);
	if (r == 0) {
		const struct hookd_policy_decision *decision = hookd_reply_decision(reply);

		is_allowed = decision->allowed;
		r = ctl->json != CTL_JSON_OFF ? ctl_put_reply(ctl, reply, NULL)
					      : show(&caller, method, decision);
	}
	if (r == -EINVAL && ctl->client != NULL &&
	    strcmp(hookd_client_error_parameter(ctl->client), "method") == 0)
		return ctl_usage("no such method: %s", method);
	r = ctl_finish(ctl, reply, r);
	return r == 0 && !is_allowed ? CTL_EXIT_FAILED : r;
}

int verb_policy(struct ctl *ctl)
{
	if (strcmp(ctl->options.operands[0], "explain") == 0)
		return explain(ctl, ctl->options.operands[1]);
	ctl_error("policy: no such command: %s", ctl->options.operands[0]);
	if (strcmp(ctl->options.operands[0], "check") == 0)
		ctl_hint(ctl, "hookctl validate --type=conf %s", ctl->options.operands[1]);
	else
		ctl_hint(ctl, "hookctl policy explain --uid=1000 io.hookd.hooks.Run");
	return CTL_EXIT_USAGE;
}
