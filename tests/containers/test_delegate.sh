#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# `hookctl delegate` with containers that have a user namespace, with long lists of hooks, and with the
# files to which crun writes the output of hooks. Also the messages of a container's start when hookd
# is not running or hooks are run at the wrong stage. Arguments: see lib.sh.
. "$(dirname "$0")/lib.sh"

is_crun=$([[ $(basename "${runtime[0]}") != *crun* ]] || echo yes)
ran=$bundle/ran
chmod 0711 "$work"

hook() { # SCRIPT
	jq -n --arg script "$1" '{path: "/bin/sh", args: ["sh", "-c", $script]}'
}

# Without device rules, which need BPF, and as changed by JQ.
config() { # HOOKS [JQ]
	: > "$ran"
	chmod 0666 "$ran"
	write_config "$1"
	jq "del(.linux.resources) | ${2:-.}" "$work/native.json" > "$work/config.json"
	mv "$work/config.json" "$work/native.json"
	cp "$work/native.json" "$bundle/config.json"
}

said_nothing_of_the_command() { # the container's own: podman and docker search for these words
	! grep -Eiq 'no such file or directory|permission denied|operation not permitted|executable file not found' \
		"$work/said"
}

# ---- a user namespace ----

user_namespace='.linux.namespaces += [{type: "user"}]
	| .linux.uidMappings = [{containerID: 0, hostID: 100000, size: 65536}]
	| .linux.gidMappings = [{containerID: 0, hostID: 100000, size: 65536}]
	| del(.mounts[] | select(.destination == "/sys" or .type == "cgroup"))'
# crun itself runs those of createContainer and startContainer, and hangs now and then if one does not read
# the state.
config "$(jq -n --argjson runtime "$(hook "echo createRuntime \$(id -u) >> $ran")" \
	--argjson container "$(hook "while read -r state; do :; done; read -r in out rest < /proc/self/uid_map; echo createContainer \$out >> $ran")" \
	--argjson start '{"path": "/bin/sh", "args": ["sh", "-c", "while read -r state; do :; done"]}' \
	--argjson stop "$(hook "echo poststop \$(id -u) >> $ran")" \
	'{createRuntime: [$runtime], createContainer: [$container], startContainer: [$start],
		poststop: [$stop]}')" "$user_namespace"
chmod 0666 "$bundle/rootfs/running"
delegate 2> "$work/delegate.err"
contains "delegate says that createContainer stays" "$work/delegate.err" \
	'hooks.createContainer is not delegated'
contains "and that startContainer does" "$work/delegate.err" 'hooks.startContainer is not delegated'
is "and prints nothing else" "$(wc -l < "$work/delegate.err")" 2
check "a container with a user namespace is created" create
check "and started" start
check "and deleted" delete
is "each hook ran once, where it runs without hookd" "$(< "$ran")" \
	"$(printf 'createRuntime 0\ncreateContainer 100000\npoststop 0')"
is "hookd ran the others" "$(runs 'sort_by(.submittedUSec)[] | .stage')" \
	"$(printf 'createRuntime\npoststop')"

# ---- long lists ----

# Not in the guest: nothing differs there but the 40 seconds that they take.
if [[ $hookd != unix:* ]]; then
	config '{}' '.hooks = {createRuntime: [range(300) | {path: "/bin/sh",
		args: ["sh", "-c", "echo \(.) >> '"$ran"'", "x" * 2000], env: []}]}'
	delegate 2> "$work/delegate.err"
	is "delegate prints nothing about a long list" "$(< "$work/delegate.err")" ''
	check "a container with 300 hooks of 2000 bytes is created" create
	is "all hooks ran, in their order" "$(md5sum < "$ran")" "$(seq 0 299 | md5sum)"
	check "and it is deleted" delete

	# Each hook inherits the runtime's environment: together they exceed the limit of one request.
	config '{}' '.hooks = {createRuntime: [range(250) | {path: "/bin/sh",
		args: ["sh", "-c", "echo \(.) ${#LARGE} >> '"$ran"'"]}]}'
	delegate 2> "$work/delegate.err"
	LARGE=$(printf '%20000s' x)
	export LARGE
	check "a container with 250 hooks and an environment of 20 KB is created" create
	unset LARGE
	is "all hooks ran with it, in their order" "$(md5sum < "$ran")" \
		"$(seq -f '%g 20000' 0 249 | md5sum)"
	check "and it is deleted, too" delete
fi

# ---- the wrong stage ----

[ "$shim" != - ] || shim=/usr/local/libexec/hookd/hookd-oci-hook
shim_hook() { # STAGE
	jq -n --arg shim "$shim" --arg address "$address" --arg stage "$1" --arg ran "$ran" \
		'{path: $shim, args: ["hookd-oci-hook", "--stage=" + $stage, "--address=" + $address,
			"--hook=/bin/sh", "--", "-c", "echo \($stage) >> \($ran)"]}'
}

