#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# In the guest: hooks with settings that need a kernel with all controllers and resctrl.
. "$(dirname "$0")/setup.sh"

resctrl=/sys/fs/resctrl

# Prints the result as JSON, whether the hook succeeded or not.
run_hook() { # DIALECT SETTINGS SCRIPT [CONTAINER]
	local folder

	folder=$(mktemp -d -p "$work")
	echo "$2" > "$folder/settings.json"
	jq -n --arg id "${4:-c1}" '{ociVersion: "1.0.2", id: $id, status: "stopped", bundle: "/tmp"}' \
		> "$folder/state.json"
	jq -n --arg script "$3" '{poststop: [{path: "/bin/sh", args: ["sh", "-c", $script]}]}' \
		> "$folder/hooks.json"
	hookctl --json=short run --stage=poststop --state="$folder/state.json" --dialect="$1" \
		--hooks="$folder/hooks.json" --settings="$folder/settings.json" || true
}

run_oci() { # SETTINGS SCRIPT [CONTAINER]
	run_hook oci "$@"
}

run_libcontainer() { # SETTINGS SCRIPT [CONTAINER]
	run_hook libcontainer "$@"
}

stdout() {
	jq -r '.hooks[0].stdout' | xargs
}

own() { # FILES of the hook's own cgroup
	echo 'cd /sys/fs/cgroup$(cut -d: -f3 /proc/self/cgroup) && cat '"$*"
}

