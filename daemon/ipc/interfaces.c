/* SPDX-License-Identifier: Apache-2.0 */
/* The table of interfaces. interface_texts.S contains their texts. No other state. */
#include "daemon/ipc/interfaces.h"

#include <string.h>

#include "daemon/base/base.h"

extern const char org_varlink_service[], org_varlink_service_end[];
extern const char io_hookd_hooks[], io_hookd_hooks_end[];
extern const char io_hookd_status[], io_hookd_status_end[];
extern const char io_hookd_settings[], io_hookd_settings_end[];
extern const char io_hookd_control[], io_hookd_control_end[];

const struct interface interfaces[] = {
    {"org.varlink.service", org_varlink_service, org_varlink_service_end},
    {"io.hookd.hooks", io_hookd_hooks, io_hookd_hooks_end},
    {"io.hookd.status", io_hookd_status, io_hookd_status_end},
    {"io.hookd.settings", io_hookd_settings, io_hookd_settings_end},
    {"io.hookd.control", io_hookd_control, io_hookd_control_end},
};
const size_t interface_count = ELEMENTS(interfaces);

const char *interface_text(const char *name, size_t *ret_length)
{
	for (size_t i = 0; i < interface_count; i++) {
		if (strcmp(interfaces[i].name, name) != 0)
			continue;
		if (ret_length)
			*ret_length = (size_t)(interfaces[i].end - interfaces[i].text);
		return interfaces[i].text;
	}
	return NULL;
}
