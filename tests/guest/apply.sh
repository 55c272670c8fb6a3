#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# In the guest: io.hookd.settings for existing processes, with both cgroup drivers, and what is left
# after failures, crashes and the exit of the process.
. "$(dirname "$0")/setup.sh"

cgroups=/sys/fs/cgroup
resctrl=/sys/fs/resctrl

# ---- helpers ----

# Starts a process for Apply. Its pid is in $victim.
start_victim() {
	sleep 100000 &
	victim=$!
}

end_victim() {
	kill -KILL "$victim" 2> "$work/out" || true
	wait "$victim" 2> "$work/out" || true
}

# Prints the output of hookctl, JSON on success.
apply() { # CONTAINER SETTINGS [OPTION...]
	echo "$2" > "$work/settings.json"
	hookctl --json=short apply --container="$1" --pid="$victim" \
		--settings="$work/settings.json" "${@:3}" 2> "$work/error" || { cat "$work/error"; return 1; }
}

update() { # CONTAINER SETTINGS [OPTION...]
	echo "$2" > "$work/settings.json"
	hookctl --json=short update --container="$1" --settings="$work/settings.json" "${@:3}" \
		2> "$work/error" || { cat "$work/error"; return 1; }
}

release() { # CONTAINER
	hookctl --json=short release --container="$1" 2> "$work/error" || { cat "$work/error"; return 1; }
}

held() {
	hookctl --json=short holdings | jq -r '[.[].container] | sort | join(" ")'
}

cgroup_of() { # PID
	sed -n 's/^0:://p' "/proc/$1/cgroup"
}

files() { # CGROUP FILE...
	(cd "$cgroups$1" && cat "${@:2}" | xargs)
}

is_not_held() { # CONTAINER
	[[ " $(held) " != *" $1 "* ]]
}

groups() {
	find "$resctrl" -mindepth 1 -maxdepth 1 -type d ! -name info ! -name 'mon_*' -printf '%f\n' |
		sort | xargs
}

limits='"memory":{"limit":67108864,"reservation":33554432},"pids":{"limit":50},"cpu":{"quota":50000,
	"period":100000,"shares":512,"cpus":"1"}'

# ---- cgroupfs ----

test_cgroupfs() {
	start_victim
	check "apply" apply box "{\"linux\":{\"cgroupsPath\":\"/boxes/box\",\"resources\":{$limits}},
		\"process\":{\"oomScoreAdj\":400,\"rlimits\":[{\"type\":\"RLIMIT_NOFILE\",\"soft\":50,
		\"hard\":60}],\"scheduler\":{\"policy\":\"SCHED_BATCH\",\"nice\":4},
		\"ioPriority\":{\"class\":\"IOPRIO_CLASS_BE\",\"priority\":6},
		\"execCPUAffinity\":{\"final\":\"1\"}}}"
	is "the process is in the cgroup" "$(cgroup_of "$victim")" /boxes/box
	is "under its limits" \
		"$(files /boxes/box memory.max memory.low pids.max cpu.max cpu.weight cpuset.cpus)" \
		'67108864 33554432 50 50000 100000 59 1'
	is "its attributes" "$(cat "/proc/$victim/oom_score_adj") $(awk '/open files/ { print $4, $5 }' \
		"/proc/$victim/limits") $(ps -o cls=,ni= -p "$victim" | xargs)" '400 50 60 B 4'
	is "hookd holds it" "$(held)" box
	is "a second time is refused" "$(apply box '{}' | grep -o 'already applied to this container')" \
		'already applied to this container'
	is "release is refused while the process is in it" \
		"$(release box | grep -o EBUSY)" EBUSY
	is "and the holding stays" "$(held)" box
	check "update" update box '{"linux":{"resources":{"pids":{"limit":60}}}}'
	is "the limits are changed" "$(files /boxes/box pids.max memory.max)" '60 67108864'
	is "an update that fails in the middle is undone" \
		"$(update box '{"linux":{"resources":{"pids":{"limit":70},"cpu":{"cpus":"99"}}}}' |
			grep -o 'cpu.cpus'; files /boxes/box pids.max)" "cpu.cpus
