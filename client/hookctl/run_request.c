/* SPDX-License-Identifier: Apache-2.0 */

/*
 * The request of `run`: what is taken from the files that were named, and what is wrong with it
 * when hookd says so. No connection and no printing here.
 */

#include <errno.h>
#include <string.h>

#include "client/hookctl/run_request.h"
#include "proto/request.h"

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
