#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# systemd-analyze must have no messages about hookd's units. Usage: verify_units.sh UNITS SOURCES HOOKD
set -euo pipefail

units=$1 sources=$2 hookd=$3
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
if ! command -v systemd-analyze > /dev/null; then
	echo "# SKIP there is no systemd-analyze"
	exit 77
fi

# systemd checks that the program exists, which is not installed.
mkdir "$work/units" "$work/root" "$work/root/etc" "$work/run"
export XDG_RUNTIME_DIR=$work/run
for whose in system user; do
	folder=$whose/
	[ $whose = user ] || folder=
	cp "$units/${folder}hookd.socket" "$units/${folder}hookd-runner.socket" "$work/units/"
	for unit in hookd.service hookd-runner@.service; do
		sed "s,^\(Exec[A-Z][a-z]*=@\?\)\"[^\"]*\",\1\"$hookd\"," "$units/$folder$unit" \
			> "$work/units/$unit"
	done
	SYSTEMD_UNIT_PATH=$work/units: systemd-analyze --$whose --man=no verify hookd.socket \
		hookd.service hookd-runner.socket hookd-runner@1.service > "$work/said" 2>&1
	grep -v -e '^$' "$work/said" && exit 1
done

echo 'root:x:0:0::/:/bin/sh' > "$work/root/etc/passwd"
systemd-sysusers --root="$work/root" "$sources/hookd.sysusers" > "$work/said" 2>&1
grep -q ^hookd: "$work/root/etc/group"
systemd-tmpfiles --root="$work/root" --create --clean "$sources/hookd.tmpfiles"
