#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Boots the guest with hookd installed from the build, and runs a script of this folder there.
# Usage: test_in_guest.sh CMAKE BUILD-FOLDER SCRIPT [PROGRAM...]
# The programs are copied to ../bin of the script, with the libraries that they need. With
# GUEST_SANITIZED=1 hookd is that of the sanitizer build beside BUILD-FOLDER, if that exists and is as
# new. SCRIPT may have arguments; GUEST_SECONDS is its time limit (1200).
set -euo pipefail

cmake=$1 build=$2 script=$3
here=$(cd "$(dirname "$0")" && pwd)
if ! command -v qemu-system-x86_64 > /dev/null; then
	echo "1..0 # SKIP there is no qemu-system-x86_64"
	exit 77
fi

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
mkdir "$work/guest" "$work/guest/tests"
DESTDIR=$work/guest/root "$cmake" --install "$build" --strip > "$work/install.log" ||
	{ cat "$work/install.log"; exit 1; }
cp -r "$here" "$here/../containers" "$work/guest/tests/"

# The guest does not have its libraries.
sanitized=$build/../sanitize/daemon/hookd
if [ "${GUEST_SANITIZED:-}" = 1 ] && [ "$sanitized" -nt "$build/daemon/hookd" ]; then
	echo "# hookd of the sanitizer build"
	cp "$sanitized" "$work/guest/root/usr/local/sbin/hookd"
	ldd "$sanitized" | awk '$1 ~ /^lib(a|ub)san/ { print $3 }' |
		xargs cp -Lt "$work/guest/root/usr/local/lib"
fi
if [ $# -gt 3 ]; then
	mkdir "$work/guest/tests/bin"
	cp "${@:4}" "$work/guest/tests/bin/"
	ldd "$4" | awk '$1 ~ /^libcmocka/ { print $3 }' | xargs -r cp -t "$work/guest/tests/bin/"
fi

# Checks the exit status and the output: a script that exits early has printed no plan.
status=0
"$here/run" -t "${GUEST_SECONDS:-1200}" "$work/guest" "bash tests/guest/$script" | tee "$work/console" || status=$?
if [ "$status" -ne 0 ]; then
	echo "in the guest: exit status $status"
	exit 1
fi
grep -q '^1\.\.[1-9]' "$work/console"
! grep '^not ok' "$work/console"
