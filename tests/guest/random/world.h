/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/*
 * What the kernel and systemd say: files of cgroups, properties of units, resctrl groups; and the
 * processes that the random test puts under something. Nothing here knows what hookd should do.
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

/* Says why, and ends the program: of the test's own troubles, not of hookd's. */
_Noreturn void give_up(const char *format, ...) __attribute__((format(printf, 1, 2)));

int64_t now_ms(void);
void pause_ms(int ms);

/* Without the newline at the end; false: it cannot be read. */
bool world_read(const char *path, char *text, size_t size);
bool world_write(const char *path, const char *text);

/* ---- limits ---- */

enum limit { MEMORY, SWAP, HIGH, PIDS, WEIGHT, CPU, CPUS, LIMIT_COUNT };
extern const char *const limit_files[LIMIT_COUNT];

/* The file of the cgroup; "": there is none. */
void world_limit(const char *cgroup, enum limit limit, char *text, size_t size);
/* What systemd would write into that file. False: it does not know the unit. */
bool world_unit_limit(const char *unit, enum limit limit, char *text, size_t size);

/* ---- what is there ---- */

/* Names of cgroups that hookd could have made, one behind the other with a space each, sorted. */
void world_cgroups(char *text, size_t size);
/* Of resctrl: groups and monitoring groups. */
void world_groups(char *text, size_t size);
bool world_monitors(void);
/* "3" of "L3:0=003"; "": not there. */
void world_schema(const char *group, char *text, size_t size);

/* ---- processes ---- */

struct person {
	pid_t pid;
	int commands; /* the socket that it listens on */
};

struct person world_start_process(void);
/* Its number. The child ends when it is killed. */
pid_t world_fork(const struct person *person);
/* SIGKILL, and it is reaped. */
void world_end_process(pid_t pid);
bool world_process_is_in(pid_t pid, char *cgroup, size_t size);
/* "/" is the default one. */
bool world_process_group(pid_t pid, char *group, size_t size);
int world_oom_score(pid_t pid);

/* ---- systemd, by its own socket: no message bus between ---- */

pid_t world_hookd(void);
/* Asked, and not waited for. */
void world_restart_bus(void);
void world_reload(void);
/* The bus answers. */
void world_await_bus(void);
/* The beginning and the end of one seed: nothing of an earlier one is left. */
void world_clear(void);
