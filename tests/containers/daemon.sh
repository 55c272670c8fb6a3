# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
#
# Starts a hookd of the test's own. To be sourced; $work is a folder for temporary files.
daemon=

# Starts COMMAND, which becomes hookd, as $daemon. Appends its log to LOG. Returns when hookd is ready;
# fails if it has ended before.
launch_hookd() { # LOG COMMAND...
	local fifo line='' says

	# A FIFO for each start. Runners hold that of a killed hookd open, so its reader goes on, and would
	# take lines of the next hookd.
	fifo=$(mktemp -u "$work/says-XXXXXX")
	mkfifo "$fifo"
	"${@:2}" --log-target=stderr 2> "$fifo" &
	daemon=$!
	exec {says}< "$fifo"
	rm "$fifo"
	while read -r line <&"$says"; do
		echo "$line" >> "$1"
		[ "$line" != 'hookd: ready' ] || break
	done
	cat <&"$says" >> "$1" &
	exec {says}<&-
	[ "$line" = 'hookd: ready' ]
}