# As podman does with a file of hooks.d that has two stages.
config "$(jq -n --argjson hook "$(shim_hook createRuntime)" '{createRuntime: [$hook], poststop: [$hook]}')"
check "a hook for two stages: create" create
delete > "$work/said" 2>&1 || true
is "it has not run as createRuntime when the container was gone" "$(< "$ran")" createRuntime
cat "$work/hooks.log" >> "$work/said"
contains "which is told" "$work/said" 'not the stage that it is run at'
config "$(jq -n --argjson hook "$(shim_hook poststop)" '{createRuntime: [$hook], poststop: [$hook]}')"
status=0
create > /dev/null || status=$?
is "a poststop hook at createRuntime fails create" "$((status != 0))" 1
contains "which is told, too" "$work/said" 'not the stage that it is run at'
is "and has not run then" "$(grep -c . "$ran" || true)" "$([ -n "$is_crun" ] && echo 0 || echo 1)"
delete > /dev/null 2>&1 || true

# Each at its own stage: no message.
config "$(for stage in prestart createRuntime createContainer poststart poststop; do
	jq -n --arg stage $stage --argjson hook "$(shim_hook $stage)" '{($stage): [$hook]}'
done | jq -s add)"
check "hooks at their own stages: create" create
check "start" start
check "delete" delete
is "all have run" "$(< "$ran")" \
	"$(printf '%s\n' prestart createRuntime createContainer poststart poststop)"

# ---- hookd is not running ----

config "$(jq -n --argjson hook "$(hook "echo ran >> $ran")" '{createRuntime: [$hook]}')"
right=$address
address=unix:$work/nobody
delegate
address=$right
status=0
create > /dev/null || status=$?
is "without hookd create fails" "$((status != 0))" 1
contains "and says why" "$work/said" 'hookd is not running'
check "in no words for a missing command" said_nothing_of_the_command
is "and no hook has run" "$(< "$ran")" ''
delete > /dev/null 2>&1 || true

# ---- hookd is not running when the container is deleted ----

# A hookd of its own, which is killed and started again, with the state directory that the shim finds.
spooling() {
	: > "$work/spooling/log" # else "ready" could be that of the last start
	"${hookd}" --socket="$work/spooling/hookd.sock" --state-dir="$work/spooling/state" \
		--config=/dev/null --log-target=stderr 2> "$work/spooling/log" &
	other=$!
	until grep -q 'hookd: ready' "$work/spooling/log"; do
		kill -0 "$other" || { cat "$work/spooling/log"; return 1; }
	done
}

if [[ $hookd != unix:* ]]; then
	mkdir "$work/spooling"
	config "$(jq -n --argjson first "$(hook "echo first >> $ran")" \
		--argjson second "$(hook "echo second \$(cat | wc -c) >> $ran")" '{poststop: [$first, $second]}')"
	address=unix:$work/spooling/hookd.sock
	delegate
	check "a hookd that keeps state starts" spooling
	check "a container with poststop hooks is created" create
	kill -9 "$other"
	wait "$other" 2> /dev/null || true
	check "without hookd it is deleted" delete
	is "its hooks have not run yet" "$(< "$ran")" ''
	check "hookd starts again" spooling
	is "they stand in ps at once" "$(runs '.[] | .stage')" poststop
	"$hookctl" --address="$address" wait "$(runs '.[] | .run')" > /dev/null || true
	is "and have run, with the state" "$(sed 's/ [1-9][0-9]*$/ N/' "$ran")" "$(printf 'first\nsecond N')"
	kill "$other"
	wait "$other" || true
	address=$right
fi

# ---- crun's files for output ----

# Each hook reads its stdin to the end: crun fails if a hook has gone before it has written the state to it.
loud() { # STAGE
	jq -n --argjson loud "$(hook "cat > /dev/null; echo $1; seq 50000; printf 'no end of line' >&2")" \
		--argjson binary "$(hook 'cat > /dev/null; printf "\\377\\000\\n"; echo two >&2')" \
		--argjson silent "$(hook 'cat > /dev/null')" \
		--arg stage "$1" '{($stage): [$loud, $binary, $silent]}'
}

# Creates, starts and deletes a container. The output of its hooks is then in $work/NAME.out and .err.
live() { # NAME
	: > "$work/OUT"
	: > "$work/ERR"
	check "$1: create" create
	check "$1: start" start
	check "$1: delete" delete
	mv "$work/OUT" "$work/$1.out"
	mv "$work/ERR" "$work/$1.err"
}

if [ -n "$is_crun" ]; then
	config "$(for stage in prestart createRuntime createContainer poststart poststop; do
		loud $stage
	done | jq -s add)" '.annotations = {"run.oci.hooks.stdout": "'"$work/OUT"'",
			"run.oci.hooks.stderr": "'"$work/ERR"'"}'
	live native
	delegate
	live delegated
	is "hooks write something" "$(($(wc -c < "$work/native.out") > 1000000))" 1
	check "the file of stdout has the same" cmp "$work/native.out" "$work/delegated.out"
	check "and so has that of stderr" cmp "$work/native.err" "$work/delegated.err"
fi
finish
