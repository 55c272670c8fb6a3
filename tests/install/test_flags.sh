#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# What hookd is compiled with, as packagers configure it; nothing is built.
# usage: test_flags.sh CMAKE SOURCE COMPILER
set -euo pipefail

cmake=$1 source=$2 compiler=$3
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
. "$(dirname "$0")/../containers/tap.sh"
unset CFLAGS LDFLAGS

# Afterwards $work/commands has every command, $work/run those of the static programs.
configure() { # NAME OPTION...
	rm -rf "$work/build"
	check "$1" "$cmake" -S "$source" -B "$work/build" -G Ninja -DCMAKE_C_COMPILER="$compiler" \
		-DHOOKD_TESTS=OFF "${@:2}"
	ninja -C "$work/build" -t commands > "$work/commands"
	grep -E 'hookd-run\.elf |-o hookd-oci-hook ' "$work/commands" > "$work/static" || true
}

lacks() { # NAME FILE TEXT
	if grep -sqF -e "$3" "$2"; then
		not_ok "$1" "there is '$3' in $(grep -F -e "$3" "$2" | head -n 1)"
	else
		ok "$1"
	fi
}

configure "without anything"
contains "the build type is one that optimises" "$work/commands" ' -O2 -g '
lacks "no warning is an error" "$work/commands" -Werror
contains "_FORTIFY_SOURCE is as high as it goes" "$work/commands" -D_FORTIFY_SOURCE=3
lacks "assertions count" <(grep daemon/main.c "$work/commands" | sed 's/-DNDEBUG.*-UNDEBUG//') NDEBUG

CFLAGS='-O1 -D_FORTIFY_SOURCE=2 -DPACKAGERS' LDFLAGS=-Wl,--build-id=sha1 \
	configure "with a packager's flags" -DCMAKE_BUILD_TYPE=None
lacks "_FORTIFY_SOURCE is the packager's" "$work/commands" _FORTIFY_SOURCE=3
lacks "and is not undone but where nothing may be woven in" \
	<(grep -vE 'spawn_child|interpreter|program_check' "$work/commands") -U_FORTIFY_SOURCE
lacks "the level of optimisation is" <(grep daemon/main.c "$work/commands") -O2
is "hookd-run and hookd-oci-hook have the flags" \
	"$(grep -c -e '-DPACKAGERS.*--build-id=sha1' "$work/static")" 2

configure "with warnings as errors" -DCMAKE_COMPILE_WARNING_AS_ERROR=ON
contains "every compilation has them" <(grep daemon/main.c "$work/commands") -Werror
is "those of hookd-run and hookd-oci-hook too" "$(grep -c -e -Werror "$work/static")" 2

# ---- names that systemd would take apart ----

prefix=$work/'my prefix 100%'
configure "with a prefix that has a blank and a percent sign" -DCMAKE_INSTALL_PREFIX="$prefix"
install -D /bin/true "$prefix/sbin/hookd"
mkdir "$work/run"
for folder in system user; do
	[ $folder = user ] && units=$work/build/systemd/user || units=$work/build/systemd
	if command -v systemd-analyze > /dev/null; then
		check "systemd reads the units of $folder" env SYSTEMD_UNIT_PATH="$units:" \
			XDG_RUNTIME_DIR="$work/run" systemd-analyze --$folder --man=no verify \
			"$units/hookd.socket" "$units/hookd.service"
		is "and has nothing to say of them" "$(< "$work/check")" ""
	fi
	contains "the program of $folder is named as a whole" "$units/hookd.service" \
		"ExecStart=\"${prefix//%/%%}/sbin/hookd\""
	lacks "a URL has no blank" <(grep -h ^Documentation= "$units"/*.s*) ' '
done
tap_end
