#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Boots the guest with hookd installed as the build would install it, and runs one of the scripts
# beside this one in there. Usage: test_in_guest.sh CMAKE BUILD-FOLDER SCRIPT [PROGRAM...]
# The programs are found in ../bin of the script, with the library of their tests. With
# GUEST_SANITIZED=1 it is the hookd of the sanitizer build beside BUILD-FOLDER, where that one is there
# and as new. SCRIPT may have arguments; GUEST_SECONDS is the time that it may take (1200).
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

# Its libraries are not in the guest.
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

# The status counts, and so does what was printed: a script that ends early has no plan.
status=0
"$here/run" -t "${GUEST_SECONDS:-1200}" "$work/guest" "bash tests/guest/$script" | tee "$work/console" || status=$?
if [ "$status" -ne 0 ]; then
	echo "in the guest: exit status $status"
	exit 1
fi
grep -q '^1\.\.[1-9]' "$work/console"
! grep '^not ok' "$work/console"
