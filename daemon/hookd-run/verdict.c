/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Runs the filter in an interpreter on the system calls that hookd-run will make under it, before
 * it is installed. If the filter kills the process at one of them, nothing could be reported later,
 * and it would look like the end of the hook. In doubt the result is "allow", and the kernel
 * decides when the call is made. No state.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/audit.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <string.h>
#include <sys/syscall.h>

#include "daemon/hookd-run/hookd-run.h"

static bool is_taken(const struct sock_filter *jump, uint32_t accumulator)
{
	switch (BPF_OP(jump->code)) {
	case BPF_JEQ:
		return accumulator == jump->k;
	case BPF_JGT:
		return accumulator > jump->k;
	case BPF_JGE:
		return accumulator >= jump->k;
	default:
		return accumulator & jump->k;
	}
}

/* Knows the instructions that hookd's profiles are compiled to; "allow" for any other. */
static uint32_t find_verdict(const struct job *job, const struct seccomp_data *data)
{
	uint32_t accumulator = 0;

	for (uint64_t at = 0; at < job->message->filter_count; at++) {
		const struct sock_filter *instruction = &job->filter[at];

		switch (instruction->code) {
		case BPF_LD | BPF_W | BPF_ABS:
			if (instruction->k > sizeof(*data) - sizeof(accumulator))
				return SECCOMP_RET_ALLOW;
			memcpy(&accumulator, (const char *)data + instruction->k,
			       sizeof(accumulator));
			break;
		case BPF_ALU | BPF_AND | BPF_K:
			accumulator &= instruction->k;
			break;
		case BPF_JMP | BPF_JA:
			at += instruction->k;
			break;
		case BPF_JMP | BPF_JEQ | BPF_K:
		case BPF_JMP | BPF_JGT | BPF_K:
		case BPF_JMP | BPF_JGE | BPF_K:
		case BPF_JMP | BPF_JSET | BPF_K:
			at +=
			    is_taken(instruction, accumulator) ? instruction->jt : instruction->jf;
			break;
		case BPF_RET | BPF_K:
			return instruction->k;
		default:
			return SECCOMP_RET_ALLOW;
		}
	}
	return SECCOMP_RET_ALLOW;
}

static bool kills(const struct job *job, const struct seccomp_data *data)
{
	switch (find_verdict(job, data) & SECCOMP_RET_ACTION_FULL) {
	case SECCOMP_RET_KILL_PROCESS:
	case SECCOMP_RET_KILL_THREAD:
	case SECCOMP_RET_TRAP:
		return true;
	default:
		return false;
	}
}

void verdict_check(const struct job *job, bool sets_capabilities)
{
	const struct seccomp_data capset = {.nr = SYS_capset, .arch = AUDIT_ARCH_X86_64};
	struct seccomp_data exec = {
	    .nr = SYS_execve,
	    .arch = AUDIT_ARCH_X86_64,
	    .args = {(uintptr_t)job->path, (uintptr_t)job->argv, (uintptr_t)job->envp},
	};

	if (job->program >= 0)
		exec = (struct seccomp_data){
		    .nr = SYS_execveat,
		    .arch = AUDIT_ARCH_X86_64,
		    .args = {(uint64_t)job->program, (uintptr_t) "", (uintptr_t)job->argv,
			     (uintptr_t)job->envp, AT_EMPTY_PATH},
		};
	if (sets_capabilities && kills(job, &capset))
		step_fail_at(SPAWN_STEP_CAPABILITIES, EPERM,
			     "the seccomp filter kills the process at capset");
	if (kills(job, &exec))
		step_fail_at(SPAWN_STEP_EXEC, EPERM,
			     job->program < 0 ? "the seccomp filter kills the process at execve"
					      : "the seccomp filter kills the process at execveat");
}
