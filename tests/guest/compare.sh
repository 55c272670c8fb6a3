#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# In the guest: gives the same linux.resources to runc and crun, for a container, and to hookd's Apply,
# for a process, and compares all files with limits. The expected differences are in the tables below,
# and with their reasons in docs/PROTOCOL.md, "Where hookd's values differ".
. "$(dirname "$0")/setup.sh"

cgroups=/sys/fs/cgroup
disk=$(< /sys/block/nvme0n1/dev)
bundle=$work/bundle
row=0 # in the name of each container, since the removal of the last one can take a while

# ---- the two runtimes and hookd ----

make_bundle() {
	mkdir -p "$bundle/rootfs"/{bin,dev,proc,sys,tmp,nodes}
	cp /bin/busybox "$bundle/rootfs/bin/"
	for name in sh sleep mknod rm cat; do
		ln -s busybox "$bundle/rootfs/bin/$name"
	done
	(cd "$bundle" && crun spec && mv config.json ../spec.json)
}

cgroups_path() { # WHO MANAGER
	if [ "$2" = systemd ]; then
		echo "system.slice:like:$1-$row"
	else
		echo "/like/$1-$row"
	fi
}

cgroup() { # WHO MANAGER
	if [ "$2" = systemd ]; then
		echo "$cgroups/system.slice/like-$1-$row.scope"
	else
		echo "$cgroups/like/$1-$row"
	fi
}

# One bundle for each runtime, since config.json must be in the bundle.
write_config() { # RUNTIME MANAGER RESOURCES ARGS
	mkdir -p "$work/$1"
	ln -sfn "$bundle/rootfs" "$work/$1/rootfs"
	jq --argjson resources "$3" --argjson args "$4" --arg path "$(cgroups_path "$1" "$2")" \
		--arg root "$bundle/rootfs" \
		'.process.terminal = false | .process.args = $args | .process.env = ["PATH=/bin"]
		| .process.capabilities[] |= (. + ["CAP_MKNOD"] | unique)
		| .root = {path: $root, readonly: false}
		| .linux.cgroupsPath = $path | .linux.resources = $resources' \
		"$work/spec.json" > "$work/$1/config.json"
}

runtime() { # RUNTIME MANAGER VERB ARGUMENT...
	local option=()

	[ "$2" = cgroupfs ] || option=(--systemd-cgroup)
	"$1" "${option[@]}" --root "$work/state-$1" "${@:3}"
}

