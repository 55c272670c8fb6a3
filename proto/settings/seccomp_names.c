/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Names of actions, operators, architectures and flags of seccomp profiles, declared in seccomp.h.
 */

#include "proto/settings/seccomp.h"

const char *const hp_seccomp_action_names[HP_SECCOMP_ACTION_END] = {
    [HP_SECCOMP_KILL] = "SCMP_ACT_KILL",
    [HP_SECCOMP_ERRNO] = "SCMP_ACT_ERRNO",
    [HP_SECCOMP_TRAP] = "SCMP_ACT_TRAP",
    [HP_SECCOMP_ALLOW] = "SCMP_ACT_ALLOW",
    [HP_SECCOMP_TRACE] = "SCMP_ACT_TRACE",
    [HP_SECCOMP_LOG] = "SCMP_ACT_LOG",
    [HP_SECCOMP_NOTIFY] = "SCMP_ACT_NOTIFY",
    [HP_SECCOMP_KILL_THREAD] = "SCMP_ACT_KILL_THREAD",
    [HP_SECCOMP_KILL_PROCESS] = "SCMP_ACT_KILL_PROCESS",
};

const char *const hp_seccomp_operator_names[HP_SECCOMP_OPERATOR_END] = {
    [HP_SECCOMP_EQ] = "SCMP_CMP_EQ",
    [HP_SECCOMP_NE] = "SCMP_CMP_NE",
    [HP_SECCOMP_GT] = "SCMP_CMP_GT",
    [HP_SECCOMP_GE] = "SCMP_CMP_GE",
    [HP_SECCOMP_LT] = "SCMP_CMP_LT",
    [HP_SECCOMP_LE] = "SCMP_CMP_LE",
    [HP_SECCOMP_MASKED_EQ] = "SCMP_CMP_MASKED_EQ",
};

/* The last five have no name in runc; these are libseccomp's. */
const struct hp_seccomp_arch hp_seccomp_archs[] = {
    {"SCMP_ARCH_X86", "x86"},
    {"SCMP_ARCH_X86_64", "amd64"},
    {"SCMP_ARCH_X32", "x32"},
    {"SCMP_ARCH_ARM", "arm"},
    {"SCMP_ARCH_AARCH64", "arm64"},
    {"SCMP_ARCH_MIPS", "mips"},
    {"SCMP_ARCH_MIPS64", "mips64"},
    {"SCMP_ARCH_MIPS64N32", "mips64n32"},
    {"SCMP_ARCH_MIPSEL", "mipsel"},
    {"SCMP_ARCH_MIPSEL64", "mipsel64"},
    {"SCMP_ARCH_MIPSEL64N32", "mipsel64n32"},
    {"SCMP_ARCH_PPC", "ppc"},
    {"SCMP_ARCH_PPC64", "ppc64"},
    {"SCMP_ARCH_PPC64LE", "ppc64le"},
    {"SCMP_ARCH_S390", "s390"},
    {"SCMP_ARCH_S390X", "s390x"},
    {"SCMP_ARCH_RISCV64", "riscv64"},
    {"SCMP_ARCH_LOONGARCH64", "loong64"},
    {"SCMP_ARCH_PARISC", "parisc"},
    {"SCMP_ARCH_PARISC64", "parisc64"},
    {"SCMP_ARCH_M68K", "m68k"},
    {"SCMP_ARCH_SH", "sh"},
    {"SCMP_ARCH_SHEB", "sheb"},
};
const size_t hp_seccomp_arch_count = sizeof(hp_seccomp_archs) / sizeof(hp_seccomp_archs[0]);

const char *const hp_seccomp_flag_names[HP_SECCOMP_FLAG_COUNT] = {
    [HP_SECCOMP_FLAG_TSYNC] = "SECCOMP_FILTER_FLAG_TSYNC",
    [HP_SECCOMP_FLAG_LOG] = "SECCOMP_FILTER_FLAG_LOG",
    [HP_SECCOMP_FLAG_SPEC_ALLOW] = "SECCOMP_FILTER_FLAG_SPEC_ALLOW",
    [HP_SECCOMP_FLAG_WAIT_KILLABLE_RECV] = "SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV",
};
