# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
#
# Sourced by the scripts that run in the guest. Makes $work.
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
work=$(mktemp -d)
chmod 755 "$work"
socket=/run/hookd/hookd.sock
. "$here/../containers/tap.sh"

# Like an administrator.
install_hookd() {
	cp -a /guest/root/. /
	ldconfig
	systemd-sysusers
	systemd-tmpfiles --create
	systemctl --quiet enable --now hookd.socket
}

# Polls until the condition is true, where hookd has no event to wait for.
until_true() { # COMMAND...
	local end=$((SECONDS + 60))

	until "$@"; do
		[ $SECONDS -lt $end ] || return 1
		sleep 0.1 # the guest has two slow CPUs
	done
}
