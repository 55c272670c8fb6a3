/* SPDX-License-Identifier: Apache-2.0 */

/* The user namespace of a container, as its config.json has it. No state. */

#include "client/delegate/user_namespace.h"

/* The uid of the container's root in the runtime's user namespace; -1: unknown. */
static int64_t outer_root(struct hp_json_value linux_member)
{
	struct hp_json_value key, mapping;
	int64_t inside, outside;
	struct hp_err err;

	HP_JSON_FOREACH (key, mapping, hp_json_member(linux_member, "uidMappings")) {
		if (hp_json_get_int64(hp_json_member(mapping, "containerID"), 0, UINT32_MAX,
				      &inside, &err) == 0 &&
		    inside == 0 &&
		    hp_json_get_int64(hp_json_member(mapping, "hostID"), 0, UINT32_MAX, &outside,
				      &err) == 0)
			return outside;
	}
	return -1;
}

bool has_other_user_namespace(struct hp_json_value config, const uint32_t *own_uid)
{
	struct hp_json_value linux_member = hp_json_member(config, "linux"), key, namespace;

	HP_JSON_FOREACH (key, namespace, hp_json_member(linux_member, "namespaces")) {
		if (hp_json_equals(hp_json_member(namespace, "type"), "user"))
			return own_uid == NULL || *own_uid != outer_root(linux_member);
	}
	return false;
}