# A cgroup with limits of a request is not reused for another run.
limited_cgroups() {
	grep -L max /sys/fs/cgroup/system.slice/*/hookd-runner@*/runs/*/pids.max 2> "$work/out" | wc -l
}

# ---- limits ----

test_limits() {
	local files='pids.max memory.max memory.low cpu.max cpu.weight cpuset.cpus'

	is "limits of runtime-spec" \
		"$(run_oci '{"linux":{"resources":{"pids":{"limit":20},"memory":{"limit":33554432,
			"reservation":16777216},"cpu":{"quota":50000,"period":100000,"shares":512,
			"cpus":"0"}}}}' "$(own "$files")" | stdout)" \
		'20 33554432 16777216 50000 100000 59 0'
	is "limits of libcontainer" \
		"$(run_libcontainer '{"cgroups":{"pids_limit":21,"memory":33554432,"cpu_shares":256,
			"cpu_quota":25000,"cpu_period":50000,"cpuset_cpus":"1","unified":{
			"memory.high":"30000000"}}}' "$(own pids.max memory.max cpu.max cpu.weight \
			cpuset.cpus memory.high)" | stdout)" \
		'21 33554432 25000 50000 35 1 29999104'
	is "the next run has none of them" \
		"$(run_oci '{}' "$(own pids.max memory.max)" | stdout)" 'max max'
	is "and no cgroup with limits is left" "$(limited_cgroups)" 0
}

test_fork_bomb() {
	local bomb='i=0; while [ $i -lt 100 ]; do sleep 1000 & i=$((i + 1)); done; wait'
	local result

	run_oci '{"linux":{"resources":{"pids":{"limit":20}}}}' "$bomb" c2 > "$work/bomb" &
	is "others go on beside a fork bomb" "$(run_oci '{}' 'echo alive' | stdout)" alive
	wait $!
	pkill -KILL -x sleep
	result=$(jq -r '.hooks[0].stderr' "$work/bomb")
	is "which stays within its pids.max" "$([[ $result == *ork* ]] && echo yes)" yes
}

test_memory_hog() {
	is "a hook that uses more than its memory is killed, with the reason" \
		"$(run_oci '{"linux":{"resources":{"memory":{"limit":20000000}}}}' \
			'exec dd if=/dev/zero of=/dev/null bs=100M count=1' | jq -c '.hooks[0] | [.outcome, .oomKilled]')" \
		'["signaled",true]'
	is "one that fails otherwise is not said to be" \
		"$(run_oci '{"linux":{"resources":{"memory":{"limit":20000000}}}}' 'exit 3' |
			jq -c '.hooks[0] | [.exitStatus, .oomKilled]')" '[3,false]'
}

test_devices() {
	local rules='{"linux":{"resources":{"devices":[{"allow":false,"access":"rwm"}%s]}}}'
	local try='exec 2>&1; head -c1 /dev/null && echo null; exec 9< /dev/kmsg && echo kmsg'

	# shellcheck disable=SC2059
	is "a device that the rules do not allow" \
		"$(run_oci "$(printf "$rules" '')" "$try" | stdout | grep -o 'null\|kmsg$\|not permitted' |
			xargs)" 'null not permitted'
	# shellcheck disable=SC2059
	is "and one that they do" \
		"$(run_oci "$(printf "$rules" ',{"allow":true,"type":"c","major":1,"minor":11,
			"access":"r"}')" "$try" | stdout)" 'null kmsg'
}

test_limits_that_cannot_be() {
	local result

	result=$(run_oci '{"linux":{"resources":{"cpu":{"cpus":"77"}}}}' 'echo ran')
	is "the kernel refuses a limit: the step" \
		"$(jq -r '.hooks[0] | "\(.outcome) \(.failedStep)"' <<< "$result")" 'spawn_failed cgroup'
	is "with the field" "$(jq -r '.hooks[0].error' <<< "$result" | grep -o 'cpu.cpus')" cpu.cpus
	result=$(run_libcontainer '{"rootless_cgroups":true,"cgroups":{"cpuset_cpus":"77"}}' 'echo ran')
	is "RootlessCgroups: the run goes on" "$(stdout <<< "$result")" ran
	is "and says what was left out" "$(jq -r .ignored <<< "$result" | grep -o cpuset_cpus)" \
		cpuset_cpus
	is "no cgroup with limits is left" "$(limited_cgroups)" 0
}

# ---- AppArmor ----

test_apparmor() {
	local result try='cat /proc/self/attr/current; cat /etc/hostname 2>&1; cat /etc/os-release > /dev/null &&
		echo read; echo x > /tmp/written || true'

	cat > "$work/profile" <<- 'END'
		profile hookd-test flags=(attach_disconnected,mediate_deleted) {
		  file,
		  signal,
		  deny /etc/hostname r,
		  deny /tmp/** w,
		}
	END
	check "a profile is loaded" apparmor_parser -K -r "$work/profile"
	is "a hook under the profile may not do what it denies" \
		"$(run_oci '{"process":{"apparmorProfile":"hookd-test"}}' "$try" | stdout)" \
		'hookd-test (enforce) cat: /etc/hostname: Permission denied read'
	is "and another hook may" "$(run_oci '{}' "$try" | stdout | grep -o 'guest read')" 'guest read'
	is "the same from a Config" "$(run_libcontainer '{"apparmor_profile":"hookd-test"}' "$try" |
		stdout | grep -o '^hookd-test')" hookd-test
	result=$(run_oci '{"process":{"apparmorProfile":"no-such-profile"}}' 'echo ran')
	is "a profile that is not loaded: no hook" \
		"$(jq -r '.hooks[0] | "\(.outcome) \(.failedStep) \(.errnoName) \(.stdout // "")"' <<< "$result" | xargs)" \
		'spawn_failed label ENOENT'
	result=$(run_oci '{"process":{"selinuxLabel":"a:b:c:s0"}}' 'echo ran' 2>&1)
	is "SELinux, which is off beside AppArmor, is not supported" \
		"$(grep -o 'selinuxLabel' <<< "$result" | head -1)" selinuxLabel
}

# ---- resctrl ----

rdt() { # FIELDS of intelRdt
	echo "{\"linux\":{\"intelRdt\":{$1}}}"
}

groups() {
	find "$resctrl" -mindepth 1 -maxdepth 1 -type d ! -name info ! -name 'mon_*' -printf '%f\n' |
		sort | xargs
}

test_resctrl() {
	local result where

	umount $resctrl
	result=$(run_oci "$(rdt '"closID":"g"')" true 2>&1)
	is "without resctrl it is an error, and no hook" \
		"$(grep -o 'resctrl is not mounted' <<< "$result")" 'resctrl is not mounted'
	mount -t resctrl resctrl $resctrl
	where='cat /proc/self/cpu_resctrl_groups; for g in '"$resctrl"'/*/tasks; do
		grep -qx $$ $g && echo $g; done; true'
	is "a hook is in the group of its container" \
		"$(run_oci "$(rdt '"l3CacheSchema":"L3:0=3"')" "$where" | stdout)" \
		"res:c1 mon: $resctrl/c1/tasks"
	is "which is gone after the run" "$(groups)" ''
	is "the schemata are there before the hook" \
		"$(run_oci "$(rdt '"l3CacheSchema":"L3:0=3","memBwSchema":"MB:0=35"')" \
			"tr -d ' ' < $resctrl/c1/schemata" | stdout | tr ' ' '\n' | sort | xargs)" \
		'L3:0=003 MB:0=40'
	result=$(run_oci "$(rdt '"l3CacheSchema":"L3:0=5"')" 'echo ran')
	is "a mask with a hole fails" \
		"$(jq -r '.hooks[0] | "\(.outcome) \(.failedStep)"' <<< "$result")" 'spawn_failed rdt'
	is "with the kernel's own words" \
		"$(jq -r '.hooks[0].error' <<< "$result" | grep -o 'non-consecutive 1-bits')" \
		'non-consecutive 1-bits'
	is "and nothing is left" "$(groups)" ''
	mkdir $resctrl/theirs
	echo "L3:0=3" > $resctrl/theirs/schemata
	is "a group that is there with another schemata is refused" \
		"$(run_oci "$(rdt '"closID":"theirs","l3CacheSchema":"L3:0=7"')" true |
			jq -r '.hooks[0].errnoName')" EEXIST
	is "and joined where it is the same" \
		"$(run_oci "$(rdt '"closID":"theirs","l3CacheSchema":"L3:0=3"')" "$where" | stdout)" \
		"res:theirs mon: $resctrl/theirs/tasks"
	is "it is not ours to remove" "$(groups)" theirs
	mkdir $resctrl/more1 $resctrl/more2
	result=$(run_oci "$(rdt '"l3CacheSchema":"L3:0=3"')" true)
	is "no CLOSID is free" "$(jq -r '.hooks[0].errnoName' <<< "$result")" ENOSPC
	rmdir $resctrl/more1 $resctrl/more2 $resctrl/theirs
}

# Groups are few: those that a killed hookd has made must not stay until the next boot. Hooks that run
# without runners end with it.
test_resctrl_after_a_crash() {
	mkdir -p /etc/hookd
	printf '[Hooks]\nRunners=0\n' > /etc/hookd/hookd.conf
	check "hookd without runners" systemctl restart hookd.service
	run_oci "$(rdt '"l3CacheSchema":"L3:0=3"')" 'sleep 1000' crashed > "$work/out" 2>&1 &
	check "a hook is in a group" until_true grep -q . $resctrl/crashed/tasks
	systemctl kill --kill-whom=main -s KILL hookd.service
	check "after the daemon was killed there is another one" until_true hookctl ping
	is "and the group was removed" "$(groups)" ''
	wait $!
}

install_hookd
test_limits
test_fork_bomb
test_memory_hog
test_devices
test_limits_that_cannot_be
test_apparmor
test_resctrl
test_resctrl_after_a_crash
tap_end
