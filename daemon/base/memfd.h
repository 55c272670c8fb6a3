/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stddef.h>

#include "daemon/base/base.h"

/*
 * A file in memory with these bytes, sealed against every change, also by hookd (memfd_create(2),
 * F_SEAL_WRITE): a container or a hook that gets a descriptor of it cannot modify it. Returns a
 * descriptor of the caller's, close-on-exec, or -errno. Copies the bytes.
 */
int memfd_sealed(const char *name, const void *bytes, size_t length) must_check;
/* The same, but only the length is sealed: holders of the descriptor can write to it. */
int memfd_filled(const char *name, const void *bytes, size_t length) must_check;
