/* SPDX-License-Identifier: Apache-2.0 */

/*
 * `hookctl delegate`, its command line: for a config.json from stdin it is around delegate.c, for a
 * hooks.d around delegate_directory.c.
 */

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "client/delegate/delegate.h"
#include "client/delegate/own_user.h"
#include "client/delegate/shim.h"
#include "client/hookctl/document.h"
#include "client/hookctl/hookctl.h"
#include "client/hookctl/hooks_d/delegate_directory.h"
#include "proto/base/limits.h"
#include "proto/json/json_writer.h"

/* A whole number of seconds that a hook's timeout may be. */
static int parse_seconds(const char *text, uint64_t *ret)
{
	unsigned long long seconds;
	char *end;

	errno = 0;
	seconds = strtoull(text, &end, 10);
	if (errno != 0 || *text < '0' || *text > '9' || *end != '\0' || seconds == 0 ||
	    seconds > HP_TIMEOUT_SECONDS_MAX)
		return -EINVAL;
	*ret = seconds;
	return 0;
}

/*
 * The address that hookctl itself uses. It is written into the config even if it comes from the
 * environment, which the shim ignores in the container's stages. NULL: the default.
 */
static const char *own_address(const struct ctl *ctl)
{
	const char *address = ctl_option(ctl, OPTION_ADDRESS);

	if (address != NULL)
		return address;
	address = secure_getenv("HOOKD_ADDRESS");
	return address != NULL && address[0] != '\0' ? address : NULL;
}

/*
 * The config may be for another machine, so this is not an error; on this one no container with it
 * would start.
 */
static void warn_of_shim(const char *shim)
{
	int r = shim_check(shim);

	if (r < 0)
		ctl_error("warning: the shim %s cannot be executed on this machine: %s", shim,
			  strerror(-r));
}

static void on_left(enum hp_stage stage, const char *why, void *userdata)
{
	(void)userdata;
	ctl_error("hooks.%s is not delegated and stays as it is: %s", hp_stage_names[stage], why);
}

/* 0, or an exit status that was explained. */
static int read_options(const struct ctl *ctl, const char *shim, struct delegate *ret)
{
	const char *timeout = ctl_option(ctl, OPTION_TIMEOUT);

	*ret = (struct delegate){.shim = shim,
				 .address = own_address(ctl),
				 .if_down = ctl_option(ctl, OPTION_IF_DOWN),
				 .left = on_left};
	if (!shim_is_path(ret->shim))
		return ctl_usage("--shim=%s: not the absolute path of a program", ret->shim);
	if (ret->address != NULL && !shim_is_address(ret->address))
		return ctl_usage("--address=%s: not unix:PATH", ret->address);
	if (timeout != NULL && parse_seconds(timeout, &ret->timeout_s) < 0)
		return ctl_usage("--timeout=%s: not a number of seconds from 1 to %llu", timeout,
				 HP_TIMEOUT_SECONDS_MAX);
	return 0;
}

/* The exit status. */
static int delegate_failed(const struct document *config, int r, const struct hp_err *err)
{
	char text[DOCUMENT_ERROR_SIZE];

	if (ctl_stdout_error() != 0)
		return ctl_stdout_failed();
	document_print_error(config, "-", r, err, text);
	if (err->reason[0] != '\0')
		return ctl_usage("%s", text);
	ctl_error("%s", text);
	return CTL_EXIT_UNREACHABLE;
}

static int delegate_stdin(const struct delegate *delegate)
{
	struct document config = {0};
	struct hp_buf text = HP_BUF_INIT;
	struct hp_err err = {0};
	int r = document_read(&config, "-", &err);

	if (r == 0)
		r = delegate_config(config.text.data, config.text.length, delegate, &text, &err);
	if (r == 0 && *delegate->names_shim)
		warn_of_shim(delegate->shim);
	if (r == 0)
		r = ctl_put(&text);
	r = r < 0 ? delegate_failed(&config, r, &err) : CTL_EXIT_OK;
	hp_buf_free(&text);
	document_free(&config);
	return r;
}

static int delegate_with(struct ctl *ctl, const char *shim)
{
	struct delegate delegate;
	uint32_t uid = geteuid();
	bool names_shim = false;
	int r = read_options(ctl, shim, &delegate);

	if (r != 0)
		return r;
	if (own_user_is_ordinary())
		delegate.own_uid = &uid;
	delegate.names_shim = &names_shim;
	if (ctl_has(ctl, OPTION_HOOKS_DIR) || ctl_has(ctl, OPTION_OUTPUT_DIR)) {
		r = delegate_directory(ctl, &delegate);
		if (r == 0)
			warn_of_shim(shim);
		return r;
	}
	return delegate_stdin(&delegate);
}

int verb_delegate(struct ctl *ctl)
{
	const char *named = ctl_option(ctl, OPTION_SHIM);
	char *shim = named != NULL ? strdup(named) : shim_find();
	int status;

	if (shim == NULL) {
		ctl_error("%s", strerror(ENOMEM));
		return CTL_EXIT_UNREACHABLE;
	}
	status = delegate_with(ctl, shim);
	free(shim);
	return status;
}