60"
	check "freeze" update box '{"cgroups":{"freezer":"FROZEN"}}' --dialect=libcontainer
	is "it is frozen" "$(grep frozen $cgroups/boxes/box/cgroup.events)" 'frozen 1'
	check "thaw" update box '{"cgroups":{"freezer":"THAWED"}}' --dialect=libcontainer
	is "it is thawed" "$(grep frozen $cgroups/boxes/box/cgroup.events)" 'frozen 0'
	end_victim
	check "it is released once the process has exited" until_true is_not_held box
	is "and nothing is left" "$(ls -d $cgroups/boxes 2>&1 | grep -o 'No such')" 'No such'
}

test_threads() {
	coproc threads { exec "$here/../bin/guest_threads"; }
	read -r _ <&"${threads[0]}"
	victim=$!
	check "apply to a process with threads" apply many '{"linux":{"cgroupsPath":"/many",
		"resources":{}},"process":{"scheduler":{"policy":"SCHED_BATCH","nice":3}}}'
	is "all threads are moved" "$(wc -l < $cgroups/many/cgroup.threads)" 8
	is "all have the scheduler" "$(ps -L -o cls= -p "$victim" | sort | uniq -c | xargs)" '8 B'
	end_victim
	check "released" until_true is_not_held many
}

# hookd is stopped while the process of the request exits.
test_exit() {
	local daemon asking

	start_victim
	daemon=$(systemctl show --value -p MainPID hookd.service)
	kill -STOP "$daemon"
	apply late '{"process":{"oomScoreAdj":5}}' > "$work/late" &
	asking=$!
	end_victim
	kill -CONT "$daemon"
	wait $asking || true
	contains "a process that ends meanwhile" "$work/late" "$victim"
	is "it has no holding" "$(held)" ''
}

test_devices() {
	local rules='"devices":[{"allow":false,"access":"rwm"},{"allow":true,"type":"c","major":1,
		"minor":11,"access":"r"}]'

	mkfifo "$work/ask" "$work/told"
	sh -c 'while read -r file < '"$work/ask"'; do
		(exec 9< "$file") 2> /dev/null && echo yes || echo no; done > '"$work/told" &
	victim=$!
	exec 7< "$work/told"
	ask() {
		echo "$1" > "$work/ask"
		read -r answer <&7
		echo "$answer"
	}
	is "before" "$(ask /dev/kmsg) $(ask /dev/nvme0n1)" 'yes yes'
	check "apply with device rules" apply dev "{\"linux\":{\"cgroupsPath\":\"/dev\",
		\"resources\":{$rules}}}"
	is "one is allowed, the other is not, the usual ones are" \
		"$(ask /dev/kmsg) $(ask /dev/nvme0n1) $(ask /dev/null)" 'yes no yes'
	end_victim
	exec 7<&-
	check "released" until_true is_not_held dev
}

# ---- systemd ----

test_systemd() {
	start_victim
	is "a swap limit below the memory limit" "$(apply unit '{"linux":{"cgroupsPath":
		"system.slice:hookd:unit","resources":{"memory":{"limit":9000000,"swap":8000000}}}}' |
		grep -o memory.swap)" memory.swap
	is "systemd was not called" \
		"$(systemctl show --value -p LoadState hookd-unit.scope)" not-found
	check "apply by systemd" apply unit "{\"linux\":{\"cgroupsPath\":\"system.slice:hookd:unit\",
		\"resources\":{$limits}}}"
	is "the process is in the scope" "$(cgroup_of "$victim")" /system.slice/hookd-unit.scope
	is "under its limits" "$(files /system.slice/hookd-unit.scope memory.max memory.low pids.max \
		cpu.max cpu.weight cpuset.cpus)" '67108864 33554432 50 50000 100000 59 1'
	is "systemctl show agrees" "$(systemctl show hookd-unit.scope -p MemoryMax -p MemoryLow \
		-p TasksMax -p CPUWeight -p CPUQuotaPerSecUSec -p AllowedCPUs -p Slice -p Delegate |
		sort | xargs)" "AllowedCPUs=1 CPUQuotaPerSecUSec=500ms CPUWeight=59 Delegate=yes \
