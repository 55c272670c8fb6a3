#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Hooks that fail, hang or leave children behind, delegated to hookd: what the runtime does. Arguments:
# see lib.sh.
. "$(dirname "$0")/lib.sh"

ran=$bundle/ran
held=$bundle/held
mkfifo "$held"

hook() { # SCRIPT [TIMEOUT]
	jq -n --arg script "$1" --argjson timeout "${2:-60}" \
		'{path: "/bin/sh", args: ["sh", "-c", $script], timeout: $timeout}'
}

life_with() { # STAGE HOOK...
	: > "$ran"
	write_config "$(printf '%s\n' "${@:2}" | jq -s --arg stage "$1" '{($stage): .}')"
	delegate
}

newest_run() { # JQ of its row
	runs "max_by(.submittedUSec) | $1"
}

milliseconds() {
	echo $(($(date +%s%N) / 1000000))
}

# The FIFO has EOF when all processes that have it open for writing have exited.
all_holders_are_dead() {
	timeout 20 cat "$held"
}

# ---- a hook that fails ----

life_with createRuntime "$(hook 'echo the network is on fire >&2; exit 3')" "$(hook "echo 2 >> $ran")"
status=0
create > /dev/null || status=$?
is "a failing createRuntime hook fails create" "$((status != 0))" 1
contains "its stderr is in what the runtime says" "$work/said" 'the network is on fire'
contains "so is its exit status" "$work/said" 'exit status 3'
is "the hook after it did not run" "$(< "$ran")" ''
is "hookd says why" "$(newest_run '.stage + " " + .outcome')" 'createRuntime failed'
status=0
run state "$id" > "$work/state.out" 2>&1 || status=$?
is "there is no such container" "$((status != 0))" 1

life_with createContainer "$(hook 'echo no device >&2; exit 4')"
status=0
create > /dev/null || status=$?
is "a failing createContainer hook fails create" "$((status != 0))" 1
contains "its stderr is in what the runtime says" "$work/said" 'no device'
delete > /dev/null 2>&1 || true

life_with createRuntime "$(jq -n '{path: "/no/such/hook"}')"
status=0
create > /dev/null || status=$?
is "a hook that is not there fails create" "$((status != 0))" 1
contains "its path is in what the runtime says" "$work/said" /no/such/hook
delete > /dev/null 2>&1 || true

# ---- poststop ----

life_with poststop "$(hook "echo 1 >> $ran; exit 5")" "$(hook "echo 2 >> $ran")"
check "create" create
check "a failing poststop hook does not fail delete" delete
is "the poststop hook after it ran" "$(< "$ran")" "$(printf '1\n2')"
is "hookd knows that one failed" "$(newest_run '.stage + " " + .outcome')" 'poststop failed'

# ---- a hook that hangs ----

life_with createRuntime "$(hook "echo waiting; exec 9> $held; sleep 100 & sleep 100" 1)"
all_holders_are_dead &
reader=$!
begin=$(milliseconds)
status=0
create > /dev/null || status=$?
took=$(($(milliseconds) - begin))
is "a hook that hangs fails create" "$((status != 0))" 1
is "after its timeout of 1 s and not much later" "$((took >= 1000 && took < 10000)) ($took ms)" \
	"1 ($took ms)"
contains "the runtime says why" "$work/said" 'ran past specified timeout'
check "its children are dead" wait "$reader"

# ---- a hook that leaves a child behind ----

life_with createRuntime "$(hook "exec 9> $held; sleep 100 & echo \$! > $ran; echo done")"
all_holders_are_dead &
reader=$!
begin=$(milliseconds)
check "a hook that leaves a child with its stdout behind has succeeded" create
took=$(($(milliseconds) - begin))
is "at once" "$((took < 20000)) ($took ms)" "1 ($took ms)"
check "the child lives on" kill -0 "$(< "$ran")"
kill "$(< "$ran")"
check "and was the only one" wait "$reader"
check "delete" delete
finish
