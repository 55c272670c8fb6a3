/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* What /proc says of processes, hookd's and those of hooks. */

/* Open descriptors, those of cgroups aside: hookd keeps some of its pool open, as it needs them. */
int probe_count_fds(pid_t pid);
int probe_count_children(pid_t pid);
/* 'R', 'S', 'T', 'Z' ..., or 0 when there is no such process. */
char probe_state(pid_t pid);
int64_t probe_rss_bytes(pid_t pid);
int64_t probe_cpu_ms(pid_t pid);
/* hookd's own cgroup, if it has made one; in a buffer of 320 bytes. */
bool probe_find_cgroup(pid_t pid, char *ret_path);

/* Processes that live and whose program lies in the directory. */
int probe_count_processes(const char *directory);
/* The hookd-runner whose sockets are in the directory, or 0. */
pid_t probe_find_runner(const char *directory);
/* All of them, up to that many; how many there are. */
size_t probe_find_runners(const char *directory, pid_t pids[], size_t max);
/* One of them, or 0. */
pid_t probe_find_process(const char *directory);
void probe_kill_processes(const char *directory);
