/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* Reads about processes in /proc: hookd and hooks. */

/*
 * Number of open descriptors; without those of cgroups, of which hookd keeps a pool, and of the
 * files in the test's folder, some of which it opens only when it needs them.
 */
int probe_count_fds(pid_t pid);
/* The RLIMIT_NOFILE with which the process can open so many more. */
int probe_limit_of_fds(pid_t pid, int more);
/* Prints them all, for a test that fails. */
void probe_print_fds(pid_t pid);
/* The same, and what the process does at the moment. */
void probe_print(pid_t pid);
int probe_count_children(pid_t pid);
/* 'R', 'S', 'T', 'Z' ...; 0: no such process. */
char probe_state(pid_t pid);
int64_t probe_rss_bytes(pid_t pid);
int64_t probe_cpu_ms(pid_t pid);
/* hookd's own cgroup; "": none. In a buffer of 320 bytes. */
bool probe_find_cgroup(pid_t pid, char *ret_path);

/* Number of live processes whose program is in the directory. */
int probe_count_processes(const char *directory);
/* The pid of the hookd-runner whose socket is in the directory, or 0. */
pid_t probe_find_runner(const char *directory);
/* All of them, up to that many; returns how many there are. */
size_t probe_find_runners(const char *directory, pid_t pids[], size_t max);
/* The pid of one of them, or 0. */
pid_t probe_find_process(const char *directory);
/* The pid of a child of the process that runs hookd-run, or 0. */
pid_t probe_find_helper(pid_t parent);
void probe_kill_processes(const char *directory);
