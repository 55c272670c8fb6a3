/* SPDX-License-Identifier: Apache-2.0 */

/* Resolves the conditions of docker's seccomp profiles; see docker_profile.h. */

#include "tests/proto/settings/docker_profile.h"

#include <jansson.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

const char *const docker_default_capabilities[] = {
    "CAP_CHOWN",      "CAP_DAC_OVERRIDE", "CAP_FSETID",	     "CAP_FOWNER",	     "CAP_MKNOD",
    "CAP_NET_RAW",    "CAP_SETGID",	  "CAP_SETUID",	     "CAP_SETFCAP",	     "CAP_SETPCAP",
    "CAP_SYS_CHROOT", "CAP_KILL",	  "CAP_AUDIT_WRITE", "CAP_NET_BIND_SERVICE", NULL,
};

struct container {
	const char *machine;
	const char *const *capabilities;
};

static bool has_capability(const struct container *container, const char *name)
{
	for (size_t i = 0; container->capabilities[i]; i++) {
		if (strcmp(container->capabilities[i], name) == 0)
			return true;
	}
	return false;
}

static size_t count_capabilities(const struct container *container, json_t *names)
{
	size_t i, count = 0;
	json_t *name;

	json_array_foreach(names, i, name) count +=
	    has_capability(container, json_string_value(name));
	return count;
}

static bool has_machine(const struct container *container, json_t *names)
{
	size_t i;
	json_t *name;

	json_array_foreach(names, i, name)
	{
		if (strcmp(json_string_value(name), container->machine) == 0)
			return true;
	}
	return false;
}

/* All conditions of "includes" must hold, and none of "excludes". Every kernel is new enough. */
static bool holds(const struct container *container, json_t *rule)
{
	json_t *includes = json_object_get(rule, "includes");
	json_t *excludes = json_object_get(rule, "excludes");
	json_t *machines = json_object_get(includes, "arches");
	json_t *capabilities = json_object_get(includes, "caps");

	if (machines && !has_machine(container, machines))
		return false;
	if (count_capabilities(container, capabilities) < json_array_size(capabilities))
		return false;
	return !has_machine(container, json_object_get(excludes, "arches")) &&
	       count_capabilities(container, json_object_get(excludes, "caps")) == 0;
}

static void copy(json_t *to, json_t *from, const char *key)
{
	json_t *value = json_object_get(from, key);

	if (value && !json_is_null(value))
		json_object_set(to, key, value);
}

static json_t *resolve_rules(const struct container *container, json_t *rules)
{
	static const char *const keys[] = {"names", "action", "errnoRet", "args"};
	json_t *resolved = json_array();
	json_t *rule;
	size_t i;

	json_array_foreach(rules, i, rule)
	{
		json_t *left = json_object();

		for (size_t k = 0; k < sizeof(keys) / sizeof(keys[0]); k++)
			copy(left, rule, keys[k]);
		if (holds(container, rule))
			json_array_append(resolved, left);
		json_decref(left);
	}
	return resolved;
}

/* docker's map is keyed by the names of runtime-spec, not by Go's. */
static json_t *resolve_architectures(const struct container *container, json_t *map)
{
	const char *wanted =
	    strcmp(container->machine, "arm64") == 0 ? "SCMP_ARCH_AARCH64" : "SCMP_ARCH_X86_64";
	json_t *architectures = json_array();
	json_t *entry;
	size_t i;

	json_array_foreach(map, i, entry)
	{
		json_t *name = json_object_get(entry, "architecture");

		if (strcmp(json_string_value(name), wanted) != 0)
			continue;
		json_array_append(architectures, name);
		json_array_extend(architectures, json_object_get(entry, "subArchitectures"));
	}
	return architectures;
}

char *docker_profile_resolve(const char *text, const char *machine,
			     const char *const capabilities[])
{
	const struct container container = {machine, capabilities};
	json_t *profile = json_loads(text, 0, NULL);
	json_t *resolved;
	char *result;

	if (!profile)
		return NULL;
	resolved = json_object();
	copy(resolved, profile, "defaultAction");
	copy(resolved, profile, "defaultErrnoRet");
	json_object_set_new(resolved, "architectures",
			    resolve_architectures(&container, json_object_get(profile, "archMap")));
	json_object_set_new(resolved, "syscalls",
			    resolve_rules(&container, json_object_get(profile, "syscalls")));
	result = json_dumps(resolved, JSON_COMPACT);
	json_decref(resolved);
	json_decref(profile);
	return result;
}