MemoryLow=33554432 MemoryMax=67108864 Slice=system.slice TasksMax=50"
	systemctl daemon-reload
	is "the limits are kept after a reload" "$(files /system.slice/hookd-unit.scope memory.max pids.max)" \
		'67108864 50'
	check "update" update unit '{"linux":{"resources":{"pids":{"limit":60}}}}'
	is "the property and the file are changed" "$(files /system.slice/hookd-unit.scope pids.max) \
$(systemctl show --value -p TasksMax hookd-unit.scope)" '60 60'
	is "an update that cannot be converted" "$(update unit '{"linux":{"resources":{"pids":{
		"limit":70},"memory":{"swappiness":5}}}}' | grep -o memory.swappiness)" memory.swappiness
	is "systemd was not called for that either" \
		"$(systemctl show --value -p TasksMax hookd-unit.scope)" 60
	is "release is refused while the process is in it" "$(release unit | grep -o EBUSY)" EBUSY
	is "a unit that exists is refused" "$(victim=$$ apply other \
		'{"linux":{"cgroupsPath":"system.slice:hookd:unit"}}' | grep -o EEXIST)" EEXIST
	is "and no holding is made" "$(held)" unit
	end_victim
	check "it is released once the process has exited" until_true is_not_held unit
}

# ---- rollback ----

# A cgroup that hookd has not created, with values. Each call fails at a later step.
test_rollback() {
	local before settings field

	mkdir $cgroups/theirs
	echo 77 > $cgroups/theirs/pids.max
	echo 50000000 > $cgroups/theirs/memory.max
	start_victim
	before="$(cgroup_of "$victim") $(files /theirs pids.max memory.max cpu.weight) \
$(cat "/proc/$victim/oom_score_adj") $(groups)"
	for settings in \
		"cpu.cpus {\"linux\":{\"cgroupsPath\":\"/theirs\",\"resources\":{\"pids\":{\"limit\":5},
			\"memory\":{\"limit\":60000000},\"cpu\":{\"cpus\":\"99\"}}}}" \
		"cgroupsPath {\"linux\":{\"cgroupsPath\":\"/theirs/cpu.a\"}}" \
		"l3CacheSchema {\"linux\":{\"cgroupsPath\":\"/theirs\",\"resources\":{\"pids\":{
			\"limit\":5}},\"intelRdt\":{\"l3CacheSchema\":\"L3:0=5\"}}}" \
		"rlimits {\"linux\":{\"cgroupsPath\":\"/theirs/new\",\"resources\":{\"pids\":{
			\"limit\":5},\"cpu\":{\"shares\":2}},\"intelRdt\":{\"l3CacheSchema\":\"L3:0=3\"}},
			\"process\":{\"rlimits\":[{\"type\":\"RLIMIT_NOFILE\",\"soft\":1,
			\"hard\":2000000000}]}}" \
		"execCPUAffinity {\"linux\":{\"cgroupsPath\":\"/theirs\",\"resources\":{\"pids\":{
			\"limit\":5}}},\"process\":{\"oomScoreAdj\":99,\"execCPUAffinity\":{
			\"final\":\"999\"}}}"; do
		field=${settings%% *}
		is "a failure at $field names it" \
			"$(apply failing "${settings#* }" | grep -o "$field" | head -1)" "$field"
		is "and has changed nothing" "$(cgroup_of "$victim") $(files /theirs pids.max memory.max \
			cpu.weight) $(cat "/proc/$victim/oom_score_adj") $(groups)" "$before"
		is "there is no holding" "$(held)" ''
	done
	is "an invalid path is refused with the reason" "$(apply failing '{"linux":{"cgroupsPath":
		"/theirs/cpu.a"}}')" "hookctl: $work/settings.json:2:3: linux.cgroupsPath: \"cpu.a\" cannot be the name of a cgroup"
	is "no cgroup was left" "$(find $cgroups/theirs -mindepth 1 -type d)" ''
	check "apply to a cgroup of others" apply mine '{"linux":{"cgroupsPath":"/theirs",
		"resources":{"pids":{"limit":5}}}}'
	end_victim
	check "released" until_true is_not_held mine
	is "which stays" "$(files /theirs pids.max)" 5
	rmdir $cgroups/theirs
	is "no such process" "$(apply gone '{}' | grep -o "$victim")" "$victim"
}

