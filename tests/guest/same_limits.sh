#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# In the guest: the limits of same_limits.txt with both drivers. The files of the cgroup and the properties
# of the unit are as the table says after Apply, after systemd has read its units anew, after an Update of
# something, and after another reload; then annotations and set-property.
. "$(dirname "$0")/setup.sh"

cgroups=/sys/fs/cgroup
disk=$(< /sys/block/nvme0n1/dev)
pids=() wanted=() found=() folder=

# The file with the weight and its value, and the property; BFQ's range is that of blockIO.weight.
weight() { # WEIGHT
	if [ -e "$cgroups/system.slice/io.bfq.weight" ]; then
		echo "io.bfq.weight=default_$1"
	else
		echo "io.weight=default_$((1 + ($1 - 10) * 9999 / 990))"
	fi
}

systemd_weight() { # WEIGHT
	if [ ! -e "$cgroups/system.slice/io.bfq.weight" ]; then
		echo $((1 + ($1 - 10) * 9999 / 990))
	elif [ "$1" -le 100 ]; then
		echo "$1"
	else
		echo $((100 + ($1 - 100) * 11))
	fi
}

# Sets $wanted to the words of the table that count for the driver, with the values of this machine. Without
# subshells, as all that is done for each row: processes are slow in the guest.
words() { # DRIVER WORD...
	local driver=$1 word

	shift
	wanted=()
	for word; do
		case $word in
		C:*) [ "$driver" = cgroupfs ] || continue ;;
		S:*) [ "$driver" = systemd ] || continue ;;
		IOWEIGHT*) word=IOWeight=$(systemd_weight "${word#IOWEIGHT}") ;;
		WEIGHT*) word=$(weight "${word#WEIGHT}") ;;
		esac
		word=${word#[CS]:}
		wanted+=("${word//DISK/$disk}")
	done
}

# Sets $folder.
cgroup() { # DRIVER ROW
	if [ "$1" = systemd ]; then
		folder=$cgroups/system.slice/same-$2.scope
	else
		folder=$cgroups/same/$2
	fi
}

# Sets $found to the words with the values that are there.
find_files() { # CGROUP WORD...
	local folder=$1 word value

	shift
	found=()
	for word; do
		value=missing
		[ ! -e "$folder/${word%%=*}" ] || mapfile -t value < "$folder/${word%%=*}"
		printf -v value '%s;' "${value[@]}"
		value=${value%;}
		found+=("${word%%=*}=${value// /_}")
	done
}

