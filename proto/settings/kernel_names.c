/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Tables of names of the kernel's numbers. They grow with the kernel. A name that is missing here
 * is refused, not silently ignored.
 */

#include "proto/settings/kernel_names.h"

#include <sys/resource.h>

#define NAMES(what_, table)                                                                        \
	{                                                                                          \
		.what = what_, .names = table, .count = sizeof(table) / sizeof((table)[0])         \
	}

/* linux/capability.h */
static const struct hp_name capabilities[] = {
    {"CAP_CHOWN", 1ull << 0},
    {"CAP_DAC_OVERRIDE", 1ull << 1},
    {"CAP_DAC_READ_SEARCH", 1ull << 2},
    {"CAP_FOWNER", 1ull << 3},
    {"CAP_FSETID", 1ull << 4},
    {"CAP_KILL", 1ull << 5},
    {"CAP_SETGID", 1ull << 6},
    {"CAP_SETUID", 1ull << 7},
    {"CAP_SETPCAP", 1ull << 8},
    {"CAP_LINUX_IMMUTABLE", 1ull << 9},
    {"CAP_NET_BIND_SERVICE", 1ull << 10},
    {"CAP_NET_BROADCAST", 1ull << 11},
    {"CAP_NET_ADMIN", 1ull << 12},
    {"CAP_NET_RAW", 1ull << 13},
    {"CAP_IPC_LOCK", 1ull << 14},
    {"CAP_IPC_OWNER", 1ull << 15},
    {"CAP_SYS_MODULE", 1ull << 16},
    {"CAP_SYS_RAWIO", 1ull << 17},
    {"CAP_SYS_CHROOT", 1ull << 18},
    {"CAP_SYS_PTRACE", 1ull << 19},
    {"CAP_SYS_PACCT", 1ull << 20},
    {"CAP_SYS_ADMIN", 1ull << 21},
    {"CAP_SYS_BOOT", 1ull << 22},
    {"CAP_SYS_NICE", 1ull << 23},
    {"CAP_SYS_RESOURCE", 1ull << 24},
    {"CAP_SYS_TIME", 1ull << 25},
    {"CAP_SYS_TTY_CONFIG", 1ull << 26},
    {"CAP_MKNOD", 1ull << 27},
    {"CAP_LEASE", 1ull << 28},
    {"CAP_AUDIT_WRITE", 1ull << 29},
    {"CAP_AUDIT_CONTROL", 1ull << 30},
    {"CAP_SETFCAP", 1ull << 31},
    {"CAP_MAC_OVERRIDE", 1ull << 32},
    {"CAP_MAC_ADMIN", 1ull << 33},
    {"CAP_SYSLOG", 1ull << 34},
    {"CAP_WAKE_ALARM", 1ull << 35},
    {"CAP_BLOCK_SUSPEND", 1ull << 36},
    {"CAP_AUDIT_READ", 1ull << 37},
    {"CAP_PERFMON", 1ull << 38},
    {"CAP_BPF", 1ull << 39},
    {"CAP_CHECKPOINT_RESTORE", 1ull << 40},
};
const struct hp_names hp_capability_names = NAMES("capability", capabilities);

/* The number depends on the architecture. */
static const struct hp_name rlimits[] = {
    {"RLIMIT_CPU", RLIMIT_CPU},		  {"RLIMIT_FSIZE", RLIMIT_FSIZE},
    {"RLIMIT_DATA", RLIMIT_DATA},	  {"RLIMIT_STACK", RLIMIT_STACK},
    {"RLIMIT_CORE", RLIMIT_CORE},	  {"RLIMIT_RSS", RLIMIT_RSS},
    {"RLIMIT_NPROC", RLIMIT_NPROC},	  {"RLIMIT_NOFILE", RLIMIT_NOFILE},
    {"RLIMIT_MEMLOCK", RLIMIT_MEMLOCK},	  {"RLIMIT_AS", RLIMIT_AS},
    {"RLIMIT_LOCKS", RLIMIT_LOCKS},	  {"RLIMIT_SIGPENDING", RLIMIT_SIGPENDING},
    {"RLIMIT_MSGQUEUE", RLIMIT_MSGQUEUE}, {"RLIMIT_NICE", RLIMIT_NICE},
    {"RLIMIT_RTPRIO", RLIMIT_RTPRIO},	  {"RLIMIT_RTTIME", RLIMIT_RTTIME},
};
const struct hp_names hp_rlimit_names = NAMES("resource limit", rlimits);

