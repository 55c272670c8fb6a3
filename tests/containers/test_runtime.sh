#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# hookd-runtime before a real runtime, by the name hookd-RUNTIME: hookd runs the hooks, and nothing else is
# different. Arguments: HOOKD_RUNTIME, and those of lib.sh.
program=$1
shift
. "$(dirname "$0")/lib.sh"

real=("${runtime[@]}")
is_crun=$([[ $(basename "${real[0]}") != *crun* ]] || echo yes)
ln -s "$program" "$work/hookd-$(basename "${real[0]}")"
hooked=("$work/hookd-$(basename "${real[0]}")" --hookd-shim="$shim" --hookd-address="$address" "${real[@]:1}")
ran=$bundle/ran

hook() { # SCRIPT [TIMEOUT]
	jq -n --arg script "$1" --argjson timeout "${2:-60}" \
		'{path: "/bin/sh", args: ["sh", "-c", $script], timeout: $timeout}'
}

noting() { # STAGE [WORD]: a hook that notes them, for startContainer in the image
	local file=$ran

	[ "$1" != startContainer ] || file=/ran
	hook "cat > /dev/null; echo $1 ${2:-} >> $file"
}

# Without device rules, which need BPF, and as changed by JQ.
config() { # HOOKS [JQ]
	: > "$ran"
	write_config "$1"
	jq "del(.linux.resources) | ${2:-.}" "$work/native.json" > "$bundle/config.json"
	cp "$bundle/config.json" "$work/native.json"
}

hooked() { # VERB ARGUMENT...
	"${hooked[@]}" --root "$work/runtime" "$@"
}

real() { # VERB ARGUMENT...
	"${real[@]}" --root "$work/runtime" "$@"
}

# From here on lib.sh has hookd-runtime for the runtime.
runtime=("${hooked[@]}")

# A run as its own process. Its exit status is in $status, what it says in $work/out and $work/err.
run_to_end() { # [OPTION...]
	: > "$work/hooks.log"
	status=0
	(cd "$bundle" && exec timeout 60 "${hooked[@]}" --root "$work/runtime" run "$@" "$id") \
		> "$work/out" 2> "$work/err" < /dev/null || status=$?
	cat "$work/hooks.log" "$work/err" > "$work/said"
}

stages=(prestart createRuntime createContainer startContainer poststart poststop)
delegated=(prestart createRuntime createContainer poststart poststop)
all_hooks() { # [WORD]
	for stage in "${stages[@]}"; do
		jq -n --arg stage "$stage" --argjson hook "$(noting "$stage" "${1:-}")" '{($stage): [$hook, $hook]}'
	done | jq -s add
}

# ---- the life of a container ----

: > "$bundle/rootfs/ran"
config "$(all_hooks)"
chmod 0640 "$bundle/config.json"
chown 12:34 "$bundle/config.json"
check "create" create
is "the config keeps its mode and owner" "$(stat -c '%a %u:%g' "$bundle/config.json")" '640 12:34'
is "there is no other file" "$(find "$bundle" -name '.config*')" ''
check "its hooks are delegated" jq -e '[.hooks[][0].args[1] // ""] | map(startswith("--stage=")) | any' \
	"$bundle/config.json"
for verb in state list "list -q" "list --format json"; do
	# shellcheck disable=SC2086
	is "$verb says the same" "$(hooked $verb $([ "$verb" != state ] || echo "$id") 2>&1)" \
		"$(real $verb $([ "$verb" != state ] || echo "$id") 2>&1)"
done
check "start" start
is "the container runs" "$(hooked state "$id" | jq -r .status)" running
# shellcheck disable=SC2016
is "exec: its words" "$(hooked exec "$id" sh -c 'echo "$OF"; echo err >&2' 2> "$work/err")" container
is "exec: its stderr" "$(< "$work/err")" err
is "exec: its stdin" "$(echo in | hooked exec "$id" cat)" in
for code in 0 1 42 127 255; do
	status=0
	hooked exec "$id" sh -c "exit $code" || status=$?
	is "exec: exit status $code" "$status" "$code"
