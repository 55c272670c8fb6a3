/* SPDX-License-Identifier: Apache-2.0 */

/* Lists seccomp programs. Instructions that such programs do not have are shown as numbers. */

#include "client/hookctl/bpf.h"

#include <endian.h>
#include <errno.h>
#include <linux/audit.h>
#include <linux/seccomp.h>
#include <stdio.h>
#include <string.h>

#include "proto/base/names.h"
#include "proto/messages/result.h"

#define LINE_SIZE   128
#define WORDS_SIZE  64
#define NOTE_COLUMN 44
#define X32_BIT	    0x40000000 /* in the numbers of x32's system calls only */
#define NOTHING	    UINT32_MAX

/* ---- what constants stand for ---- */

/* A word of struct seccomp_data; which half of a value comes first depends on the byte order. */
static void name_word(uint32_t offset, char words[static WORDS_SIZE])
{
	const uint32_t args = (uint32_t)offsetof(struct seccomp_data, args);
	const char *half = offset / 4 % 2 == (BYTE_ORDER == LITTLE_ENDIAN) ? "upper" : "lower";

	if (offset == offsetof(struct seccomp_data, nr))
		snprintf(words, WORDS_SIZE, "number of the call");
	else if (offset == offsetof(struct seccomp_data, arch))
		snprintf(words, WORDS_SIZE, "architecture");
	else if (offset < args)
		snprintf(words, WORDS_SIZE, "instruction pointer, %s half", half);
	else
		snprintf(words, WORDS_SIZE, "argument %u, %s half", (offset - args) / 8, half);
}

static void name_arch(uint32_t arch, char words[static WORDS_SIZE])
{
	static const struct {
		uint32_t arch;
		const char *name;
	} names[] = {
	    {AUDIT_ARCH_X86_64, "x86-64, x32"}, {AUDIT_ARCH_I386, "x86"},
	    {AUDIT_ARCH_AARCH64, "aarch64"},	{AUDIT_ARCH_ARM, "arm"},
	    {AUDIT_ARCH_PPC64LE, "ppc64le"},	{AUDIT_ARCH_RISCV64, "riscv64"},
	    {AUDIT_ARCH_S390X, "s390x"},	{AUDIT_ARCH_S390, "s390"},
	};

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (names[i].arch == arch)
			snprintf(words, WORDS_SIZE, "%s", names[i].name);
}

static void name_action(uint32_t action, char words[static WORDS_SIZE])
{
	uint32_t data = action & SECCOMP_RET_DATA;
	char name[24];

	switch (action & SECCOMP_RET_ACTION_FULL) {
	case SECCOMP_RET_KILL_PROCESS:
		snprintf(words, WORDS_SIZE, "kill the process");
		break;
	case SECCOMP_RET_KILL_THREAD:
		snprintf(words, WORDS_SIZE, "kill the thread");
		break;
	case SECCOMP_RET_TRAP:
		snprintf(words, WORDS_SIZE, "send SIGSYS");
		break;
	case SECCOMP_RET_ERRNO:
		snprintf(words, WORDS_SIZE, "fail with %s", hp_errno_name((int)data, name));
		break;
	case SECCOMP_RET_USER_NOTIF:
		snprintf(words, WORDS_SIZE, "ask the listener");
		break;
	case SECCOMP_RET_TRACE:
		snprintf(words, WORDS_SIZE, "tell the tracer, %u", data);
		break;
	case SECCOMP_RET_LOG:
		snprintf(words, WORDS_SIZE, "allow and log");
		break;
	case SECCOMP_RET_ALLOW:
		snprintf(words, WORDS_SIZE, "allow");
		break;
	}
}

/* ---- instructions ---- */

static const char *name_jump(const struct sock_filter *instruction)
{
	switch (instruction->code) {
	case BPF_JMP | BPF_JEQ | BPF_K:
		return "jeq";
	case BPF_JMP | BPF_JGT | BPF_K:
		return "jgt";
	case BPF_JMP | BPF_JGE | BPF_K:
		return "jge";
	case BPF_JMP | BPF_JSET | BPF_K:
		return "jset";
	default:
		return NULL;
	}
}

/* `*loaded`: the offset in the last `ld` above, in the order of the listing. */
static void describe(const struct sock_filter *at, size_t index, uint32_t *loaded,
		     char text[static WORDS_SIZE], char note[static WORDS_SIZE])
{
	const char *jump = name_jump(at);

	if (at->code == (BPF_LD | BPF_W | BPF_ABS)) {
		snprintf(text, WORDS_SIZE, "ld   [%u]", at->k);
		name_word(at->k, note);
		*loaded = at->k;
	} else if (at->code == (BPF_ALU | BPF_AND | BPF_K)) {
		snprintf(text, WORDS_SIZE, "and  0x%x", at->k);
	} else if (at->code == (BPF_JMP | BPF_JA)) {
		snprintf(text, WORDS_SIZE, "ja   %zu", index + 1 + at->k);
	} else if (at->code == (BPF_RET | BPF_K)) {
		snprintf(text, WORDS_SIZE, "ret  0x%x", at->k);
		name_action(at->k, note);
	} else if (jump != NULL) {
		bool is_number = *loaded == offsetof(struct seccomp_data, nr) && at->k < X32_BIT;

		snprintf(text, WORDS_SIZE,
			 is_number ? "%-4s %u ? %zu : %zu" : "%-4s 0x%x ? %zu : %zu", jump, at->k,
			 index + 1 + at->jt, index + 1 + at->jf);
		if (*loaded == offsetof(struct seccomp_data, arch))
			name_arch(at->k, note);
	} else {
		snprintf(text, WORDS_SIZE, "0x%x %u %u 0x%x", at->code, at->jt, at->jf, at->k);
	}
}

int bpf_list(const struct sock_filter *program, size_t count, struct hp_buf *buf)
{
	uint32_t loaded = NOTHING;

	for (size_t i = 0; i < count; i++) {
		char text[WORDS_SIZE], note[WORDS_SIZE] = "", line[LINE_SIZE + WORDS_SIZE];
		int length;

		describe(&program[i], i, &loaded, text, note);
		length = snprintf(line, sizeof(line), "%5zu  %s", i, text);
		if (note[0] != '\0')
			length = snprintf(line, sizeof(line), "%5zu  %-*s; %s", i, NOTE_COLUMN - 7,
					  text, note);
		hp_buf_append(buf, line, (size_t)length);
		hp_buf_append(buf, "\n", 1);
	}
	return buf->failed ? -ENOMEM : 0;
}
