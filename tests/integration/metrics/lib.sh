# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
#
# A private hookd with metrics over HTTP. To be sourced; $hookd and $hookctl are its programs.
work=$(mktemp -d)
export HOOKD_ADDRESS=unix:$work/hookd.sock
. "$(dirname "${BASH_SOURCE[0]}")/../../containers/tap.sh"
. "$(dirname "${BASH_SOURCE[0]}")/../../containers/daemon.sh"

clean_up() {
	local pid

	for pid in ${daemon:-} ${others:-}; do kill -KILL "$pid" 2> /dev/null || true; done
	wait 2> /dev/null || true
	rm -rf "$work"
}
trap clean_up EXIT

free_port() { # [ADDRESS]
	python3 -c 'import socket, sys
s = socket.socket(socket.AF_INET6 if ":" in sys.argv[1] else socket.AF_INET)
s.bind((sys.argv[1], 0)); print(s.getsockname()[1])' "${1:-127.0.0.1}"
}

configure() { # LINE...
	printf '%s\n' '[Hooks]' 'CheckHookFiles=no' '[Metrics]' "$@" > "$work/hookd.conf"
}

start_hookd() {
	launch_hookd "$work/log" "$hookd" --socket="$work/hookd.sock" --state-dir="$work/state" \
		--config="$work/hookd.conf"
}

stop_hookd() {
	kill "$daemon"
	wait "$daemon" || return
	daemon=
}

# Repeats COMMAND until it succeeds, for a minute.
until_true() { # COMMAND...
	local until=$((SECONDS + 60))

	until "$@"; do
		[ $SECONDS -lt $until ] || return 1
		sleep 0.05
	done
}

run_hook() { # SCRIPT [TIMEOUT]
	jq -n --arg script "$1" --argjson timeout "${2:-30}" \
		'{poststop: [{path: "/bin/sh", args: ["sh", "-c", $script], timeout: $timeout}]}' > "$work/hooks.json"
	echo '{"ociVersion": "1.0.2", "id": "c1", "status": "stopped", "bundle": "/"}' > "$work/state.json"
	"$hookctl" run --stage=poststop --state="$work/state.json" --hooks="$work/hooks.json" \
		> "$work/out" 2>&1
}
