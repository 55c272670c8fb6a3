/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <string.h>

#include "daemon/resctrl/directory.h"
#include "daemon/resctrl/resctrl.h"

/* The structs of resctrl.h. For resctrl.c and groups.c. */

struct rdt {
	char *root; /* NULL: the mount point is searched at each access */
	struct rdt_directories directories;
};

struct rdt_member {
	struct rdt *rdt;
	struct rdt_directory *group, *monitored; /* monitored: NULL where there is none */
	int tasks, monitored_tasks;
};

/* The path below the mount point of a group that is named as the kernel does. */
static inline const char *rdt_path_of(const char *group)
{
	return strcmp(group, "/") == 0 ? "." : group;
}
