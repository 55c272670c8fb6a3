/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Finds the hooks that a hook of a delegated config has hookd run, as hookd-oci-hook reads them
 * from its arguments. No state.
 */

#include "client/hookctl/check/delegated.h"

#include <string.h>

#include "client/delegate/shim.h"

/* The value of "NAME=VALUE", or of "NAME" and the next argument. NULL: it is another option. */
static const char *value_of(const char *const *arg, const char *name)
{
	size_t length = strlen(name);

	if (strncmp(*arg, name, length) != 0)
		return NULL;
	if ((*arg)[length] == '=')
		return *arg + length + 1;
	return (*arg)[length] == '\0' ? arg[1] : NULL;
}

bool delegated_read(const char *path, const char *const *args, struct hp_buf *hooks,
		    const char **ret_stage)
{
	*ret_stage = NULL;
	if (!shim_has_name(path) || args[0] == NULL)
		return false;
	for (const char *const *arg = args + 1; *arg != NULL && strcmp(*arg, "--") != 0; arg++) {
		const char *part = value_of(arg, "--hooks-json");
		const char *stage = value_of(arg, "--stage");

		if (part != NULL)
			hp_buf_append(hooks, part, strlen(part));
		if (stage != NULL)
			*ret_stage = stage;
	}
	if (hooks->length == 0 && !hooks->failed)
		return false;
	hp_buf_append(hooks, "", 1);
	return true;
}
