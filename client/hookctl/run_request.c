/* SPDX-License-Identifier: Apache-2.0 */

/*
 * The requests of `run`, `apply` and `update`: what is taken from the files that were named, and
 * what is wrong with it when hookd says so. No connection and no printing here.
 */

#include <errno.h>
#include <string.h>

#include "client/hookctl/run_request.h"
#include "proto/request.h"
#include "proto/settings_json.h"

/* A config.json has an ociVersion, a libcontainer Config a rootfs; hook lists have neither. */
static bool is_config(struct hp_json_value root, enum hp_dialect dialect)
{
	const char *mark = dialect == HP_DIALECT_OCI ? "ociVersion" : "rootfs";

	return !hp_json_is_absent(hp_json_member(root, mark));
}

int run_slice_hooks(struct hp_json_value root, enum hp_dialect dialect, struct slice *ret,
		    struct hp_err *err)
{
	struct hp_json_value hooks = {0};

	if (hp_json_type(root) != HP_JSON_OBJECT)
		return hp_err_invalid(err, NULL, "must be an object");
	if (dialect == HP_DIALECT_LIBCONTAINER)
		hooks = hp_json_member(root, "Hooks");
	if (hp_json_is_absent(hooks))
		hooks = hp_json_member(root, "hooks");
	if (hp_json_is_absent(hooks) && is_config(root, dialect)) {
		*ret = (struct slice){"{}", 2};
		return 0;
	}
	if (hp_json_is_absent(hooks))
		hooks = root;
	ret->text = hp_json_text(hooks, &ret->length);
	return 0;
}

struct slice run_slice_settings(struct hp_json_value root, enum hp_dialect dialect)
{
	struct hp_json_value config = {0};
	struct slice slice;

	if (dialect == HP_DIALECT_LIBCONTAINER)
		config = hp_json_member(root, "config");
	slice.text = hp_json_text(hp_json_is_absent(config) ? root : config, &slice.length);
	return slice;
}

int run_slice_seccomp(struct hp_json_value root, enum hp_dialect dialect, struct slice *ret,
		      struct hp_err *err)
{
	struct hp_json_value config = root, profile;

	if (dialect == HP_DIALECT_LIBCONTAINER && !is_config(root, dialect))
		config = hp_json_member(root, "config");
	else if (dialect == HP_DIALECT_OCI)
		config = hp_json_member(root, "linux");
	profile = hp_json_member(config, "seccomp");
	if (hp_json_is_absent(profile) && (!hp_json_is_absent(config) || is_config(root, dialect)))
		return hp_err_invalid(err, NULL, "has no seccomp profile");
	if (hp_json_is_absent(profile))
		profile = root;
	ret->text = hp_json_text(profile, &ret->length);
	return 0;
}

bool run_find_reason(const char *parameters, const char *parameter, struct hp_err *ret)
{
	struct hp_json json = {0};
	struct hp_request request;
	struct hp_err err = {0};
	bool is_found = false;

	if (hp_json_parse(&json, parameters, strlen(parameters), &err) == 0) {
		int r = hp_request_read(hp_json_root(&json), &request, &err);

		if (r == 0)
			hp_request_free(&request);
		is_found = r == -EINVAL && strcmp(err.path, parameter) == 0;
	}
	hp_json_free(&json);
	if (is_found)
		*ret = err;
	return is_found;
}

/* As hookd refuses it, after all else was found right. */
static int refuse_seccomp(const struct hp_settings *settings, enum hp_dialect dialect,
			  struct hp_err *err)
{
	if (!settings->seccomp)
		return 0;
	(void)hp_err_invalid(err, "linux.seccomp",
			     "cannot be put on another process, it has to install it itself");
	hp_settings_path(err->path, dialect);
	return -EINVAL;
}

bool settings_find_reason(const struct slice *settings, enum hp_dialect dialect,
			  const char *parameter, struct hp_err *ret)
{
	struct hp_json json = {0};
	struct hp_arena arena = HP_ARENA_INIT;
	struct hp_settings *read;
	struct hp_err err = {0};
	int r = hp_json_parse(&json, settings->text, settings->length, &err);

	if (r == 0)
		r = hp_settings_read(hp_json_root(&json), dialect, &arena, &read, &err);
	if (r == 0)
		r = refuse_seccomp(read, dialect, &err);
	(void)hp_err_prefix(&err, r, "settings");
	hp_arena_free(&arena);
	hp_json_free(&json);
	if (r != -EINVAL || strcmp(err.path, parameter) != 0)
		return false;
	*ret = err;
	return true;
}

bool seccomp_find_reason(const struct slice *profile, enum hp_dialect dialect,
			 const char *parameter, struct hp_err *ret)
{
	struct hp_json json = {0};
	struct hp_arena arena = HP_ARENA_INIT;
	struct hp_seccomp *read;
	struct hp_err err = {0};
	int r = hp_json_parse(&json, profile->text, profile->length, &err);

	if (r == 0)
		r = hp_seccomp_read(hp_json_root(&json), dialect, &arena, &read, &err);
	(void)hp_err_prefix(&err, r, "seccomp");
	hp_arena_free(&arena);
	hp_json_free(&json);
	if (r != -EINVAL || strcmp(err.path, parameter) != 0)
		return false;
	*ret = err;
	return true;
}
