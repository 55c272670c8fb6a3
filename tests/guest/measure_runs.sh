#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# In the guest: the time of a hook with controllers enabled, without and with a memory limit. The guest
# is emulated, so only ratios are meaningful. Run by hand, see docs/PERFORMANCE.md:
#   tests/guest/test_in_guest.sh cmake build/release measure_runs.sh \
#     build/release/tests/bench/bench-latency build/release/tests/bench/hook-true
. "$(dirname "$0")/setup.sh"

mkdir -p /usr/libexec/oci/hooks.d /etc/hookd
install -m 755 "$here/../bin/hook-true" /usr/libexec/oci/hooks.d
install_hookd

measure() { # WHAT LINE of [Hooks]
	printf '[Hooks]\n%s\n' "$2" > /etc/hookd/hookd.conf
	systemctl restart hookd.service
	LD_LIBRARY_PATH=$here/../bin "$here/../bin/bench-latency" --address="unix:$socket" \
		--daemon="$(systemctl show --value -p MainPID hookd.service)" --what="$1" \
		--hook=/usr/libexec/oci/hooks.d/hook-true --rounds="${ROUNDS:-4}" >> "$work/rows" 2>&1
}

is "the controller of memory is on" \
	"$(hookctl ping > "$work/out" && grep -cw memory /sys/fs/cgroup/system.slice/hookd.service/runs/cgroup.subtree_control)" 1
measure "one hook, no limit" ''
measure "one hook, MemoryMax=1G" MemoryMax=1G
measure "one hook, no limit" ''
measure "one hook, MemoryMax=1G" MemoryMax=1G
sed 's/^/# /' "$work/rows"
check "all were measured" test "$(grep -c 'us .* x' "$work/rows")" -ge 4
tap_end