# ---- resctrl ----

test_resctrl() {
	start_victim
	check "apply to a resctrl group" apply cat1 '{"linux":{"intelRdt":{"l3CacheSchema":"L3:0=3",
		"memBwSchema":"MB:0=35"}}}'
	is "the process is in it" "$(cat $resctrl/cat1/tasks)" "$victim"
	is "the schemata are the kernel's" "$(tr -d ' ' < $resctrl/cat1/schemata | sort | xargs)" \
		'L3:0=003 MB:0=40'
	check "update" update cat1 '{"linux":{"intelRdt":{"l3CacheSchema":"L3:0=7"}}}'
	is "the schemata are changed" "$(tr -d ' ' < $resctrl/cat1/schemata | sort | xargs)" 'L3:0=007 MB:0=40'
	is "an update that the kernel refuses has the reason" \
		"$(update cat1 '{"linux":{"intelRdt":{"l3CacheSchema":"L3:0=5"}}}' |
			grep -o 'non-consecutive 1-bits')" 'non-consecutive 1-bits'
	mkdir $resctrl/x1 $resctrl/x2
	victim=$$ apply cat4 '{"linux":{"intelRdt":{"l3CacheSchema":"L3:0=3"}}}' > "$work/said" || true
	contains "the fourth CLOSID is not there: Exhausted" "$work/said" CLOSID
	rmdir $resctrl/x1 $resctrl/x2
	check "release" release cat1
	is "removes the group while the process is alive" "$(groups) $(kill -0 "$victim" && echo alive)" ' alive'
	mkdir $resctrl/theirs
	echo "L3:0=3" > $resctrl/theirs/schemata
	is "other schemata than a group of others has" "$(apply cat2 '{"linux":{"intelRdt":{
		"closID":"theirs","l3CacheSchema":"L3:0=7"}}}' | grep -o EEXIST)" EEXIST
	check "the same" apply cat2 '{"linux":{"intelRdt":{"closID":"theirs",
		"l3CacheSchema":"L3:0=3"}}}'
	check "release" release cat2
	is "the group of others stays" "$(groups)" theirs
	rmdir $resctrl/theirs
	end_victim
}

# A group that a closID names belongs to all that use it, and stays.
test_class() {
	local first second gold='{"linux":{"intelRdt":{"closID":"gold","l3CacheSchema":"L3:0=80",
		"schemata":["L3:0=c0"]}}}'

	start_victim
	first=$victim
	check "the first user of a class" apply a "$gold"
	start_victim
	second=$victim
	check "the second, with the same request" apply b "$gold"
	is "what is given last counts" "$(tr -d ' ' < $resctrl/gold/schemata | grep -o 'L3:.*')" 'L3:0=0c0'
	check "the first is released while its process lives" release a
	is "the class and those in it stay" "$(groups) $(xargs < $resctrl/gold/tasks)" "gold $first $second"
	check "and it can be applied to again" apply a "$gold" --pid="$first"
	check "it is released" release a
	kill -KILL "$first"
	wait "$first" 2> "$work/out" || true
	end_victim
	check "the second is gone when its process is" until_true is_not_held b
	is "the class stays for the next user" "$(groups)" gold
	rmdir $resctrl/gold
	start_victim
	check "a class named like the container" apply own '{"linux":{"intelRdt":{"closID":"own",
		"l3CacheSchema":"L3:0=c0"}}}'
	systemctl restart hookd.service
	check "is released" release own
	is "and stays as well" "$(groups)" own
	rmdir $resctrl/own
	end_victim
}

# ---- crashes of hookd ----