done
check "kill" hooked kill "$id" KILL
timeout 60 bash -c "until [ \"\$('${real[0]}' --root '$work/runtime' state '$id' | jq -r .status)\" = stopped ]; do :; done"
ok "the container has ended"
check "delete" hooked delete "$id"
is "each hook ran once, in its place" "$(tr -d ' ' < "$ran")" "$(printf '%s\n' "${delegated[@]}" | sed p)"
is "those of startContainer in the container" "$(tr -d ' ' < "$bundle/rootfs/ran")" \
	"$(printf 'startContainer\nstartContainer')"
is "hookd ran the others" "$(runs 'sort_by(.submittedUSec)[] | .stage + " " + .outcome')" \
	"$(printf '%s succeeded\n' "${delegated[@]}")"

inode=$(stat -c '%i %Y' "$bundle/config.json")
check "create again" create
is "the config is not written again" "$(stat -c '%i %Y' "$bundle/config.json")" "$inode"
check "delete again" delete

for arguments in "state nobody" "delete nobody" "start nobody" "kill nobody TERM" "exec nobody sh" "nonsense" \
	"--nonsense state" ""; do
	expected=0 status=0
	# shellcheck disable=SC2086
	real $arguments > "$work/expected" 2>&1 || expected=$?
	# shellcheck disable=SC2086
	hooked $arguments > "$work/got" 2>&1 || status=$?
	is "what fails has the same exit status: $arguments" "$status" "$expected"
	is "and says the same" "$(sed -E 's/[0-9]{4}-[^ ]*|[0-9.:]+Z//; s,[^ ]*/(crun|runc),\1,' "$work/got")" \
		"$(sed -E 's/[0-9]{4}-[^ ]*|[0-9.:]+Z//; s,[^ ]*/(crun|runc),\1,' "$work/expected")"
done
is "the version" "$("${hooked[@]}" --version)" "$("${real[@]}" --version)"

# ---- run ----

config '{}' ".process.args = [\"/bin/sh\", \"-c\", \"echo words; echo more >&2; exit 7\"]
	| .hooks = {createRuntime: [$(noting createRuntime)], poststop: [$(noting poststop)]}"
run_to_end
is "run: the exit status of the container" "$status" 7
is "run: its stdout" "$(< "$work/out")" words
is "run: its stderr" "$(< "$work/err")" more
is "run: the hooks" "$(tr -d ' ' < "$ran")" "$(printf 'createRuntime\npoststop')"
rm -f "$work/pid"
(cd / && hooked run --bundle "$bundle" --pid-file "$work/pid" "$id") > "$work/out" 2> "$work/err" || true
is "run --bundle" "$(< "$work/out")" words
check "run --pid-file" grep -qE '^[0-9]+$' "$work/pid"

# crun's short forms of --bundle; another bundle is where it is called.
mkdir "$work/other"
cp "$work/native.json" "$work/other/config.json"
if [ -n "$is_crun" ]; then
	for form in "--bun $bundle" "--bundl=$bundle" "-b$bundle"; do
		cp "$work/native.json" "$bundle/config.json"
		: > "$ran"
		# shellcheck disable=SC2086
		(cd "$work/other" && hooked run $form "$id") > "$work/out" 2> "$work/err" || true
		is "run $form" "$(< "$work/out")" words
		check "its config is delegated: $form" grep -q hookd-oci-hook "$bundle/config.json"
		check "the other one is as it was: $form" cmp "$work/native.json" "$work/other/config.json"
	done
else
	(cd "$work/other" && hooked run --bun "$bundle" "$id") > "$work/out" 2>&1 || true
	check "an option that is not known writes nothing" cmp "$work/native.json" "$work/other/config.json"
fi

echo 'through a descriptor' > "$work/three"
config "{\"createRuntime\": [$(noting createRuntime)]}" '.process.args = ["/bin/sh", "-c", "cat <&3"]'
(cd "$bundle" && hooked run --preserve-fds 1 "$id" 3< "$work/three") > "$work/out" 2>&1 || true
is "run --preserve-fds" "$(< "$work/out")" 'through a descriptor'

mkfifo "$work/ready"
config "{\"createRuntime\": [$(noting createRuntime)]}" '.process.args = ["/bin/sh", "-c",
	"trap \"exit 9\" TERM; echo ready; while :; do sleep 1; done"]'
