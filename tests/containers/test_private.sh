#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Hooks of all stages outside of the image, without a daemon: each in a private hookd, in the namespaces
# that the runtime executes its hooks in. Arguments: see lib.sh; HOOKD is a path.
. "$(dirname "$0")/lib.sh"

ran=$bundle/ran
held=$bundle/held
mkfifo "$held"

# hookd-oci-hook with one hook, as a runtime has it in its config.json.
hook() { # STAGE SCRIPT [HOOKD]
	jq -n --arg shim "$shim" --arg hookd "${3:-$hookd}" --arg stage "$1" --arg script "$2" \
		'{($stage): [{path: $shim, timeout: 60, args: ["hookd-oci-hook", "--stage=" + $stage,
			"--address=unix:/nonexistent", "--if-down=run-local", "--hookd=" + $hookd,
			"--hook=/bin/sh", "--", "-c", $script]}]}'
}

life_with() { # HOOKS...
	: > "$ran"
	write_config "$(printf '%s\n' "$@" | jq -s add)"
}


stages=(createRuntime createContainer poststart poststop)
where="echo \$(readlink /proc/self/ns/mnt) >> $ran"
hooks=()
for stage in "${stages[@]}"; do hooks+=("$(hook "$stage" "echo $stage >> $ran; $where")"); done
life_with "${hooks[@]}"
check "create" create
check "start" start
check "delete" delete
is "the hooks of each stage ran, in order" "$(grep -v '^mnt' "$ran")" "$(printf '%s\n' "${stages[@]}")"
here=$(readlink /proc/self/ns/mnt)
is "createRuntime in the runtime's mount namespace" "$(grep '^mnt' "$ran" | sed -n 1p)" "$here"
is "createContainer in the container's" \
	"$([ "$(grep '^mnt' "$ran" | sed -n 2p)" != "$here" ] && echo yes)" yes
is "poststop in the runtime's again" "$(grep '^mnt' "$ran" | sed -n 4p)" "$here"

# In the container's pid namespace the numbers of the host's /proc are those of others.
printf '[Hooks]\nDefaultTimeoutSec=1\n' > "$work/own.conf"
printf '#!/bin/sh\nexec "%s" --config="%s" "$@"\n' "$hookd" "$work/own.conf" > "$work/hookd-with"
chmod 755 "$work/hookd-with"
for stage in createRuntime createContainer; do
	life_with "$(hook $stage "exec 9> $held; sleep 100 & sleep 100" "$work/hookd-with")"
	timeout 20 cat "$held" &
	reader=$!
	status=0
	create > /dev/null || status=$?
	is "a $stage hook that hangs fails create" "$((status != 0))" 1
	contains "the runtime says why" "$work/said" 'ran past specified timeout'
	check "its children are dead" wait "$reader"
	delete > /dev/null 2>&1 || true
done

life_with "$(hook createContainer "echo ran >> $ran" /nonexistent/hookd)"
status=0
create > /dev/null || status=$?
is "without hookd create fails" "$((status != 0))" 1
contains "which is said" "$work/said" '/nonexistent/hookd cannot be executed'
is "no hook ran" "$(< "$ran")" ''
delete > /dev/null 2>&1 || true
finish