# What systemd says of all units in one call: sets shown[UNIT PROPERTY], for the given properties. A
# blank line ends a unit; its Id is somewhere in it.
declare -A shown
show() { # UNITS OPTIONS
	local line unit='' lines=()

	shown=()
	while read -r line; do
		lines+=("$line")
		[[ $line != Id=* ]] || unit=${line#Id=}
		[ -z "$line" ] || continue
		keep "$unit" "${lines[@]}"
		lines=()
	done < <(systemctl show -p Id $2 -- $1; echo)
}

keep() { # UNIT LINE...
	local line

	for line in "${@:2}"; do
		shown[$1 ${line%%=*}]=${line#*=}
	done
}

find_properties() { # UNIT WORD...
	local unit=$1 word value

	shift
	found=()
	for word; do
		value=${shown[$unit ${word%%=*}]:-}
		found+=("${word%%=*}=${value// /_}")
	done
}

check_files() { # WHEN DRIVER ROW FILES
	words "$2" $4
	[ ${#wanted[@]} -gt 0 ] || return 0
	cgroup "$2" "$3"
	find_files "$folder" "${wanted[@]}"
	is "${names[$3]}, $2, $1: files" "${found[*]}" "${wanted[*]}"
}

check_properties() { # WHEN ROW PROPERTIES
	words systemd $3
	[ ${#wanted[@]} -gt 0 ] || return 0
	find_properties "same-$2.scope" "${wanted[@]}"
	is "${names[$2]}, $1: properties" "${found[*]}" "${wanted[*]}"
}

say() { # VERB CONTAINER SETTINGS [OPTION...]
	echo "$3" > "$work/settings.json"
	hookctl "$1" --container="$2" --settings="$work/settings.json" "${@:4}" > "$work/out" 2>&1 ||
		sed 's/^/# /' "$work/out"
}

of_machine() { # RESOURCES
	local text=${1//MAJOR/${disk%:*}}

	text=${text//MINOR/${disk#*:}}
	echo "${text//DISK/$disk}"
}

names=() resources=() files=() properties=() updates=() later_files=() later_properties=()
while IFS='|' read -r name resource file property update later_file later_property; do
	[ "${name:0:1}" != '#' ] || continue
	names+=("${name% }") resources+=("$(of_machine "$resource")") files+=("$file")
	properties+=("$property") updates+=("$(of_machine "$update")") later_files+=("$later_file")
	later_properties+=("$later_property")
done < "$here/same_limits.txt"

# All properties of the table.
options=
for property in MemoryMin MemoryLow MemoryHigh MemoryMax MemorySwapMax TasksMax CPUWeight CPUQuotaPerSecUSec \
	CPUQuotaPeriodUSec AllowedCPUs AllowedMemoryNodes IOWeight IODeviceWeight IOReadBandwidthMax \
	IOWriteBandwidthMax IOReadIOPSMax IOWriteIOPSMax IODeviceLatencyTargetUSec; do
	options+=" -p $property"
done

# Makes all calls of a file, and shows the replies that are errors. The processes that it has made live
# until it is killed, by $pids.
call() { # CALLS
	local line replies

	exec {replies}< <(exec "$here/../bin/guest_calls" $socket < "$1" 2>&1)
	pids+=($!)
	while read -r -u "$replies" line && [ "$line" != done ]; do
		[[ $line != *'"error"'* ]] || echo "# $line"
	done
	is "all calls are answered" "$line" done
}

apply_all() {
	local row driver path

	for row in "${!names[@]}"; do
		for driver in cgroupfs systemd; do
			path=/same/$row
			[ $driver = cgroupfs ] || path=system.slice:same:$row
			echo "{\"method\":\"io.hookd.settings.Apply\",\"parameters\":{\"container\":\"$driver-$row\"," \
				"\"pid\":@PID@,\"cgroupManager\":\"$driver\",\"settings\":{\"linux\":{\"cgroupsPath\":" \
				"\"$path\",\"resources\":${resources[row]}}}}}"
		done
	done > "$work/applies"
	call "$work/applies"
}

update_all() {
	local row driver

	for row in "${!names[@]}"; do
		[[ ${updates[row]} == *{* ]] || continue
		for driver in cgroupfs systemd; do
			echo "{\"method\":\"io.hookd.settings.Update\",\"parameters\":{\"container\":\"$driver-$row\"," \
				"\"settings\":{\"linux\":{\"resources\":${updates[row]}}}}}"
		done
	done > "$work/updates"
	call "$work/updates"
}

check_all() { # WHEN DRIVER...
	local row driver

	for row in "${!names[@]}"; do
		for driver in "${@:2}"; do
			if [[ $1 == *pdate* ]]; then
				check_files "$1" "$driver" "$row" "${later_files[row]}"
			else
				check_files "$1" "$driver" "$row" "${files[row]}"
			fi
		done
	done
}

check_all_properties() { # WHEN
	local row units=()

	for row in "${!names[@]}"; do
		units+=("same-$row.scope")
	done
	show "${units[*]}" "$options"
	for row in "${!names[@]}"; do
		if [[ $1 == *pdate* ]]; then
			check_properties "$1" "$row" "${later_properties[row]}"
		else
			check_properties "$1" "$row" "${properties[row]}"
		fi
	done
}

# systemd has written the files when it answers, and hookd has heard of them before it answers twice.
reload() {
	systemctl daemon-reload
	hookctl ping > "$work/out"
	hookctl ping > "$work/out"
}

# ---- annotations ----

annotated() { # CONTAINER ANNOTATIONS
	say apply "$1" "{\"annotations\":$2,\"linux\":{\"cgroupsPath\":\"system.slice:same:$1\",
		\"resources\":{\"pids\":{\"limit\":50}}}}" --pid="${pids[0]}"
}

is_oom_group() { # VALUE, in $folder; hookd hears of the reset after systemd has answered
	[ "$(< "$folder/memory.oom.group")" = "$1" ]
}

test_annotations() {
	sleep 100000 &
	pids=($!)
	is "an annotation that hookd sets itself" "$(annotated no1 \
		'{"org.systemd.property.Slice":"'"'x.slice'"'"}' | grep -o 'Slice.*itself')" \
		'Slice: is set by hookd itself'
	is "one that cannot be read" "$(annotated no2 '{"org.systemd.property.MemoryHigh":"much"}' |
		grep -o 'MemoryHigh: must be')" 'MemoryHigh: must be'
	is "one that systemd does not know" "$(annotated no3 '{"org.systemd.property.NoSuchThing":"1"}' |
		grep -o NoSuchThing | head -1)" NoSuchThing
	annotated an '{"org.systemd.property.TimeoutStopUSec":"uint64 123000000","other":"x",
		"org.systemd.property.MemoryHigh":"uint64 33554432",
		"org.systemd.property.RuntimeMaxSec":"9000"}'
	show same-an.scope '-p MemoryHigh -p RuntimeMaxUSec -p TimeoutStopUSec'
	find_properties same-an.scope MemoryHigh= RuntimeMaxUSec= TimeoutStopUSec=
	is "annotations are properties" "${found[*]}" \
		'MemoryHigh=33554432 RuntimeMaxUSec=2h_30min TimeoutStopUSec=2min_3s'
	cgroup systemd an
	find_files "$folder" memory.high= pids.max=
	is "and files" "${found[*]}" 'memory.high=33554432 pids.max=50'
	say update an '{"linux":{"resources":{"unified":{"memory.oom.group":"1"}}}}'
	say update an '{"linux":{"resources":{"memory":{"limit":67108864}}}}'
	find_files "$folder" memory.oom.group= memory.max=
	is "a file without a property outlasts an Update" "${found[*]}" \
		'memory.oom.group=1 memory.max=67108864'
	is "an Update refuses them" "$(say update an '{"annotations":{
		"org.systemd.property.MemoryHigh":"uint64 7"}}' | grep -o 'is set by Apply alone')" \
		'is set by Apply alone'
	systemctl set-property --runtime same-an.scope CPUWeight=200
	find_files "$folder" memory.high= pids.max= cpu.weight=
	is "another limit of systemd's changes none of these" "${found[*]}" \
		'memory.high=33554432 pids.max=50 cpu.weight=200'
	check "a file without a property is as before" until_true is_oom_group 1
	systemctl daemon-reload
	check "after daemon-reload too" until_true is_oom_group 1
	systemctl stop hookd.service hookd.socket
	systemctl daemon-reload
	is "systemd resets it" "$(< "$folder/memory.oom.group")" 0
	systemctl start hookd.service
	check "hookd writes it again at its start" until_true is_oom_group 1
	say update an '{"linux":{"resources":{"unified":{"memory.oom.group":"0"}}}}'
	systemctl daemon-reload
	is "or not, after an Update" "$(< "$folder/memory.oom.group")" 0
}

install_hookd
is "the table has enough cases" "$((${#names[@]} >= 250))" 1
apply_all
check_all "Apply" cgroupfs systemd
check_all_properties "Apply"
reload
check_all "reload" systemd
check_all_properties "reload"
update_all
check_all "Update" cgroupfs systemd
check_all_properties "Update"
reload
check_all "reload after Update" systemd
check_all_properties "reload after Update"
kill "${pids[@]}"
pids=()
test_annotations
tap_end
