#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# runc's state.json of a container has libcontainer's present Config: the settings that are read from it
# must be those of config.json. Arguments: READ_SETTINGS, then those of lib.sh.
read_settings=$1
shift
. "$(dirname "$0")/lib.sh"

rm "$bundle/rootfs/running"
jq '.process.terminal = false | .process.args = ["/bin/sleep", "1000"] | .process.env = ["PATH=/bin"]
	| .process.user = {uid: 0, gid: 0, umask: 23} | .process.oomScoreAdj = 7
	| .process.rlimits = [{type: "RLIMIT_NOFILE", soft: 100, hard: 200},
		{type: "RLIMIT_CORE", soft: 0, hard: 1234567890123}]
	| .process.capabilities = {bounding: ["CAP_KILL", "CAP_CHOWN"], effective: ["CAP_KILL"],
		permitted: ["CAP_KILL"]}
	| .linux.resources.pids = {limit: 50} | .linux.resources.memory = {limit: 67108864}
	| .linux.resources.cpu = {shares: 512} | .linux.cgroupsPath = $path
	| .linux.seccomp = {defaultAction: "SCMP_ACT_ALLOW", architectures: ["SCMP_ARCH_X86_64"],
		syscalls: [{names: ["acct", "swapon"], action: "SCMP_ACT_ERRNO", errnoRet: 38},
			{names: ["personality"], action: "SCMP_ACT_ERRNO",
				args: [{index: 0, value: 18446744073709551615, op: "SCMP_CMP_EQ"}]}]}' \
	--arg path "/$id" "$work/spec.json" > "$bundle/config.json"
# jq rounds numbers above 2^53.
sed -i 's/18446744073709552000/18446744073709551615/' "$bundle/config.json"

found() { # NAME LINE
	contains "$1" "$work/read" "$2"
}

check "create" create
check "state.json is read, and comes back when it is written" \
	"$read_settings" libcontainer "$work/runtime/$id/state.json" config
"$read_settings" libcontainer "$work/runtime/$id/state.json" config > "$work/read"
found "umask" "umask 027"
found "oom score" "oom_score_adj 7"
found "no new privileges" "no_new_privileges 1"
found "bounding set" "capabilities.bounding 0000000000000021"
found "effective set" "capabilities.effective 0000000000000020"
found "empty set" "capabilities.ambient 0000000000000000"
found "pid namespace" "namespace 20000000 -"
found "mount namespace" "namespace 20000 -"
found "cgroup" "cgroups_path /$id"
found "memory" "memory 67108864"
found "pids" "pids 50"
found "shares" "shares 512"
found "everything is denied first" "device 0 a -1:-1 7"
found "/dev/null" "device 1 c 1:3 7"
found "default action" "seccomp SCMP_ACT_ALLOW"
found "architecture" "arch SCMP_ARCH_X86_64"
found "one rule" "rule acct SCMP_ACT_ERRNO"
found "its other name" "rule swapon SCMP_ACT_ERRNO"
found "rule with an argument" "rule personality SCMP_ACT_ERRNO 0 SCMP_CMP_EQ 18446744073709551615"

# The same settings in its config.json.
check "config.json is read" "$read_settings" oci "$bundle/config.json"
"$read_settings" oci "$bundle/config.json" > "$work/oci"
# runc gives them to the process it starts, not to its Config.
contains "open files" "$work/oci" "rlimit 7 100 200"
contains "core files" "$work/oci" "rlimit 4 0 1234567890123"
same() { # PATTERN
	is "both dialects say the same: $1" "$(grep -E "^($1) " "$work/read" | sort)" \
		"$(grep -E "^($1) " "$work/oci" | sort)"
}
same 'capabilities\.[a-z]+'
same 'umask|oom_score_adj|no_new_privileges'
same namespace
same 'cgroups_path|memory|pids|shares'
same 'seccomp|arch|rule'
check "delete" delete
finish