test_restart() {
	local settings='{"linux":{"cgroupsPath":"/kept","resources":{"pids":{"limit":5}},
		"intelRdt":{"l3CacheSchema":"L3:0=3"}}}'

	start_victim
	check "apply" apply kept "$settings"
	systemctl kill -s KILL hookd.service
	check "another daemon" until_true hookctl ping
	is "holds what the killed one held" "$(held)" kept
	is "and its process is in them" "$(cgroup_of "$victim") $(cat $resctrl/kept/tasks)" "/kept $victim"
	systemctl stop hookd.service
	end_victim
	check "a daemon starts after the exit of the process" hookctl ping
	is "the holding was removed" "$(held)" ''
	is "and the cgroup and the group" "$(ls -d $cgroups/kept $resctrl/kept 2>&1 | grep -c 'No such')" 2

	start_victim
	check "apply" apply kept "$settings"
	systemctl stop hookd.service
	rmdir $resctrl/kept
	check "a daemon starts after a group was removed" hookctl ping
	is "holds the rest" "$(hookctl --json=short holdings | grep -o '"cgroupPath":"/kept"')" \
		'"cgroupPath":"/kept"'
	end_victim
	check "and releases it" until_true is_not_held kept

	systemctl stop hookd.service
	echo noise > /run/hookd/state/holdings.db
	check "a damaged file" hookctl ping
	check "is set aside" test -e /run/hookd/state/holdings.db.bad
	is "only hookd may read its state" "$(stat -c %a /run/hookd/state /run/hookd/state/holdings.db |
		xargs)" '700 600'
	journalctl --sync
	journalctl -u hookd.service > "$work/journal"
	contains "with a word in the log" "$work/journal" 'set aside'
}

# ---- processes that are refused ----

test_others_own() {
	local pids daemon unit before

	start_victim
	daemon=$(systemctl show --value -p MainPID hookd.service)
	unit=$(systemctl show --value -p ControlGroup hookd.service)
	pids=$(files /init.scope pids.max)
	before=$(cgroup_of "$victim")
	is "the unit of init belongs to systemd" "$(apply init '{"linux":{"cgroupsPath":"/init.scope",
		"resources":{"pids":{"limit":44}}}}' | grep -o EPERM)" EPERM
	is "and has its limits still" "$(files /init.scope pids.max)" "$pids"
	is "the name of a unit that does not exist is refused" "$(apply new \
		'{"linux":{"cgroupsPath":"/new.service"}}' | grep -o EPERM)" EPERM
	is "and is not made" "$(ls -d $cgroups/new.service 2>&1 | grep -o 'No such')" 'No such'
	is "the cgroup that hookd is in is not frozen" "$(apply self "{\"cgroups\":{\"path\":\"$unit\",
		\"freezer\":\"FROZEN\"}}" --dialect=libcontainer | grep -o EPERM)" EPERM
	is "the process was not moved" "$(cgroup_of "$victim")" "$before"
	is "hookd itself is refused" "$(victim=$daemon apply self '{"linux":{"cgroupsPath":"/self"}}' |
		grep -o 'hookd itself')" 'hookd itself'
	is "nor is init" "$(victim=1 apply one '{"linux":{"cgroupsPath":"/one"}}' |
		grep -o 'the init process')" 'the init process'
	is "nor is a kernel thread" "$(victim=2 apply two '{"linux":{"cgroupsPath":"/two"}}' |
		grep -o 'a kernel thread')" 'a kernel thread'
	is "there is no holding" "$(held)" ''
	end_victim
}

# ---- access ----

test_access() {
	chmod 666 $socket
	echo '{}' > "$work/settings.json"
	chmod 644 "$work/settings.json"
	is "another user is refused" "$(setpriv --reuid=1234 --clear-groups hookctl apply \
		--container=box --pid=1 --settings="$work/settings.json" 2>&1 | grep -o 'not root')" \
		'not root'
	chmod 600 $socket
}

install_hookd
mountpoint -q $resctrl || mount -t resctrl resctrl $resctrl
test_cgroupfs
test_threads
test_exit
test_devices
test_systemd
test_rollback
test_resctrl
test_class
test_restart
test_others_own
test_access
tap_end
