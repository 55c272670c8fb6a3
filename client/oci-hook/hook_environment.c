/* SPDX-License-Identifier: Apache-2.0 */

/*
 * What a hook without `env` inherits, from hookd-oci-hook.
 *
 * In the container's stages it inherits nothing, since there the runtime's own environment may be
 * the container's: runc 1.1 puts `process.env` of the config into it before it runs createContainer
 * hooks, so an image would set LD_PRELOAD for a program of the host that runs as root
 * (CVE-2025-23266). runc 1.3 and later give such a hook no environment either.
 *
 * In the runtime's stages it inherits the runtime's environment, without variables that make a
 * program load code or read files. Only its own `env` can give a hook such a variable.
 */

#include "client/oci-hook/hook_environment.h"

#include <errno.h>
#include <string.h>

/*
 * Variables that libc removes from the environment of a set-user-id program: glibc,
 * sysdeps/generic/unsecvars.h. LD_ is for ld.so(8), of glibc and of musl; MALLOC_ is for
 * mallopt(3), where different versions of glibc remove different names.
 */
static const char *const unsafe_prefixes[] = {"LD_", "MALLOC_"};
static const char *const unsafe_names[] = {
    "GCONV_PATH", "GETCONF_DIR", "GLIBC_TUNABLES",   "HOSTALIASES", "LOCALDOMAIN", "LOCPATH",
    "NIS_PATH",	  "NLSPATH",	 "RESOLV_HOST_CONF", "RES_OPTIONS", "TMPDIR",	   "TZDIR",
};

static bool is_unsafe(const char *variable)
{
	size_t length = strcspn(variable, "=");

	for (size_t i = 0; i < sizeof(unsafe_prefixes) / sizeof(unsafe_prefixes[0]); i++) {
		if (strncmp(variable, unsafe_prefixes[i], strlen(unsafe_prefixes[i])) == 0)
			return true;
	}
	for (size_t i = 0; i < sizeof(unsafe_names) / sizeof(unsafe_names[0]); i++) {
		if (strlen(unsafe_names[i]) == length &&
		    strncmp(variable, unsafe_names[i], length) == 0)
			return true;
	}
	return false;
}

int hook_environment(enum hp_stage stage, char *const environment[], struct hp_arena *arena,
		     char ***ret)
{
	size_t count = 0, kept = 0;
	char **inherited;

	if (hp_stage_is_container(stage)) {
		*ret = NULL;
		return 0;
	}
	while (environment[count])
		count++;
	inherited = hp_arena_calloc(arena, count + 1, sizeof(*inherited));
	if (!inherited)
		return -ENOMEM;
	for (size_t i = 0; i < count; i++) {
		if (!is_unsafe(environment[i]))
			inherited[kept++] = environment[i];
	}
	*ret = inherited;
	return 0;
}
