# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
#
# Shared by the tests of what operators use, which source it with their arguments: HOOKD HOOKCTL SHIM.
# Starts a private hookd with a state directory; $work is a folder that is removed at the end. Prints TAP.
set -euo pipefail

hookd=$1 hookctl=$2 shim=$3
work=$(mktemp -d)
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
. "$here/../../containers/tap.sh"
. "$here/../../containers/daemon.sh"
unset NO_COLOR PAGER
export HOOKD_ADDRESS=unix:$work/hookd.sock TZ=UTC LC_ALL=C.UTF-8
set -m # a process group for each job, which is ended with all its processes

start_hookd() { # OPTION...
	launch_hookd "$work/hookd.log" "$hookd" --socket="$work/hookd.sock" --state-dir="$work/state" "$@" ||
		{ echo "hookd does not start" >&2; exit 1; }
}

# At the first signal it waits for its hooks, at the second it kills them.
stop_hookd() {
	[ -n "$daemon" ] || return 0
	kill "$daemon" && sleep 0.1 && kill "$daemon" 2> /dev/null || true
	wait "$daemon" || true
	daemon=
}

clean_up() {
	local job

	for job in $(jobs -p); do kill -- "-$job" 2> /dev/null || true; done
	stop_hookd
	wait
	rm -rf "$work"
}
trap clean_up EXIT

# What a runtime does. Exits as the failing hook.
run_hooks() { # CONTAINER STAGE HOOKS
	jq -nc --arg id "$1" --arg status "$([ "$2" = poststop ] && echo stopped || echo created)" \
		'{ociVersion: "1.0.2", id: $id, status: $status, pid: 0, bundle: "/"}' |
		"$shim" --stage="$2" --hooks-json="$(jq -nc --arg stage "$2" --argjson hooks "$3" '{($stage): $hooks}')"
}
