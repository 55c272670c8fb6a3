#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# A hookd that was started by its socket waits until its configuration is right: here the mistake is in a
# file that a drop-in is a symbolic link to.
# usage: test_drop_ins.sh HOOKD, as root; /run is a new tmpfs.
set -euo pipefail

if [ "$(id -u)" != 0 ]; then
	echo "1..0 # SKIP mounting needs root"
	exit 77
fi
if [ "${1:-}" != --inside ]; then
	exec unshare --mount "$0" --inside "$@"
fi
hookd=$2
mount -t tmpfs -o mode=755 tmpfs /run
mkdir -p /run/hookd/hookd.conf.d /run/elsewhere
work=$(mktemp -d)
. "$(dirname "$0")/../../containers/tap.sh"
clean_up() {
	[ -z "${daemon:-}" ] || kill -KILL "$daemon" 2> /dev/null || true
	wait 2> /dev/null || true
	rm -rf "$work"
}
trap clean_up EXIT
wrong=$'[Hooks]\nConcurrentHooks=none' right=$'[Hooks]\nConcurrentHooks=7'

# As the service manager does it: sd_listen_fds(3).
start() {
	rm -rf "$work/socket" "$work/log" /run/hookd/state
	python3 -c 'import os, socket, sys
s = socket.socket(socket.AF_UNIX); s.bind(sys.argv[1]); s.listen(); os.dup2(s.fileno(), 3)
os.set_inheritable(3, True)
os.environ.update(LISTEN_PID=str(os.getpid()), LISTEN_FDS="1")
os.execv(sys.argv[2], [sys.argv[2], "--log-target=stderr"])' "$work/socket" "$hookd" 2> "$work/log" &
	daemon=$!
}

says() { # TEXT
	local until=$((SECONDS + 60))

	until grep -qF -e "$1" "$work/log"; do
		[ $SECONDS -lt $until ] || { cat "$work/log"; return 1; }
		sleep 0.05
	done
}

end() {
	check "and starts" says 'hookd: ready'
	kill "$daemon"
	wait "$daemon" || true
	daemon=
}

echo "$wrong" > /run/elsewhere/hooks
ln -s /run/elsewhere/hooks /run/hookd/hookd.conf.d/10-hooks.conf
start
check "hookd waits" says 'calls get an error until it is mended'
echo "$right" > /run/elsewhere/hooks
check "sees that the file of a link was written" says 'the configuration is right now'
end

echo "$wrong" > /run/elsewhere/hooks
start
check "hookd waits" says 'calls get an error until it is mended'
echo "$right" > /run/elsewhere/fresh
mv /run/elsewhere/fresh /run/elsewhere/hooks
check "sees that it was replaced" says 'the configuration is right now'
end

rm /run/elsewhere/hooks
ln -sf ../../elsewhere/hooks /run/hookd/hookd.conf.d/10-hooks.conf
start
check "hookd waits for the file of a link" says 'calls get an error until it is mended'
echo "$right" > /run/elsewhere/hooks
check "sees that it is there" says 'the configuration is right now'
end
tap_end
