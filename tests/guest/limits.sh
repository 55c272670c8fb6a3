#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# In the guest: limits of cgroups, devices and resctrl on a kernel that has all controllers; first
# programs that test parts of the daemon, then the limits of the configuration.
. "$(dirname "$0")/setup.sh"

status=0
for program in "$here"/../bin/{guest_*,daemon_*}; do
	echo "# ${program##*/}"
	LD_LIBRARY_PATH=$here/../bin CMOCKA_MESSAGE_OUTPUT=TAP "$program" || status=$?
done

configure() { # LINES of [Hooks]
	mkdir -p /etc/hookd
	printf '[Hooks]\n%s\n' "$1" > /etc/hookd/hookd.conf
}

# Prints the result as JSON.
run_hook() { # SCRIPT
	jq -n --arg script "$1" '{poststop: [{path: "/bin/sh", args: ["sh", "-c", $script]}]}' \
		> "$work/hooks.json"
	hookctl --json=short run --stage=poststop --state="$work/state.json" \
		--hooks="$work/hooks.json" || true
}

own_limits() {
	run_hook 'cd /sys/fs/cgroup$(cut -d: -f3 /proc/self/cgroup); cat pids.max memory.max cpu.max' |
		jq -r '.hooks[0].stdout' | xargs
}

echo '{"ociVersion":"1.0.2","id":"c1","status":"stopped","bundle":"/tmp"}' > "$work/state.json"
configure $'PidsMax=20\nMemoryMax=32M\nCPUQuota=150%'
install_hookd
is "a run's cgroup has the limits of the configuration" "$(own_limits)" \
	'20 33554432 150000 100000'
run_hook 'exec dd if=/dev/zero of=/dev/null bs=100M count=1' > "$work/hog.json"
is "a hook that uses more memory is killed, with the reason" \
	"$(jq -c '.hooks[0] | [.success, .oomKilled]' "$work/hog.json")" '[false,true]'
run_hook 'for i in $(seq 40); do sleep 100 & done' > "$work/forks.json"
contains "a hook that forks without end is stopped" "$work/forks.json" 'Cannot fork'
is "others go on" "$(own_limits)" '20 33554432 150000 100000'

# ---- out of memory before the exec and after it (Fault 10) ----

# A FIFO: EOF when the hook of the other container has exited.
innocent=$work/innocent
mkfifo "$innocent"
echo '{"ociVersion":"1.0.2","id":"other","status":"stopped","bundle":"/tmp"}' > "$work/other.json"
echo '{"ociVersion":"1.0.2","id":"third","status":"stopped","bundle":"/tmp"}' > "$work/third.json"
jq -n --arg fifo "$innocent" '{poststop: [{path: "/bin/sh",
	args: ["sh", "-c", "echo > \($fifo); cat \($fifo)"], timeout: 900}]}' > "$work/innocent.json"
hookctl --json=short run --stage=poststop --state="$work/other.json" \
	--hooks="$work/innocent.json" > "$work/innocent_result.json" &
other=$!
timeout 60 cat "$innocent" > "$work/began"
main_pid=$(systemctl show --value -p MainPID hookd.service)

# Prints the result as JSON.
run_limited() { # LIMIT FILE-OF-HOOK
	jq -s '{poststop: .}' "$2" > "$work/hooks.json"
	jq -n --argjson limit "$1" '{linux: {resources: {memory: {limit: $limit}}}}' \
		> "$work/settings.json"
	timeout 60 hookctl --json=short run --stage=poststop --state="$work/state.json" \
		--hooks="$work/hooks.json" --settings="$work/settings.json" || true
}

is_result='.hooks[0] | .success or .oomKilled == true'
echo '{"path": "/bin/true"}' > "$work/small"
jq -n '{path: "/bin/true", env: [range(2) | "V\(.)=" + ("x" * 100000)]}' > "$work/big"
for limit in 0 4096 8192 16384 65536 262144 524288 1048576; do
	for hook in small big; do
		run_limited "$limit" "$work/$hook" > "$work/result.json"
		is "limit $limit, a $hook environment: it ends well, or for want of memory" \
			"$(jq "$is_result" "$work/result.json")" true
	done
done
run_limited 8192 "$work/small" > "$work/result.json"
is "one that cannot even start is out of memory" \
	"$(jq -c '.hooks[0] | [.success, .oomKilled]' "$work/result.json")" '[false,true]'

# Pages of a tmpfs stay charged to the cgroup until it is removed. The hook writes single pages, so that
# it notices when to stop.
fill='cd /sys/fs/cgroup$(cut -d: -f3 /proc/self/cgroup); max=$(cat memory.max); n=0
	while [ $(($(cat memory.current) + 200000)) -lt "$max" ] && [ $n -lt 4000 ]; do
		head -c 65536 /dev/zero >> /dev/shm/full; n=$((n + 1)); done; echo $n'
configure 'MemoryMax=16M'
check "reload" systemctl reload hookd.service
run_hook "$fill" > "$work/filled.json"
is "a hook fills its cgroup with a tmpfs" \
	"$(jq -r '.hooks[0].success' "$work/filled.json")" true
for hook in small big; do
	jq -s '{poststop: .}' "$work/$hook" > "$work/hooks.json"
	timeout 60 hookctl --json=short run --stage=poststop --state="$work/third.json" \
		--hooks="$work/hooks.json" > "$work/result.json" || true
	is "the next container's hook has nothing of it" \
		"$(jq -r '.hooks[0].success' "$work/result.json")" true
done
jq --arg fill "$fill" '{poststop: [{path: "/bin/sh", args: ["sh", "-c", $fill]}, ., ., .]}' \
	"$work/big" > "$work/hooks.json"
rm -f /dev/shm/full
hookctl --json=short run --stage=poststop --state="$work/state.json" --hooks="$work/hooks.json" \
	> "$work/result.json" || true
is "hooks of the run that filled it end well, or for want of memory" \
	"$(jq '[.hooks[] | .success or .oomKilled == true] | all' "$work/result.json")" true
rm -f /dev/shm/full

# A limit of the configuration does not go away: exceeding it is a result, not Busy.
configure 'MemoryMax=8192'
check "reload" systemctl reload hookd.service
for hook in small big; do
	jq -s '{poststop: .}' "$work/$hook" > "$work/hooks.json"
	timeout 60 hookctl --json=short run --stage=poststop --state="$work/third.json" \
		--hooks="$work/hooks.json" > "$work/result.json" || true
	is "a limit of the configuration that is too small is a result ($hook environment)" \
		"$(jq "$is_result" "$work/result.json")" true
done

is "hookd went on" "$(systemctl show --value -p MainPID hookd.service)" "$main_pid"
timeout 60 sh -c "echo > $innocent" || true
check "and so did the other container's hook" wait "$other"

# ---- reload ----

configure 'PidsMax=infinity'
check "reload" systemctl reload hookd.service
is "new limits count for new cgroups" "$(own_limits)" 'max max max 100000'
tap_end || status=1
exit $status
