/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stddef.h>

/*
 * Reads a file, adds a NUL. The caller frees it. NULL: it cannot be opened. ret_length may be NULL.
 */
char *file_read(const char *path, size_t *ret_length);
/* Removes a directory and its contents. */
void files_remove(const char *directory);
