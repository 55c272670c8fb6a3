/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stddef.h>

/* Its bytes and a NUL, to be freed; NULL where it cannot be opened. *ret_length may be NULL. */
char *file_read(const char *path, size_t *ret_length);
/* Removes a directory and all that is in it. */
void files_remove(const char *directory);
