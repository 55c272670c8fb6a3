#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# In the guest: Debian's podman, as root and as a user, docker, containerd's ctr and buildah, with runc
# alone and with hookd. engines/cases.sh has what is done with each.
. "$(dirname "$0")/setup.sh"
. "$here/user.sh"
for file in cases adapters prepare commands; do
	. "$here/engines/$file.sh"
done
trap 'status=$?; [ $status -eq 0 ] || sed "s/^/# /" "$work/out"' EXIT # of the last that was prepared

# What hookd has to do: createRuntime of start, restart, the container with a user namespace and ten more,
# and of two that fail; and so on. What a user namespace leaves to the runtime, and poststop of podman,
# which it runs itself, hookd does not have.
expected_runs() { # ENGINE VARIANT
	local restarted=1 poststop=15

	case $1 in
	podman | rootless) poststop=0 ;;
	buildah) restarted=0 poststop=14 ;;
	esac
	echo "$((11 + restarted)) createContainer succeeded"
	echo "2 createRuntime failed"
	echo "$((12 + restarted)) createRuntime succeeded"
	echo "$((12 + restarted)) poststart succeeded"
	[ $poststop -eq 0 ] || echo "$poststop poststop succeeded"
}

test_engine() { # ENGINE
	local stages=(createContainer createRuntime first poststart poststop)

	compare "$1" hookd-runtime
	is "$1: ten start at once while hookd is restarted" "$(show_ten "$1" hookd-runtime)" \
		"$(echo '0 of 10 have failed'; printf '10 %s\n' "${stages[@]}")"
	is "$1: hookd has had its runs" "$(runs_of "$1" hookd-runtime)" "$(expected_runs "$1")"
	test_commands "$1"
}

# podman runs poststop itself, but what it runs is hookd's then. A file of hooks.d does not know of the
# container's user namespace.
test_hooks_d() {
	record podman hooks.d "$(command -v runc)"
	compare podman hooks.d user-namespace
	contains "podman: a user namespace with hooks.d fails at createContainer" \
		"$work/podman-hooks.d/user-namespace.step" 'exit status 126'
	is "podman: hookd has had its runs from hooks.d" \
		"$(runs_of podman hooks.d | grep poststop)" '2 poststop succeeded'
}

prepare
for engine in ${*:-ctr docker buildah podman rootless}; do
	record "$engine" runc "$(command -v runc)"
	record "$engine" hookd-runtime $wrapper
	test_engine "$engine"
	[ "$engine" != podman ] || test_hooks_d
done
tap_end
