/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stddef.h>

/*
 * Shows the text in $PAGER, or in less, and waits until it is closed. 0, or -ENOENT if there is no
 * pager: nothing was shown then. A pager that is closed early is no error.
 */
int pager_show(const char *text, size_t length);
