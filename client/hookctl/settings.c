/* SPDX-License-Identifier: Apache-2.0 */

/*
 * The verbs of io.hookd.settings: apply, update, release, holdings.
 */

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "client/hookctl/holding.h"
#include "client/hookctl/hookctl.h"
#include "client/hookctl/input.h"
#include "client/hookctl/table/escape.h"

/* ---- apply, update ---- */

static int show_applied(const struct ctl *ctl, const struct hookd_applied *applied)
{
	struct hp_buf text = HP_BUF_INIT;
	int r = holding_write(applied, &text);

	if (r == 0)
		r = ctl_put(&text);
	hp_buf_free(&text);
	for (const char *const *ignored = applied->ignored; ignored != NULL && *ignored != NULL;
	     ignored++)
		ctl_note(ctl, "not applied: %s", *ignored);
	return r;
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

static int apply_file(struct ctl *ctl, int pid, const struct input_file *file,
		      enum hp_dialect dialect)
{
	struct hookd_reply *reply = NULL;
	int r = call_apply(ctl, pid, dialect, file->text, &reply);

	if (r < 0)
		return input_call_failed(ctl, r, file, 1);
	r = ctl->json != CTL_JSON_OFF ? ctl_put_reply(ctl, reply, "applied")
				      : show_applied(ctl, hookd_reply_applied(reply));
	return ctl_finish(ctl, reply, r);
}

static int apply(struct ctl *ctl, int pid)
{
	struct input_file file = {INPUT_SETTINGS, ctl_option(ctl, OPTION_SETTINGS)};
	enum hp_dialect dialect;
	int r = input_read(ctl, &file, 1, &dialect);

	if (r == 0)
		r = apply_file(ctl, pid, &file, dialect);
	input_file_free(&file);
	return r;
}

/* The writer replaces invalid UTF-8, which would change the id. 0, or an exit status. */
static int check_container(const char *container)
{
	return hp_json_is_text(container, strlen(container)) ? 0
							     : ctl_usage("--container: not UTF-8");
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
		return ctl_usage("--pid=%s: not a process id", pid);
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
	return ctl_finish(ctl, reply, r);
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

static int show_table(const struct ctl *ctl, const struct hookd_holding_list *holdings)
{
	const struct table_style style = ctl_table_style(ctl);
	struct hp_buf text = HP_BUF_INIT;
	int r;

	if (holdings->count == 0) {
		ctl_note(ctl, "hookd holds nothing");
		return 0;
	}
	r = holding_write_table(holdings, &style, &text);
	if (r == 0)
		r = ctl_page(ctl, &text);
	hp_buf_free(&text);
	return r;
}

/* -q: the ids. */
static int show_ids(const struct hookd_holding_list *holdings)
{
	struct hp_buf text = HP_BUF_INIT;

	for (size_t i = 0; i < holdings->count; i++) {
		const char *id = holdings->containers[i].container;

		escape_append(&text, id, strlen(id), ESCAPE_LINE);
		hp_buf_append(&text, "\n", 1);
	}
	return ctl_put(&text);
}

static int show_array(const struct ctl *ctl, const struct hp_buf *text, int *ret_exit)
{
	struct hp_json array = {0};
	struct hp_err err;
	int r = hp_json_parse(&array, text->data, text->length, &err);

	if (r == 0 && ctl->json != CTL_JSON_OFF)
		r = ctl_put_json(ctl, hp_json_root(&array));
	else if (r == 0)
		*ret_exit = ctl_put_formatted_array(ctl, HOLDING_NAMES, hp_json_root(&array));
	hp_json_free(&array);
	return r;
}

/* hookd sends a map; lists are arrays. */
static int show_json(const struct ctl *ctl, const struct hookd_reply *reply, int *ret_exit)
{
	struct hp_buf text = HP_BUF_INIT;
	struct hp_json json = {0};
	int r = ctl_read_reply(reply, &json);

	if (r == 0)
		r = holding_write_json(hp_json_member(hp_json_root(&json), "containers"), &text);
	if (r == 0)
		r = show_array(ctl, &text, ret_exit);
	hp_json_free(&json);
	hp_buf_free(&text);
	return r;
}

int verb_holdings(struct ctl *ctl)
{
	bool is_json = ctl->json != CTL_JSON_OFF || ctl_has(ctl, OPTION_FORMAT);
	struct hookd_reply *reply = NULL;
	int r = ctl_open(ctl), shown = CTL_EXIT_OK, failed;

	if (r == 0)
		r = hookd_holdings(ctl->client, &reply);
	if (r == 0 && is_json)
		r = show_json(ctl, reply, &shown);
	else if (r == 0)
		r = ctl->is_quiet ? show_ids(hookd_reply_holdings(reply))
				  : show_table(ctl, hookd_reply_holdings(reply));
	failed = ctl_finish(ctl, reply, r);
	return failed != CTL_EXIT_OK ? failed : shown;
}