# Prints the files of limits with their content, one in each line. With systemd crun makes a cgroup in
# the scope. Without a process for each file, which takes 50 ms here.
read_limits() { # CGROUP
	local folder=$1 lines

	[ ! -d "$1/container" ] || folder=$1/container
	(cd "$folder" && find . -maxdepth 1 -type f -perm -200 ! -name 'cgroup.[pstkfp]*' \
		! -name '*.pressure' ! -name '*.peak' ! -name memory.reclaim -printf '%P\n' | sort |
		while read -r file; do
			lines=()
			mapfile -t lines 2> /dev/null < "$file" || true
			printf '%s ' "$file"
			((${#lines[@]} == 0)) || printf '%s;' "${lines[@]}"
			echo
		done)
}

refuse() { # WHO
	sed "s/^/# $1: /" "$work/$1/said" >&2
	echo refused
}

limits_by_runtime() { # RUNTIME MANAGER RESOURCES
	write_config "$1" "$2" "$3" '["/bin/sleep","1000"]'
	if (cd "$work/$1" && runtime "$1" "$2" create "like-$1-$row") < /dev/null > "$work/$1/said" 2>&1; then
		read_limits "$(cgroup "$1" "$2")"
	else
		refuse "$1"
	fi > "$work/$1/limits"
	runtime "$1" "$2" delete --force "like-$1-$row" > "$work/$1/deleted" 2>&1 || true
}

apply() { # MANAGER RESOURCES PID
	jq -n --argjson resources "$2" --arg path "$(cgroups_path hookd "$1")" \
		'{linux: {cgroupsPath: $path, resources: $resources}}' > "$work/settings.json"
	hookctl apply --container=like --pid="$3" --settings="$work/settings.json" \
		--cgroup-manager="$1" > "$work/hookd/said" 2>&1
}

release() { # PID
	kill -KILL "$1" 2> /dev/null || true
	wait "$1" 2> /dev/null || true
	hookctl release --container=like > "$work/hookd/released" 2>&1 || true
}

limits_by_hookd() { # MANAGER RESOURCES
	local pid

	mkdir -p "$work/hookd"
	sleep 1000 &
	pid=$!
	if apply "$1" "$2" "$pid"; then
		read_limits "$(cgroup hookd "$1")"
	else
		refuse hookd
	fi > "$work/hookd/limits"
	release "$pid"
}

# "FILE THEIRS -> OURS", separated by commas. A file that is missing is not a limit: systemd does not
# support hugetlb, and runtimes enable it themselves.
differences() { # RUNTIME
	local theirs ours

	theirs=$(head -n1 "$work/$1/limits") ours=$(head -n1 "$work/hookd/limits")
	if [ "$theirs" = refused ] || [ "$ours" = refused ]; then
		[ "$theirs" = "$ours" ] || echo "${theirs/#cgroup*/taken} -> ${ours/#cgroup*/taken}"
		return
	fi
	join -a1 -a2 -e - -o 0,1.2,2.2 -t $'\t' <(sed 's/ /\t/' "$work/$1/limits") \
		<(sed 's/ /\t/' "$work/hookd/limits") |
		awk -F '\t' '$2 $3 == "-max;" || $2 $3 == "max;-" { next }
			$2 != $3 { printf "%s%s %s -> %s", separator, $1, $2, $3; separator = ", " }'
}

# ---- limits ----

# MANAGERS NAME RESOURCES, and the expected differences, each a line "[MANAGER] RUNTIME DIFFERENCES".
compare() { # MANAGERS NAME RESOURCES [EXPECTED]
	local manager runtime beside

	for manager in $1; do
		row=$((row + 1))
		limits_by_runtime runc "$manager" "$3" &
		beside=$!
		limits_by_hookd "$manager" "$3"
		limits_by_runtime crun "$manager" "$3"
		wait $beside
		for runtime in runc crun; do
			is "$2, $manager, $runtime" "$(differences "$runtime")" \
				"$(expected "$manager" "$runtime" "${4:-}")"
		done
	done
}

expected() { # MANAGER RUNTIME LINES
	sed -n "s/^[ \t]*\($1 \)\?$2 //p" <<< "$3"
}

on_disk() { # KEY VALUE
	printf '[{"major":%d,"minor":%d,"%s":%d}]' "${disk%:*}" "${disk#*:}" "$1" "$2"
}

compare_limits() {
	local both='cgroupfs systemd'
	local shares='cpu.weight 20; -> 59;, cpu.weight.nice 7; -> 2;'
	local default_shares='cpu.weight 39; -> 100;, cpu.weight.nice 4; -> 0;'
	local tasks period='cpu.max max 50000; -> max 100000;'
	local reserved='hugetlb.2MB.rsvd.max max; -> 4194304;'

	tasks=$(systemctl show -P DefaultTasksMax)
	compare "$both" "docker-like" '{"memory":{"limit":268435456,"reservation":134217728,
		"swap":536870912},"cpu":{"shares":512,"quota":50000,"period":100000,"cpus":"0-1","mems":"0"},
		"pids":{"limit":100},"blockIO":{"weight":500}}' "runc $shares
		crun $shares"
	compare "$both" "one half alone" "{\"memory\":{\"limit\":67108864},\"cpu\":{\"shares\":1024,
		\"quota\":20000,\"cpus\":\"1\"},\"pids\":{\"limit\":0},\"blockIO\":{
		\"throttleReadBpsDevice\":$(on_disk rate 1048576),
		\"throttleWriteIOPSDevice\":$(on_disk rate 100)},
		\"unified\":{\"memory.high\":\"50331648\",\"cgroup.max.depth\":\"3\"}}" \
		"cgroupfs runc $default_shares, pids.max max; -> 1;
		cgroupfs crun $default_shares, pids.max max; -> 1;
		systemd runc $default_shares, pids.max $tasks; -> 1;
		systemd crun $default_shares, pids.max max; -> 1;"
	compare cgroupfs "huge pages" '{"hugepageLimits":[{"pageSize":"2MB","limit":4194304}]}' "runc $reserved
		crun $reserved"
	compare "$both" "the other half alone" '{"memory":{"limit":67108864,"swap":-1},
		"cpu":{"shares":2,"period":50000},"pids":{"limit":-1}}' "systemd runc $period
		systemd crun $period"
	compare "$both" "no limits" '{"memory":{"limit":-1},"cpu":{"quota":-1,"period":50000},
		"blockIO":{"weight":10}}' "systemd runc $period
		systemd crun $period, pids.max max; -> $tasks;"
	compare "$both" "no swap" '{"memory":{"limit":67108864,"swap":67108864,"reservation":-1},
		"unified":{"cpu.weight":"77","pids.max":"55"}}'
	compare cgroupfs "weight of a device" "{\"blockIO\":{\"weightDevice\":$(on_disk weight 200)}}" "runc taken -> refused"
	compare cgroupfs "burst" '{"cpu":{"quota":50000,"period":100000,"burst":10000}}' "runc cpu.max.burst 0; -> 10000;
		crun cpu.max.burst 0; -> 10000;"
	compare cgroupfs "idle" '{"cpu":{"idle":1}}' "runc cpu.idle 0; -> 1;, cpu.weight 100; -> 0;, cpu.weight.nice 0; -> 19;"
	compare cgroupfs "swap of 0" '{"memory":{"limit":67108864,"swap":0}}' "crun refused -> taken"
	compare cgroupfs "memory of the kernel" '{"memory":{"limit":67108864,"kernel":33554432}}' "runc taken -> refused"
	compare cgroupfs "swappiness" '{"memory":{"swappiness":10}}' "runc taken -> refused"
	compare cgroupfs "no OOM killer" '{"memory":{"limit":67108864,"disableOOMKiller":true}}' "runc taken -> refused"
	compare cgroupfs "real time" '{"cpu":{"realtimeRuntime":10000,"realtimePeriod":1000000}}' "runc taken -> refused"
	compare cgroupfs "network" '{"network":{"classID":5}}' "runc taken -> refused"
	compare cgroupfs "leaf weight" '{"blockIO":{"leafWeight":500}}' "runc taken -> refused"
}

