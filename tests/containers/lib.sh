# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
#
# Shared by the tests with real containers, which source it with their arguments:
#   HOOKD HOOKCTL SHIM RUNTIME [OPTION...]
# HOOKD is the daemon to start for this test, or unix:PATH of a running one. SHIM is the path of
# hookd-oci-hook, or - for the installed one. RUNTIME is runc or crun, with its options.
# Creates the folder $work, which is removed at the end, with one bundle in $bundle. Prints TAP.
set -euo pipefail

if [ $# -lt 4 ]; then
	echo "usage: $0 HOOKD|unix:PATH HOOKCTL SHIM RUNTIME [OPTION...]" >&2
	exit 2
fi
hookd=$1 hookctl=$2 shim=$3 runtime=("${@:4}")
id=hookd-test-$$
if [ "$(id -u)" != 0 ]; then
	echo "1..0 # SKIP containers need root"
	exit 77
fi
work=$(mktemp -d)
bundle=$work/bundle
. "$(dirname "${BASH_SOURCE[0]}")/tap.sh"
. "$(dirname "${BASH_SOURCE[0]}")/daemon.sh"

# ---- the daemon ----

start_hookd() {
	if [[ $hookd == unix:* ]]; then
		address=$hookd
		return
	fi
	address=unix:$work/hookd.sock
	launch_hookd "$work/hookd.log" "$hookd" --socket="$work/hookd.sock" ||
		{ echo "hookd does not start" >&2; exit 1; }
}

stop_hookd() {
	local status=0

	[ -n "${daemon:-}" ] || return 0
	kill "$daemon"
	wait "$daemon" || status=$?
	daemon=
	is "hookd ends with 0" "$status" 0
}

# Applies JQ to the rows of `hookctl ps` for the container.
runs() { # JQ
	"$hookctl" --address="$address" --json=short ps -a --container="$id" | jq -r "$1"
}

# ---- the container ----

run() { # VERB ARGUMENT...: calls the runtime
	"${runtime[@]}" --root "$work/runtime" "$@"
}

# A root file system with a few programs. The container's process opens a FIFO when it runs.
make_bundle() {
	local name

	mkdir -p "$bundle/rootfs"/{bin,dev,proc,sys,tmp}
	cp /bin/busybox "$bundle/rootfs/bin/busybox"
	for name in sh cat env grep sleep stat; do
		ln -s busybox "$bundle/rootfs/bin/$name"
	done
	mkfifo "$bundle/rootfs/running"
	(cd "$bundle" && "${runtime[0]}" spec)
	mv "$bundle/config.json" "$work/spec.json"
}

# crun writes the output of hooks to the file that an annotation names, or discards it.
write_config() { # HOOKS
	jq --argjson hooks "$1" '.process.terminal = false | .process.args = ["/bin/sh", "-c",
			"echo > /running; exec sleep 1000"]
		| .process.env = ["PATH=/bin", "OF=container"] | .root.readonly = false
		| .annotations = {"run.oci.hooks.stderr": $log}
		| .hooks = $hooks' --arg log "$work/hooks.log" "$work/spec.json" > "$work/native.json"
	cp "$work/native.json" "$bundle/config.json"
}

delegate() {
	local options=()

	[ "$shim" = - ] || options=(--shim="$shim")
	"$hookctl" --address="$address" delegate "${options[@]}" \
		< "$work/native.json" > "$bundle/config.json"
}

# The container's process inherits the output of create. The output of a create that fails, and of its
# hooks, is then in $work/said.
create() {
	: > "$work/hooks.log"
	(cd "$bundle" && run create "$id" < /dev/null > "$work/create.out" 2>&1) ||
		{ cat "$work/hooks.log" "$work/create.out" | tee "$work/said"; return 1; }
}

# Returns when the container's process runs, so all hooks of the start have ended.
start() {
	run start "$id"
	timeout 60 cat "$bundle/rootfs/running"
}

delete() {
	(cd "$bundle" && run delete --force "$id")
}

clean_up() {
	delete > "$work/delete.out" 2>&1 || true
	if [ -n "${daemon:-}" ]; then
		kill "$daemon" 2> /dev/null || true
		wait "$daemon" || true
	fi
	if [ "$failures" -gt 0 ] && [ -f "$work/hookd.log" ]; then
		sed 's/^/# hookd: /' "$work/hookd.log"
	fi
	rm -rf "$work"
}

finish() {
	stop_hookd
	tap_end
}

trap clean_up EXIT
make_bundle
start_hookd
