/* SPDX-License-Identifier: Apache-2.0 */

/*
 * The verbs of io.hookd.settings: apply, update, release, holdings. A setting that hookd tried and
 * could not make exits as a failed hook does; other failures exit as in all verbs.
 */

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "client/hookctl/holding.h"
#include "client/hookctl/hookctl.h"
#include "client/hookctl/input.h"
#include "client/hookctl/table/escape.h"

/* ---- failures ---- */

/* hookd accepted the request and could not carry it out. */
static bool is_failed_setting(const struct ctl *ctl)
{
	static const char *const names[] = {
	    "io.hookd.settings.SettingFailed", "io.hookd.settings.NotSupported",
	    "io.hookd.settings.NoSuchProcess", "io.hookd.settings.NoSuchContainer",
	    "io.hookd.settings.Exhausted",     "io.hookd.settings.Busy"};

	for (size_t i = 0; ctl->client != NULL && i < sizeof(names) / sizeof(names[0]); i++)
		if (strcmp(hookd_client_error_name(ctl->client), names[i]) == 0)
			return true;
	return false;
}

int ctl_setting_failed(const struct ctl *ctl, int r)
{
	int exit_status = ctl_call_failed(ctl, r);

	return is_failed_setting(ctl) ? CTL_EXIT_FAILED : exit_status;
}

/* ---- apply, update ---- */

static int show_applied(const struct hookd_applied *applied)
{
	struct hp_buf text = HP_BUF_INIT;
	int r = holding_write(applied, &text);

	if (r == 0)
		r = ctl_put(&text);
	hp_buf_free(&text);
	for (const char *const *ignored = applied->ignored; ignored != NULL && *ignored != NULL;
	     ignored++)
		ctl_error("left out, as the settings allow: %s", *ignored);
	return r;
}

/* Frees the reply. Returns the exit status. */
static int finish(const struct ctl *ctl, struct hookd_reply *reply, int r)
{
	hookd_reply_free(reply);
	return r < 0 ? ctl_setting_failed(ctl, r) : CTL_EXIT_OK;
}

/* Apply, or Update where `pid` is 0. */
static int call_apply(struct ctl *ctl, int pid, enum hp_dialect dialect, const char *settings,
		      struct hookd_reply **ret)
{
	const struct hookd_apply_request request = {
	    .size = sizeof(request),
	    .container = ctl_option(ctl, OPTION_CONTAINER),
	    .pid = pid,
	    .settings = settings,
	    .dialect = input_dialect_name(dialect),
	    .cgroup_manager = ctl_option(ctl, OPTION_CGROUP_MANAGER),
	};
	int r = ctl_open(ctl);

	if (r < 0)
		return r;
	return pid != 0 ? hookd_apply(ctl->client, &request, ret)
			: hookd_update(ctl->client, &request, ret);
}

static int apply_document(struct ctl *ctl, int pid, const struct document *document)
{
	struct hookd_reply *reply = NULL;
	enum hp_dialect dialect;
	struct slice slice;
	char *settings;
	int r = input_find_dialect(ctl, document, NULL, &dialect);

	if (r != 0)
		return r;
	slice = run_slice_settings(hp_json_root(&document->json), dialect);
	settings = strndup(slice.text, slice.length);
	r = settings != NULL ? call_apply(ctl, pid, dialect, settings, &reply) : -ENOMEM;
	free(settings);
	if (r == 0)
		r = ctl->json != CTL_JSON_OFF ? ctl_put_reply(ctl, reply, "applied")
					      : show_applied(hookd_reply_applied(reply));
	return finish(ctl, reply, r);
}

static int apply(struct ctl *ctl, int pid)
{
	struct document document = {0};
	int r = input_read_document(ctl, OPTION_SETTINGS, &document);

	if (r == 0)
		r = apply_document(ctl, pid, &document);
	document_free(&document);
	return r;
}

/* The writer replaces invalid UTF-8, which would change the id. 0, or an exit status. */
static int check_container(const char *container)
{
	return hp_json_is_text(container, strlen(container))
		   ? 0
		   : ctl_usage("--container must be UTF-8");
}

static int parse_pid(const char *text)
{
	char *end;
	long long pid;

	errno = 0;
	pid = strtoll(text, &end, 10);
	if (errno != 0 || *text < '0' || *text > '9' || *end != '\0' || pid > INT32_MAX)
		return 0;
	return (int)pid;
}

int verb_apply(struct ctl *ctl)
{
	const char *container = ctl_option(ctl, OPTION_CONTAINER);
	const char *pid = ctl_option(ctl, OPTION_PID);
	int r;

	if (container == NULL || pid == NULL || ctl_option(ctl, OPTION_SETTINGS) == NULL)
		return ctl_usage("apply needs --container, --pid and --settings");
	if (parse_pid(pid) == 0)
		return ctl_usage("--pid=%s is not a process id", pid);
	r = check_container(container);
	return r != 0 ? r : apply(ctl, parse_pid(pid));
}

int verb_update(struct ctl *ctl)
{
	const char *container = ctl_option(ctl, OPTION_CONTAINER);
	int r;

	if (container == NULL || ctl_option(ctl, OPTION_SETTINGS) == NULL)
		return ctl_usage("update needs --container and --settings");
	r = check_container(container);
	return r != 0 ? r : apply(ctl, 0);
}

/* ---- release ---- */

static int show_removed(const char *const *removed)
{
	struct hp_buf text = HP_BUF_INIT;
	int r;

	for (; *removed != NULL; removed++) {
		hp_buf_append(&text, "removed ", 8);
		escape_append(&text, *removed, strlen(*removed), ESCAPE_LINE);
		hp_buf_append(&text, "\n", 1);
	}
	r = ctl_put(&text);
	hp_buf_free(&text);
	return r;
}

static int release(struct ctl *ctl, const char *container)
{
	struct hookd_reply *reply = NULL;
	int r = ctl_open(ctl);

	if (r == 0)
		r = hookd_release(ctl->client, container, &reply);
	if (r == 0)
		r = ctl->json != CTL_JSON_OFF ? ctl_put_reply(ctl, reply, "removed")
					      : show_removed(hookd_reply_strings(reply));
	return finish(ctl, reply, r);
}

int verb_release(struct ctl *ctl)
{
	const char *container = ctl_option(ctl, OPTION_CONTAINER);
	int r;

	if (container == NULL)
		return ctl_usage("release needs --container");
	r = check_container(container);
	return r != 0 ? r : release(ctl, container);
}

/* ---- holdings ---- */

static int show_holdings(const struct ctl *ctl, const struct hookd_holding_list *holdings)
{
	struct hp_buf text = HP_BUF_INIT;
	int r = holding_write_table(holdings, ctl->has_legend, ctl->has_colour, &text);

	if (r == 0)
		r = ctl_put(&text);
	hp_buf_free(&text);
	return r;
}

int verb_holdings(struct ctl *ctl)
{
	struct hookd_reply *reply = NULL;
	int r = ctl_open(ctl);

	if (r == 0)
		r = hookd_holdings(ctl->client, &reply);
	if (r == 0)
		r = ctl->json != CTL_JSON_OFF ? ctl_put_reply(ctl, reply, "containers")
					      : show_holdings(ctl, hookd_reply_holdings(reply));
	return finish(ctl, reply, r);
}
