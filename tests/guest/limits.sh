#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# In the guest: limits on cgroups with all controllers, devices and resctrl of a real kernel; first
# the parts of the daemon, in programs of their own, then the limits of the configuration.
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
is "a hook that uses more memory is killed, and it is told why" \
	"$(jq -c '.hooks[0] | [.success, .oomKilled]' "$work/hog.json")" '[false,true]'
run_hook 'for i in $(seq 40); do sleep 100 & done' > "$work/forks.json"
contains "a hook that forks without end is stopped" "$work/forks.json" 'Cannot fork'
is "others go on" "$(own_limits)" '20 33554432 150000 100000'
configure 'PidsMax=infinity'
check "reload" systemctl reload hookd.service
is "new limits count for new cgroups" "$(own_limits)" 'max max max 100000'
tap_end || status=1
exit $status
