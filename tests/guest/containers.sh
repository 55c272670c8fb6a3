#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# In the guest: containers of crun and runc whose hooks are delegated to the system's hookd; and of
# rootless podman, delegated to a user's hookd.
. "$(dirname "$0")/setup.sh"

install_hookd
status=0
run_tests() { # RUNTIME TEST...
	local test

	for test in "${@:2}"; do
		echo "# $1: $test"
		"$here/../containers/test_$test.sh" unix:$socket hookctl - "$1" || status=1
	done
}

# How runc handles failures does not depend on the kernel, and is tested outside of the guest.
run_tests crun stages failures delegate
run_tests runc stages delegate
. "$here/rootless.sh"
tap_end || status=1
exit $status
