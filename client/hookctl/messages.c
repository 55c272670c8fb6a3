/* SPDX-License-Identifier: Apache-2.0 */

/*
 * What hookctl says on stderr, and with what it exits when a call has failed. Text for stderr is
 * escaped here, since messages quote names of hooks and containers.
 */

#include <assert.h>
#include <errno.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "client/hookctl/hookctl.h"
#include "client/hookctl/table/escape.h"
#include "proto/base/own_directory.h"

/* ---- lines ---- */

static void say(const char *before, const char *format, va_list arguments)
{
	struct hp_buf text = HP_BUF_INIT, line = HP_BUF_INIT;

	hp_buf_vformat(&text, format, arguments);
	escape_append(&line, text.data, text.length, ESCAPE_LINE);
	fflush(stdout);
	if (!text.failed && !line.failed)
		fprintf(stderr, "%s%.*s\n", before, (int)line.length, line.data);
	hp_buf_free(&line);
	hp_buf_free(&text);
}

void ctl_error(const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	say("hookctl: ", format, arguments);
	va_end(arguments);
}

int ctl_usage(const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	say("hookctl: ", format, arguments);
	va_end(arguments);
	return CTL_EXIT_USAGE;
}

void ctl_hint(const struct ctl *ctl, const char *format, ...)
{
	va_list arguments;

	if (ctl->is_quiet)
		return;
	va_start(arguments, format);
	say("Hint: ", format, arguments);
	va_end(arguments);
}

void ctl_note(const struct ctl *ctl, const char *format, ...)
{
	va_list arguments;

	if (ctl->is_quiet)
		return;
	va_start(arguments, format);
	say("", format, arguments);
	va_end(arguments);
}

/* ---- a hookd that is not there ---- */

/* The socket that libhookd has tried. */
static const char *socket_path(const struct ctl *ctl, char buffer[static PATH_MAX + 16])
{
	const char *address = ctl_option(ctl, OPTION_ADDRESS);
	char directory[PATH_MAX];

	if (address == NULL)
		address = secure_getenv("HOOKD_ADDRESS");
	if (address != NULL && strncmp(address, "unix:", 5) == 0) {
		snprintf(buffer, PATH_MAX + 16, "%.*s", (int)strcspn(address + 5, ";"),
			 address + 5);
		return buffer;
	}
	if (hp_own_directory(true, directory, sizeof(directory)) < 0)
		return HP_SYSTEM_DIRECTORY "/" HP_SOCKET_NAME;
	snprintf(buffer, PATH_MAX + 16, "%s/" HP_SOCKET_NAME, directory);
	return buffer;
}

/* The units that are installed have these sockets; of others nothing is known. */
static const char *unit_option(const char *path)
{
	if (strcmp(path, HP_SYSTEM_DIRECTORY "/" HP_SOCKET_NAME) == 0)
		return "";
	return strncmp(path, "/run/user/", 10) == 0 ? "--user " : NULL;
}

static void say_not_connected(const struct ctl *ctl, int r)
{
	char buffer[PATH_MAX + 16];
	const char *path = socket_path(ctl, buffer), *unit = unit_option(path);

	ctl_error("cannot connect to %s: %s", path, strerror(-r));
	if (r == -EACCES)
		ctl_hint(ctl, "sudo hookctl %s", ctl->verb);
	else if (unit != NULL)
		ctl_hint(ctl, "systemctl %sstart hookd.socket", unit);
	else
		ctl_hint(ctl, "hookd --socket=%s", path);
}

static void say_closed(const struct ctl *ctl)
{
	char buffer[PATH_MAX + 16];
	const char *unit = unit_option(socket_path(ctl, buffer));

	ctl_error("hookd closed the connection");
	ctl_hint(ctl, "journalctl %s-u hookd", unit != NULL ? unit : "");
}

/* ---- a call that has failed ---- */

static const struct hookd_error *last_error(const struct ctl *ctl)
{
	return ctl->client != NULL ? hookd_client_last_error(ctl->client) : NULL;
}

/* The errnos of connect(2); hookd itself answers with a name. */
static bool is_not_connected(const struct hookd_error *error, int r)
{
	return error != NULL && error->name[0] == '\0' && error->error == r &&
	       (r == -ENOENT || r == -ENOTDIR || r == -ECONNREFUSED || r == -EACCES);
}

/* "hooks.poststop[0].path: must be an absolute path", as validate says it. */
static void say_answer(const struct hookd_error *error, int r)
{
	if (r == -EINVAL && error->parameter[0] != '\0' && error->reason[0] != '\0')
		ctl_error("%s: %s", error->parameter, error->reason);
	else
		ctl_error("%s", error->sentence[0] != '\0' ? error->sentence : strerror(-r));
}

/* What to do next, where the answer alone does not tell it. */
static void hint_at_answer(const struct ctl *ctl, const struct hookd_error *error)
{
	if (strcmp(error->name, "io.hookd.hooks.Busy") == 0 ||
	    strcmp(error->name, "io.hookd.hooks.Draining") == 0)
		ctl_hint(ctl, "hookctl status");
	else if (strcmp(error->name, "org.varlink.service.PermissionDenied") == 0)
		ctl_hint(ctl, "sudo hookctl %s", ctl->verb);
}

static void say_failed(const struct ctl *ctl, int r)
{
	const struct hookd_error *error = last_error(ctl);

	if (error == NULL) {
		ctl_error("%s", strerror(-r));
	} else if (error->error == r && ctl_has(ctl, OPTION_PRIVATE)) {
		say_answer(error, r); /* no advice about a daemon */
	} else if (is_not_connected(error, r)) {
		say_not_connected(ctl, r);
	} else if (error->error == r && r == -EPIPE) {
		say_closed(ctl);
	} else if (error->error == r) {
		say_answer(error, r);
		hint_at_answer(ctl, error);
	} else {
		ctl_error("%s", strerror(-r));
	}
}

static int exit_status_of(const struct ctl *ctl, int r)
{
	const struct hookd_error *error = last_error(ctl);
	bool is_answer = error != NULL && error->error == r;

	switch (is_answer ? r : 0) {
	case -EINVAL:
	case -EEXIST:
	case -EMSGSIZE:
	case -E2BIG:
		return CTL_EXIT_USAGE;
	case -EIO:
	case -EOPNOTSUPP:
	case -ENOSPC:
		return CTL_EXIT_FAILED;
	case -ETIMEDOUT:
		return CTL_EXIT_TIMED_OUT;
	default:
		return CTL_EXIT_UNREACHABLE;
	}
}

int ctl_call_failed(const struct ctl *ctl, int r)
{
	assert(r < 0);
	if (ctl_stdout_error() != 0)
		return ctl_stdout_failed();
	if (ctl->client == NULL && r == -EINVAL)
		return ctl_usage("--address=%s: not unix:PATH",
				 ctl_has(ctl, OPTION_ADDRESS) ? ctl_option(ctl, OPTION_ADDRESS)
							      : getenv("HOOKD_ADDRESS"));
	say_failed(ctl, r);
	return exit_status_of(ctl, r);
}

int ctl_finish(const struct ctl *ctl, struct hookd_reply *reply, int r)
{
	hookd_reply_free(reply);
	return r < 0 ? ctl_call_failed(ctl, r) : CTL_EXIT_OK;
}
