/* SPDX-License-Identifier: Apache-2.0 */

/* Finds the program hookd, for what hookctl does without a daemon. No state. */

#include "client/hookctl/find_hookd.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

void ctl_find_hookd(char path[static PATH_MAX])
{
	char self[PATH_MAX];
	ssize_t length = readlink("/proc/self/exe", self, sizeof(self) - 1);

	if (length > 0) {
		self[length] = '\0';
		*strrchr(self, '/') = '\0';
		if (snprintf(path, PATH_MAX, "%s/%s/hookd", self, HOOKD_TO_SBIN) < PATH_MAX &&
		    access(path, X_OK) == 0)
			return;
	}
	(void)snprintf(path, PATH_MAX, "%s/hookd", HOOKD_SBINDIR);
	if (access(path, X_OK) < 0)
		path[0] = '\0';
}
