# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
#
# Sourced by scripts in the guest after setup.sh: single hooks, by hookctl.

begun=$work/begun   # a FIFO: written to when the hook runs
go=$work/go         # a FIFO: the hook exits when it is written to
held=$work/held     # a FIFO: EOF when all processes that have it open for writing have exited
mkfifo "$begun" "$go" "$held"
container=c1        # whose hooks they are; those of one container run one after another
runners=0           # hookd's configuration

configure() { # LINE...
	mkdir -p /etc/hookd
	printf '%s\n' '[Hooks]' "Runners=$runners" "$@" > /etc/hookd/hookd.conf
}

show() { # PROPERTY of the service
	systemctl show --value -p "$1" hookd.service
}

wait_while() { # STATES
	while [[ $(show ActiveState) =~ ^($1)$ ]]; do :; done
}

# Prints the pid of the running daemon. 0, for none, would be a process group for kill(1).
main_pid() {
	local pid

	pid=$(show MainPID)
	[ "$pid" -gt 0 ] || { echo "hookd.service has no process" >&2; return 1; }
	echo "$pid"
}

# Runs a hook; returns hookctl's exit status.
run_hook() { # SCRIPT [TIMEOUT-IN-SECONDS [OPTION...]]
	local hooks state

	hooks=$(mktemp -p "$work") state=$(mktemp -p "$work")
	jq -n --arg id "$container" \
		'{ociVersion: "1.0.2", id: $id, status: "stopped", bundle: "/tmp"}' > "$state"
	jq -n --arg script "$1" --argjson timeout "${2:-60}" '{poststop: [
		{path: "/bin/sh", args: ["sh", "-c", $script], timeout: $timeout}]}' > "$hooks"
	hookctl --json=short run --stage=poststop --state="$state" --hooks="$hooks" "${@:3}"
}

# The same in the background, with the result in $work/result.json; returns when the hook runs.
start_hook() { # SCRIPT [TIMEOUT-IN-SECONDS]
	run_hook "echo > $begun; $1" "${2:-60}" > "$work/result.json" 2> "$work/result.err" &
	hook=$!
	timeout 60 cat "$begun" > "$work/began"
}

stdout_of_hook() { # SCRIPT
	run_hook "$1" | jq -r '.hooks[0].stdout'
}

exits_with() { # NAME STATUS COMMAND...
	local status=0

	"${@:3}" > "$work/out" 2>&1 || status=$?
	[ "$status" -eq "$2" ] && ok "$1" || not_ok "$1" "exit $status, not $2" "$(< "$work/out")"
}

# Reads the FIFO until EOF: no process has it open for writing.
wait_for_holders() {
	timeout 60 cat "$held"
}
