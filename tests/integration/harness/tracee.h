/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <sys/types.h>

/*
 * Stops a process of one thread at a chosen system call, so that a test can kill it there. Uses
 * ptrace(2); if the test dies, so does the process.
 */
enum tracee_point { AT_ENTRY, AT_EXIT };

/* Skips the test where ptrace(2) is refused. */
void tracee_attach(pid_t pid);
/* Lets it run until it is at the system call, and leaves it stopped there. */
void tracee_run_to(pid_t pid, long call, enum tracee_point point);
/*
 * The same for clone3(2). Returns the child, which is traced as well, and stopped before its first
 * instruction.
 */
pid_t tracee_run_to_child(pid_t pid);
/* Kills it with SIGKILL, and returns when it is dead. */
void tracee_kill(pid_t pid);
/* Lets it go on, not traced any more. */
void tracee_detach(pid_t pid);
