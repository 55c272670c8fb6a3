/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Translates paths of settings. The daemon names a field as runtime-spec does; a client that sent
 * libcontainer's Config gets the name of the field there.
 */

#include <stdio.h>
#include <string.h>

#include "proto/settings/settings_json.h"

static const struct {
	const char *oci, *libcontainer;
} fields[] = {
    {"linux.cgroupsPath", "cgroups.path"},
    {"linux.intelRdt", "intel_rdt"},
    {"linux.seccomp", "seccomp"},
    {"linux.resources.memory.limit", "cgroups.memory"},
    {"linux.resources.memory.reservation", "cgroups.memory_reservation"},
    {"linux.resources.memory.swappiness", "cgroups.memory_swappiness"},
    {"linux.resources.memory.swap", "cgroups.memory_swap"},
    {"linux.resources.memory.kernelTCP", "cgroups.kernel_memory_tcp"},
    {"linux.resources.memory.kernel", "cgroups.kernel_memory"},
    {"linux.resources.memory.disableOOMKiller", "cgroups.oom_kill_disable"},
    {"linux.resources.memory.checkBeforeUpdate", "cgroups.memory_check_before_update"},
    {"linux.resources.cpu.shares", "cgroups.cpu_shares"},
    {"linux.resources.cpu.weight", "cgroups.cpu_weight"},
    {"linux.resources.cpu.quota", "cgroups.cpu_quota"},
    {"linux.resources.cpu.burst", "cgroups.cpu_burst"},
    {"linux.resources.cpu.period", "cgroups.cpu_period"},
    {"linux.resources.cpu.realtimeRuntime", "cgroups.cpu_rt_quota"},
    {"linux.resources.cpu.realtimePeriod", "cgroups.cpu_rt_period"},
    {"linux.resources.cpu.cpus", "cgroups.cpuset_cpus"},
    {"linux.resources.cpu.mems", "cgroups.cpuset_mems"},
    {"linux.resources.cpu.idle", "cgroups.cpu_idle"},
    {"linux.resources.pids.limit", "cgroups.pids_limit"},
    {"linux.resources.blockIO.weightDevice", "cgroups.blkio_weight_device"},
    {"linux.resources.blockIO.weight", "cgroups.blkio_weight"},
    {"linux.resources.blockIO.leafWeight", "cgroups.blkio_leaf_weight"},
    {"linux.resources.blockIO.throttleReadBpsDevice", "cgroups.blkio_throttle_read_bps_device"},
    {"linux.resources.blockIO.throttleWriteBpsDevice", "cgroups.blkio_throttle_write_bps_device"},
    {"linux.resources.blockIO.throttleReadIOPSDevice", "cgroups.blkio_throttle_read_iops_device"},
    {"linux.resources.blockIO.throttleWriteIOPSDevice", "cgroups.blkio_throttle_write_iops_device"},
    {"linux.resources.hugepageLimits", "cgroups.hugetlb_limit"},
    {"linux.resources.network.classID", "cgroups.net_cls_classid_u"},
    {"linux.resources.network.priorities", "cgroups.net_prio_ifpriomap"},
    /* The rest of the resources, whose names are the same in both: rdma, unified, devices. */
    {"linux.resources", "cgroups"},
    {"process.rlimits", "rlimits"},
    {"process.oomScoreAdj", "oom_score_adj"},
    {"process.scheduler", "scheduler"},
    {"process.ioPriority", "io_priority"},
    {"process.execCPUAffinity", "exec_cpu_affinity"},
    {"process.apparmorProfile", "apparmor_profile"},
    {"process.selinuxLabel", "process_label"},
    {"process.user.umask", "umask"},
    {"process.capabilities", "capabilities"},
    {"process.noNewPrivileges", "no_new_privileges"},
    {"linux.personality", "personality"},
    {"linux.memoryPolicy", "memory_policy"},
    {"linux.namespaces", "namespaces"},
};

/* In the table a row that is a prefix of another one comes after it. */
void hp_settings_path(char path[HP_ERR_PATH_SIZE], enum hp_dialect dialect)
{
	char oci[HP_ERR_PATH_SIZE];

	if (dialect == HP_DIALECT_OCI)
		return;
	memcpy(oci, path, sizeof(oci));
	for (size_t i = 0; i < sizeof(fields) / sizeof(fields[0]); i++) {
		size_t length = strlen(fields[i].oci);

		if (strncmp(oci, fields[i].oci, length) != 0)
			continue;
		(void)snprintf(path, HP_ERR_PATH_SIZE, "%s%s", fields[i].libcontainer,
			       oci + length);
		return;
	}
}