# ---- devices ----
make_nodes() {
	local name type major minor

	while read -r name type major minor; do
		mknod -m 666 "$bundle/rootfs/nodes/$name" "$type" "$major" "$minor"
	done <<- END
		console c 5 1
		disk b ${disk/:/ }
		full c 1 7
		fuse c 10 229
		loop b 7 0
		none c 240 5
		other c 240 6
		null c 1 3
		tun c 10 200
		zero c 1 5
	END
	cat > "$bundle/rootfs/probe" << 'END'
try() { # LETTER COMMAND
	case $( (eval "$2") 2>&1) in
	*'not permitted'*) letters=$letters- ;;
	*) letters=$letters$1 ;;
	esac
}
cd /nodes
while read -r name type major minor; do
	letters=
	try r "exec 9< $name"
	try w "exec 9>> $name"
	try m "mknod /tmp/node $type $major $minor"
	rm -f /tmp/node
	echo "$name:$letters"
done < /list
END
	(cd "$bundle/rootfs/nodes" && stat -c '%n %F %t %T' ./* | sed 's/^..//' |
		while read -r name kind _ _ major minor; do
			echo "$name ${kind:0:1} $((16#$major)) $((16#$minor))"
		done) > "$bundle/rootfs/list"
}

verdicts_by_runtime() { # RUNTIME MANAGER RESOURCES
	write_config "$1" "$2" "$3" '["/bin/sh","/probe"]'
	(cd "$work/$1" && runtime "$1" "$2" run "like-$1-$row") < /dev/null > "$work/$1/verdicts" \
		2> "$work/$1/said" || refuse "$1" > "$work/$1/verdicts"
	runtime "$1" "$2" delete --force "like-$1-$row" > "$work/$1/deleted" 2>&1 || true
}

# The process waits for Apply before it opens devices.
verdicts_by_hookd() { # MANAGER RESOURCES
	local pid

	(read -r < "$work/go" && exec chroot "$bundle/rootfs" /bin/sh /probe) \
		> "$work/hookd/verdicts" 2>&1 &
	pid=$!
	if apply "$1" "$2" "$pid"; then
		echo > "$work/go"
		wait "$pid"
	else
		echo refused > "$work/hookd/verdicts"
	fi
	release "$pid"
}

other_verdicts() { # RUNTIME
	if [ "$(< "$work/$1/verdicts")" = refused ]; then
		echo "refused -> taken"
	else
		diff "$work/$1/verdicts" "$work/hookd/verdicts" | grep '^[<>]' | xargs
	fi
}

# MANAGERS NAME RULES. A letter: access allowed; "-": refused; "<": only by theirs; ">": only by ours.
compare_verdicts() { # MANAGERS NAME RULES [EXPECTED]
	local manager runtime

	for manager in $1; do
		row=$((row + 1))
		verdicts_by_hookd "$manager" "{\"devices\":$3}"
		for runtime in runc crun; do
			verdicts_by_runtime $runtime "$manager" "{\"devices\":$3}"
			is "devices, $2, $manager, $runtime" "$(other_verdicts "$runtime")" \
				"$(expected "$manager" "$runtime" "${4:-$defaults}")"
		done
		echo "# $(xargs < "$work/hookd/verdicts")"
	done
}

rule() { # ALLOW ACCESS [TYPE MAJOR [MINOR]]
	jq -nc --argjson allow "$1" --arg access "$2" --arg type "${3:-}" --arg major "${4:-}" \
		--arg minor "${5:-}" '{allow: $allow, access: $access}
		+ if $type == "" then {} else {type: $type, major: ($major | tonumber)} end
		+ if $minor == "" then {} else {minor: ($minor | tonumber)} end'
}

rules() { # RULE...
	local IFS=,

	echo "[$*]"
}

compare_devices() {
	local all none fake defaults

	defaults='runc < console:--m > console:rwm
		crun < tun:--m > tun:rwm'
	local runc_alone='< console:--m < disk:--m > console:rwm > disk:rwm < fuse:--m < loop:--m'

	runc_alone+=' < none:--m > fuse:rwm > loop:rwm > none:rwm < other:--m > other:rwm'
	all=$(rule true rwm) none=$(rule false rwm) fake=$(rule true rwm c 240)
	mkfifo "$work/go"
	make_nodes
	compare_verdicts 'cgroupfs systemd' "none" "$(rules "$none")"
	compare_verdicts cgroupfs "no rules" '[]' "runc $runc_alone"
	compare_verdicts cgroupfs "all" "$(rules "$all")" same
	compare_verdicts 'cgroupfs systemd' "some more" "$(rules "$none" "$(rule true rw c 10 229)" \
		"$(rule true r b "${disk%:*}" "${disk#*:}")" "$fake")"
	compare_verdicts cgroupfs "one less" "$(rules "$all" "$(rule false w c 240 5)")" same
	compare_verdicts cgroupfs "a hole" "$(rules "$none" "$fake" "$(rule false rw c 240 5)")" \
		"runc refused -> taken
		crun < tun:--m > tun:rwm"
	compare_verdicts cgroupfs "all taken back" "$(rules "$fake" "$none")"
	compare_verdicts cgroupfs "without null" "$(rules "$none" "$(rule false rwm c 1 3)")"
}

mkdir $cgroups/like
make_bundle
install_hookd
compare_limits
compare_devices
tap_end