(cd "$bundle" && exec "${hooked[@]}" --root "$work/runtime" run "$id") > "$work/ready" 2> "$work/err" < /dev/null &
pid=$!
exec {ready}< "$work/ready"
read -r -t 60 -u "$ready" line
is "run: the container runs" "$line" ready
# crun blocks signals, to pass them on, only when the container runs already.
# shellcheck disable=SC2016
timeout 60 bash -c 'until ((($(sed -nE "s/^Sig(Blk|Cgt):\s*/| 0x/p" "/proc/$0/status" | tr -d "\n" | sed "s/^/0/")) & 0x4000)); do :; done' "$pid"
kill -TERM "$pid"
status=0
wait "$pid" || status=$?
exec {ready}<&-
is "run: a signal to it goes to the container" "$status" 9

# ---- hooks that fail ----

for stage in prestart createRuntime createContainer startContainer poststart; do
	config "$(jq -n --arg stage "$stage" --argjson good "$(noting "$stage")" \
		--argjson bad "$(hook 'cat > /dev/null; echo the words of a hook >&2; exit 3')" '{($stage): [$good, $bad, $good]}')" \
		'.process.args = ["/bin/sh", "-c", "echo words"]'
	: > "$bundle/rootfs/ran"
	run_to_end
	if [ "$stage" = poststart ] && [ -n "$is_crun" ]; then
		is "a failing $stage hook is ignored by this crun" "$status" 0
	else
		is "a failing $stage hook fails the run" "$((status != 0))" 1
		[ "$stage" = poststart ] || is "the program has not run: $stage" "$(grep -c '^words' "$work/out" || true)" 0
	fi
	contains "its words are told: $stage" "$work/said" 'the words of a hook'
	is "the hook before it ran, that after it not: $stage" "$(cat "$ran" "$bundle/rootfs/ran" | wc -l)" 1
	delete > /dev/null 2>&1 || true
done

config "{\"createRuntime\": [$(hook 'cat > /dev/null; sleep 100' 1)]}"
run_to_end
is "a hook that hangs fails the run" "$((status != 0))" 1
contains "it says why" "$work/said" 'hook ran past specified timeout'
delete > /dev/null 2>&1 || true

# ---- what hooks get ----

config "$(jq -n --arg ran "$ran" '{createRuntime: [
	{path: "/bin/sh", args: ["sh", "-c", "cat > \($ran).state; echo \"$INHERITED\" >> \($ran)"]},
	{path: "/bin/sh", args: ["sh", "-c", "echo \"<$INHERITED>$OWN\" >> \($ran)"], env: ["OWN=1"]}]}')" \
	'.process.args = ["/bin/sh", "-c", "exit 0"]'
INHERITED=yes run_to_end
is "the environment" "$(< "$ran")" "$(printf 'yes\n<>1')"
is "the state" "$(jq -r '.id + " " + .bundle' "$ran.state")" "$id $bundle"

# ---- what cannot be delegated ----

ran=$work/ran # which can be written to
config "{\"createRuntime\": [$(noting createRuntime)], \"poststop\": [$(noting poststop)]}" \
	'.process.args = ["/bin/sh", "-c", "echo words"]'
before=$(runs length)
status=0
# shellcheck disable=SC2016
(cd "$bundle" && unshare --mount --propagation private bash -c '
	[ ! -e /dev/log ] || mount --bind /dev/null /dev/log
	mount --bind . . && cd "$PWD" && mount -o remount,bind,ro . && exec "$@"' bash "${hooked[@]}" --root "$work/runtime" run "$id") \
	> "$work/out" 2> "$work/err" || status=$?
is "a bundle that is read-only: the container runs" "$status $(< "$work/out")" '0 words'
contains "a line says why its hooks are not delegated" "$work/err" \
	'hookd-runtime: config.json: its hooks are not delegated, the runtime runs them: no other file can be written'
is "the runtime runs them" "$(tr -d ' ' < "$ran")" "$(printf 'createRuntime\npoststop')"
is "and hookd none" "$(runs length)" "$before"

config "$(jq -n --arg shim "$shim" --arg address "$address" --arg ran "$ran" '{createRuntime: [{path: $shim,
	args: ["hookd-oci-hook", "--stage=createRuntime", "--address=" + $address, "--hook=/bin/sh", "--",
		"-c", "echo once >> \($ran)"]}]}')" '.process.args = ["/bin/sh", "-c", "exit 0"]'
run_to_end
is "a hook that runs the shim by itself" "$status $(< "$ran")" '0 once'
finish
