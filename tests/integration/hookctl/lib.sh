# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
#
# A private hookd, runs for it, and terminals. To be sourced with the arguments HOOKD HOOKCTL.
set -uo pipefail
hookd=$1 hookctl=$2
for tool in jq tmux script; do
	command -v $tool > /dev/null && continue
	echo "# SKIP $tool is not installed"
	exit 77
done
. "$(dirname "${BASH_SOURCE[0]}")/../metrics/lib.sh"
export TZ=UTC LC_ALL=C.UTF-8 TERM=xterm
unset NO_COLOR PAGER SUDO_UID

request() { # CONTAINER STAGE TIMEOUT SCRIPT...
	jq -n --arg stage "$2" --argjson timeout "$3" \
		'{($stage): [$ARGS.positional[] | {path: "/bin/sh", args: ["sh", "-c", .], timeout: $timeout}]}' \
		--args "${@:4}" > "$work/$1-hooks.json"
	jq -n --arg id "$1" '{ociVersion: "1.0.2", id: $id, status: "stopped", bundle: "/"}' > "$work/$1.json"
}

options() { # CONTAINER STAGE
	echo "--stage=$2 --state=$work/$1.json --hooks=$work/$1-hooks.json"
}

hookctl() { "$hookctl" "$@"; }

matches() { # NAME FILE PATTERN
	if grep -qE -e "$3" "$2"; then
		ok "$1"
	else
		not_ok "$1" "no '$3' in $2:" "$(cat "$2")"
	fi
}

is_running() { # CONTAINER
	hookctl -q ps --state=running --container="$1" | grep -q .
}

exits() { # NAME STATUS COMMAND...
	local status=0

	"${@:3}" > "$work/out" 2> "$work/err" || status=$?
	is "$1" "$status" "$2"
}

# A terminal in which a command runs. A server of its own for each: an earlier one may still be about to end.
terminals=0
open_terminal() { # COLUMNS ROWS COMMAND
	terminals=$((terminals + 1))
	server=$work/tmux-$terminals
	rm -f "$work/status"
	in_terminal new-session -d -x "$1" -y "$2" "trap : INT; $3; echo \$? > $work/status; tmux -S $server wait-for -S done; sleep 600"
}

in_terminal() { # TMUX-COMMAND...
	tmux -u -S "$server" -f /dev/null "$@"
}

# What it shows, without trailing spaces and lines; with -J lines that the terminal has broken are joined.
shown() { # [-J]
	in_terminal capture-pane -p "$@" | sed 's/ *$//' | sed -e :a -e '/^\n*$/{$d;N;ba' -e '}'
}

shows() { # PATTERN
	shown | grep -qE -e "$1"
}

# Leaves the exit status of the command in $work/status.
await_command() {
	in_terminal wait-for done
}

close_terminal() {
	in_terminal kill-server
}

screen() { # COLUMNS ROWS COMMAND
	open_terminal "$@"
	await_command
	shown
	close_terminal
}

on_terminal() { # COMMAND
	script -qec "$1" /dev/null < /dev/null | tr -d '\r'
}
