/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/*
 * Reads the state of the kernel and of systemd: files of cgroups, properties of units, resctrl
 * groups; and starts the processes of the random test. It does not know what hookd should do.
 */

#define TEXT_SIZE 256
#define NAME_SIZE 64
#define CGROUPS	  "/sys/fs/cgroup"
#define RESCTRL	  "/sys/fs/resctrl"
#define HOME	  "/random/home"
#define THEIRS	  "/random/theirs"

struct text {
	char text[TEXT_SIZE];
};

/* Prints the reason and exits, for an error of the test itself. */
_Noreturn void give_up(const char *format, ...) __attribute__((format(printf, 1, 2)));

int64_t now_ms(void);
void pause_ms(int ms);

/* Reads a file, without the last newline. False: it cannot be read. */
bool world_read(const char *path, char *text, size_t size);
bool world_write(const char *path, const char *text);

/* ---- limits ---- */

enum limit { MEMORY, SWAP, HIGH, PIDS, WEIGHT, CPU, CPUS, LIMIT_COUNT };
extern const char *const limit_files[LIMIT_COUNT];

/* The content of the cgroup's file; "": it does not exist. */
void world_limit(const char *cgroup, enum limit limit, char *text, size_t size);
/* The value of that file by systemd's properties. False: there is no such unit. */
bool world_unit_limit(const char *unit, enum limit limit, char *text, size_t size);

/* ---- cgroups and groups that exist ---- */

/* The names of cgroups that hookd may have created, sorted, with a space after each. */
void world_cgroups(char *text, size_t size);
/* The same for groups and monitoring groups of resctrl. */
void world_groups(char *text, size_t size);
bool world_monitors(void);
/* "3" for "L3:0=003"; "": no such group. */
void world_schema(const char *group, char *text, size_t size);

/* ---- processes ---- */

struct person {
	pid_t pid;
	int commands; /* a socket, by which it gets commands */
};

struct person world_start_process(void);
/* Lets it fork; returns the pid of the child, which sleeps until it is killed. */
pid_t world_fork(const struct person *person);
/* Kills and reaps it. */
void world_end_process(pid_t pid);
bool world_process_is_in(pid_t pid, char *cgroup, size_t size);
/* "/": the default group. */
bool world_process_group(pid_t pid, char *group, size_t size);
int world_oom_score(pid_t pid);

/* ---- systemd, by its private socket, without the message bus ---- */

pid_t world_hookd(void);
/* Starts the restart, and does not wait for it. */
void world_restart_bus(void);
void world_reload(void);
/* Waits until the bus answers. */
void world_await_bus(void);
/* Before and after a seed: removes everything that is left of an earlier one. */
void world_clear(void);
