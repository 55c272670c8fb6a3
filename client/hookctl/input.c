/* SPDX-License-Identifier: Apache-2.0 */

/*
 * The files that run, apply and update get on the command line: read, checked as JSON, and copied
 * into the call byte for byte.
 */

#include "client/hookctl/input.h"

#include "proto/settings/settings_json.h"

#include <assert.h>
#include <string.h>

int input_find_dialect(const struct ctl *ctl, const struct document *first,
		       const struct document *second, enum hp_dialect *ret)
{
	const char *name = ctl_option(ctl, OPTION_DIALECT);
	enum hp_dialect one = hp_settings_find_dialect(hp_json_root(&first->json));
	enum hp_dialect other = second != NULL
				    ? hp_settings_find_dialect(hp_json_root(&second->json))
				    : HP_DIALECT_COUNT;

	if (name != NULL) {
		*ret = strcmp(name, hp_dialect_names[HP_DIALECT_LIBCONTAINER]) == 0
			   ? HP_DIALECT_LIBCONTAINER
			   : HP_DIALECT_OCI;
		return 0;
	}
	if (one != HP_DIALECT_COUNT && other != HP_DIALECT_COUNT && one != other)
		return ctl_usage("one file is %s's, the other %s's: both must be written alike",
				 hp_dialect_names[one], hp_dialect_names[other]);
	if (one == HP_DIALECT_COUNT)
		one = other;
	*ret = one == HP_DIALECT_COUNT ? HP_DIALECT_OCI : one;
	return 0;
}

int input_fail(const struct ctl *ctl, enum option_id id, int r, const struct hp_err *err)
{
	const char *option = id == OPTION_STATE	  ? "state"
			     : id == OPTION_HOOKS ? "hooks"
						  : "settings";

	assert(id == OPTION_STATE || id == OPTION_HOOKS || id == OPTION_SETTINGS);
	assert(r < 0);
	return ctl_usage("--%s=%s: %s", option, ctl_option(ctl, id),
			 err->reason[0] != '\0' ? err->reason : strerror(-r));
}

int input_read_document(const struct ctl *ctl, enum option_id id, struct document *ret)
{
	struct hp_err err = {0};
	int r = document_read(ret, ctl_option(ctl, id), &err);

	return r < 0 ? input_fail(ctl, id, r, &err) : 0;
}

const char *input_dialect_name(enum hp_dialect dialect)
{
	return dialect != HP_DIALECT_OCI ? hp_dialect_names[dialect] : NULL;
}
