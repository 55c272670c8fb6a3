/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <limits.h>

/*
 * The program hookd that was installed with this hookctl, or else where hookd is usually installed.
 * "": there is none.
 */
void ctl_find_hookd(char path[static PATH_MAX]);
