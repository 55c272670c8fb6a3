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

static int show_applied(const struct hp_applied *applied)
{
	struct hp_buf text = HP_BUF_INIT;
	int r = holding_write(applied, &text);

	if (r == 0)
		r = ctl_put(&text);
	hp_buf_free(&text);
	for (char **ignored = applied->ignored; ignored != NULL && *ignored != NULL; ignored++)
		ctl_error("left out, as the settings allow: %s", *ignored);
	return r;
}

static int on_applied(struct hp_json_value root, bool continues, void *userdata)
{
	const struct ctl *ctl = userdata;
	struct hp_json_value value = hp_json_member(root, "applied");
	struct hp_arena arena = HP_ARENA_INIT;
	struct hp_applied applied;
	struct hp_err err;
	int r = hp_applied_read(value, &arena, &applied, &err);

	(void)continues;
	if (r == 0)
		r = ctl->json != CTL_JSON_OFF ? ctl_put_json(ctl, value) : show_applied(&applied);
	hp_arena_free(&arena);
	return r;
}

/* The parameters of Apply, or of Update where `pid` is 0, NUL-terminated. */
static int write_parameters(const struct ctl *ctl, int64_t pid, const struct slice *settings,
			    struct hp_buf *buf)
{
	struct hp_json_writer writer = HP_JSON_WRITER_INIT(buf);

	hp_json_begin(&writer, '{');
	input_put_text(&writer, "container", ctl_option(ctl, OPTION_CONTAINER));
	if (pid != 0) {
		hp_json_key(&writer, "pid");
		hp_json_put_int(&writer, pid);
	}
	input_put_slice(&writer, "settings", settings);
	input_put_text(&writer, "dialect", ctl_option(ctl, OPTION_DIALECT));
	input_put_text(&writer, "cgroupManager", ctl_option(ctl, OPTION_CGROUP_MANAGER));
	hp_json_end(&writer, '}');
	hp_buf_append(buf, "", 1);
	return buf->failed ? -ENOMEM : 0;
}

static int apply_document(struct ctl *ctl, const char *method, int64_t pid,
			  const struct document *document)
{
	struct slice settings =
	    run_slice_settings(hp_json_root(&document->json), input_dialect(ctl));
	struct hp_buf parameters = HP_BUF_INIT;
	int r = write_parameters(ctl, pid, &settings, &parameters);

	if (r == 0)
		r = ctl_call(ctl, method, parameters.data, false, on_applied, ctl);
	hp_buf_free(&parameters);
	return r < 0 ? ctl_setting_failed(ctl, r) : CTL_EXIT_OK;
}

static int apply(struct ctl *ctl, const char *method, int64_t pid)
{
	struct document document = {0};
	int r = input_read_document(ctl, OPTION_SETTINGS, &document);

	if (r == 0)
		r = apply_document(ctl, method, pid, &document);
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

static int64_t parse_pid(const char *text)
{
	char *end;
	long long pid;

	errno = 0;
	pid = strtoll(text, &end, 10);
	if (errno != 0 || *text < '0' || *text > '9' || *end != '\0' || pid > INT32_MAX)
		return 0;
	return pid;
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
	return r != 0 ? r : apply(ctl, "io.hookd.settings.Apply", parse_pid(pid));
}

int verb_update(struct ctl *ctl)
{
	const char *container = ctl_option(ctl, OPTION_CONTAINER);
	int r;

	if (container == NULL || ctl_option(ctl, OPTION_SETTINGS) == NULL)
		return ctl_usage("update needs --container and --settings");
	r = check_container(container);
	return r != 0 ? r : apply(ctl, "io.hookd.settings.Update", 0);
}

/* ---- release ---- */

static int show_removed(struct hp_json_value list)
{
	struct hp_arena arena = HP_ARENA_INIT;
	struct hp_buf text = HP_BUF_INIT;
	struct hp_err err;
	char **removed;
	int r = hp_json_get_strings(list, &arena, SIZE_MAX, &removed, &err);

	for (size_t i = 0; r == 0 && removed[i] != NULL; i++) {
		hp_buf_append(&text, "removed ", 8);
		escape_append(&text, removed[i], strlen(removed[i]), ESCAPE_LINE);
		hp_buf_append(&text, "\n", 1);
	}
	if (r == 0)
		r = ctl_put(&text);
	hp_buf_free(&text);
	hp_arena_free(&arena);
	return r;
}

static int on_removed(struct hp_json_value root, bool continues, void *userdata)
{
	const struct ctl *ctl = userdata;
	struct hp_json_value list = hp_json_member(root, "removed");

	(void)continues;
	if (hp_json_type(list) != HP_JSON_ARRAY)
		return -EBADMSG;
	return ctl->json != CTL_JSON_OFF ? ctl_put_json(ctl, list) : show_removed(list);
}

static int release(struct ctl *ctl, const char *container)
{
	struct hp_buf parameters = HP_BUF_INIT;
	struct hp_json_writer writer = HP_JSON_WRITER_INIT(&parameters);
	int r = -ENOMEM;

	hp_json_begin(&writer, '{');
	input_put_text(&writer, "container", container);
	hp_json_end(&writer, '}');
	hp_buf_append(&parameters, "", 1);
	if (!parameters.failed)
		r = ctl_call(ctl, "io.hookd.settings.Release", parameters.data, false, on_removed,
			     ctl);
	hp_buf_free(&parameters);
	return r < 0 ? ctl_setting_failed(ctl, r) : CTL_EXIT_OK;
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

static int on_holdings(struct hp_json_value root, bool continues, void *userdata)
{
	const struct ctl *ctl = userdata;
	struct hp_json_value containers = hp_json_member(root, "containers");
	struct hp_buf text = HP_BUF_INIT;
	int r = holding_write_table(containers, ctl->has_legend, ctl->has_colour, &text);

	(void)continues;
	if (r == 0)
		r = ctl->json != CTL_JSON_OFF ? ctl_put_json(ctl, containers) : ctl_put(&text);
	hp_buf_free(&text);
	return r;
}

int verb_holdings(struct ctl *ctl)
{
	int r = ctl_call(ctl, "io.hookd.settings.Holdings", NULL, false, on_holdings, ctl);

	return r < 0 ? ctl_setting_failed(ctl, r) : CTL_EXIT_OK;
}
