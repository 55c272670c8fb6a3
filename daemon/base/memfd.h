/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stddef.h>

#include "daemon/base/base.h"

/*
 * The bytes in anonymous memory that nobody can change any more, not even hookd: what a container
 * or a hook gets hold of stays what it was (memfd_create(2), F_SEAL_*). Close-on-exec; or -errno.
 */
int memfd_sealed(const char *name, const void *bytes, size_t length) must_check;
/* The same, but whoever has the descriptor can write to it. Its length is sealed. */
int memfd_filled(const char *name, const void *bytes, size_t length) must_check;
