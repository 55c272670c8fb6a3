#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# In the guest: real containers by crun and by runc, their hooks delegated to the system's hookd; and
# by podman without root, to that of a user.
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

# What runc makes of failures does not depend on the kernel, and is tested outside.
run_tests crun stages failures delegate
run_tests runc stages delegate
. "$here/rootless.sh"
tap_end || status=1
exit $status
