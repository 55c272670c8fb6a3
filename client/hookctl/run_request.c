/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Finds hooks, settings and profiles in the files that `run`, `apply`, `update` and `seccomp` read.
 * No connection and no printing here.
 */

#include "client/hookctl/run_request.h"

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
