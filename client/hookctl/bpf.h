/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <linux/filter.h>
#include <stddef.h>

#include "proto/base/buf.h"

/*
 * Appends a seccomp(2) program as a listing, one instruction per line: its number, the operation,
 * the targets of jumps, and what the constants stand for. -ENOMEM.
 */
int bpf_list(const struct sock_filter *program, size_t count, struct hp_buf *buf);
