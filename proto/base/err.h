/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Errors for a client.
 *
 * A function that can fail because of a client's mistake takes `struct hp_err *err` last, and fills
 * *err whenever it returns a negative errno. Nothing here allocates, so reporting an error cannot
 * fail. `code` decides the Varlink error of the reply, `path` names the field as the client wrote
 * it ("hooks.createRuntime[1].timeout"), `reason` is one sentence for a person.
 */

enum hp_err_code {
	HP_ERR_NONE = 0,
	HP_ERR_INVALID,	     /* a wrong value: the method's own error (path, detail: reason) */
	HP_ERR_NO_PARAMETER, /* a missing or undeclared one: org.varlink.service.InvalidParameter */
	HP_ERR_NO_SUCH_RUN,  /* io.hookd.hooks.NoSuchRun (run: path) */
	HP_ERR_STATUS_NO_SUCH_RUN, /* io.hookd.status.NoSuchRun (run: path) */
	HP_ERR_REQUEST_ID_CONFLICT,
	HP_ERR_BUSY,
	HP_ERR_DRAINING,
	HP_ERR_REFUSED,		  /* io.hookd.hooks.Refused (reason, rule: path) */
	HP_ERR_SETTINGS_REFUSED,  /* io.hookd.settings.Refused */
	HP_ERR_NO_MEMORY,	  /* io.hookd.hooks.Busy: the caller may try again */
	HP_ERR_PROTOCOL,	  /* never answered: the connection is closed */
	HP_ERR_SETTING_FAILED,	  /* the kernel refused a setting: `error` and `step` */
	HP_ERR_NOT_SUPPORTED,	  /* this machine lacks what a setting needs */
	HP_ERR_NO_SUCH_PROCESS,	  /* io.hookd.settings.NoSuchProcess (pid: path) */
	HP_ERR_NO_SUCH_CONTAINER, /* io.hookd.settings.NoSuchContainer (container: path) */
	HP_ERR_CONTAINER_BUSY,	  /* io.hookd.settings.Busy (container: path) */
	HP_ERR_EXHAUSTED,	  /* io.hookd.settings.Exhausted (resource: path, limit: error) */
	HP_ERR_EXPECTED_MORE,	  /* org.varlink.service.ExpectedMore */
	HP_ERR_CONFIG,		  /* io.hookd.control.ConfigError, which is not in hp_err */
	HP_ERR_CODE_COUNT,
};

#define HP_ERR_PATH_SIZE   192
#define HP_ERR_REASON_SIZE 192

struct hp_err {
	enum hp_err_code code;
	char path[HP_ERR_PATH_SIZE];
	char reason[HP_ERR_REASON_SIZE];
	int error;	  /* errno of a setting that failed */
	const char *step; /* of a setting that failed: "cgroup", "rdt", "process"; static */
};

/* Fills *err and returns -EINVAL. `path` may be NULL for "no field". A text too long is cut. */
int hp_err_invalid(struct hp_err *err, const char *path, const char *reason, ...)
    __attribute__((format(printf, 3, 4)));

/* Fills *err with HP_ERR_NO_PARAMETER for the parameter `name` and returns -EINVAL. */
int hp_err_no_parameter(struct hp_err *err, const char *name);

/* Fills *err with HP_ERR_BUSY, for what can work when it is tried again. Returns -EBUSY. */
int hp_err_busy(struct hp_err *err, const char *reason, ...) __attribute__((format(printf, 2, 3)));

/* Fills *err with HP_ERR_NO_MEMORY and returns -ENOMEM. */
int hp_err_no_memory(struct hp_err *err);

/*
 * For a setting (`path`, NULL: none) that could not be made: fills *err with HP_ERR_NOT_SUPPORTED
 * where `r` is -EOPNOTSUPP, with HP_ERR_SETTING_FAILED otherwise. Returns `r`, a negative errno.
 */
int hp_err_setting(struct hp_err *err, int r, const char *path, const char *reason, ...)
    __attribute__((format(printf, 4, 5)));

/* Fills *err with HP_ERR_PROTOCOL and returns -EPROTO. */
int hp_err_protocol(struct hp_err *err, const char *reason, ...)
    __attribute__((format(printf, 2, 3)));

/*
 * Puts `prefix` before err->path: "prefix.path", "prefix[2]" when path starts with '[', and the
 * prefix alone when there was no path. Callers add their part on the way up, so no path is built
 * without an error. Returns `r`.
 */
int hp_err_prefix(struct hp_err *err, int r, const char *prefix);
int hp_err_prefix_index(struct hp_err *err, int r, unsigned long index);
