#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# The installed programs start, and programs can be built with the installed library: with a prefix,
# with DESTDIR, and after the installation was moved; without ldconfig and LD_LIBRARY_PATH.
# usage: test_install.sh CMAKE BUILD COMPILER SANITIZERS
set -euo pipefail

cmake=$1 build=$2 compiler=$3 sanitize=${4:+-fsanitize=$4}
here=$(cd "$(dirname "$0")" && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
. "$here/../containers/tap.sh"
unset LD_LIBRARY_PATH PKG_CONFIG_PATH HOOKD_ADDRESS XDG_RUNTIME_DIR DESTDIR
export ASAN_OPTIONS=detect_leaks=0

one_file() { # FOLDER NAME
	find "$1" -name "$2" | head -n 1
}

# Starts the programs, and builds main.c with pkg-config and with CMake.
test_folder() { # NAME FOLDER
	local pc shim

	pc=$(dirname "$(one_file "$2" libhookd.pc)")
	shim=$(one_file "$2" hookd-oci-hook)
	check "$1: hookctl starts" "$2/bin/hookctl" --version
	check "$1: hookd starts" "$2/sbin/hookd" --version
	check "$1: hookd-oci-hook starts" "$shim" --version
	for name in hookd-runtime hookd-runc hookd-crun; do
		check "$1: $name starts" "$2/bin/$name" --hookd-version
	done
	for file in bash-completion/completions/hookctl zsh/site-functions/_hookctl fish/vendor_completions.d/hookctl.fish; do
		check "$1: completion is installed: $file" [ -s "$2/share/$file" ]
	done
	if [ -e "$build/docs/man/hookctl.1" ]; then
		contains "$1: man finds a manual by another name" \
			<(man -M "$2/share/man" -P cat hookctl-inspect 2> /dev/null) 'hookctl inspect'
	else
		ok "$1: manuals # SKIP scdoc is not installed"
	fi
	is "$1: hookctl delegates to the shim beside it" "$(echo '{"ociVersion": "1.0.2", "hooks":
		{"poststop": [{"path": "/bin/true"}]}}' | "$2/bin/hookctl" delegate |
		jq -r '.hooks.poststop[0].path')" "$(realpath "$shim")"

	mkdir -p "$work/bundle"
	echo '{"ociVersion": "1.0.2", "hooks": {"poststop": [{"path": "/bin/true"}]}}' > "$work/bundle/config.json"
	check "$1: hookd-runtime executes a runtime" \
		"$2/bin/hookd-runtime" --hookd-runtime=true create --bundle "$work/bundle" web
	is "$1: and delegates to the same" "$(jq -r '.hooks.poststop[0].path' "$work/bundle/config.json")" \
		"$(realpath "$shim")"

	# shellcheck disable=SC2046,SC2086 # flags are words
	check "$1: a program is built with pkg-config" "$compiler" $sanitize -o "$work/program" \
		"$here/main.c" $(PKG_CONFIG_LIBDIR=$pc pkg-config --cflags --libs libhookd) \
		-Wl,-rpath,"$(dirname "$pc")"
	contains "$1: and runs" <("$work/program") /nonexistent/socket
	printf '%s\n' 'cmake_minimum_required(VERSION 3.25)' 'project(program C)' \
		'find_package(hookd REQUIRED)' "add_executable(program $here/main.c)" \
		"target_compile_options(program PRIVATE $sanitize)" \
		"target_link_options(program PRIVATE $sanitize)" \
		'target_link_libraries(program PRIVATE hookd::hookd)' > "$work/source/CMakeLists.txt"
	rm -rf "$work/with-cmake"
	check "$1: CMake finds the library" "$cmake" -S "$work/source" -B "$work/with-cmake" \
		-DCMAKE_C_COMPILER="$compiler" -DCMAKE_PREFIX_PATH="$2"
	check "$1: and builds with it" "$cmake" --build "$work/with-cmake"
	contains "$1: what it builds runs" <("$work/with-cmake/program") /nonexistent/socket
}

mkdir "$work/source"
"$cmake" --install "$build" --prefix "$work/prefix" > "$work/log"
test_folder "a prefix" "$work/prefix"

mv "$work/prefix" "$work/moved"
test_folder "a prefix that was moved" "$work/moved"

DESTDIR=$work/staged "$cmake" --install "$build" > "$work/log"
prefix=$(dirname "$(dirname "$(find "$work/staged" -path '*/bin/hookctl')")")
test_folder "a staged one" "$prefix"

for name in LICENSE README.md CONTRIBUTING.md CHANGELOG.md ARCHITECTURE.md PROTOCOL.md CONFIGURATION.md \
	SECURITY.md seccomp.c; do
	check "$name is installed" test -s "$(one_file "$prefix/share/doc" $name)"
done
for unit in hookd.service hookd.socket hookd-runner@.service hookd-runner.socket; do
	for whose in system user; do
		check "the $whose unit $unit is installed" test -s "$prefix/lib/systemd/$whose/$unit"
	done
done
check "no program has a run path of the build" bash -c \
	"! readelf -d '$prefix/bin/hookctl' '$prefix/sbin/hookd' | grep -E 'R(UN)?PATH.*$build'"
tap_end
