#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Tests the compiler options of hookd for configurations as packagers use them. Builds one file at most.
# usage: test_flags.sh CMAKE SOURCE COMPILER
set -euo pipefail

cmake=$1 source=$2 compiler=$3
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
. "$(dirname "$0")/../containers/tap.sh"
unset CFLAGS LDFLAGS

generator=Ninja

# Afterwards $work/commands has all commands, $work/run those of the static programs.
configure() { # NAME OPTION...
	rm -rf "$work/build"
	check "$1" "$cmake" -S "$source" -B "$work/build" -G "$generator" -DCMAKE_C_COMPILER="$compiler" \
		-DHOOKD_TESTS=OFF "${@:2}"
	ninja -C "$work/build" -t commands > "$work/commands"
	grep -E 'hookd-run\.elf |-o [^ ]*hookd-(oci-hook|runtime) ' "$work/commands" > "$work/static" || true
}

lacks() { # NAME FILE TEXT
	if grep -sqF -e "$3" "$2"; then
		not_ok "$1" "there is '$3' in $(grep -F -e "$3" "$2" | head -n 1)"
	else
		ok "$1"
	fi
}

# The level that `hookd --version` will show.
fortify_is() { # EXPECTED [CONFIGURATION]
	local object=daemon/CMakeFiles/hookd.dir/${2:+$2/}options.c.o

	check "a file is compiled" ninja -C "$work/build" -f "build${2:+-$2}.ninja" "$object"
	is "FORTIFY" "$(grep -aoE '[-+]FORTIFY[0-9]?' "$work/build/$object" | sort -u)" "$1"
}

configure "without anything"
contains "the build type is one that optimises" "$work/commands" ' -O2 -g '
lacks "no warning is an error" "$work/commands" -Werror
fortify_is +FORTIFY3
lacks "assertions are on" <(grep daemon/main.c "$work/commands" | sed 's/-DNDEBUG.*-UNDEBUG//') NDEBUG

CFLAGS='-O1 -D_FORTIFY_SOURCE=2 -DPACKAGERS' LDFLAGS=-Wl,--build-id=sha1 \
	configure "with a packager's flags" -DCMAKE_BUILD_TYPE=None
fortify_is +FORTIFY2
lacks "undone only for files to which the compiler must add nothing" \
	<(grep -vE 'spawn_child|interpreter|program_check' "$work/commands") -U_FORTIFY_SOURCE
lacks "nor is the level of optimisation changed" <(grep daemon/main.c "$work/commands") -O2
is "hookd-run, hookd-oci-hook and hookd-runtime have the flags" \
	"$(grep -c -e '-DPACKAGERS.*--build-id=sha1' "$work/static")" 3

# ---- _FORTIFY_SOURCE if the compiler optimises ----

CFLAGS='-O3 -flto=auto -ffat-lto-objects' configure "optimised by CFLAGS" -DCMAKE_BUILD_TYPE=None
fortify_is +FORTIFY3
CFLAGS=-Wp,-U_FORTIFY_SOURCE,-D_FORTIFY_SOURCE=1 configure "a level by another road"
fortify_is +FORTIFY1
CFLAGS=-U_FORTIFY_SOURCE configure "no level by the packager's word"
fortify_is -FORTIFY
configure "not optimised" -DCMAKE_BUILD_TYPE=Debug
fortify_is -FORTIFY
configure "not optimised, and a level" -DCMAKE_BUILD_TYPE=Debug -DCMAKE_C_FLAGS_DEBUG='-D_FORTIFY_SOURCE=2'
fortify_is -FORTIFY
generator='Ninja Multi-Config'
configure "more than one configuration"
fortify_is +FORTIFY3 Release
fortify_is -FORTIFY Debug
generator=Ninja

# ---- other options ----

for part in BENCH FUZZ; do
	rm -rf "$work/build"
	"$cmake" -S "$source" -B "$work/build" -G Ninja -DCMAKE_C_COMPILER="$compiler" \
		-DHOOKD_TESTS=OFF -DHOOKD_$part=ON > "$work/refusal" 2>&1 || true
	contains "HOOKD_$part without the tests is refused" "$work/refusal" "HOOKD_$part=ON needs the tests"
done

configure "with warnings as errors" -DCMAKE_COMPILE_WARNING_AS_ERROR=ON
contains "every compilation has them" <(grep daemon/main.c "$work/commands") -Werror
is "those of the static programs too" "$(grep -c -e -Werror "$work/static")" 3

# ---- paths with characters that systemd interprets ----

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
		is "and prints nothing about them" "$(< "$work/check")" ""
	fi
	contains "the program of $folder is named as a whole" "$units/hookd.service" \
		"ExecStart=\"${prefix//%/%%}/sbin/hookd\""
	lacks "a URL has no blank" <(grep -h ^Documentation= "$units"/*.s*) ' '
done
tap_end
