#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# In the guest: hooks per second with hookd's precedence over hooks and without, under the shipped units,
# by turns: those that are its arguments, or "yes no no yes", which takes minutes. Without: hookd and its
# runners have Nice=1, and all cgroups the usual weight. The guest is emulated, so only ratios are
# meaningful. Run by hand, see docs/PERFORMANCE.md:
#   tests/guest/test_in_guest.sh cmake build/release measure_precedence.sh \
#     build/release/tests/bench/bench-throughput build/release/tests/bench/hook-true
. "$(dirname "$0")/setup.sh"

mkdir -p /usr/libexec/oci/hooks.d
install -m 755 "$here/../bin/hook-true" /usr/libexec/oci/hooks.d
install_hookd

use_precedence() { # yes|no
	local unit folder

	systemctl stop hookd.service hookd-runner.socket
	for unit in hookd.service hookd-runner@.service; do
		folder=/run/systemd/system/$unit.d
		mkdir -p "$folder"
		rm -f "$folder/precedence.conf"
		[ "$1" = yes ] || printf '[Service]\nNice=1\nCPUWeight=\n' > "$folder/precedence.conf"
	done
	systemctl daemon-reload
	hookctl run --stage=poststop --state="$work/state.json" --hooks="$work/hooks.json" > "$work/out"
	[ "$1" = yes ] || set_usual_weights
}

# Of the cgroups of hookd and its runners beside those of hooks, which both set themselves.
set_usual_weights() {
	local file

	for file in /sys/fs/cgroup/system.slice/hookd.service/daemon/cpu.weight \
		/sys/fs/cgroup/system.slice/system-hookd*runner.slice/*/daemon/cpu.weight; do
		echo 100 > "$file"
	done
}

measure() { # WHAT
	local clients

	for clients in 16 64 256; do
		LD_LIBRARY_PATH=$here/../bin "$here/../bin/bench-throughput" --address="unix:$socket" \
			--what="$1, callers at once: $clients" --clients="$clients" \
			--hook=/usr/libexec/oci/hooks.d/hook-true --rounds=2 --round-hooks=300 2>&1 |
			tee -a "$work/rows" | sed 's/^/# /'
	done
}

echo '{"ociVersion":"1.0.2","id":"c1","status":"stopped","bundle":"/tmp"}' > "$work/state.json"
echo '{"poststop":[{"path":"/usr/libexec/oci/hooks.d/hook-true"}]}' > "$work/hooks.json"
printf '# %-52s %12s %12s %8s\n' what hookd bare ratio
[ $# -gt 0 ] || set -- yes no no yes
for turn; do
	use_precedence "$turn" 2> "$work/said"
	measure "precedence: $turn"
	nice=$(ps -o ni= -p "$(systemctl show --value -p MainPID hookd.service)" | tr -d ' ')
	check "hookd's nice is $nice" test "$([ "$nice" -lt 0 ] && echo yes || echo no)" = "$turn"
done
check "all were measured" test "$(grep -c '/s .* x' "$work/rows")" -eq $(wc -l < "$work/rows")
tap_end
