# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
#
# For the scripts that run in the guest, to be sourced. Makes $work.
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
work=$(mktemp -d)
chmod 755 "$work"
socket=/run/hookd/hookd.sock
. "$here/../containers/tap.sh"

# As an administrator would.
install_hookd() {
	cp -a /guest/root/. /
	systemd-sysusers
	systemd-tmpfiles --create
	systemctl --quiet enable --now hookd.socket
}

# Ends when the condition is true; it becomes so by an event in hookd that nothing here can await.
until_true() { # COMMAND...
	local end=$((SECONDS + 60))

	until "$@"; do
		[ $SECONDS -lt $end ] || return 1
	done
}
