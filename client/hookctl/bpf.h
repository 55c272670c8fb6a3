/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <linux/filter.h>
#include <stddef.h>

#include "proto/base/buf.h"

/*
 * Appends a program of seccomp(2) as a listing, one instruction a line: its number, what it does,
 * the numbers of those that it jumps to, and what its constants stand for. -ENOMEM.
 */
int bpf_list(const struct sock_filter *program, size_t count, struct hp_buf *buf);