/* linux/sched.h */
static const struct hp_name policies[] = {
    {"SCHED_OTHER", 0}, {"SCHED_FIFO", 1}, {"SCHED_RR", 2},	  {"SCHED_BATCH", 3},
    {"SCHED_ISO", 4},	{"SCHED_IDLE", 5}, {"SCHED_DEADLINE", 6},
};
const struct hp_names hp_scheduler_policy_names = NAMES("scheduling policy", policies);

static const struct hp_name scheduler_flags[] = {
    {"SCHED_FLAG_RESET_ON_FORK", 0x01},	 {"SCHED_FLAG_RECLAIM", 0x02},
    {"SCHED_FLAG_DL_OVERRUN", 0x04},	 {"SCHED_FLAG_KEEP_POLICY", 0x08},
    {"SCHED_FLAG_KEEP_PARAMS", 0x10},	 {"SCHED_FLAG_UTIL_CLAMP_MIN", 0x20},
    {"SCHED_FLAG_UTIL_CLAMP_MAX", 0x40},
};
const struct hp_names hp_scheduler_flag_names = NAMES("scheduling flag", scheduler_flags);

/* linux/ioprio.h */
static const struct hp_name io_classes[] = {
    {"IOPRIO_CLASS_RT", 1},
    {"IOPRIO_CLASS_BE", 2},
    {"IOPRIO_CLASS_IDLE", 3},
};
const struct hp_names hp_io_class_names = NAMES("class", io_classes);

/* linux/mempolicy.h */
static const struct hp_name modes[] = {
    {"MPOL_DEFAULT", 0},
    {"MPOL_PREFERRED", 1},
    {"MPOL_BIND", 2},
    {"MPOL_INTERLEAVE", 3},
    {"MPOL_LOCAL", 4},
    {"MPOL_PREFERRED_MANY", 5},
    {"MPOL_WEIGHTED_INTERLEAVE", 6},
};
const struct hp_names hp_memory_policy_mode_names = NAMES("memory policy", modes);

static const struct hp_name mode_flags[] = {
    {"MPOL_F_NUMA_BALANCING", 1u << 13},
    {"MPOL_F_RELATIVE_NODES", 1u << 14},
    {"MPOL_F_STATIC_NODES", 1u << 15},
};
const struct hp_names hp_memory_policy_flag_names = NAMES("memory policy flag", mode_flags);

/* linux/sched.h */
static const struct hp_name namespaces[] = {
    {"time", 0x80},	 {"mount", 0x00020000}, {"cgroup", 0x02000000}, {"uts", 0x04000000},
    {"ipc", 0x08000000}, {"user", 0x10000000},	{"pid", 0x20000000},	{"network", 0x40000000},
};
const struct hp_names hp_namespace_names = NAMES("namespace", namespaces);

static const struct hp_name libcontainer_namespaces[] = {
    {"NEWTIME", 0x80},	    {"NEWNS", 0x00020000},  {"NEWCGROUP", 0x02000000},
    {"NEWUTS", 0x04000000}, {"NEWIPC", 0x08000000}, {"NEWUSER", 0x10000000},
    {"NEWPID", 0x20000000}, {"NEWNET", 0x40000000},
};
const struct hp_names hp_libcontainer_namespace_names = NAMES("namespace", libcontainer_namespaces);

/* linux/personality.h */
static const struct hp_name personalities[] = {
    {"LINUX", HP_PER_LINUX},
    {"LINUX32", HP_PER_LINUX32},
};
const struct hp_names hp_personality_names = NAMES("execution domain", personalities);
