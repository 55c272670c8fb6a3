/* SPDX-License-Identifier: Apache-2.0 */

/* Whether this process belongs to an ordinary user. No state. */

#include "client/delegate/own_user.h"

#include <stdio.h>
#include <unistd.h>

bool own_user_is_ordinary(void)
{
	unsigned long inside, outside = 0;
	FILE *map;

	if (geteuid() != 0)
		return true;
	map = fopen("/proc/self/uid_map", "re");
	if (map == NULL)
		return false;
	if (fscanf(map, "%lu %lu", &inside, &outside) != 2 || inside != 0)
		outside = 0;
	fclose(map);
	return outside != 0;
}
